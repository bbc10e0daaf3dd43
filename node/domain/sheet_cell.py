"""Sheet cells that are no plain value: unknown, or a number in a format."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

EPOCH_1900 = date(1899, 12, 30)
"""Excel's day 0. Its leap day of 1900 is a mistake, so this holds from March 1900 on."""

EPOCH_1904 = date(1904, 1, 1)
"""Day 0 of a workbook of the 1904 date system, as old Excel for the Mac wrote them."""

ERROR, NOT_CALCULATED, MERGED = "excel_error", "formula_not_calculated", "merged_cell"


@dataclass(frozen=True, slots=True)
class Unknown:
    """A cell that is not empty and has no value that can be read.

    `code` is that of the fault: ERROR, NOT_CALCULATED or MERGED. `shown` is what a clerk finds it
    by: the error as Excel shows it, the merged range; "" for a formula.
    """

    code: str
    shown: str = ""

    def __str__(self) -> str:
        return self.shown if self.code == ERROR else ""


@dataclass(frozen=True, slots=True)
class Formatted:
    """A number with the number format that it is shown in; `epoch` is the day that 0 means."""

    number: float
    format: str
    epoch: date = EPOCH_1900

    def __str__(self) -> str:
        return f"{self.number:.15g}"
