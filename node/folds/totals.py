"""Fold cells into totals: the sums of every ancestor that this office can see."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from sqlalchemy import Connection

from node.domain.units import Tree
from node.folds.context import FoldContext
from node.folds.contributions import CELL
from node.store.sums import adding, clamped
from sync.model.change import Edit
from sync.model.effect import Effect
from sync.store.sql import sql

_READS = frozenset({"measure", "period", "dims", "amount"})
_ADD = (
    "INSERT INTO total (unit, measure, period, dims, amount) VALUES (?,?,?,?,?) "  # noqa: S608
    f"ON CONFLICT (unit, measure, period, dims) DO UPDATE SET amount = {adding('total', 'amount')}"
)


class TotalsFold:
    """Adds the change of a cell to each unit above it, so that a query reads few rows."""

    def __init__(self, context: FoldContext) -> None:
        self._context = context

    def fields_read(self, register: str, unit: int) -> frozenset[str] | None:
        return _READS if register == CELL else None

    def fold(self, tx: Connection, effects: Sequence[Effect]) -> Iterable[Edit]:
        """Add the changes; a cell that came twice has changed by nothing (INV-20)."""
        sums: dict[tuple[int, str, str, str], int] = defaultdict(int)
        for effect in effects:
            if effect.register != CELL:
                continue
            units = totalled(self._context.tree, effect.unit, self._context.unit)
            for _, before, after in effect.changes():
                values = after or before or {}
                old = before["amount"] if before else 0
                new = after["amount"] if after else 0
                delta = int(new or 0) - int(old or 0)
                for unit in units if delta else ():
                    key = (unit, str(values["measure"]), str(values["period"]), str(values["dims"]))
                    sums[key] += delta
        rows = [(*key, clamped(amount)) for key, amount in sorted(sums.items()) if amount]
        if rows:
            tx.exec_driver_sql(sql(tx, _ADD), rows)
        return ()


def totalled(tree: Tree, unit: int, top: int) -> list[int]:
    """Return the units whose totals include a cell of `unit`: it and up to `top`, no leaves."""
    if unit not in tree:
        return [top]
    chain = [unit, *tree.ancestors(unit)]
    if top in chain:
        chain = chain[: chain.index(top) + 1]
    return [u for u in chain if tree.children(u) or u == top]
