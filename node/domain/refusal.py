"""Why one value cannot be kept: raised by readers of cells, made a fault by `validate`."""

from __future__ import annotations


class Refused(Exception):
    """A value that cannot be kept. The texts never hold the value; correct the cell and retry."""

    def __init__(self, code: str, en: str, zh: str, suggestion_en: str, suggestion_zh: str) -> None:
        super().__init__(code)
        self.code = code
        self.en = en
        self.zh = zh
        self.suggestion_en = suggestion_en
        self.suggestion_zh = suggestion_zh
