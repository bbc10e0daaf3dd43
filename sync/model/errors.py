"""The base of every error raised on purpose: a stable code, two languages, a remedy."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from sync.model.change import RecordKey


_ENDS = (".", "!", "?", ":", ";", "。", "！", "？", "：", "；")


class SilianError(Exception):
    """Base class of every refusal.

    `code` is stable and public (programs test it); `en` is for operators, `zh` for clerks;
    the remedies say what to do next. Personal values never appear in any of them (INV-34).
    """

    code: ClassVar[str] = "internal"
    retryable: ClassVar[bool] = False
    retry_after_ms: int | None = None  # how long to wait first; None: the caller decides

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


class Malformed(SilianError):
    """The protocol does not allow this message. Sending it again will not help."""

    code = "malformed"

    def __init__(self, what: str) -> None:
        super().__init__(
            f"malformed message: {what}",
            f"报文格式错误: {what}",
            remedy_en="Check that both offices run a released version; report it with this text.",
            remedy_zh="请确认双方均为正式版本，并将此信息报告给维护人员。",
        )


class TooLarge(SilianError):
    """A transaction is too large for a link. Its writer refuses it: a person can act there."""

    code = "transaction_too_large"

    def __init__(self, size: int, allowed: int) -> None:
        super().__init__(
            f"one transaction of {size} bytes, {allowed} allowed",
            f"一次提交的数据为 {size} 字节，上限为 {allowed} 字节",
            remedy_en="Commit it in smaller pieces.",
            remedy_zh="请分批提交。",
        )


class RecordMissing(SilianError):
    """This store does not have the record."""

    code = "record_missing"

    def __init__(self, key: RecordKey) -> None:
        super().__init__(
            f"no {key.register} with id {key.id.hex()} in unit {key.unit}",
            f"没有编号为 {key.id.hex()} 的{key.register}记录",
            remedy_en="List the register and take the id from there.",
            remedy_zh="请先查询台账并核对编号。",
        )
