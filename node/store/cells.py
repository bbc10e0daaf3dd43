"""Cells in the store: what one unit and all below it add up to; totals recomputed from cells."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from sqlalchemy import Connection

from node.domain.contribution import CellKey
from node.domain.units import Tree
from node.store.engine import Store
from node.store.sums import clamped
from sync.store.sql import pieces, sql

_ADD = "INSERT INTO total (unit, measure, period, dims, amount) VALUES (?,?,?,?,?)"
_STREAMED = {"stream_results": True, "yield_per": 5_000}

Sums = dict[CellKey, int]


def cells_of(
    tx: Connection, units: Collection[int], measures: Collection[str] | None = None
) -> Iterator[tuple[CellKey, int]]:
    """Yield the cells that these units wrote themselves; the same key may come once a unit."""
    for part in pieces(sorted(units)):
        where, parameters = _where("f_measure", measures)
        marks = ",".join("?" * len(part))
        statement = (
            "SELECT f_measure, f_period, f_dims, f_amount FROM r_cell "  # noqa: S608
            f"WHERE unit IN ({marks}) AND (causal_length & 1) = 1{where}"
        )
        for measure, period, dims, amount in _rows(tx, statement, (*part, *parameters)):
            # An empty text is read as null: a peer's cell without dimensions. One without a measure
            # or an amount means nothing; the folds add nothing for it either.
            yield CellKey(measure or "", period or "", dims or ""), amount or 0


def totals_of(
    tx: Connection, unit: int, measures: Collection[str] | None = None
) -> Iterator[tuple[CellKey, int]]:
    """Yield the kept sums of a unit that has children (or is this office's own)."""
    where, parameters = _where("measure", measures)
    statement = f"SELECT measure, period, dims, amount FROM total WHERE unit=?{where}"  # noqa: S608
    for measure, period, dims, amount in _rows(tx, statement, (unit, *parameters)):
        yield CellKey(measure, period, dims), amount


def keeps_total(tree: Tree, unit: int, top: int) -> bool:
    """Return whether totals are kept for a unit; a leaf's own cells are all it has."""
    return unit == top or bool(tree.children(unit))


def sums_below(
    tx: Connection, tree: Tree, top: int, unit: int, measures: Collection[str] | None = None
) -> Iterator[tuple[CellKey, int]]:
    """Yield the sums of a unit and all below it in today's tree, the fastest way."""
    if keeps_total(tree, unit, top):
        return totals_of(tx, unit, measures)
    return cells_of(tx, (unit,), measures)


def sums_then(
    tx: Connection,
    now: Tree,
    then: Tree,
    top: int,
    unit: int,
    measures: Collection[str] | None = None,
) -> Iterator[tuple[CellKey, int]]:
    """Yield the sums of a unit and all that was below it in the tree `then`.

    Where nothing was regrouped since, today's totals are read; below that, single units.
    """
    if unit in now and set(then.subtree(unit)) == set(now.subtree(unit)):
        if top == unit or top in now.ancestors(unit):
            yield from sums_below(tx, now, top, unit, measures)
        else:
            yield from cells_of(tx, then.subtree(unit), measures)
        return
    yield from cells_of(tx, (unit,), measures)
    for child in then.children(unit):
        yield from sums_then(tx, now, then, top, child, measures)


def recomputed_total(
    tx: Connection, tree: Tree, top: int, unit: int, outside: Collection[int] = ()
) -> Sums:
    """Return what the total of `unit` must be, without zeros: its own cells and its children's.

    The children's own totals are taken as they are kept, so that a unit costs no more than its
    children's rows; checked from the leaves up, each is proved by those below it. `outside`: the
    `units_outside_tree`, whose cells count at the top.
    """
    sums: Sums = {}
    children = tree.children(unit)
    leaves = [child for child in children if not tree.children(child)]
    _gather(sums, cells_of(tx, (unit, *leaves)))
    for child in children:
        if tree.children(child):
            _gather(sums, totals_of(tx, child))
    if unit == top:
        _gather(sums, cells_of(tx, outside))
    return {key: clamped(amount) for key, amount in sums.items() if amount}


def units_outside_tree(tx: Connection, tree: Tree, top: int) -> list[int]:
    """Return the units that wrote cells and are not below `top` today: closed, or moved away."""
    within = set(tree.subtree(top))
    found = []
    after = -1
    step = sql(tx, "SELECT min(unit) FROM r_cell WHERE unit > ?")  # hops along the key
    while (unit := tx.exec_driver_sql(step, (after,)).scalar_one()) is not None:
        if unit not in within:
            found.append(unit)
        after = unit
    return found


def retotal(store: Store, top: int, before: Tree, after: Tree) -> int:
    """Recompute the totals that another tree changes, in one transaction; return how many units.

    `top`: the unit of this office. Call it when a tree operation takes effect (by its record or by
    its date), before the office uses the tree `after`. Reads and writes nothing for units that did
    not change.
    """
    units = [u for u in reversed(after.subtree(top)) if keeps_total(after, u, top)]
    stale = [u for u in units if not _same_below(before, after, u)]

    def work(tx: Connection) -> None:
        gone = [u for u in before.subtree(top) if u not in after or not keeps_total(after, u, top)]
        for unit in (*gone, *stale):
            tx.exec_driver_sql(sql(tx, "DELETE FROM total WHERE unit=?"), (unit,))
        outside = units_outside_tree(tx, after, top)
        for unit in stale:
            sums = recomputed_total(tx, after, top, unit, outside)
            rows = [(unit, *key, n) for key, n in sums.items()]
            if rows:
                tx.exec_driver_sql(sql(tx, _ADD), rows)

    if stale:
        store.write(work)
    return len(stale)


def _same_below(before: Tree, after: Tree, unit: int) -> bool:
    return unit in before and before.subtree(unit) == after.subtree(unit)


def _gather(sums: Sums, cells: Iterator[tuple[CellKey, int]]) -> None:
    for key, amount in cells:
        sums[key] = sums.get(key, 0) + amount


def _where(column: str, measures: Collection[str] | None) -> tuple[str, tuple[str, ...]]:
    if measures is None:
        return "", ()
    if not measures:
        return " AND 1 = 0", ()
    listed = tuple(sorted(measures))
    return f" AND {column} IN ({','.join('?' * len(listed))})", listed


def _rows(
    tx: Connection, statement: str, parameters: tuple[object, ...]
) -> Iterator[tuple[str, str, str, int]]:
    rows = tx.exec_driver_sql(sql(tx, statement), parameters, execution_options=_STREAMED)
    return (tuple(row) for row in rows)
