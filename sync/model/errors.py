"""The base of all errors raised on purpose: a stable code, its kind, two languages, a remedy."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum, unique
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from sync.model.change import RecordKey


_ENDS = (".", "!", "?", ":", ";", "。", "！", "？", "：", "；")


class Exit(IntEnum):
    """The exit codes of commands; docs/cli.md explains the numbers."""

    OK = 0
    FAILURE = 1
    USAGE = 2
    NOT_FOUND = 3
    REFUSED = 4
    UNREACHABLE = 5
    PROBLEMS = 6  # the check was made, and found something
    CONFLICT = 7  # not in this state
    TRY_LATER = 75


@unique
class ErrorKind(Enum):
    """What kind of refusal it is: a call's gRPC status, a command's exit, and whether to repeat.

    The names are public: they travel with a refusal, and a program may test them.
    """

    INVALID_ARGUMENT = ("INVALID_ARGUMENT", Exit.USAGE)  # what a person gave
    MALFORMED = ("INVALID_ARGUMENT", Exit.FAILURE)  # what a program gave
    DAMAGED_FILE = ("INVALID_ARGUMENT", Exit.PROBLEMS)
    TOO_LARGE = ("INVALID_ARGUMENT", Exit.CONFLICT)
    NOT_FOUND = ("NOT_FOUND", Exit.NOT_FOUND)
    ALREADY_EXISTS = ("ALREADY_EXISTS", Exit.CONFLICT)
    PERMISSION_DENIED = ("PERMISSION_DENIED", Exit.REFUSED)
    UNAUTHENTICATED = ("UNAUTHENTICATED", Exit.REFUSED)
    FAILED_PRECONDITION = ("FAILED_PRECONDITION", Exit.CONFLICT)  # not as things are now
    ABORTED = ("ABORTED", Exit.CONFLICT)  # somebody was faster: look again
    DATA_LOSS = ("DATA_LOSS", Exit.PROBLEMS)
    INTERNAL = ("INTERNAL", Exit.FAILURE)  # a fault of the program
    # These pass: the same call may succeed later.
    SESSION_UNKNOWN = ("FAILED_PRECONDITION", Exit.FAILURE, True)
    NOT_SERVED = ("FAILED_PRECONDITION", Exit.UNREACHABLE, True)
    OUT_OF_RANGE = ("OUT_OF_RANGE", Exit.FAILURE, True)
    RESOURCE_EXHAUSTED = ("RESOURCE_EXHAUSTED", Exit.TRY_LATER, True)
    UNAVAILABLE = ("UNAVAILABLE", Exit.TRY_LATER, True)
    UNREACHABLE = ("UNAVAILABLE", Exit.UNREACHABLE, True)

    def __init__(self, status: str, exit_: Exit, retryable: bool = False) -> None:
        self.status = status  # the name of a gRPC status
        self.exit = exit_
        self.retryable = retryable


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """What is wrong with one field of a request; `field`: its path, as `values.name`."""

    field: str
    en: str
    zh: str


class SilianError(Exception):
    """Base class of every refusal.

    A class states its `code`, which is stable and public (programs test it), and its `kind`. `en`
    is for operators, `zh` for clerks; the remedies say what to do next. `violations` names the
    fields of the request that are wrong, where they are known. Personal values never appear in any
    of these (INV-34).
    """

    code: ClassVar[str] = "internal"
    kind: ClassVar[ErrorKind] = ErrorKind.INTERNAL
    retry_after_ms: int | None = None  # how long to wait first; None: the caller decides
    violations: tuple[FieldViolation, ...] = ()

    def __init__(self, en: str, zh: str, *, remedy_en: str = "", remedy_zh: str = "") -> None:
        super().__init__(en)
        self.en = en
        self.zh = zh
        self.remedy_en = remedy_en
        self.remedy_zh = remedy_zh

    @property
    def retryable(self) -> bool:
        """Whether the same call may succeed later."""
        return self.kind.retryable

    def text(self, lang: str = "en") -> str:
        """Return the message with its remedy in `lang` ("en" or "zh")."""
        if lang == "zh":
            what, remedy, stop, gap = self.zh, self.remedy_zh, "。", ""
        else:
            what, remedy, stop, gap = self.en, self.remedy_en, ".", " "
        if remedy and not what.endswith(_ENDS):
            what += stop
        return f"{what}{gap}{remedy}".strip()


class Malformed(SilianError):
    """The protocol does not allow this message. Sending it again will not help."""

    code = "malformed"
    kind = ErrorKind.MALFORMED

    def __init__(self, what: str) -> None:
        super().__init__(
            f"malformed message: {what}",
            "收到的报文不符合约定",
            remedy_en="Check that both offices run a released version; report it with this text.",
            remedy_zh="请确认双方均为正式版本，并将加 --lang en 显示的信息报告给维护人员。",
        )


class TooLarge(SilianError):
    """A transaction is too large to be sent. Split it."""

    code = "transaction_too_large"
    kind = ErrorKind.TOO_LARGE

    def __init__(self, size: int, allowed: int) -> None:
        super().__init__(
            f"one transaction of {size} bytes, {allowed} allowed",
            f"一次提交的数据为 {size} 字节，上限为 {allowed} 字节",
            remedy_en="Commit it in smaller pieces.",
            remedy_zh="请分批提交。",
        )


class TooMany(SilianError):
    """A transaction has more records than a receiver takes. Its writer refuses it."""

    code = "transaction_too_many"
    kind = ErrorKind.TOO_LARGE

    def __init__(self, records: int, allowed: int) -> None:
        super().__init__(
            f"one transaction of {records} records, {allowed} allowed",
            f"一次提交 {records} 条记录，上限为 {allowed} 条",
            remedy_en="Commit it in smaller pieces.",
            remedy_zh="请分批提交。",
        )


class OverQuota(SilianError):
    """A child asks for more than its share; it comes again after the time named."""

    code = "over_quota"
    kind = ErrorKind.RESOURCE_EXHAUSTED

    def __init__(self, limit: str, used: int, allowed: int, retry_after_ms: int) -> None:
        super().__init__(
            f"{limit}: {used}, {allowed} allowed; again in {retry_after_ms} ms",
            f"请求超过配额（{used}，上限 {allowed}），请在 {retry_after_ms} 毫秒后重试",
            remedy_en="The caller tries again by itself. If it stays so, look at its program.",
            remedy_zh="对方会自动重试；若一直如此，请检查其程序。",
        )
        self.limit = limit
        self.retry_after_ms = retry_after_ms


class RecordMissing(SilianError):
    """This office does not have the record."""

    code = "record_missing"
    kind = ErrorKind.NOT_FOUND

    def __init__(self, key: RecordKey) -> None:
        super().__init__(
            f"no {key.register} with id {key.id.hex()} in unit {key.unit}",
            f"该台账没有编号为 {key.id.hex()} 的记录",
            remedy_en="List the register and take the id from there.",
            remedy_zh="请先查询台账并核对编号。",
        )
