"""Every bound on a file that somebody hands in; past a bound it is refused, never cut short."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one uploaded file may cost. Defaults fit a city's largest register of one district."""

    file_bytes_max: int = 32 * 1024 * 1024
    unpacked_bytes_max: int = 256 * 1024 * 1024
    entries_max: int = 2_000  # files inside the .xlsx; a workbook of twelve sheets has about 30
    rows_max: int = 200_000
    columns_max: int = 256
    cells_max: int = 4_000_000  # of the rectangle from A1 to the last cell, over all sheets
