"""Suppression: which small counts of persons to hide, and which other counts would reveal them.

A count of 1 to 4 persons is hidden from offices above their own. If a sum is shown with its parts,
one hidden part is the sum minus the others, so another part is hidden, too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Hashable, Mapping

SHOWN_FROM = 5
"""The least count of persons, but for none at all, that an office above their own may see."""

Cell = tuple[Hashable, str]
Counts = tuple[int, ...]
"""What one cell of a table says of persons: one count, or a ratio's two."""


def is_small(counts: Counts) -> bool:
    """Return whether a figure made of these counts would reveal a few persons."""
    return any(0 < count < SHOWN_FROM for count in counts)


def hidden(
    table: Mapping[Cell, Counts],
    given: Collection[Cell] = (),
    *,
    row_sums: bool = True,
) -> frozenset[Cell]:
    """Return the cells of a table to hide when the sums of its columns are known.

    `given`: cells that are hidden already. `row_sums`: the sums of the rows are
    known as well. A line (row or column) is safe when nothing in it is hidden, or at least two
    cells are and their sum does not tell them apart; a line of one cell cannot be made safe.
    """
    found = set(given) & table.keys()
    found |= {cell for cell, counts in table.items() if is_small(counts)}
    lines: dict[tuple[int, Hashable], list[Cell]] = defaultdict(list)
    for cell in sorted(table, key=lambda cell: (_least(table[cell]), repr(cell))):
        lines[1, cell[1]].append(cell)
        if row_sums:
            lines[0, cell[0]].append(cell)
    moved = bool(found)
    while moved:
        moved = False
        for line in lines.values():
            shown = [cell for cell in line if cell not in found]
            if shown and _tells([table[cell] for cell in line if cell in found]):
                found.add(_cheapest(shown, table))
                moved = True
    return frozenset(found)


def _tells(counts: list[Counts]) -> bool:
    """Return whether the sum of these hidden cells reveals one of them."""
    if len(counts) < 2:
        return bool(counts)
    for column in zip(*counts, strict=True):
        all_small = all(0 < count < SHOWN_FROM for count in column)
        # A sum equal to the number of cells means all are 1; four times the number means all are 4.
        if all_small and sum(column) in (len(column), (SHOWN_FROM - 1) * len(column)):
            return True
    return False


def _cheapest(shown: list[Cell], table: Mapping[Cell, Counts]) -> Cell:
    """Return the smallest cell that is not empty: hiding an empty one helps little."""
    return next((cell for cell in shown if any(table[cell])), shown[0])


def _least(counts: Counts) -> int:
    return min((count for count in counts if count), default=0)
