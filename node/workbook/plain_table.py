"""Plain tables of figures as a workbook: a sheet for each, frozen headings, numbers as numbers."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import BinaryIO

Cell = str | int | Decimal | None
"""None: nothing there."""
WIDTH_MAX = 40


def write_tables(
    target: BinaryIO, tables: Iterable[tuple[str, Sequence[str], Sequence[Sequence[Cell]]]]
) -> None:
    """Write tables of (sheet, heads, rows) as one .xlsx; a text is no formula."""
    import xlsxwriter  # here, because most verbs import this module and write no book

    made = io.BytesIO()  # a full disk then fails in our own write, with the file's name
    with xlsxwriter.Workbook(made, {"in_memory": True}) as book:
        head = book.add_format(
            {"bold": True, "bg_color": "#DDEBF7", "border": 1, "text_wrap": True}
        )
        for name, heads, rows in tables:
            sheet = book.add_worksheet(name)
            sheet.freeze_panes(1, 1)
            for column, text in enumerate(heads):
                cells = [text, *(str(row[column]) for row in rows if row[column] is not None)]
                wide = max(sum(1 + (ord(c) > 0x2E7F) for c in cell) for cell in cells)
                sheet.set_column(column, column, min(WIDTH_MAX, wide + 2))
                sheet.write_string(0, column, text, head)
            for at, row in enumerate(rows, start=1):
                for column, cell in enumerate(row):
                    if isinstance(cell, str):
                        sheet.write_string(at, column, cell)
                    elif cell is not None:
                        sheet.write_number(at, column, float(cell))
    target.write(made.getvalue())
