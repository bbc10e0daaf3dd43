"""Errors for a complete workbook; faults of single rows are in faults.py."""

from __future__ import annotations

from sync.model.errors import ErrorKind, SilianError


class WorkbookError(SilianError):
    """The file was not imported."""

    code = "workbook_refused"
    kind = ErrorKind.INVALID_ARGUMENT


class WorkbookTooLarge(WorkbookError):
    """The file is too large. Split it, or delete empty rows and pictures."""

    code = "workbook_too_large"


class WorkbookUnreadable(WorkbookError):
    """The file is damaged, or of another kind than its name says; save it again in Excel."""

    code = "workbook_unreadable"


class WorkbookUnsupported(WorkbookError):
    """An unsupported kind of file; save it as .xlsx or .csv."""

    code = "workbook_unsupported"


class WorkbookUnsafe(WorkbookError):
    """No office program writes such a file (overlapping parts, DTD); ask where it came from."""

    code = "workbook_unsafe"


class WorkbookEncrypted(WorkbookError):
    """Protected with a password to open; remove the password and save again."""

    code = "workbook_encrypted"


class EncodingUnknown(WorkbookError):
    """Text that is neither UTF-8 nor GB18030; save as "CSV UTF-8"."""

    code = "workbook_encoding_unknown"


class SheetNotFound(WorkbookError):
    """No sheet of that name; choose one of those named in the message."""

    code = "workbook_sheet_not_found"


class HeaderNotFound(WorkbookError):
    """No row near the top has the register's column names; start from the template."""

    code = "workbook_header_not_found"


class ColumnsMissing(WorkbookError):
    """Required columns are missing; add those named in the message."""

    code = "workbook_columns_missing"


class ColumnDuplicated(WorkbookError):
    """Two columns are the same field; delete or rename one."""

    code = "workbook_column_duplicated"


class NotAnnotatable(WorkbookError):
    """A kind of file that cannot be returned with an error column; save it as .xlsx."""

    code = "workbook_not_annotatable"
