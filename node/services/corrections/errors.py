"""Errors: why a correction request is refused."""

from __future__ import annotations

from collections.abc import Sequence

from node.domain.catalogue import Register
from node.domain.correction import State
from sync.model.errors import ErrorKind, SilianError

STATE_ZH = {
    State.NONE: "不完整", State.OPEN: "待答复", State.WITHDRAWN: "已撤回",
    State.ACCEPTED: "已采纳", State.SUPERSEDED: "已无需更正", State.REFUSED: "未采纳",
}  # fmt: skip


class UnknownCorrection(SilianError):
    """No correction request with this id is held here."""

    code = "unknown_correction"
    kind = ErrorKind.NOT_FOUND

    def __init__(self, correction: bytes) -> None:
        super().__init__(
            f"there is no correction request {correction.hex()} here",
            f"没有更正申请 {correction.hex()}",
            remedy_en="Take the id from `silian correction ls --box all`.",
            remedy_zh="请从 silian correction ls --box all 中复制编号。",
        )


class BadCorrection(SilianError):
    """The request asks for nothing, for too much, or for what this office may write itself."""

    code = "bad_correction"
    kind = ErrorKind.INVALID_ARGUMENT

    def __init__(self, en: str, zh: str, remedy_en: str, remedy_zh: str) -> None:
        super().__init__(en, zh, remedy_en=remedy_en, remedy_zh=remedy_zh)


class NobodyToAsk(SilianError):
    """No one office in line with this one owns all of these fields and may receive the record."""

    code = "nobody_to_ask"
    kind = ErrorKind.FAILED_PRECONDITION

    def __init__(self, register: Register, names: Sequence[str]) -> None:
        en = ", ".join(register.fields[n].en for n in names)
        zh = "、".join(register.fields[n].zh for n in names)
        super().__init__(
            f"{register.en}: no single office can be asked about: {en}",
            f"{register.zh}：没有一个单位可以一并答复：{zh}",
            remedy_en="Ask about the fields of one owner at a time.",
            remedy_zh="请按负责单位分别申请。",
        )


class CorrectionAsked(SilianError):
    """This office has asked about one of these fields and has no answer yet."""

    code = "correction_asked"
    kind = ErrorKind.FAILED_PRECONDITION

    def __init__(self, correction: bytes) -> None:
        super().__init__(
            f"this was asked already and waits for its answer: {correction.hex()}",
            f"已提出过更正申请，尚待答复：{correction.hex()}",
            remedy_en="Wait for the answer, or withdraw that request first.",
            remedy_zh="请等待答复，或先撤回原申请。",
        )


class CorrectionClosed(SilianError):
    """The request was answered or withdrawn; ask again if it is needed still."""

    code = "correction_closed"
    kind = ErrorKind.FAILED_PRECONDITION

    def __init__(self, correction: bytes, state: State) -> None:
        super().__init__(
            f"correction request {correction.hex()} is {state.value}",
            f"更正申请 {correction.hex()} {STATE_ZH[state]}",
            remedy_en="Look at it; ask anew if it is needed still.",
            remedy_zh="请查看该申请；如仍需更正，请重新申请。",
        )


class CorrectionNotOurs(SilianError):
    """Only the owner of the fields answers a request, and only who asked withdraws it."""

    code = "correction_not_ours"
    kind = ErrorKind.PERMISSION_DENIED

    def __init__(self, whose: str) -> None:
        super().__init__(
            f"that is for {whose} to say",
            f"应由{whose}处理",
            remedy_en="Leave it to that office.",
            remedy_zh="请由该单位处理。",
        )


class CorrectionStale(SilianError):
    """A field that is to be corrected changed after it was last looked at; look again."""

    code = "correction_stale"
    kind = ErrorKind.ABORTED

    def __init__(self, register: Register, names: Sequence[str]) -> None:
        en = ", ".join(register.fields[n].en for n in names)
        zh = "、".join(register.fields[n].zh for n in names)
        super().__init__(
            f"{register.en}: changed since the request saw it: {en}",
            f"{register.zh}：申请提出后以下内容已有变化：{zh}",
            remedy_en="Look at it (`silian correction show`), then accept with --force or refuse.",
            remedy_zh="请先查看（silian correction show），再用 --force 采纳，或不予采纳。",
        )
        self.fields = tuple(names)
