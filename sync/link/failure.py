"""A failed call of the link, as the event that its session receives."""

from __future__ import annotations

import grpc

from sync.link.messages import Failed
from sync.rpc.status import read_refusal, status_texts

S = grpc.StatusCode
_RETRYABLE = frozenset(
    {S.UNAVAILABLE, S.DEADLINE_EXCEEDED, S.ABORTED, S.CANCELLED, S.UNKNOWN, S.INTERNAL}
)
_OVERSIZED = "larger than max"


def failed(error: grpc.RpcError) -> Failed:
    """Translate a failed call into the session's event."""
    refusal = read_refusal(error)
    if refusal is not None:
        return Failed(
            refusal.code, refusal.retryable, refusal.en,
            retry_after_ms=refusal.retry_after_ms, reason_zh=refusal.zh,
        )  # fmt: skip
    code = error.code() if callable(getattr(error, "code", None)) else S.UNKNOWN
    text = str(getattr(error, "details", lambda: "")() or "")
    name = code.name.lower()
    oversized = code is S.RESOURCE_EXHAUSTED and _OVERSIZED in text
    retryable = code in _RETRYABLE or code is S.RESOURCE_EXHAUSTED
    en, zh = status_texts(error)
    return Failed(name, retryable, en, oversized=oversized, reason_zh=zh)
