"""The legacy binary .xls: limit its cells before the library allocates; read it in a child process.

An .xls is a small file system of 512-byte sectors (MS-CFB) that holds one stream of records
(MS-XLS). Only what is needed to bound the sheets is read here. The library reads the cells, in a
process of its own: fuzzing found damaged files on which it aborts, and that would end the office.
"""

from __future__ import annotations

import datetime
import json
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from node.workbook.legacy_child import PASSWORD
from node.workbook.legacy_records import read_marks
from node.workbook.limits import Limits
from node.workbook.marks import Marks
from node.workbook.package import check_cells, check_extent, encrypted, too_large, unreadable

MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

_END = 0xFFFFFFFA  # this and above are marks (free, end of chain), not sectors
_ENTRY = 128  # bytes of one directory entry
_STREAM, _ROOT = 2, 5

# Records that begin a sheet, and records of a filled cell, whose first two words are row, column.
_BEGINS = frozenset({0x0809, 0x0409, 0x0209, 0x0009})
_CELLS = frozenset({0x0203, 0x0204, 0x0205, 0x0207, 0x027E, 0x00FD, 0x00D6, 0x0006, 0x0206, 0x0406,
                    0x0002, 0x0003, 0x0004, 0x0005})  # fmt: skip
_MULTIPLE = 0x00BD  # several numbers in one row: row, first column, ..., last column


CHILD = Path(__file__).with_name("legacy_child.py")
CHILD_SECONDS_MAX = 60.0

_TAGS: dict[str, Any] = {
    "datetime": datetime.datetime.fromisoformat,
    "date": datetime.date.fromisoformat,
    "time": datetime.time.fromisoformat,
    "timedelta": lambda seconds: datetime.timedelta(seconds=float(seconds)),
}


class LegacySheet(NamedTuple):
    """One sheet of an .xls: rows from row 1 and column A on, None of one that has no cells."""

    name: str
    visible: bool
    rows: list[list[Any]] | None
    marks: Marks


def read_legacy(data: bytes, limits: Limits) -> list[LegacySheet]:
    """Return each sheet in order.

    Raises: WorkbookTooLarge, WorkbookEncrypted, WorkbookUnreadable.
    """
    marks = check_legacy(data, limits)
    try:
        child = subprocess.run(
            [sys.executable, "-I", str(CHILD)],
            input=data,
            capture_output=True,
            timeout=CHILD_SECONDS_MAX,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        raise unreadable("reading it takes too long", "读取时间过长") from late
    if child.returncode == PASSWORD:
        raise encrypted()
    if child.returncode != 0:
        raise unreadable("it is damaged", "文件已损坏")
    sheets = json.loads(child.stdout)
    if len(sheets) != len(marks):
        raise unreadable("its structure is damaged", "内部结构已损坏")
    return [
        LegacySheet(
            name,
            visible,
            rows if rows is None else [[cell_of(cell) for cell in cells] for cells in rows],
            marks[index],
        )
        for index, (name, visible, rows) in enumerate(sheets)
    ]


def cell_of(cell: object) -> object:
    """Return a cell as the child process read it."""
    if isinstance(cell, dict):
        ((tag, text),) = cell.items()
        return _TAGS[tag](text)
    return cell


def check_legacy(data: bytes, limits: Limits) -> list[Marks]:
    """Return the marks of each sheet, once all sheets are known to be within the bounds.

    Raises: WorkbookTooLarge when a sheet passes a bound, WorkbookUnreadable when damaged.
    """
    try:
        streams = list(_workbook_streams(data, limits))
        extents = [extent for stream in streams for extent in _sheet_extents(stream)]
        if not streams:
            raise unreadable("it is not an Excel workbook", "不是 Excel 工作簿")
        areas = [check_extent("xls", rows, columns, limits) for rows, columns in extents]
        check_cells(sum(areas), limits)
        return read_marks(streams[0], limits)
    except (struct.error, IndexError, ValueError) as bad:
        raise unreadable("its structure is damaged", "内部结构已损坏") from bad


def _workbook_streams(data: bytes, limits: Limits) -> Iterator[bytes]:
    sector_shift, mini_shift = struct.unpack_from("<HH", data, 30)
    if sector_shift not in (9, 12) or mini_shift != 6:
        raise unreadable("its structure is damaged", "内部结构已损坏")
    directory_at, mini_below, mini_fat_at, _, difat_at, _ = struct.unpack_from(
        "<I4xIIIII", data, 48
    )
    size = 1 << sector_shift

    def sector(number: int) -> bytes:
        return data[(number + 1) * size : (number + 2) * size]

    fat_sectors = [n for n in struct.unpack_from("<109I", data, 76) if n < _END]
    seen: set[int] = set()
    while difat_at < _END and difat_at not in seen:
        seen.add(difat_at)
        *more, difat_at = _sector_ids(sector(difat_at))
        fat_sectors += [n for n in more if n < _END]
    if len(fat_sectors) > len(data) // size:
        raise unreadable("its structure is damaged", "内部结构已损坏")
    fat = [sector_id for n in fat_sectors for sector_id in _sector_ids(sector(n))]
    entries = list(_entries(b"".join(map(sector, _chain(fat, directory_at)))))
    if any(name.lower() == "encryptedpackage" for name, *_ in entries):
        raise encrypted()  # an .xlsx with a password is kept in a file like an .xls
    mini_fat = _sector_ids(b"".join(map(sector, _chain(fat, mini_fat_at))))
    mini = b"".join(
        block
        for _, kind, at, _ in entries
        if kind == _ROOT
        for block in map(sector, _chain(fat, at))
    )
    wanted = [e for e in entries if e[1] == _STREAM and e[0].lower() in ("workbook", "book")]
    wanted.sort(key=lambda entry: entry[0].lower() != "workbook")  # which the library reads first
    if sum(length for _, _, _, length in wanted) > limits.unpacked_bytes_max:
        raise too_large("more bytes than it can hold", "声明的内容超出文件大小")
    for _, _, at, length in wanted:
        if length < mini_below:
            blocks = [mini[n * 64 : n * 64 + 64] for n in _chain(mini_fat, at)]
        else:
            blocks = [sector(n) for n in _chain(fat, at)]
        yield b"".join(blocks)[:length]


def _sector_ids(block: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(block) // 4}I", block[: len(block) // 4 * 4])


def _chain(table: list[int] | tuple[int, ...], at: int) -> list[int]:
    """Return the sectors from `at` on; a chain with a loop is damaged."""
    chain: list[int] = []
    while at < _END:
        chain.append(at)
        if len(chain) > len(table):
            raise unreadable("its structure is damaged", "内部结构已损坏")
        at = table[at]
    return chain


def _entries(directory: bytes) -> Iterator[tuple[str, int, int, int]]:
    """Yield (name, kind, first sector, length in bytes) of each directory entry."""
    for at in range(0, len(directory) - _ENTRY + 1, _ENTRY):
        name_bytes, kind = struct.unpack_from("<HB", directory, at + 64)
        start, length = struct.unpack_from("<II", directory, at + 116)
        name = directory[at : at + max(0, min(name_bytes, 64) - 2)].decode("utf-16-le", "replace")
        yield name, kind, start, length


def _sheet_extents(stream: bytes) -> Iterator[tuple[int, int]]:
    """Yield (rows, columns) from A1 to the last cell for every run of records that is a sheet."""
    at = rows = columns = 0
    while at + 4 <= len(stream):
        kind, length = struct.unpack_from("<HH", stream, at)
        if kind in _BEGINS:
            yield rows, columns
            rows = columns = 0
        elif kind == _MULTIPLE and length >= 6:
            (row,) = struct.unpack_from("<H", stream, at + 4)
            (last,) = struct.unpack_from("<H", stream, at + 4 + length - 2)
            rows, columns = max(rows, row + 1), max(columns, last + 1)
        elif kind in _CELLS and length >= 4:
            row, column = struct.unpack_from("<HH", stream, at + 4)
            rows, columns = max(rows, row + 1), max(columns, column + 1)
        at += 4 + length
    yield rows, columns
