"""Annotate an .xlsx with the library that keeps the rest of the file; slow to load."""

from __future__ import annotations

import io
import warnings

import openpyxl
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE, Cell, MergedCell
from openpyxl.styles import Alignment, PatternFill
from openpyxl.utils import column_index_from_string
from openpyxl.worksheet.worksheet import Worksheet

from node.workbook.faults import RowFault, joined
from node.workbook.headings import is_fault_heading
from node.workbook.reader import Table

_RED = "FFFFC7CE"


def annotated_xlsx(
    data: bytes, table: Table, by_row: dict[int, list[RowFault]], heading: str, lang: str
) -> bytes:
    """Return the checked workbook with a column of faults and red cells; `by_row`: faults by row.

    Raises: any error of the writing library; `annotate` makes one refusal of it.
    """
    with warnings.catch_warnings():  # it warns of what it leaves out, which nobody here reads
        warnings.simplefilter("ignore", UserWarning)
        book = openpyxl.load_workbook(io.BytesIO(data), keep_vba=False, keep_links=False)
    sheet = book[table.sheet]
    assert isinstance(sheet, Worksheet)
    column = _fault_column(sheet, table)
    head = _write(sheet, table.header_row, column, heading)
    head.alignment = Alignment(wrap_text=True, vertical="top")
    sheet.column_dimensions[head.column_letter].width = 60
    red = PatternFill("solid", start_color=_RED)
    for row, faults in sorted(by_row.items()):
        cell = _write(sheet, row, column, joined(faults, lang))
        cell.alignment = Alignment(wrap_text=True, vertical="top")
        for marked in {fault.column for fault in faults if fault.column}:
            sheet.cell(row, column_index_from_string(marked)).fill = red
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _fault_column(sheet: Worksheet, table: Table) -> int:
    """Return the column for the faults, counted from 1, cleared of an earlier annotation."""
    last = max(table.headers) + 1
    for cell in sheet[table.header_row]:
        if isinstance(cell, Cell) and is_fault_heading(str(cell.value)):
            _clear(sheet, table.header_row, cell.column)
            return cell.column
        if cell.value not in (None, ""):
            last = max(last, cell.column)
    # There may be notes without a heading and merged titles next to the table: leave them alone.
    taken = {cell.column for row in sheet.iter_rows(min_col=last + 1) for cell in row
             if cell.value is not None or isinstance(cell, MergedCell)}  # fmt: skip
    return next(i for i in range(last + 1, last + len(taken) + 2) if i not in taken)


def _clear(sheet: Worksheet, header_row: int, column: int) -> None:
    for row in sheet.iter_rows(min_row=header_row + 1):
        for cell in row:
            if cell.column == column:
                cell.value = None
            elif cell.fill.fill_type == "solid" and cell.fill.start_color.rgb == _RED:
                cell.fill = PatternFill()


def _write(sheet: Worksheet, row: int, column: int, text: str) -> Cell:
    cell = sheet.cell(row, column)
    assert isinstance(cell, Cell), "the column for the faults holds no merged cell"
    cell.value = ILLEGAL_CHARACTERS_RE.sub("", text)
    cell.data_type = "s"  # never a formula, whatever the first character is
    return cell
