"""Every limit on an uploaded file; a file over a limit is refused, never truncated."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of one uploaded file. Defaults fit the largest register of one district."""

    file_bytes_max: int = 32 * 1024 * 1024
    unpacked_bytes_max: int = 256 * 1024 * 1024
    entries_max: int = 2_000  # files inside the .xlsx; a workbook of twelve sheets has about 30
    rows_max: int = 200_000
    columns_max: int = 256
    cells_max: int = 4_000_000  # of the rectangle from A1 to the last cell, over all sheets
