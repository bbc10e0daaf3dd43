"""XML of one sheet of an .xlsx, read for the marks that the reading library omits."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from xml.parsers import expat

from node.domain.sheet_cell import ERROR, NOT_CALCULATED, Unknown
from node.workbook.cells import Area
from node.workbook.limits import Limits
from node.workbook.marks import Marks, mark_areas
from node.workbook.package import column_number, too_large, unreadable

MERGES_MAX = 100_000
_NOTHING = re.compile(r"(?:0+(?:\.0+)?)?")
_CELL = re.compile(r"\$?([A-Za-z]{1,7})\$?([0-9]{1,15})")
_YES = ("1", "true", "on")


@dataclass(frozen=True, slots=True, kw_only=True)
class BookFacts:
    """What a workbook states about all its sheets. `formats`: by style, None where nothing changes.

    `stale`: it asks Excel to calculate every formula when it is opened. Programs that cannot
    calculate write 0, or an empty text, for a result, and ask for that.
    """

    formats: Sequence[str | None] = ()
    epoch_1904: bool = False
    stale: bool = False


def read_marks(xml: bytes, facts: BookFacts, limits: Limits) -> Marks:
    """Return the marks of a sheet, its cells placed as the reading library places them.

    Raises: WorkbookUnreadable, WorkbookTooLarge.
    """
    scan = _Scan(facts, limits)
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = scan.opened
    parser.EndElementHandler = scan.closed
    parser.CharacterDataHandler = scan.text
    try:
        parser.Parse(xml, True)
    except (expat.ExpatError, ValueError, LookupError) as bad:
        raise unreadable("a sheet is not well-formed", "工作表内容格式有误") from bad
    return scan.finished()


def area_of(reference: str) -> Area:
    """Return the area of a reference like D2:D4 or D2. Raises: ValueError."""
    first, _, last = reference.partition(":")
    ends = [_CELL.fullmatch(each) for each in (first, last or first)]
    if ends[0] is None or ends[1] is None:
        raise ValueError(reference)
    rows = sorted(int(end[2]) for end in ends if end)
    columns = sorted(column_number(end[1].upper().encode()) - 1 for end in ends if end)
    return Area(rows[0], columns[0], rows[1], columns[1])


class _Scan:
    """The state of one pass over a sheet."""

    def __init__(self, facts: BookFacts, limits: Limits) -> None:
        self._limits = limits
        self._stale = facts.stale
        self._marks = Marks(epoch_1904=facts.epoch_1904, formats=list(facts.formats))
        self._row = self._cell_row = self._column = 0
        self._cell: dict[str, str] = {}
        self._formula = self._in_result = self._result = False
        self._array = ""
        self._text: list[str] = []
        self._maybe: list[tuple[int, int, str]] = []  # results 0 or "": row, column, array
        self._arrays: list[str] = []  # that were never calculated

    def opened(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition(":")[2]
        if name == "c":
            self._begin(attributes)
        elif name == "v":
            self._in_result = self._result = True
        elif name == "f":
            self._formula = True
            if attributes.get("t") in ("array", "dataTable"):
                self._array = attributes.get("ref", "")
        elif name == "row":
            self._begin_row(attributes)
        elif name == "col" and _hides(attributes, "width"):
            first, last = int(attributes["min"]) - 1, int(attributes["max"]) - 1
            self._marks.hidden_columns.append((first, last))
        elif name == "mergeCell":
            self._merge(attributes["ref"])
        elif name == "sheetCalcPr" and attributes.get("fullCalcOnLoad") in _YES:
            self._stale = True

    def text(self, text: str) -> None:
        if self._in_result:
            self._text.append(text)

    def closed(self, tag: str) -> None:
        name = tag.rpartition(":")[2]
        if name == "c":
            self._end()
        elif name == "v":
            self._in_result = False

    def finished(self) -> Marks:
        marks = self._marks
        for row, column, array in self._maybe if self._stale else ():
            marks.mark_unknown(row, column, Unknown(NOT_CALCULATED))
            self._arrays.append(array)
        mark_areas(marks, map(area_of, filter(None, self._arrays)), self._limits)
        return marks

    def _begin_row(self, attributes: dict[str, str]) -> None:
        found = attributes.get("r", "")
        self._row = int(found) if found.isdecimal() else self._row + 1
        self._column = -1
        if _hides(attributes, "ht") and self._row <= self._limits.rows_max:
            self._marks.hidden_rows.add(self._row)

    def _begin(self, attributes: dict[str, str]) -> None:
        found = _CELL.fullmatch(attributes.get("r", ""))
        if found:
            self._cell_row = int(found[2])
            self._column = column_number(found[1].upper().encode()) - 1
        else:
            self._cell_row = self._row
            self._column += 1
        self._cell = attributes
        self._formula = self._result = False
        self._array = ""
        self._text.clear()

    def _end(self) -> None:
        kind, style = self._cell.get("t", "n"), self._cell.get("s", "0")
        shown = "".join(self._text).strip()
        at = (self._cell_row, self._column)
        empty_text = kind == "str" and self._result
        if kind == "e":
            self._marks.mark_unknown(*at, Unknown(ERROR, shown))
        elif self._formula and not shown and not empty_text:
            self._marks.mark_unknown(*at, Unknown(NOT_CALCULATED))
            self._arrays.append(self._array)
        else:
            numeric = kind == "n" and shown and style.isdecimal()
            self._marks.mark_known(*at, int(style) if numeric else None)
            if self._formula and _NOTHING.fullmatch(shown):
                self._maybe.append((*at, self._array))

    def _merge(self, reference: str) -> None:
        area = area_of(reference)
        if len(self._marks.merges) >= MERGES_MAX:
            raise too_large("too many merged cells", "合并单元格过多")
        if (area.first_row, area.first_column) != (area.last_row, area.last_column):
            self._marks.merges.append(area)


def _hides(attributes: dict[str, str], size: str) -> bool:
    """Return whether a row or a column is hidden, or has no height or width."""
    if attributes.get("hidden") in _YES:
        return True
    try:
        return float(attributes.get(size, "1")) == 0
    except ValueError:
        return False
