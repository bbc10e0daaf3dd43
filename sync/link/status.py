"""Errors on the wire: one table, read in both directions."""

from __future__ import annotations

import json
from typing import Any

import grpc

from sync.link.messages import Failed
from sync.model.errors import SilianError

DETAIL_KEY = "silian-error-bin"  # trailing metadata: the whole refusal as UTF-8 JSON
# gRPC drops an answer whose metadata is beyond 8 KiB, and with it what was to be said. A text may
# repeat what was asked, however long.
TEXT_BYTES_MAX = 1_200
DETAILS_BYTES_MAX = 200  # of the status; each byte may become three on its way

S = grpc.StatusCode
_CODES: dict[grpc.StatusCode, tuple[str, ...]] = {
    S.INVALID_ARGUMENT: (  # the call itself is wrong, whatever the office holds
        "actor_missing", "ambiguous_unit", "bad_allocation", "bad_attribution", "bad_audience",
        "bad_correction", "bad_name", "bad_order", "bad_posting", "bad_question", "bad_request",
        "bad_text", "bad_token", "bad_tree", "bad_tree_operation",
        "bad_unit_file", "bundle_damaged",
        "invalid_record", "malformed", "no_tree_yet", "not_from_cells", "number_out_of_range",
        "reason_missing", "transaction_too_large", "unknown_dimension",
        "workbook_column_duplicated", "workbook_columns_missing", "workbook_encoding_unknown",
        "workbook_encrypted", "workbook_header_not_found", "workbook_not_annotatable",
        "workbook_refused", "workbook_sheet_not_found", "workbook_too_large",
        "workbook_unreadable",
        "workbook_unsafe", "workbook_unsupported", "year_before_base",
    ),
    S.NOT_FOUND: (
        "file_missing", "no_closing", "record_missing", "transfer_unknown", "unknown_assignment",
        "unknown_case", "unknown_cause", "unknown_conflict", "unknown_correction", "unknown_indicator",
        "unknown_quarantined_change", "unknown_register", "unknown_unit",
    ),
    S.ALREADY_EXISTS: ("key_taken", "record_exists", "transfer_reused"),
    S.PERMISSION_DENIED: (
        "bundle_not_for_us", "bundle_unknown_sender", "case_not_ours", "fenced",
        "conflict_not_ours", "correction_not_ours",
        "file_forbidden", "foreign_unit", "kept_elsewhere", "key_changed", "not_descendant",
        "not_kept_here", "not_owner", "not_the_city", "not_your_assignment", "personal_register",
        "store_forbidden", "store_read_only", "system_register", "two_persons", "unauthorised",
    ),
    S.UNAUTHENTICATED: ("unauthenticated",),
    S.FAILED_PRECONDITION: (  # not as things stand; saying it again does not help
        "bad_config", "bundle_missing", "bundle_needs_link", "bundle_newer", "bundle_outdated",
        "case_not_open", "conflict_closed", "correction_asked", "correction_closed",
        "fund_rule", "quarantined_change_closed",
        "illegal_event", "no_parent", "nobody_to_ask", "not_a_store", "log_truncated", "not_cloned",
        "not_empty", "not_ended", "not_reversible", "not_served", "over_limit", "over_release",
        "period_open", "receipt_mismatch", "record_ended", "session_unknown", "still_contested",
        "store_missing", "store_unsuited", "transfer_resolved", "values_gone", "would_close",
        "year_not_open",
    ),
    S.ABORTED: ("correction_stale", "stale_edit"),  # somebody was faster: look again
    S.OUT_OF_RANGE: ("cursor_gap", "stream_gap"),
    S.DATA_LOSS: ("bad_signature", "signature_missing", "stream_forked"),
    S.RESOURCE_EXHAUSTED: ("overloaded",),
    S.UNAVAILABLE: ("commit_unknown", "machine_trouble", "store_unavailable", "store_unreachable"),
}  # fmt: skip
STATUS_BY_CODE = {code: status for status, codes in _CODES.items() for code in codes}
FALLBACK = S.FAILED_PRECONDITION  # of a code that this program does not know

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
            "en": clipped(error.en),
            "zh": clipped(error.zh),
            "remedy_en": clipped(error.remedy_en),
            "remedy_zh": clipped(error.remedy_zh),
            **({"retry_after_ms": error.retry_after_ms} if error.retry_after_ms else {}),
        },
        ensure_ascii=False,
    ).encode()


def clipped(text: str, bytes_max: int = TEXT_BYTES_MAX) -> str:
    """Return a text that is no longer than it may be on the wire."""
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= bytes_max:
        return encoded.decode()
    return encoded[: bytes_max - 3].decode("utf-8", "ignore") + "…"


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
        wait_ms = detail.get("retry_after_ms")
        return Failed(
            detail["code"], bool(detail["retryable"]), detail["en"],
            retry_after_ms=wait_ms if isinstance(wait_ms, int) and wait_ms > 0 else None,
        )  # fmt: skip
    name = code.name.lower()
    oversized = code is S.RESOURCE_EXHAUSTED and _OVERSIZED in text
    retryable = code in _RETRYABLE or code is S.RESOURCE_EXHAUSTED
    return Failed(name, retryable, f"{name}: {text[:200]}", oversized=oversized)
