"""Annotate a clerk's own file: its faults are written into an additional column."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from node.workbook.book import csv_rows
from node.workbook.errors import NotAnnotatable, WorkbookError
from node.workbook.faults import RowFault, joined
from node.workbook.headings import FAULT_COLUMN, FAULT_COLUMNS, is_fault_heading
from node.workbook.limits import Limits
from node.workbook.notes import Note
from node.workbook.package import clean_package
from node.workbook.reader import Table
from node.workbook.text import decode


def annotate(
    data: bytes,
    table: Table,
    faults: Iterable[RowFault],
    lang: str = "zh",
    limits: Limits | None = None,
    *,
    notes: Iterable[Note] = (),
) -> bytes:
    """Return the same file with the faults written into it; `table`: what was read from it.

    .xlsx: a 错误 column after the header's last, red cells; an earlier 错误 column is reused.
    CSV: the same column, in the file's own encoding and separator. The notes are in its heading,
    a line each. Macros are not kept.
    Raises: NotAnnotatable for .xls and for a workbook the writing library cannot open.
    """
    by_row: dict[int, list[RowFault]] = {}
    for fault in faults:
        by_row.setdefault(fault.row, []).append(fault)
    head = FAULT_COLUMN if lang == "zh" else FAULT_COLUMNS[1]
    head = "\n".join((head, *(note.text(lang) for note in notes)))
    if table.kind == "csv":
        return _annotated_csv(data, table, by_row, head, lang, limits or Limits())
    if table.kind != "xlsx":
        raise _not_annotatable()
    try:
        from node.workbook.annotate_xlsx import annotated_xlsx  # its library takes long to load

        return annotated_xlsx(clean_package(data, limits or Limits()), table, by_row, head, lang)
    except WorkbookError:
        raise
    except Exception as bad:  # any failure of the writing library on a readable file
        raise _not_annotatable() from bad


def _annotated_csv(
    data: bytes,
    table: Table,
    by_row: dict[int, list[RowFault]],
    head: str,
    lang: str,
    limits: Limits,
) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=table.separator, lineterminator="\r\n")
    column = -1
    for number, cells in csv_rows(decode(data).text, table.separator, limits):
        if number == table.header_row:
            old = [i for i, cell in enumerate(cells) if is_fault_heading(str(cell))]
            column = old[0] if old else len(cells)
            text = head
        else:
            text = joined(by_row.get(number, []), lang)
        if column >= 0:
            # A row longer than its header keeps its cells; the fault text follows them.
            place = column if len(cells) <= column + 1 else len(cells)
            cells += [""] * (place + 1 - len(cells))
            cells[place] = text
        writer.writerow(cells)
    return out.getvalue().encode(_BOM_WRITERS.get(table.encoding, table.encoding))


_BOM_WRITERS = dict.fromkeys(("utf-16-le", "utf-16-be"), "utf-16") | dict.fromkeys(
    ("utf-32-le", "utf-32-be"), "utf-32"
)


def _not_annotatable() -> NotAnnotatable:
    return NotAnnotatable(
        "This file cannot be given back with its errors written in it.",
        "该文件无法加注错误说明。",
        remedy_en="Save it as .xlsx and send that; the list of errors is complete without it.",
        remedy_zh="请另存为 .xlsx 后再上传；错误清单本身是完整的。",
    )
