"""Verify records: read every copy; check the digests and a conflict row for every losing value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import Connection

from sync.log import entries as log
from sync.merge import digest
from sync.merge.digest import state_hash
from sync.merge.record import RecordState, conflicts_of
from sync.model.limits import DIGEST_BUCKETS
from sync.store import conflicts
from sync.store.registers import RegisterTable
from sync.store.sql import pieces, sql

if TYPE_CHECKING:
    from node.office import Office

ROWS = 5_000
_STREAMED = {"stream_results": True, "yield_per": ROWS}

BucketSum = tuple[int, int]  # how many copies, and the sum of their hashes


class Findings(Protocol):
    """Records what was compared and what differed."""

    def compared(self, check: str, count: int = 1) -> None: ...

    def differs(self, check: str, where: str, kept: object, recomputed: object) -> None: ...


def digests_and_conflicts(office: Office, tx: Connection, found: Findings) -> None:
    """Compare every register's digests with its copies, and its losers with the conflict rows."""
    levels = log.levels(tx)
    for table in office.tables:
        kept = _kept(tx, table.schema.name)
        for unit, prints in _Copies(tx, table, levels, found).by_unit():
            _compare(found, f"{table.schema.name} #{unit}", kept.pop(unit, {}), prints)
        for unit, prints in kept.items():
            _compare(found, f"{table.schema.name} #{unit}", prints, {})


class _Copies:
    """The copies of one register, read once in the order of their key."""

    def __init__(
        self, tx: Connection, table: RegisterTable, levels: Mapping[int, int], found: Findings
    ) -> None:
        self._tx, self._table, self._levels, self._found = tx, table, levels, found
        self._factors: dict[tuple[Any, ...], int] = {}
        self._with_losers = self._heads()

    def by_unit(self) -> Iterable[tuple[int, dict[int, BucketSum]]]:
        """Yield each unit with the sum of each of its buckets."""
        names = self._table.schema.names
        statement = (
            f"SELECT unit, id, survived_delete, created, causal_length, causal_length_version, "  # noqa: S608
            f"{','.join(f'v_{n}' for n in names)} FROM {self._table.table.name} ORDER BY unit"
        )
        rows = self._tx.exec_driver_sql(statement, execution_options=_STREAMED)
        current: int | None = None
        counts, sums = [0] * DIGEST_BUCKETS, [0] * DIGEST_BUCKETS
        contested: list[bytes] = []
        losers: set[bytes] = set()
        for unit, raw, unseen, *stamps in rows:
            if unit != current:
                if current is not None:
                    yield current, self._joined(current, counts, sums, contested)
                counts, sums, contested = [0] * DIGEST_BUCKETS, [0] * DIGEST_BUCKETS, []
                current, losers = unit, self._with_losers.pop(unit, set())
            record = bytes(raw)
            bucket = digest.bucket_of(record)
            counts[bucket] += 1
            if unseen is not None or record in losers:
                contested.append(record)
                losers.discard(record)
                continue
            key = tuple(stamps)
            factor = self._factors.get(key)
            if factor is None:
                factor = self._factor(key)
            sums[bucket] += factor * digest.id_factor(record)
        if current is not None:
            yield current, self._joined(current, counts, sums, contested)

    def _factor(self, stamps: tuple[Any, ...]) -> int:
        """Return the hash, per unit of its id factor, of a copy without losers."""
        born, life, ended, *versions = stamps
        first = bytes(born)
        of = [first if v is None else bytes(v) for v in (ended, *versions)]
        names = (digest.causal_length_field(life), *self._table.schema.names)
        total = sum(
            digest.field_factor(name) * digest.version_factor(version)
            for name, version in zip(names, of, strict=True)
        )
        if len(self._factors) >= ROWS:  # an import has one stamp; edits each have their own
            self._factors.clear()
        self._factors[stamps] = total % digest.PRIME
        return self._factors[stamps]

    def _joined(
        self, unit: int, counts: list[int], sums: list[int], contested: list[bytes]
    ) -> dict[int, BucketSum]:
        for part in pieces(contested):
            losers = conflicts.losers(self._tx, self._table.schema.name, unit, part)
            states = self._table.states(self._tx, unit, part, self._levels, losers)
            for record, state in states.items():
                sums[digest.bucket_of(record)] += state_hash(record, state)
                self._conflicts(unit, record, state)
        return {
            bucket: (count, total % digest.PRIME)
            for bucket, (count, total) in enumerate(zip(counts, sums, strict=True))
            if count
        }

    def _conflicts(self, unit: int, record: bytes, state: RecordState) -> None:
        """Every losing value is in the conflict table, open, with its value (INV-15)."""
        name = self._table.schema.name
        query = sql(self._tx, "SELECT state, value FROM conflict WHERE id=?")
        for (field, version), lost in conflicts_of(state, self._table.schema.by_name).items():
            self._found.compared("conflicts")
            conflict_id = conflicts.conflict_id(name, unit, record, field, version)
            row = self._tx.exec_driver_sql(query, (conflict_id,)).one_or_none()
            where = f"{name} #{unit} {record.hex()} {field}"
            if row is None or row[0] != "open":
                self._found.differs("conflicts", where, row[0] if row else "none", "open")
            elif row[1] != conflicts.value_to_json(lost.loser.value):
                self._found.differs("conflicts", where, "another value", "the value that lost")

    def _heads(self) -> dict[int, set[bytes]]:
        """Return unit -> records that have values in the conflict table."""
        found: dict[int, set[bytes]] = {}
        statement = "SELECT DISTINCT unit, record FROM conflict WHERE register=? AND head=1"
        rows = self._tx.exec_driver_sql(sql(self._tx, statement), (self._table.schema.name,))
        for unit, record in rows:
            found.setdefault(unit, set()).add(bytes(record))
        return found


def _kept(tx: Connection, register: str) -> dict[int, dict[int, BucketSum]]:
    statement = "SELECT unit, bucket, count, sum FROM digest WHERE register=?"
    found: dict[int, dict[int, BucketSum]] = {}
    for unit, bucket, count, total in tx.exec_driver_sql(sql(tx, statement), (register,)):
        if count or total:
            found.setdefault(unit, {})[bucket] = (count, total)
    return found


def _compare(
    found: Findings, where: str, kept: Mapping[int, BucketSum], recomputed: Mapping[int, BucketSum]
) -> None:
    buckets = sorted(kept.keys() | recomputed.keys())
    found.compared("digests", len(buckets))
    for bucket in buckets:
        mine, theirs = kept.get(bucket, (0, 0)), recomputed.get(bucket, (0, 0))
        if mine != theirs:
            found.differs("digests", f"{where} bucket {bucket}", mine, theirs)
