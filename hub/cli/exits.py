"""Exit codes: what a script learns from one number. One table from error code to exit."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """The numbers; docs/cli.md explains them."""

    OK = 0
    FAILURE = 1
    USAGE = 2
    NOT_FOUND = 3
    REFUSED = 4
    UNREACHABLE = 5
    PROBLEMS = 6  # the check was made, and found something
    CONFLICT = 7  # not in this state
    TRY_LATER = 75


_CODES: dict[Exit, tuple[str, ...]] = {
    Exit.FAILURE: (
        "internal", "malformed", "cursor_gap", "session_unknown", "stream_gap",
        "bad_tree", "bad_audience", "bad_catalogue", "bad_posting", "demo_failed",
    ),
    Exit.USAGE: (
        "actor_missing", "ambiguous_id", "ambiguous_unit", "bad_allocation", "bad_attribution",
        "bad_correction", "bad_log_level", "bad_name", "bad_order", "bad_question", "bad_request",
        "bad_text", "bad_token", "bad_tree_operation", "bad_unit_file",
        "invalid_record", "no_tree_yet", "not_from_cells", "number_out_of_range",
        "reason_missing", "unknown_code", "unknown_dimension", "usage",
        "workbook_column_duplicated",
        "workbook_columns_missing", "workbook_encoding_unknown", "workbook_encrypted",
        "workbook_header_not_found", "workbook_not_annotatable", "workbook_refused",
        "workbook_sheet_not_found", "workbook_too_large", "workbook_unreadable",
        "workbook_unsafe", "workbook_unsupported", "year_before_base",
    ),
    Exit.NOT_FOUND: (
        "file_missing", "no_closing", "record_missing", "transfer_unknown", "unknown_assignment",
        "unknown_case", "unknown_cause", "unknown_conflict",
        "unknown_correction", "unknown_quarantined_change", "unknown_id", "unknown_indicator",
        "unknown_register", "unknown_unit",
    ),
    Exit.REFUSED: (
        "bundle_not_for_us", "bundle_unknown_sender", "case_not_ours",
        "conflict_not_ours", "correction_not_ours",
        "exposed", "fenced", "file_forbidden", "foreign_unit", "kept_elsewhere", "key_changed",
        "not_descendant", "not_kept_here", "not_owner", "not_the_city", "not_your_assignment",
        "personal_register", "store_forbidden", "store_read_only", "system_register", "two_persons",
        "unauthenticated", "unauthorised",
    ),
    Exit.UNREACHABLE: ("link_closed", "not_served", "store_unreachable", "unreachable"),
    # Data that was read, and is damaged or not signed as it must be.
    Exit.PROBLEMS: ("bad_signature", "bundle_damaged", "signature_missing", "stream_forked"),
    Exit.CONFLICT: (
        "bad_config", "bundle_missing", "bundle_needs_link", "bundle_newer", "bundle_outdated",
        "cannot_listen", "case_not_open", "conflict_closed", "correction_asked",
        "correction_closed",
        "correction_stale", "file_exists", "fund_rule", "nobody_to_ask", "illegal_event",
        "quarantined_change_closed", "key_taken", "newer_schema", "no_parent", "not_a_store",
        "log_truncated", "not_cloned", "not_empty", "not_ended", "not_reversible", "older_schema",
        "over_limit",
        "over_release", "period_open", "receipt_mismatch", "record_ended", "record_exists",
        "stale_edit", "still_contested", "store_missing", "store_unsuited",
        "transaction_too_large", "transfer_resolved", "transfer_reused", "values_gone",
        "would_close", "year_not_open",
    ),
    Exit.TRY_LATER: (
        "commit_unknown", "machine_trouble", "office_busy", "overloaded", "store_unavailable",
    ),
}  # fmt: skip
EXIT_BY_CODE: dict[str, Exit] = {code: exit_ for exit_, codes in _CODES.items() for code in codes}

MEANINGS: dict[Exit, tuple[str, str]] = {
    Exit.OK: ("成功", "done"),
    Exit.FAILURE: ("失败", "failed"),
    Exit.USAGE: ("参数或数据有误", "wrong arguments or values"),
    Exit.NOT_FOUND: ("未找到", "not found"),
    Exit.REFUSED: ("不允许", "not allowed"),
    Exit.UNREACHABLE: ("无法连接", "nobody answers"),
    Exit.PROBLEMS: ("检查完成, 发现问题", "checked, and found problems"),
    Exit.CONFLICT: ("当前状态不允许", "not in this state"),
    Exit.TRY_LATER: ("请稍后再试", "try again later"),
}


def exit_of(code: str, *, retryable: bool = False) -> Exit:
    """Return the exit for an error's code; one that a newer program sent is judged by its kind."""
    return EXIT_BY_CODE.get(code, Exit.TRY_LATER if retryable else Exit.FAILURE)
