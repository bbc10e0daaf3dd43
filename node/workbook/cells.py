"""Cells of a file as the reader sees them: a value, or a kind that is not one."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from node.domain.sheet_cell import Formatted, Unknown
from node.workbook.faults import column_letter

Value = (
    str
    | int
    | float
    | bool
    | datetime.date
    | datetime.datetime
    | datetime.time
    | datetime.timedelta
    | Formatted
    | Unknown
    | None
)
"""As the file has it: numbers of .xlsx are floats, cells of CSV are text, "" is empty."""


class Area(NamedTuple):
    """A rectangle of cells: rows from 1 as Excel shows them, columns from 0; both ends included."""

    first_row: int
    first_column: int
    last_row: int
    last_column: int

    def __str__(self) -> str:
        """Return its name in Excel: D2:D4."""
        first, last = column_letter(self.first_column), column_letter(self.last_column)
        return f"{first}{self.first_row}:{last}{self.last_row}"


@dataclass(frozen=True, slots=True)
class Merged:
    """Any cell under a merged one; `value` is what the merged cell shows, never an empty one."""

    value: Value
    area: Area


Cell = Value | Merged
Rows = Iterator[tuple[int, list[Cell]]]
"""(row number as Excel shows it, cells from column A on), blank rows included."""


def is_blank(cell: Cell) -> bool:
    """Return whether a cell is known to be empty. Unknown is never empty."""
    return cell is None or (isinstance(cell, str) and not cell.strip())
