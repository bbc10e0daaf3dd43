"""The child process that reads one legacy .xls, because the library aborts on some damaged files.

Run as a script: the file's bytes on standard input, the sheets as JSON on standard output. Exit
codes: 0 read, 3 protected with a password, anything else damaged. Imports nothing of ours.
"""

from __future__ import annotations

import datetime
import io
import json
import sys
from typing import Any

import python_calamine

PASSWORD = 3
MEMORY_MAX = 2 * 1024**3  # bytes of address space; what does not fit is refused


def main() -> int:
    """Read standard input, write standard output, return the exit code."""
    _bound_memory()
    try:
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(sys.stdin.buffer.read()))
        sheets = [
            [about.name, about.visible == python_calamine.SheetVisibleEnum.Visible,
             _rows(book, about)]
            for about in book.sheets_metadata
        ]  # fmt: skip
    except python_calamine.PasswordError:
        return PASSWORD
    json.dump(sheets, sys.stdout, default=_tagged)
    return 0


def _rows(
    book: python_calamine.CalamineWorkbook, about: python_calamine.SheetMetadata
) -> list[list[Any]] | None:
    """Return the rows of a worksheet; None of a chart or a macro sheet, which has none."""
    if about.typ != python_calamine.SheetTypeEnum.WorkSheet:
        return None
    sheet = book.get_sheet_by_name(about.name)
    if sheet.start is None:
        return []
    before: list[Any] = [""] * sheet.start[1]
    return [[*before, *cells] for cells in sheet.iter_rows()]


def _tagged(cell: object) -> dict[str, str]:
    """Return what JSON cannot hold as {kind: text}; `legacy.cell_of` turns it back."""
    if isinstance(cell, datetime.timedelta):
        return {"timedelta": str(cell.total_seconds())}
    if isinstance(cell, datetime.datetime | datetime.date | datetime.time):
        return {type(cell).__name__: cell.isoformat()}
    raise TypeError(type(cell))  # a kind that the parent does not know


def _bound_memory() -> None:
    try:
        import resource
    except ImportError:  # not on Windows: there only the limits of legacy.py apply
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX, MEMORY_MAX))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    sys.exit(main())
