"""Contributions: this office's records folded into its cells, in the record's transaction.

A record may count from a day or until a day only. The store records up to which day the cells
count; the first transaction of another day adds the records whose day has come.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import lru_cache

from sqlalchemy import Connection

from node.audiences import audiences_of
from node.domain.catalogue import CellKey
from node.domain.contribution import Day
from node.domain.disclosure import WITHHELD, published_cells, withheld_dims
from node.domain.group_key import Counting
from node.folds.context import FoldContext
from node.ids import natural_id
from node.store import meta, private_cells, uncounted
from node.store.cells import cells_of
from node.store.postings import POSTING
from sync.model.change import Edit, Operation, RecordKey, Value
from sync.model.effect import Effect
from sync.store.sql import pieces, sql

CELL = "cell"


@lru_cache(maxsize=65_536)
def cell_id(key: CellKey) -> bytes:
    """Return a cell's id: the same for the same key at every office."""
    return natural_id(CELL, *key)


class ContributionFold:
    """Updates the cells of one unit; only the unit's own office writes them (INV-14)."""

    def __init__(self, context: FoldContext) -> None:
        self._catalogue = catalogue = context.catalogue
        self._cells = context.tables[CELL]
        self._unit = context.unit
        self._norms = context.norms
        self._today = context.today
        self._plans = catalogue.disclosure_plans
        counted = {n: r for n, r in catalogue.registers.items() if r.contributions}
        self._dated = {n: r for n, r in counted.items() if r.days}
        self._fields_read = {name: each.contributing_fields for name, each in counted.items()}
        self._counting = {name: Counting(each.contributions) for name, each in counted.items()}
        self._audiences = audiences_of(
            catalogue.registers[CELL], unit=context.unit, writer=context.unit,
            level=context.level,
        )  # fmt: skip

    def fields_read(self, register: str, unit: int) -> frozenset[str] | None:
        return self._fields_read.get(register) if unit == self._unit else None

    def fold(self, tx: Connection, effects: Sequence[Effect]) -> Iterable[Edit]:
        """Return the edits of the cells that these records change."""
        moved: dict[CellKey, int] = defaultdict(int)
        mine = [e for e in effects if self.fields_read(e.register, e.unit) is not None]
        day = ""
        if any(effect.register in self._dated for effect in mine):
            day = meta.get(tx, meta.COUNTED_TO) or self._today().isoformat()
        for effect in mine:
            counting = self._counting[effect.register]
            if effect.pairs is None:
                added = counting.created(effect.fields, effect.columns, len(effect.ids), day)
            else:
                added = counting.changed(effect.pairs, day)
            _add(moved, added)
        if any(effect.register == POSTING for effect in effects):
            _add(moved, self._uncounted(tx))
        again: frozenset[str] = frozenset()
        if day:  # what these records add since then is included, like all others
            more, again = self._followed(tx, self._today().isoformat())
            _add(moved, more)
        moved = {key: amount for key, amount in moved.items() if amount}
        return self.edits(tx, moved, again) if moved or again else ()

    # -- postings that do not count ------------------------------------------------------------

    def settle_uncounted(self, tx: Connection) -> list[Edit]:
        """Return the edits that take out of the cells what does not count, and add the rest."""
        moved = {key: amount for key, amount in self._uncounted(tx).items() if amount}
        return self.edits(tx, moved) if moved else []

    def _uncounted(self, tx: Connection) -> dict[CellKey, int]:
        surplus, missing = uncounted.cells_behind(tx, self._unit)
        moved: dict[CellKey, int] = defaultdict(int)
        for ids, sign in ((surplus, -1), (missing, 1)):
            columns = list(zip(*self._postings(tx, ids), strict=True))
            fields = tuple(sorted(self._fields_read[POSTING]))
            if columns:
                added = self._counting[POSTING].created(fields, columns, len(columns[0]), "")
                _add(moved, {key: sign * amount for key, amount in added.items()})
        if surplus or missing:
            uncounted.cells_follow(tx, self._unit)
        return moved

    def _postings(self, tx: Connection, ids: Sequence[bytes]) -> Iterator[Sequence[Value]]:
        columns = ",".join(f"f_{name}" for name in sorted(self._fields_read[POSTING]))
        for part in pieces(ids):
            statement = (
                f"SELECT {columns} FROM r_posting WHERE unit=? AND (causal_length & 1) = 1 "  # noqa: S608
                f"AND id IN ({','.join('?' * len(part))})"
            )
            yield from tx.exec_driver_sql(sql(tx, statement), (self._unit, *part)).fetchall()

    # -- days that come -----------------------------------------------------------------------

    def counted_to(self, tx: Connection) -> Day:
        """Return the day up to which the cells count; today where nothing was counted yet."""
        return meta.get(tx, meta.COUNTED_TO) or self._today().isoformat()

    def pending(self, tx: Connection, before: Day, after: Day) -> dict[CellKey, int]:
        """Return what moves when the cells go from one day to another, without zeros."""
        moved: dict[CellKey, int] = defaultdict(int)
        if before != after:
            for name, register in self._dated.items():
                records = self._between(tx, name, sorted(register.days), before, after)
                _add(moved, self._counting[name].come(records, before, after))
        return {key: amount for key, amount in moved.items() if amount}

    def follow(self, tx: Connection, day: Day) -> list[Edit]:
        """Return the edits that bring the cells to a day; from then on they count up to it."""
        moved, again = self._followed(tx, day)
        return self.edits(tx, moved, again) if moved or again else []

    def _followed(self, tx: Connection, day: Day) -> tuple[dict[CellKey, int], frozenset[str]]:
        """Return what moves, and the measures to divide again: a new year moves the ages."""
        before = meta.get(tx, meta.COUNTED_TO)
        if before == day:
            return {}, frozenset()
        meta.put(tx, meta.COUNTED_TO, day)
        again = frozenset(self._plans) if before[:4] != day[:4] else frozenset[str]()
        return (self.pending(tx, before, day) if before else {}), again

    def _between(
        self, tx: Connection, register: str, days: Sequence[str], before: Day, after: Day
    ) -> Iterator[Mapping[str, Value]]:
        """Yield the own records one of whose days is between two days, the later one included."""
        names = sorted(self._fields_read[register])
        near = " OR ".join("(f_{0} > ? AND f_{0} <= ?)".format(name) for name in days)  # noqa: UP032
        rows = tx.exec_driver_sql(
            sql(
                tx,
                f"SELECT {','.join(f'f_{n}' for n in names)} FROM r_{register} "  # noqa: S608
                f"WHERE unit=? AND (causal_length & 1) = 1 AND ({near})",
            ),
            (self._unit, *((min(before, after), max(before, after)) * len(days))),
        )
        for row in rows:
            yield dict(zip(names, row, strict=True))

    # -- cells --------------------------------------------------------------------------------

    def edits(
        self, tx: Connection, moved: Mapping[CellKey, int], again: Collection[str] = ()
    ) -> list[Edit]:
        """Return the edits that add `moved` to the cells, and those of what derives from them.

        Counts of persons are added to the private cells; the edits write what is published of
        them, and of the measures `again`.
        """
        private = {key: amount for key, amount in moved.items() if key.measure in self._plans}
        private_cells.add(tx, private)
        open_ = {key: amount for key, amount in moved.items() if key.measure not in self._plans}
        stored = self._stored_cells(tx, open_)
        wanted = {key: stored.get(key, 0) + amount for key, amount in open_.items()}
        if not self._catalogue.derived_reads.isdisjoint(key.measure for key in moved):
            wanted.update(self._derived(tx, wanted, stored))
        divided = self._with_same_records({*again, *(key.measure for key in private)})
        if divided:
            before = self._published(tx, divided)
            stored.update(before)
            wanted.update({**dict.fromkeys(before, 0), **self.publishable(tx, divided)})
        return [
            self._edit(key, amount, exists=key in stored)
            for key, amount in sorted(wanted.items())
            if stored.get(key) != amount
        ]

    # -- counts of persons ---------------------------------------------------------------------

    def publishable(self, tx: Connection, measures: Iterable[str]) -> dict[CellKey, int]:
        """Return the cells that may leave the office, made of the private ones as they are now."""
        plans = [self._plans[name] for name in sorted(measures)]
        current = self._current(tx, {name for p in plans for name in (p.measure, p.whole) if name})
        return published_cells(plans, current, date.fromisoformat(self.counted_to(tx)))

    def _with_same_records(self, measures: Collection[str]) -> set[str]:
        """Return measures, and those whose division depends on them."""
        return {*measures, *(p.measure for p in self._plans.values() if p.whole in measures)}

    def _current(self, tx: Connection, measures: Collection[str]) -> dict[CellKey, int]:
        """Return private cells without those of closed months."""
        return {
            key: amount
            for key, amount in private_cells.cells(tx, measures)
            if not self._is_closing(key)
        }

    def _published(self, tx: Connection, measures: Collection[str]) -> dict[CellKey, int]:
        """Return the stored cells of these measures, and which of them are withheld."""
        withheld = {CellKey(WITHHELD, "", withheld_dims(name)) for name in measures}
        own = dict(cells_of(tx, (self._unit,), {*measures, WITHHELD}))
        return {
            key: amount
            for key, amount in own.items()
            if key in withheld or (key.measure in measures and not self._is_closing(key))
        }

    def _is_closing(self, key: CellKey) -> bool:
        return bool(key.period) and self._catalogue.measures[key.measure].period == "stock"

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
        rows = self._cells.rows(tx, self._unit, list(by_id), ["id", "f_amount"])
        return {by_id[bytes(row[0])]: row[1] for row in rows}

    def _of_measures(self, tx: Connection, measures: frozenset[str]) -> dict[CellKey, int]:
        """Return own cells; of a month there are closings of the past only, which no rule reads."""
        private = self._plans.keys() & measures
        found = [
            *private_cells.cells(tx, private),
            *cells_of(tx, (self._unit,), measures - private),
        ]
        return {key: amount for key, amount in found if not key.period}

    def _edit(self, key: CellKey, amount: int, *, exists: bool) -> Edit:
        record = RecordKey(CELL, self._unit, cell_id(key))
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


def _add(moved: dict[CellKey, int], more: Mapping[CellKey, int]) -> None:
    for key, amount in more.items():
        moved[key] += amount
