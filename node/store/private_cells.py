"""Private cells: this office's counts of persons, by every value. They never leave it.

What may leave is made from them (`node.domain.disclosure`) and written as cells.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from sqlalchemy import Connection

from node.domain.contribution import CellKey
from node.store.sums import adding
from sync.store.sql import execute, execute_many

_ADD = (
    "INSERT INTO private_cell (measure, period, dims, amount) VALUES (?,?,?,?) "  # noqa: S608
    f"ON CONFLICT (measure, period, dims) DO UPDATE SET amount = {adding('private_cell', 'amount')}"
)


def cells(tx: Connection, measures: Collection[str]) -> Iterator[tuple[CellKey, int]]:
    """Yield the cells of these measures, those of closed months among them, without zeros."""
    if not measures:
        return
    listed = tuple(sorted(measures))
    statement = (
        "SELECT measure, period, dims, amount FROM private_cell "  # noqa: S608
        f"WHERE amount <> 0 AND measure IN ({','.join('?' * len(listed))})"
    )
    for measure, period, dims, amount in execute(tx, statement, listed).fetchall():
        yield CellKey(measure, period, dims), amount


def add(tx: Connection, moved: Mapping[CellKey, int]) -> None:
    """Add to the cells."""
    rows = [(*key, amount) for key, amount in sorted(moved.items()) if amount]
    if rows:
        execute_many(tx, _ADD, rows)
