"""The refusal of one invalid value: readers of cells raise it, `validate` makes a fault of it."""

from __future__ import annotations


class Refused(Exception):
    """An invalid value. The texts never contain the value; correct the cell and retry."""

    def __init__(self, code: str, en: str, zh: str, suggestion_en: str, suggestion_zh: str) -> None:
        super().__init__(code)
        self.code = code
        self.en = en
        self.zh = zh
        self.suggestion_en = suggestion_en
        self.suggestion_zh = suggestion_zh
