"""Records of a legacy .xls (MS-XLS), read for the marks that the reading library omits."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from node.domain.sheet_cell import ERROR, NOT_CALCULATED, Unknown
from node.workbook.cells import Area
from node.workbook.limits import Limits
from node.workbook.marks import Marks, formats_of, mark_areas

_BOF, _EOF = 0x0809, 0x000A
_BIFF8 = 0x0600
_BOUND_SHEET, _DATE_MODE, _FORMAT, _XF, _RECALC_ID = 0x0085, 0x0022, 0x041E, 0x00E0, 0x01C1
_ROW, _COLUMNS, _MERGED = 0x0208, 0x007D, 0x00E5
_NUMBER, _RK, _MULTIPLE, _FORMULA, _ARRAY, _BOOL_OR_ERROR = (
    0x0203, 0x027E, 0x00BD, 0x0006, 0x0221, 0x0205,
)  # fmt: skip
_OTHER_CELLS = frozenset({0x0204, 0x00FD, 0x00D6})  # texts
_HIDDEN_ROW, _HIDDEN_COLUMN, _CALCULATE_ON_LOAD = 0x20, 0x01, 0x02
_ERRORS = {0x00: "#NULL!", 0x07: "#DIV/0!", 0x0F: "#VALUE!", 0x17: "#REF!", 0x1D: "#NAME?",
           0x24: "#NUM!", 0x2A: "#N/A", 0x2B: "#GETTING_DATA"}  # fmt: skip
# What a formula's result is, when its last two bytes say that it is no number.
_NO_NUMBER, _RESULT_ERROR, _RESULT_EMPTY = 0xFFFF, 2, 3


class Record(NamedTuple):
    """One record of the stream: where its header begins, its kind, its content."""

    at: int
    kind: int
    content: bytes


def read_marks(stream: bytes, limits: Limits) -> list[Marks]:
    """Return the marks of each sheet, in the order in which the workbook names them.

    Raises: WorkbookTooLarge; struct.error and IndexError where a record is damaged.
    """
    facts = _Globals()
    begun: dict[int, Marks] = {}
    depth = 0
    sheet: _Sheet | None = None
    for record in _records(stream):
        if record.kind == _BOF:
            depth += 1
            if depth == 1 and record.at:  # the first describes the workbook; a chart lies deeper
                sheet = _Sheet(facts)
                begun[record.at] = sheet.marks
        elif record.kind == _EOF:
            depth -= 1
            if depth == 0 and sheet is not None:
                mark_areas(sheet.marks, sheet.arrays, limits)
                sheet = None
        elif depth == 1 and sheet is not None:
            sheet.take(record)
        elif depth == 1:
            facts.take(record, stream)
    return [begun.get(at, Marks()) for at in facts.sheets]


def _records(stream: bytes) -> Iterator[Record]:
    at = 0
    while at + 4 <= len(stream):
        kind, length = struct.unpack_from("<HH", stream, at)
        yield Record(at, kind, stream[at + 4 : at + 4 + length])
        at += 4 + length


class _Globals:
    """What the workbook states about all its sheets."""

    def __init__(self) -> None:
        self.sheets: list[int] = []
        self.epoch_1904 = False
        self.stale = True  # until it names the program that calculated it
        self._styles: list[int] = []
        self._named: dict[int, str] = {}

    @property
    def formats(self) -> list[str | None]:
        return formats_of(self._styles, self._named)

    def take(self, record: Record, stream: bytes) -> None:
        content = record.content
        if record.kind == _BOUND_SHEET:
            self.sheets.append(struct.unpack_from("<I", content)[0])
        elif record.kind == _DATE_MODE:
            self.epoch_1904 = content[:1] == b"\1"
        elif record.kind == _XF:
            self._styles.append(struct.unpack_from("<H", content, 2)[0])
        elif record.kind == _RECALC_ID:
            self.stale = struct.unpack_from("<I", content, 4)[0] == 0
        elif record.kind == _FORMAT:
            (number,) = struct.unpack_from("<H", content)
            wide = struct.unpack_from("<H", stream, 4)[0] == _BIFF8
            self._named[number] = _wide_text(content[2:]) if wide else _narrow_text(content[2:])


def _wide_text(content: bytes) -> str:
    length, flags = struct.unpack_from("<HB", content)
    if flags & 1:
        return content[3 : 3 + 2 * length].decode("utf-16-le", "replace")
    return content[3 : 3 + length].decode("latin-1")


def _narrow_text(content: bytes) -> str:
    return content[1 : 1 + content[0]].decode("gb18030", "replace")


class _Sheet:
    """One sheet while its records are read."""

    def __init__(self, facts: _Globals) -> None:
        self.marks = Marks(epoch_1904=facts.epoch_1904, formats=facts.formats)
        self.arrays: list[Area] = []
        self._stale = facts.stale
        self._unknown_before = False

    def take(self, record: Record) -> None:
        kind, content = record.kind, record.content
        if kind == _ARRAY:
            first, last, left, right = struct.unpack_from("<HHBB", content)
            if self._unknown_before:
                self.arrays.append(Area(first + 1, left, last + 1, right))
        elif kind == _ROW:
            row, flags = struct.unpack_from("<H10xH", content)
            if flags & _HIDDEN_ROW:
                self.marks.hidden_rows.add(row + 1)
        elif kind == _COLUMNS:
            first, last, width, _, flags = struct.unpack_from("<HHHHH", content)
            if flags & _HIDDEN_COLUMN or not width:
                self.marks.hidden_columns.append((first, last))
        elif kind == _MERGED:
            (count,) = struct.unpack_from("<H", content)
            for n in range(count):
                first, last, left, right = struct.unpack_from("<HHHH", content, 2 + 8 * n)
                self.marks.merges.append(Area(first + 1, left, last + 1, right))
        else:
            self._take_cell(kind, content)

    def _take_cell(self, kind: int, content: bytes) -> None:
        if kind in (_NUMBER, _RK, _BOOL_OR_ERROR, _FORMULA) or kind in _OTHER_CELLS:
            row, column, style = struct.unpack_from("<HHH", content)
            what = self._unknown(kind, content)
            self._unknown_before = what is not None
            if what is not None:
                self.marks.mark_unknown(row + 1, column, what)
            else:
                numeric = kind in (_NUMBER, _RK, _FORMULA)
                self.marks.mark_known(row + 1, column, style if numeric else None)
        elif kind == _MULTIPLE:
            row, first = struct.unpack_from("<HH", content)
            for n in range((len(content) - 6) // 6):
                (style,) = struct.unpack_from("<H", content, 4 + 6 * n)
                self.marks.mark_known(row + 1, first + n, style)

    def _unknown(self, kind: int, content: bytes) -> Unknown | None:
        """Return what a cell is whose value is not known; None for every other."""
        if kind == _BOOL_OR_ERROR:
            code, is_error = content[6], content[7]
            return Unknown(ERROR, _ERRORS.get(code, "#N/A")) if is_error else None
        if kind != _FORMULA:
            return None
        result, code, (no_number, flags) = content[6], content[8], _ends(content)
        if no_number and result == _RESULT_ERROR:
            return Unknown(ERROR, _ERRORS.get(code, "#N/A"))
        nothing = result == _RESULT_EMPTY if no_number else content[6:14] == bytes(8)
        if nothing and (self._stale or flags & _CALCULATE_ON_LOAD):
            return Unknown(NOT_CALCULATED)
        return None


def _ends(content: bytes) -> tuple[bool, int]:
    """Return whether a formula's result is no number, and the formula's flags."""
    mark, flags = struct.unpack_from("<HH", content, 12)
    return mark == _NO_NUMBER, flags
