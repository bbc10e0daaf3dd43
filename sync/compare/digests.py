"""Digests read from a store: the kept sums, and the records that they are made of."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from sync.compare.drilldown import NO_RECORDS, Sum
from sync.log import entries as log
from sync.merge import digest
from sync.merge.digest import state_hash
from sync.model.limits import DIGEST_BUCKETS
from sync.model.report import BucketKey, UnitKey
from sync.model.schema import Lane, Shared
from sync.model.version import Version
from sync.store import conflicts
from sync.store.registers import RegisterTable
from sync.store.sql import execute, execute_many, pieces

# Sums are below 2^61, so 64 of them do not fit: they are added in two halves.
_HALVES = "sum(d.count), sum(d.sum >> 31), sum(d.sum & 2147483647)"


@dataclass(frozen=True, slots=True)
class SyncPoint:
    """The point at which digests are compared: positions of both logs, by lane."""

    sent: Mapping[Lane, int]  # the child's log: this much is in both copies
    acked: Mapping[Lane, int]  # the parent's log, likewise


@dataclass(slots=True)
class BucketScan:
    """One bucket computed from its records. `kept`: what the digest has for it."""

    kept: Sum = NO_RECORDS
    counted: Sum = NO_RECORDS
    checksums: dict[bytes, int] = field(default_factory=dict)

    @property
    def consistent(self) -> bool:
        return self.kept == self.counted


def sync_point(
    tx: Connection, parent: int, incarnation: int, acked_by_parent: Mapping[Lane, int]
) -> SyncPoint | None:
    """Return a child's point; None while something of its log is not with the parent."""
    for lane in Lane:
        if log.waiting_up(tx, lane=lane, after=acked_by_parent.get(lane, 0))[0]:
            return None
    acked: dict[Lane, int] = {}
    for lane in Lane:
        log_incarnation, position = log.cursor_of(tx, parent, "in", lane)
        acked[lane] = position if log_incarnation == incarnation else 0
    return SyncPoint({lane: acked_by_parent.get(lane, 0) for lane in Lane}, acked)


def is_at(tx: Connection, child: int, incarnation: int, point: SyncPoint) -> bool:
    """Return whether a parent's store is at the point that its child names."""
    for lane in Lane:
        log_incarnation, position = log.cursor_of(tx, child, "in", lane)
        if (position if log_incarnation == incarnation else 0) != point.sent.get(lane, 0):
            return False
        after = point.acked.get(lane, 0)
        if log.waiting_down(tx, child=child, lane=lane, after=after)[0]:
            return False
    return True


def unit_sums(tx: Connection, shared: Shared) -> dict[UnitKey, Sum]:
    """Return the kept sums of whole units; no record is read."""
    found: dict[UnitKey, Sum] = {}
    for register, units in shared.items():
        for part in pieces(units):
            marks = ",".join("?" * len(part))
            rows = execute(
                tx,
                f"SELECT d.unit, {_HALVES} FROM digest d WHERE d.register=? "
                f"AND d.unit IN ({marks}) GROUP BY d.unit",
                (register, *part),
            )
            for unit, count, high, low in rows:
                one = Sum(int(count), ((int(high) << 31) + int(low)) % digest.PRIME)
                if one != NO_RECORDS:
                    found[UnitKey(register, unit)] = one
    return found


def bucket_sums(tx: Connection, units: Iterable[UnitKey]) -> dict[BucketKey, Sum]:
    """Return the kept sums of these units' buckets; no record is read."""
    found: dict[BucketKey, Sum] = {}
    for register, unit in units:
        rows = execute(
            tx, "SELECT bucket, count, sum FROM digest WHERE register=? AND unit=?",
            (register, unit),
        )  # fmt: skip
        for bucket, count, total in rows:
            if count or total:
                found[BucketKey(register, unit, bucket)] = Sum(count, total)
    return found


def count(
    tx: Connection, table: RegisterTable, unit: int, buckets: Sequence[int]
) -> dict[int, BucketScan]:
    """Read these buckets' records: what their sums should be, and a checksum of each record."""
    found = {bucket: BucketScan() for bucket in buckets}
    register = table.schema.name
    for key, kept in bucket_sums(tx, [UnitKey(register, unit)]).items():
        if key.bucket in found:
            found[key.bucket].kept = kept
    heads = _heads(tx, register, unit)
    where, marks = _in_buckets(tx, buckets)
    rows = execute(
        tx, f"SELECT {','.join(table.columns)} FROM {table.table.name} WHERE unit=?{where}",
        (unit, *marks),
    )  # fmt: skip
    sums = dict.fromkeys(buckets, 0)
    for row in rows:
        record = bytes(row[0])
        bucket = digest.bucket_of(record)
        one = found[bucket]
        hash_, one.checksums[record] = _hashes(table, record, row, heads.get(record, ()))
        sums[bucket] += hash_
    for bucket, one in found.items():
        one.counted = Sum(len(one.checksums), sums[bucket] % digest.PRIME)
    return found


def checksums(
    tx: Connection, table: RegisterTable, unit: int, ids: Sequence[bytes]
) -> dict[bytes, int]:
    """Return the checksums of those of the records that exist."""
    heads = _heads(tx, table.schema.name, unit)
    found: dict[bytes, int] = {}
    for row in table.rows(tx, unit, ids, table.columns):
        record = bytes(row[0])
        found[record] = _hashes(table, record, row, heads.get(record, ()))[1]
    return found


def fix_digest(
    tx: Connection, table: RegisterTable, unit: int, buckets: Sequence[int]
) -> list[int]:
    """Set kept sums that are not those of the records; return the buckets that were wrong.

    The caller holds the store's lock, so that the counted sums are the stored ones.
    """
    wrong = [(n, one) for n, one in count(tx, table, unit, buckets).items() if not one.consistent]
    if wrong:
        execute_many(
            tx,
            "INSERT INTO digest (register, unit, bucket, count, sum) VALUES (?,?,?,?,?) "
            "ON CONFLICT (register, unit, bucket) DO UPDATE SET count=excluded.count, "
            "sum=excluded.sum",
            [(table.schema.name, unit, n, *one.counted) for n, one in wrong],
        )
    return [n for n, _ in wrong]


def _heads(tx: Connection, register: str, unit: int) -> dict[bytes, list[tuple[str, bytes, str]]]:
    """Return record -> (field, version, value as JSON) of the heads stored apart from the rows."""
    found: dict[bytes, list[tuple[str, bytes, str]]] = {}
    rows = execute(
        tx,
        "SELECT record, field, version, value FROM conflict WHERE register=? AND unit=? AND head=1",
        (register, unit),
    )
    for record, name, version, value in rows:
        found.setdefault(bytes(record), []).append((name, bytes(version), value))
    return found


def _hashes(
    table: RegisterTable,
    record: bytes,
    row: Sequence[object],
    heads: Sequence[tuple[str, bytes, str]],
) -> tuple[int, int]:
    """Return a record's hash and its checksum, from a row of `columns` and its separate heads."""
    names = table.schema.names
    created: Version = bytes(row[1])  # type: ignore[call-overload]
    causal_length: int = row[2]  # type: ignore[assignment]
    values = row[5 : 5 + len(names)]
    versions = [created if v is None else bytes(v) for v in row[5 + len(names) :]]  # type: ignore[call-overload]
    ended = created if row[3] is None else bytes(row[3])  # type: ignore[call-overload]
    shown = dict(zip(names, versions, strict=True))
    hash_ = digest.record_hash(
        record, causal_length, ended, shown.items(),
        [(name, version) for name, version, _ in heads if shown.get(name, version) != version],
    )  # fmt: skip
    checksum = digest.checksum_of(
        record,
        (created, causal_length, ended, str(row[4] or "")),
        zip(names, versions, values, strict=True),  # type: ignore[arg-type]
        [(name, version, json.loads(value)) for name, version, value in heads],
    )
    return hash_, checksum


def _in_buckets(tx: Connection, buckets: Sequence[int]) -> tuple[str, list[object]]:
    """Return the condition that selects these buckets' records, so that no other one is fetched."""
    if len(buckets) == DIGEST_BUCKETS:
        return "", []
    if tx.dialect.name == "sqlite":
        bytes_ = [bytes([b]) for b in range(256) if b % DIGEST_BUCKETS in set(buckets)]
        return f" AND substr(id,16,1) IN ({','.join('?' * len(bytes_))})", list(bytes_)
    marks = ",".join("?" * len(buckets))
    return f" AND get_byte(id,15) % {DIGEST_BUCKETS} IN ({marks})", list(buckets)


ROWS = 5_000


def rebuild(tx: Connection, table: RegisterTable) -> None:
    """Compute the digests of one register again: a field new to it counts in every record."""
    name = table.schema.name
    levels = log.levels(tx)
    sums: dict[tuple[int, int], list[int]] = defaultdict(lambda: [0, 0])
    units = [r[0] for r in execute(tx, f"SELECT DISTINCT unit FROM {table.table.name}").fetchall()]
    for unit in units:
        after = b""
        while True:
            rows = execute(
                tx,
                f"SELECT {','.join(table.columns)} FROM {table.table.name} "
                f"WHERE unit=? AND id>? ORDER BY id LIMIT {ROWS}",
                (unit, after),
            ).fetchall()
            if not rows:
                break
            losers = conflicts.losers(tx, name, unit, [bytes(r[0]) for r in rows])
            for row in rows:
                record = bytes(row[0])
                state = table.state_of(row, levels, losers.get(record, {}))
                one = sums[unit, digest.bucket_of(record)]
                one[0] += 1
                one[1] = (one[1] + state_hash(record, state)) % digest.PRIME
            after = bytes(rows[-1][0])
    execute(tx, "DELETE FROM digest WHERE register=?", (name,))
    if sums:
        execute_many(
            tx,
            "INSERT INTO digest (register, unit, bucket, count, sum) VALUES (?,?,?,?,?)",
            [(name, unit, bucket, n, total) for (unit, bucket), (n, total) in sums.items()],
        )
