"""Fold the contributions of this office's records into its cells, in the record's transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from sqlalchemy import Connection

from node.audiences import audiences_of
from node.domain.catalogue import Catalogue, CellKey
from node.domain.group_key import Counting
from node.domain.norms import Norms
from node.ids import natural_id
from sync.model.access import Identity
from sync.model.change import Edit, Operation, RecordKey
from sync.model.effect import Effect
from sync.store.registers import RegisterTables
from sync.store.sql import pieces, sql

CELL = "cell"


@lru_cache(maxsize=65_536)
def cell_id(key: CellKey) -> bytes:
    """Return a cell's id: the same for the same key at every office."""
    return natural_id(CELL, *key)


class ContributionFold:
    """Updates the cells of one unit; only the unit's own office writes them (INV-14)."""

    def __init__(
        self, catalogue: Catalogue, tables: RegisterTables, identity: Identity, norms: Norms
    ) -> None:
        self._catalogue = catalogue
        self._cells = tables[CELL]
        self._me = identity
        self._norms = norms
        counted = {n: r for n, r in catalogue.registers.items() if r.contributions}
        self._fields_read = {name: each.contributing_fields for name, each in counted.items()}
        self._counting = {name: Counting(each.contributions) for name, each in counted.items()}
        self._audiences = audiences_of(
            catalogue.registers[CELL], unit=identity.unit, writer=identity.unit,
            level=identity.level,
        )  # fmt: skip

    def fields_read(self, register: str, unit: int) -> frozenset[str] | None:
        return self._fields_read.get(register) if unit == self._me.unit else None

    def fold(self, tx: Connection, effects: Sequence[Effect]) -> Iterable[Edit]:
        """Return the edits of the cells that these records change."""
        moved: dict[CellKey, int] = defaultdict(int)
        for effect in effects:
            if self.fields_read(effect.register, effect.unit) is None:
                continue
            counting = self._counting[effect.register]
            if effect.pairs is None:
                added = counting.created(effect.fields, effect.columns, len(effect.ids))
            else:
                added = counting.changed(effect.pairs)
            for key, amount in added.items():
                moved[key] += amount
        moved = {key: amount for key, amount in moved.items() if amount}
        return self.edits(tx, moved) if moved else ()

    def edits(self, tx: Connection, moved: Mapping[CellKey, int]) -> list[Edit]:
        """Return the edits that add `moved` to the cells, and those of what derives from them."""
        stored = self._stored_cells(tx, moved)
        wanted = {key: stored.get(key, 0) + amount for key, amount in moved.items()}
        if not self._catalogue.derived_reads.isdisjoint(key.measure for key in moved):
            wanted.update(self._derived(tx, wanted, stored))
        return [
            self._edit(key, amount, exists=key in stored)
            for key, amount in sorted(wanted.items())
            if stored.get(key) != amount
        ]

    def _derived(
        self, tx: Connection, wanted: Mapping[CellKey, int], stored: dict[CellKey, int]
    ) -> dict[CellKey, int]:
        reads, writes = self._catalogue.derived_reads, self._catalogue.derived_writes
        own = self._of_measures(tx, reads | writes)
        stored.update({key: n for key, n in own.items() if key.measure in writes})
        inputs = {key: n for key, n in own.items() if key.measure in reads}
        inputs.update({key: n for key, n in wanted.items() if key.measure in reads})
        derived = self._catalogue.derive({k: n for k, n in inputs.items() if n}, self._norms)
        ended = {key: 0 for key in own if key.measure in writes and key not in derived}
        return {**ended, **derived}

    def _stored_cells(self, tx: Connection, keys: Iterable[CellKey]) -> dict[CellKey, int]:
        by_id = {cell_id(key): key for key in keys}
        rows = self._cells.rows(tx, self._me.unit, list(by_id), ["id", "f_amount"])
        return {by_id[bytes(row[0])]: row[1] for row in rows}

    def _of_measures(self, tx: Connection, measures: Iterable[str]) -> dict[CellKey, int]:
        found: dict[CellKey, int] = {}
        for part in pieces(sorted(measures)):
            marks = ",".join("?" * len(part))
            rows = tx.exec_driver_sql(
                sql(
                    tx,
                    "SELECT f_measure, f_period, f_dims, f_amount FROM r_cell "  # noqa: S608
                    # Cells of a month are closings of the past; no rule reads them.
                    f"WHERE unit=? AND f_measure IN ({marks}) AND f_period = ''",
                ),
                (self._me.unit, *part),
            )
            found.update({CellKey(m, p, d): n for m, p, d, n in rows})
        return found

    def _edit(self, key: CellKey, amount: int, *, exists: bool) -> Edit:
        record = RecordKey(CELL, self._me.unit, cell_id(key))
        if exists:
            return Edit(
                key=record,
                operation=Operation.UPDATE,
                values={"amount": amount},
                audiences=self._audiences,
            )
        return Edit(
            key=record,
            operation=Operation.CREATE,
            values={"measure": key.measure, "period": key.period, "dims": key.dims,
                    "amount": amount},
            audiences=self._audiences,
        )  # fmt: skip
