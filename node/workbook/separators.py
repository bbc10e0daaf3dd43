"""The separator of a CSV: one that a spreadsheet writes, or any mark that divides the header."""

from __future__ import annotations

import io
import unicodedata
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice

from node.domain.register import Register
from node.workbook.book import csv_rows
from node.workbook.cells import Cell, is_blank
from node.workbook.errors import WorkbookError
from node.workbook.headings import HEADER_ROWS, Fit, best_fit, fit, head
from node.workbook.limits import Limits
from node.workbook.text import unguard

USUAL = (",", "\t", ";")
"""What spreadsheets write. Any other is tried only where none of them divides the header."""

MARKS_TRIED = 20
_LINE_MAX = 10_000  # characters of a line that are looked at: a header is shorter
_NEVER = frozenset('"_\0')  # quotes a cell, belongs to a field's name, ends a text for the parser


def separator_of(text: str, register: Register, limits: Limits) -> str:
    """Return the separator with which most headings fit, so commas in a title do not matter.

    People type a CSV with the comma of their input method, other systems write `|` or a control
    character: any mark that stands between two known headings is taken for the separator.
    """

    def fitting(separator: str) -> tuple[int, bool]:
        found, whole = _fit(text, separator, register, limits)
        return found.fields, whole

    usual = max(USUAL, key=fitting)
    if _fit(text, usual, register, limits)[0].is_part:
        return usual
    return max((usual, *_marks(text)), key=fitting)


def is_spaced(text: str, register: Register) -> bool:
    """Return whether only spaces stand between the headings, which names may have inside, too."""
    return any(fit(list[Cell](line.split()), register).is_part for line in _head_lines(text))


def _fit(text: str, separator: str, register: Register, limits: Limits) -> tuple[Fit, bool]:
    """Return how well the best row fits, and whether no quotation mark is wrong up to there.

    Rows count up to the first whose quotation marks are wrong: the header may stand above it.
    """
    rows: list[tuple[int, list[Cell]]] = []
    with suppress(WorkbookError):  # of a separator that is none; the right one is read again
        for number, cells in head(csv_rows(text, separator, limits)):
            rows.append((number, [unguard(c) if isinstance(c, str) else c for c in cells]))
        return best_fit(rows, register), True
    return best_fit(rows, register), False


def _marks(text: str) -> list[str]:
    """Return the marks of the first lines, the most frequent first."""
    seen = Counter(c for line in _head_lines(text) for c in line if _may_separate(c))
    return [mark for mark, _ in seen.most_common(MARKS_TRIED)]


def _may_separate(character: str) -> bool:
    spaced = unicodedata.category(character) == "Zs"
    return not (character.isalnum() or spaced or character in _NEVER)


def _head_lines(text: str) -> Iterator[str]:
    """Yield the lines in which the header is looked for."""
    lines = (line.strip("\r\n") for line in io.StringIO(text, newline=None))
    return islice((line[:_LINE_MAX] for line in lines if not is_blank(line)), HEADER_ROWS)
