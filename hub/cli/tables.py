"""Tables on a terminal: which column is shortened when there is too little room. Pure.

An id is never broken: where the line is too short for it, its first digits are shown, as many as
distinguish the rows, and every verb accepts them. Then long texts are folded. Words, days and
numbers are broken last.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rich.cells import cell_len

GAP = 2  # between columns
TEXT_MIN = 6  # columns of the screen that a folded text keeps, if there is any room
DAY = 10  # as 2026-11-30
SHORT_MIN = 8  # digits of a shortened id
_ID = re.compile(r"[0-9a-f]{32}")
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d|-|)")
_RUN = re.compile(r"[!-~]+")  # letters, digits and signs that belong together


def fitted(
    heads: Sequence[str], rows: Sequence[Sequence[str | int]], width: int | None
) -> tuple[list[list[str]], list[int]]:
    """Return the cells to print and the width of each column; no widths where nothing is folded.

    `width`: of the screen; None: there is no screen, nothing is shortened.
    """
    cells = [[str(cell) for cell in row] for row in rows]
    if width is None or not heads:
        return cells, []
    natural = _widths(heads, cells)
    if _total(natural) <= width:
        return cells, []
    ids = {at for at in range(len(heads)) if _are_ids(cells, at)}
    for at in ids:
        for row, short in zip(cells, shortest([row[at] for row in cells]), strict=True):
            row[at] = short
    natural = _widths(heads, cells)
    for at in range(len(heads)):
        if any(row[at] for row in cells) and all(_MOMENT.fullmatch(row[at]) for row in cells):
            natural[at] = max(DAY, cell_len(heads[at]))  # the time goes below the day
    return cells, _shared(natural, _least(heads, cells, natural, ids), width, ids)


def shortest(ids: Sequence[str]) -> list[str]:
    """Return the first digits of each id that distinguish it from the others; all equally long."""
    different = set(ids)
    length = SHORT_MIN
    while len({each[:length] for each in different}) < len(different):
        length += 1
    return [each[:length] for each in ids]


def _are_ids(cells: Sequence[Sequence[str]], at: int) -> bool:
    found = [row[at] for row in cells if row[at]]
    return bool(found) and all(_ID.fullmatch(cell) for cell in found)


def _widths(heads: Sequence[str], cells: Sequence[Sequence[str]]) -> list[int]:
    return [
        max(_wide(text) for text in (head, *(row[at] for row in cells)))
        for at, head in enumerate(heads)
    ]


def _wide(text: str) -> int:
    return max((cell_len(line) for line in text.splitlines()), default=0)


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + GAP * (len(widths) - 1)


def _least(
    heads: Sequence[str], cells: Sequence[Sequence[str]], natural: Sequence[int], ids: set[int]
) -> list[int]:
    """Return what each column needs so that no word, day or number in it is broken."""
    least = []
    for at, head in enumerate(heads):
        texts = [head, *(row[at] for row in cells)]
        runs = (len(run) for text in texts for run in _RUN.findall(text))
        words = max(runs, default=0)
        enough = natural[at] if at in ids else max(words, min(TEXT_MIN, natural[at]))
        least.append(min(enough, natural[at]))
    return least


def _shared(natural: Sequence[int], least: Sequence[int], width: int, ids: set[int]) -> list[int]:
    """Divide the room: each column its least, then the rest to those that want more.

    Where even the least is too much, the widest columns without ids are broken.
    """
    room = width - GAP * (len(natural) - 1)
    widths = list(least)
    others = [at for at in range(len(widths)) if at not in ids]
    while sum(widths) > room and others:
        at = max(others, key=lambda at: widths[at])
        if widths[at] <= 2:
            break  # one wide character a line: no screen is so narrow
        widths[at] -= 1
    while sum(widths) < room:
        wanting = [at for at in range(len(widths)) if widths[at] < natural[at]]
        if not wanting:
            break
        at = min(wanting, key=lambda at: (widths[at], at))  # a long text is folded once more
        widths[at] += 1
    return widths
