"""Errors on the wire: one table, read in both directions."""

from __future__ import annotations

import json
from typing import Any

import grpc

from sync.errors import SilianError
from sync.session import Failed

DETAIL_KEY = "silian-error-bin"  # trailing metadata: the whole refusal as UTF-8 JSON

S = grpc.StatusCode
STATUS_BY_CODE: dict[str, grpc.StatusCode] = {
    "bad_audience": S.INVALID_ARGUMENT,
    "bad_request": S.INVALID_ARGUMENT,
    "bad_unit_file": S.INVALID_ARGUMENT,
    "cursor_gap": S.OUT_OF_RANGE,
    "illegal_event": S.FAILED_PRECONDITION,
    "invalid_record": S.INVALID_ARGUMENT,
    "malformed": S.INVALID_ARGUMENT,
    "not_recoverable": S.FAILED_PRECONDITION,
    "not_owner": S.PERMISSION_DENIED,
    "over_release": S.FAILED_PRECONDITION,
    "record_exists": S.ALREADY_EXISTS,
    "record_missing": S.NOT_FOUND,
    "session_unknown": S.FAILED_PRECONDITION,
    "stale_edit": S.ABORTED,
    "store_unavailable": S.UNAVAILABLE,
    "stream_forked": S.DATA_LOSS,
    "stream_gap": S.OUT_OF_RANGE,
    "unauthenticated": S.UNAUTHENTICATED,
    "unauthorised": S.PERMISSION_DENIED,
    "unknown_unit": S.NOT_FOUND,
    "unknown_register": S.NOT_FOUND,
    "unknown_indicator": S.NOT_FOUND,
}
FALLBACK = S.FAILED_PRECONDITION  # a refusal with a code of its own and no special status

_RETRYABLE = frozenset(
    {S.UNAVAILABLE, S.DEADLINE_EXCEEDED, S.ABORTED, S.CANCELLED, S.UNKNOWN, S.INTERNAL}
)
_OVERSIZED = "larger than max"


def status_of(error: SilianError) -> grpc.StatusCode:
    return STATUS_BY_CODE.get(error.code, FALLBACK)


def detail_of(error: SilianError) -> bytes:
    """Return the refusal as it travels in `DETAIL_KEY`."""
    return json.dumps(
        {
            "code": error.code,
            "retryable": error.retryable,
            "en": error.en,
            "zh": error.zh,
            "remedy_en": error.remedy_en,
            "remedy_zh": error.remedy_zh,
        },
        ensure_ascii=False,
    ).encode()


def read_detail(error: grpc.RpcError) -> dict[str, Any] | None:
    """Return the refusal that a call failed with; None when the line itself failed."""
    for key, value in getattr(error, "trailing_metadata", tuple)() or ():
        if key == DETAIL_KEY:
            found: dict[str, Any] = json.loads(bytes(value))
            return found
    return None


def failed(error: grpc.RpcError) -> Failed:
    """Translate a failed call into the session's event."""
    code = error.code() if callable(getattr(error, "code", None)) else S.UNKNOWN
    text = str(getattr(error, "details", lambda: "")() or "")
    detail = read_detail(error)
    if detail is not None:
        return Failed(detail["code"], bool(detail["retryable"]), detail["en"])
    name = code.name.lower()
    oversized = code is S.RESOURCE_EXHAUSTED and _OVERSIZED in text
    retryable = code in _RETRYABLE or code is S.RESOURCE_EXHAUSTED
    return Failed(name, retryable, f"{name}: {text[:200]}", oversized=oversized)
