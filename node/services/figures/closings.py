"""Closings: each month an office keeps its stock cells, so that past stocks can be queried.

A closing has what changed since the closing before: the sum of an office's closings up to a month
is its stock at the end of that month. So closings add up over units and over time as any cell
does, an office that closed late or not at all counts with its last one, and a month without
changes costs one cell.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from node.audiences import audiences_of
from node.domain.catalogue import Catalogue
from node.domain.contribution import CellKey
from node.domain.disclosure import WITHHELD
from node.domain.english import counted
from node.folds.contributions import CELL, cell_id
from node.store import private_cells
from node.store.cells import cells_of
from sync.model.change import Edit, Operation, RecordKey
from sync.model.errors import ErrorKind, SilianError
from sync.store.sql import pieces, sql

if TYPE_CHECKING:
    from node.office import Office

CLOSING = "closing"
"""Measure of the mark that an office has closed a month; its total counts the offices that have."""


class PeriodOpen(SilianError):
    """The month has not ended, or it is not a month."""

    code = "period_open"
    kind = ErrorKind.FAILED_PRECONDITION

    def __init__(self, period: str) -> None:
        super().__init__(
            f"{period[:20]!r} is not a month that has ended",
            f"“{period[:20]}”不是已结束的月份",
            remedy_en="Give a past month as YYYY-MM.",
            remedy_zh="请填写已结束的月份，例如 2026-07。",
        )


@dataclass(frozen=True, slots=True)
class Closed:
    """What `close_period` did: how many cells it wrote; none when the month was closed before."""

    period: str
    cells: int

    def __str__(self) -> str:
        return f"{self.period}: {counted(self.cells, 'cell')}"


def close_period(office: Office, period: str) -> Closed:
    """Keep this office's stock as the end of a month, once; repeated it does nothing.

    The stock is that of the moment of the call: to be called soon after the month has ended, and
    when that was missed, as soon as the office runs again. The cells are written in one
    transaction, so that they are of one moment.
    Raises: PeriodOpen.
    """
    today = office.today()
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", period) or period >= f"{today:%Y-%m}":
        raise PeriodOpen(period)
    written = 0

    def work(tx: Connection) -> list[Edit]:
        nonlocal written
        written = 0
        mark = CellKey(CLOSING, period, "")
        stored = dict(cells_of(tx, (office.identity.unit,)))
        later = [key.period for key in stored if key.measure == CLOSING and key.period > period]
        if mark in stored or later:
            return []
        stock = stock_measures(office.catalogue)
        private = dict(private_cells.cells(tx, office.catalogue.disclosure_plans))
        private_cells.add(tx, _moved(private, stock, period))
        moved = _moved(stored, stock, period)
        edits = [_created(office, key, amount) for key, amount in sorted(moved.items())]
        written = len(edits) + 1
        return [*edits, _created(office, mark, 1)]

    office.commit(work)
    return Closed(period, written)


def stock_measures(catalogue: Catalogue) -> frozenset[str]:
    """Return the measures of a state, as opposed to what happened in a period."""
    return frozenset(
        [*(m.name for m in catalogue.measures.values() if m.period == "stock"), WITHHELD]
    )


def last_month_ended(as_of: date) -> str:
    """Return the newest month that had ended when the day `as_of` was over: 'YYYY-MM'."""
    tomorrow = as_of + timedelta(days=1)
    return f"{tomorrow.replace(day=1) - timedelta(days=1):%Y-%m}"


def newest_closing(cells: Iterable[tuple[CellKey, int]], as_of: date) -> str:
    """Return the newest month up to `as_of` that somebody closed; "" if nobody closed any."""
    limit = last_month_ended(as_of)
    return max(
        (k.period for k, n in cells if k.measure == CLOSING and n and k.period <= limit), default=""
    )


def stock_at(
    cells: Iterable[tuple[CellKey, int]], stock: Collection[str], closing: str
) -> Iterator[tuple[CellKey, int]]:
    """Yield cells as they were at a closing; with "" as they are now."""
    for key, amount in cells:
        if key.measure not in stock:
            yield key, amount
        elif not closing:
            if not key.period:
                yield key, amount
        elif key.period and key.period <= closing:
            yield CellKey(key.measure, "", key.dims), amount


def closed_by(tx: Connection, units: Collection[int], period: str) -> set[int]:
    """Return those of these units that have closed a month."""
    found: set[int] = set()
    mark = cell_id(CellKey(CLOSING, period, ""))
    for part in pieces(sorted(units)):
        marks = ",".join("?" * len(part))
        statement = f"SELECT unit FROM r_cell WHERE unit IN ({marks}) AND id=?"  # noqa: S608
        found.update(row[0] for row in tx.exec_driver_sql(sql(tx, statement), (*part, mark)))
    return found


def _moved(stored: dict[CellKey, int], stock: Collection[str], period: str) -> dict[CellKey, int]:
    """Return, keyed by the month, what the stock cells changed since the closings before."""
    moved: dict[CellKey, int] = {}
    for key, amount in stored.items():
        if key.measure in stock:
            at = CellKey(key.measure, period, key.dims)
            moved[at] = moved.get(at, 0) + (-amount if key.period else amount)
    return {key: amount for key, amount in moved.items() if amount}


def _created(office: Office, key: CellKey, amount: int) -> Edit:
    me = office.identity
    return Edit(
        key=RecordKey(CELL, me.unit, cell_id(key)),
        operation=Operation.CREATE,
        values={"measure": key.measure, "period": key.period, "dims": key.dims, "amount": amount},
        audiences=audiences_of(
            office.catalogue.registers[CELL], unit=me.unit, writer=me.unit, level=me.level
        ),
    )
