"""The base of every error raised on purpose: a stable code, two languages, a remedy."""

from __future__ import annotations

from typing import ClassVar

_ENDS = (".", "!", "?", ":", ";", "。", "！", "？", "：", "；")


class SilianError(Exception):
    """Base class of every refusal.

    `code` is stable and public (programs test it); `en` is for operators, `zh` for clerks;
    the remedies say what to do next. Personal values never appear in any of them (INV-34).
    """

    code: ClassVar[str] = "internal"
    retryable: ClassVar[bool] = False
    retry_after_ms: int | None = None  # how long to wait first; None: as the caller sees fit

    def __init__(self, en: str, zh: str, *, remedy_en: str = "", remedy_zh: str = "") -> None:
        super().__init__(en)
        self.en = en
        self.zh = zh
        self.remedy_en = remedy_en
        self.remedy_zh = remedy_zh

    def text(self, lang: str = "en") -> str:
        """Return the message with its remedy in `lang` ("en" or "zh")."""
        if lang == "zh":
            what, remedy, stop = self.zh, self.remedy_zh, "。"
        else:
            what, remedy, stop = self.en, self.remedy_en, "."
        if remedy and not what.endswith(_ENDS):
            what += stop
        return f"{what} {remedy}".strip()
