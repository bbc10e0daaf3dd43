"""Rebuild what an office derives, from the present records rather than from changes.

After a recovery the office has what it once wrote, its own derived records among it. But it also
has what it had not reacted to yet, and two incarnations may both have counted its cells.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from node.audiences import audiences_of
from node.domain.contribution import CellKey
from node.folds.contributions import CELL, cell_id
from node.services.duplicates.blind_index import pending_entries
from node.services.figures.cells import own_cells
from node.services.figures.closings import CLOSING, stock_measures
from node.store import private_cells, uncounted
from node.store.cells import Sums, cells_of
from sync.model.change import Edit, Operation, RecordKey
from sync.store.sql import execute

if TYPE_CHECKING:
    from node.office import Office


def pending_derived(office: Office, tx: Connection) -> list[Edit]:
    """Return the edits that bring cells, assignments and returned money in line with the records.

    None when nothing is left to do: repeating it does no harm.
    """
    return [*office.folds.reactions(tx), *pending_cells(office, tx), *_marks(office, tx)]


def _marks(office: Office, tx: Connection) -> list[Edit]:
    """Update index entries to the records; where nothing changes, cases to the index entries."""
    return pending_entries(office, tx) or office.folds.cases.review_all(tx)


def pending_cells(office: Office, tx: Connection) -> list[Edit]:
    """Set each own cell to the sum of the records, and resolve what two incarnations wrote."""
    me = office.identity
    stock = stock_measures(office.catalogue)
    kept = dict(cells_of(tx, (me.unit,)))
    private, counted = own_cells(office, tx)
    _set_private(office, tx, private)
    uncounted.cells_follow(tx, me.unit)
    # Closings are about the past: no record of today shows it.
    stated = {
        key for key in kept if key.measure == CLOSING or (key.period and key.measure in stock)
    }
    wanted = {**dict.fromkeys(kept.keys() - stated, 0), **counted}
    concurrent = _concurrent_values(tx, me.unit)
    audiences = audiences_of(
        office.catalogue.registers[CELL], unit=me.unit, writer=me.unit, level=me.level
    )
    edits = []
    for key, amount in sorted({**{k: kept[k] for k in stated}, **wanted}.items()):
        record = cell_id(key)
        if kept.get(key) == amount and record not in concurrent:
            continue
        edits.append(
            Edit(
                key=RecordKey(CELL, me.unit, record),
                operation=Operation.UPDATE if key in kept else Operation.CREATE,
                values={"amount": amount} if key in kept else _values(key, amount),
                audiences=audiences,
                resolves=concurrent.get(record, {}),
            )
        )
    return edits


def _set_private(office: Office, tx: Connection, counted: Sums) -> None:
    """Set the counts of persons that never leave this office; closings stay."""
    stock = stock_measures(office.catalogue)
    kept = {
        key: amount
        for key, amount in private_cells.cells(tx, office.catalogue.disclosure_plans)
        if not (key.period and key.measure in stock)
    }
    keys = kept.keys() | counted.keys()
    private_cells.add(tx, {key: counted.get(key, 0) - kept.get(key, 0) for key in keys})


def _values(key: CellKey, amount: int) -> dict[str, str | int | None]:
    return {"measure": key.measure, "period": key.period, "dims": key.dims, "amount": amount}


def _concurrent_values(tx: Connection, unit: int) -> dict[bytes, dict[str, list[bytes]]]:
    """Return cell -> its other amounts: a cell has one writer, so both are of this office."""
    rows = execute(
        tx,
        "SELECT record, version FROM conflict "
        "WHERE register=? AND unit=? AND field='amount' AND head=1",
        (CELL, unit),
    )
    found: dict[bytes, dict[str, list[bytes]]] = defaultdict(lambda: {"amount": []})
    for record, version in rows:
        found[bytes(record)]["amount"].append(bytes(version))
    return found
