"""Status of a refused call: a `google.rpc.Status` in its trailer, written and read here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

import grpc
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2 as details
from google.rpc import status_pb2
from grpc_status import rpc_status

from sync.model.errors import ErrorKind, FieldViolation, SilianError

DOMAIN = "silian"  # of the reasons in ErrorInfo
# gRPC drops an answer whose metadata is beyond 8 KiB, and with it the error. A text may
# repeat what was asked, however long. In the trailer bytes become base64: 4 for 3.
TEXT_BYTES_MAX = 900
DETAILS_BYTES_MAX = 5_400
_MESSAGE_BYTES_MAX = 200  # is sent twice; outside of the details each byte may become three
_FIELD_BYTES_MAX = 64
_DESCRIPTION_BYTES_MAX = 200

M = TypeVar("M", bound=Message)
S = grpc.StatusCode
# Why a call ended that no refusal explains, in English and Chinese. gRPC's own text is no sentence.
_STATUS_TEXTS: dict[grpc.StatusCode, tuple[str, str]] = {
    S.OK: ("it has ended", "已结束"),
    S.CANCELLED: ("the other side broke it off", "对方中止了连接"),
    S.UNKNOWN: ("the other side's program failed", "对方程序出错"),
    S.INVALID_ARGUMENT: ("the other side does not accept this", "对方不接受这一请求"),
    S.DEADLINE_EXCEEDED: ("no answer in time", "应答超时"),
    S.NOT_FOUND: ("the office is not at this address", "该地址上没有所需的服务"),
    S.ALREADY_EXISTS: ("it is there already", "内容已存在"),
    S.PERMISSION_DENIED: ("the other side refuses access", "对方拒绝访问"),
    S.RESOURCE_EXHAUSTED: ("the other side is busy, or this is too large", "对方繁忙或数据过大"),
    S.FAILED_PRECONDITION: ("the other side cannot accept it now", "对方当前不能接受"),
    S.ABORTED: ("the other side broke it off", "对方中止了操作"),
    S.OUT_OF_RANGE: ("out of range", "超出范围"),
    S.UNIMPLEMENTED: ("another program is at this address", "该地址上不是本程序的服务"),
    S.INTERNAL: ("the connection or the other side's program failed", "连接或对方程序出错"),
    S.UNAVAILABLE: ("cannot be reached", "无法连接"),
    S.DATA_LOSS: ("damaged data", "数据损坏"),
    S.UNAUTHENTICATED: ("the other side does not know who calls", "身份未获确认"),
}
_CAUSE_MAX = 80


def status_texts(error: grpc.RpcError) -> tuple[str, str]:
    """Return why a call ended, in English and Chinese.

    Behind the English one stands the last part of gRPC's own text: what the system said.
    """
    code = error.code() if callable(getattr(error, "code", None)) else S.UNKNOWN
    details = str(getattr(error, "details", lambda: "")() or "")
    cause = details.rpartition(": ")[2].strip()[:_CAUSE_MAX]
    en, zh = _STATUS_TEXTS[code]
    return f"{en} ({cause})" if cause else en, zh


class RemoteRefusal(SilianError):
    """What another process refused, with the code, the kind and the texts it gave."""

    def __init__(
        self, code: str, kind: ErrorKind, en: str, zh: str, *, remedy_en: str, remedy_zh: str
    ) -> None:
        super().__init__(en, zh, remedy_en=remedy_en, remedy_zh=remedy_zh)
        self.code = code  # type: ignore[misc]  # the remote class's own
        self.kind = kind  # type: ignore[misc]


def status_of(error: SilianError) -> grpc.StatusCode:
    return grpc.StatusCode[error.kind.status]


def to_grpc(error: SilianError) -> grpc.Status:
    """Return the status that ends a call, for `context.abort_with_status`."""
    ended: grpc.Status = rpc_status.to_status(status_message(error))
    return ended


def status_message(error: SilianError) -> status_pb2.Status:
    """Return the whole refusal as it travels; docs/api.md says what a client reads."""
    code: int = status_of(error).value[0]
    status = status_pb2.Status(code=code, message=clipped(error.en, _MESSAGE_BYTES_MAX))
    for detail in _details(error):
        status.details.add().Pack(detail)
    _add_violations(status, error.violations)
    return status


def clipped(text: str, bytes_max: int = TEXT_BYTES_MAX) -> str:
    """Return a text cut to the length allowed on the wire."""
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= bytes_max:
        return encoded.decode()
    return encoded[: bytes_max - 3].decode("utf-8", "ignore") + "…"


def read_refusal(error: grpc.RpcError) -> RemoteRefusal | None:
    """Return the refusal that a call failed with; None when the connection itself failed."""
    call: Any = error
    if not hasattr(call, "trailing_metadata"):
        return None
    try:
        status = rpc_status.from_call(call)
    except (ValueError, DecodeError):
        return None  # altered on its way, or not ours: the status alone counts
    if status is None:
        return None
    info = next(_all(status, details.ErrorInfo), None)
    if info is None or info.domain != DOMAIN:
        return None
    retry = next(_all(status, details.RetryInfo), None)
    texts: dict[str, list[str]] = {"en": [], "zh": []}
    for each in _all(status, details.LocalizedMessage):
        texts.setdefault(each.locale, []).append(each.message)
    en, remedy_en, *_ = [*texts["en"], "", ""]
    zh, remedy_zh, *_ = [*texts["zh"], "", ""]
    kind = _kind_of(info.metadata.get("kind", ""), call.code(), retryable=retry is not None)
    refusal = RemoteRefusal(
        info.reason.lower(), kind, en, zh, remedy_en=remedy_en, remedy_zh=remedy_zh
    )
    if retry is not None and retry.HasField("retry_delay"):
        refusal.retry_after_ms = max(0, retry.retry_delay.ToMilliseconds()) or None
    refusal.violations = tuple(
        FieldViolation(each.field, each.description, each.localized_message.message)
        for bad in _all(status, details.BadRequest)
        for each in bad.field_violations
    )
    return refusal


def _details(error: SilianError) -> Iterator[Message]:
    """Yield the details of a refusal, without its fields.

    The remedy is a second LocalizedMessage of the same locale.
    """
    yield details.ErrorInfo(
        reason=error.code.upper(), domain=DOMAIN, metadata={"kind": error.kind.name}
    )
    if error.retryable:
        again = details.RetryInfo()
        if error.retry_after_ms:
            again.retry_delay.FromMilliseconds(error.retry_after_ms)
        yield again
    for locale, what, remedy in (
        ("en", error.en, error.remedy_en),
        ("zh", error.zh, error.remedy_zh),
    ):
        yield details.LocalizedMessage(locale=locale, message=clipped(what))
        if remedy:
            yield details.LocalizedMessage(locale=locale, message=clipped(remedy))


def _add_violations(status: status_pb2.Status, violations: tuple[FieldViolation, ...]) -> None:
    """Add the wrong fields, as many as there is room for."""
    bad = details.BadRequest()
    packed = None
    for each in violations:
        violation = bad.field_violations.add(
            field=clipped(each.field, _FIELD_BYTES_MAX),
            description=clipped(each.en, _DESCRIPTION_BYTES_MAX),
        )
        violation.localized_message.locale = "zh"
        violation.localized_message.message = clipped(each.zh, _DESCRIPTION_BYTES_MAX)
        larger = status_pb2.Status()
        larger.CopyFrom(status)
        larger.details.add().Pack(bad)
        if larger.ByteSize() > DETAILS_BYTES_MAX:
            break
        packed = larger
    if packed is not None:
        status.CopyFrom(packed)


def _all(status: status_pb2.Status, kind: type[M]) -> Iterator[M]:
    for packed in status.details:
        found = kind()
        if packed.Unpack(found):
            yield found


def _kind_of(name: str, status: grpc.StatusCode, *, retryable: bool) -> ErrorKind:
    """Return the kind of a name; one of a newer program is the one with the same effect here."""
    if name in ErrorKind.__members__:
        return ErrorKind[name]
    for kind in ErrorKind:
        if (kind.status, kind.retryable) == (status.name, retryable):
            return kind
    return ErrorKind.UNAVAILABLE if retryable else ErrorKind.INTERNAL
