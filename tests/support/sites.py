"""Stores of a small tree for the store's contract: real engines, a made-up schema, no product.

The city (1) has a district (2) of two streets: 3 with communities 4 and 5, and 6 with 7.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from sqlalchemy import URL, Connection, event, inspect, text

from node.store.engine import Store, open_store
from sync.apply import applier
from sync.apply.replica import Fold, Replica
from sync.codec import entry as codec
from sync.codec.signing import Signer
from sync.log import entries as log
from sync.log import signatures
from sync.log.append import signature_for
from sync.log.outcome import Applied, Received
from sync.merge import digest
from sync.merge.digest import state_hash
from sync.merge.record import RecordState
from sync.model.access import Identity
from sync.model.attribution import UNKNOWN, Attribution
from sync.model.change import Batch, Edit, Operation, RecordKey, StreamHead, Value
from sync.model.schema import FieldSchema, Kind, Lane, Policy, RegisterSchema, Schema
from sync.model.stream import StreamKey, key_of
from sync.model.version import COUNTER_BITS, HybridClock
from sync.store import conflicts
from sync.store import sql as store_sql
from sync.store.registers import RegisterTables
from sync.store.sql import sql
from sync.store.tables import metadata

CITY, DISTRICT, STREET, GARDEN, ORCHID, OTHER, FAR = 1, 2, 3, 4, 5, 6, 7
PARENT = {DISTRICT: CITY, STREET: DISTRICT, OTHER: DISTRICT, GARDEN: STREET, ORCHID: STREET,
          FAR: OTHER}  # fmt: skip
LEVEL = {CITY: 0, DISTRICT: 1, STREET: 2, OTHER: 2, GARDEN: 3, ORCHID: 3, FAR: 3}
START_MS = 1_700_000_000_000
PERSON = RegisterSchema(
    "person",
    Lane.BULK,
    (
        FieldSchema("name"),
        FieldSchema("rank", policy=Policy.HIGHER),
        FieldSchema("most", Kind.INT, Policy.MAX),
        FieldSchema("tags", policy=Policy.UNION),
        FieldSchema("grade", owners=(2,)),
    ),
    indexes=("name",),
)
NOTICE = RegisterSchema("notice", Lane.CONTROL, (FieldSchema("title"),))
SCHEMA = Schema.of([PERSON, NOTICE])


class Crash(Exception):
    """The process dies here."""


def chain(unit: int) -> list[int]:
    """Return a unit and its ancestors."""
    found = [unit]
    while found[-1] in PARENT:
        found.append(PARENT[found[-1]])
    return found


def signer_of(unit: int) -> Signer:
    """Return the key of a unit's office."""
    return Signer(bytes([unit]) * 32)


class TreeOf:
    """`Routes` as one office sees them."""

    def __init__(self, unit: int) -> None:
        self._unit = unit

    def hop(self, unit: int) -> int | None:
        way = chain(unit)
        if self._unit not in way[1:]:
            return None
        return way[way.index(self._unit) - 1]

    def covers(self, upper: int, lower: int) -> bool:
        return upper in chain(lower)

    def level(self, unit: int) -> int | None:
        return LEVEL.get(unit)


@dataclass(slots=True)
class Site:
    """One office: its store and its replica. `now_ms` is its clock; it stands still."""

    unit: int
    store: Store
    schema: Schema = SCHEMA
    incarnation: int = 0
    folds: Sequence[Fold] = ()
    signer: Signer = field(init=False)
    now_ms: int = START_MS
    tables: RegisterTables = field(init=False)
    replica: Replica = field(init=False)
    received_up_to: dict[tuple[int, Lane], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.incarnation = self.incarnation or 1000 + self.unit
        self.signer = signer_of(self.unit)
        self.tables = RegisterTables(self.schema)
        self.store.write(self._create)
        self.reopen()

    def reopen(self, *, by_row: bool = False) -> None:
        """Start again on the same store; `by_row`: as if nothing ever applied cleanly."""
        self.replica = Replica(
            self.tables,
            Identity(self.unit, LEVEL[self.unit], self.incarnation),
            TreeOf(self.unit),
            HybridClock(lambda: self.now_ms),
            self.signer,
            self.folds,
        )
        if by_row:
            for clean in ("_created", "_updated"):
                setattr(self.replica.merger, clean, lambda *_: None)

    def _create(self, tx: Connection) -> None:
        metadata.create_all(tx, [t for n, t in metadata.tables.items() if n in ENGINE_TABLES])
        self.tables.create(tx)
        found = tx.exec_driver_sql("SELECT count(*) FROM log_head").scalar_one()
        if not found:
            tx.exec_driver_sql("INSERT INTO log_head (id, arrival, hlc) VALUES (1, 0, 0)")
            log.register_incarnations(tx, [(self.incarnation, self.unit, LEVEL[self.unit])])
            signatures.own_key(tx, self.incarnation, self.signer)

    # -- writing -----------------------------------------------------------------------------

    def position(self, number: int) -> int:
        """Return the position of the nth entry, of a log whose clock has never moved."""
        return (self.now_ms << COUNTER_BITS >> log.POSITION_SHIFT) + number - 1

    def commit(self, *edits: Edit, by: Attribution = UNKNOWN) -> Applied:
        return self.store.write(lambda tx: applier.apply_local(self.replica, tx, edits, by))

    def audiences(self, unit: int, register: str = "person") -> tuple[str, ...]:
        if register == "notice":
            return ("down:all",)
        up = () if self.unit == CITY else ("up:city",)
        return up if unit == self.unit else (*up, f"down:{unit}")

    def create(self, number: int, unit: int | None = None, **values: Value) -> Edit:
        where = unit or self.unit
        return Edit(
            key=key(number, where), operation=Operation.CREATE, values=values,
            audiences=self.audiences(where),
        )  # fmt: skip

    def update(
        self, number: int, unit: int | None = None, resolves: Mapping[str, Sequence[bytes]] = {},
        **values: Value,
    ) -> Edit:  # fmt: skip
        where = unit or self.unit
        return Edit(
            key=key(number, where), operation=Operation.UPDATE, values=values,
            audiences=self.audiences(where), resolves=resolves,
        )  # fmt: skip

    def delete(self, number: int) -> Edit:
        return Edit(
            key=key(number, self.unit), operation=Operation.DELETE,
            audiences=self.audiences(self.unit),
        )  # fmt: skip

    # -- the line ----------------------------------------------------------------------------

    def batch_up(self, lane: Lane = Lane.BULK, after: int = 0, **limits: int) -> Batch:
        with self.store.read() as tx:
            return log.read_up(
                tx, lane=lane, incarnation=self.incarnation, after=after,
                **limits,
            )  # fmt: skip

    def batch_down(self, child: int, lane: Lane = Lane.BULK, after: int = 0) -> Batch:
        with self.store.read() as tx:
            return log.read_down(
                tx, child=child, lane=lane, incarnation=self.incarnation, after=after,
            )  # fmt: skip

    def take(self, batch: Batch, peer: int) -> Received:
        upward = PARENT.get(peer) == self.unit
        return self.store.write(
            lambda tx: applier.apply_batch(self.replica, tx, batch, peer=peer, upward=upward)
        )

    def send(self, other: Site) -> None:
        """Send everything that waits for a parent or a child."""
        for lane in Lane:
            after = other.received_up_to.get((self.unit, lane), 0)
            if PARENT.get(self.unit) == other.unit:
                batch = self.batch_up(lane, after)
            else:
                batch = self.batch_down(other.unit, lane, after)
            if batch.entries:
                other.received_up_to[self.unit, lane] = other.take(batch, self.unit).position

    # -- looking -----------------------------------------------------------------------------

    def dump(self, *tables: str) -> dict[str, list[tuple[object, ...]]]:
        """Return every row of the tables, or of all tables, in order."""
        with self.store.read() as tx:
            names = tables or sorted(inspect(tx).get_table_names())
            return {n: sorted(rows(tx, n), key=repr) for n in names}

    def records(self) -> dict[str, list[tuple[object, ...]]]:
        """Return what offices that received the same must have alike, byte by byte."""
        found = self.dump(*(t.table.name for t in self.tables))
        with self.store.read() as tx:
            found["digest"] = sorted(r for r in rows(tx, "digest") if r[3] or r[4])
            found["open"] = sorted(
                tuple(map(plain, r))
                for r in tx.execute(
                    text("SELECT id, value, deleted FROM conflict WHERE state='open'")
                )
            )
        return found

    def quarantined(self) -> list[tuple[str, str]]:
        """Return (reason, state) of every quarantined change."""
        with self.store.read() as tx:
            return sorted(
                tuple(r) for r in tx.execute(text("SELECT reason, state FROM quarantine"))
            )

    def states(self, register: str = "person") -> dict[tuple[int, bytes], RecordState]:
        table = self.tables[register]
        with self.store.read() as tx:
            levels = log.levels(tx)
            levels[self.incarnation] = LEVEL[self.unit]
            found: dict[tuple[int, bytes], RecordState] = {}
            for unit, record in tx.exec_driver_sql(f"SELECT unit, id FROM {table.table.name}"):
                losers = conflicts.losers(tx, register, unit, [bytes(record)])
                state = table.states(tx, unit, [bytes(record)], levels, losers)
                found[unit, bytes(record)] = state[bytes(record)]
        return found

    def value(self, number: int, name: str, unit: int | None = None) -> Value:
        with self.store.read() as tx:
            row = tx.exec_driver_sql(
                sql(
                    tx,
                    f"SELECT f_{name} FROM r_person "
                    "WHERE unit=? AND id=? AND causal_length % 2 = 1",
                ),
                (unit or self.unit, record_id(number)),
            ).one_or_none()
        return row[0] if row else None

    def digests(self) -> dict[tuple[str, int, int], tuple[int, int]]:
        with self.store.read() as tx:
            found = {tuple(r[:3]): (r[3], r[4]) for r in rows(tx, "digest")}
        return {k: v for k, v in found.items() if v != (0, 0)}  # type: ignore[misc]

    def recomputed_digests(self) -> dict[tuple[str, int, int], tuple[int, int]]:
        sums: dict[tuple[str, int, int], tuple[int, int]] = {}
        for register in self.schema.registers:
            for (unit, record), state in self.states(register).items():
                bucket = (register, unit, digest.bucket_of(record))
                count, total = sums.get(bucket, (0, 0))
                sums[bucket] = (count + 1, (total + state_hash(record, state)) % digest.PRIME)
        return sums

    @contextmanager
    def crash_before(self, statement: int) -> Iterator[None]:
        """Die just before the writer's statement of that number (1 is the first)."""
        left = [statement]

        def count(*_args: object) -> None:
            left[0] -= 1
            if left[0] == 0:
                raise Crash

        # Statements go through SQLAlchemy or, the engine's own, straight to the driver.
        plain_sql = store_sql.sql

        def counted(tx: Connection, statement: str) -> str:
            count()
            return plain_sql(tx, statement)

        engine = self.store._writer
        event.listen(engine, "before_cursor_execute", count)
        store_sql.sql = counted
        try:
            yield
        finally:
            event.remove(engine, "before_cursor_execute", count)
            store_sql.sql = plain_sql


ENGINE_TABLES = frozenset({
    "log_head", "entry", "stream", "stream_base", "receipt", "meta", "peer", "incarnation",
    "cursor", "durable", "conflict", "digest", "quarantine", "repair", "truncation", "local_entry",
    "shown_entry", "certified_key",
})  # fmt: skip


def key(number: int, unit: int, register: str = "person") -> RecordKey:
    return RecordKey(register, unit, record_id(number))


def record_id(number: int) -> bytes:
    return number.to_bytes(16, "big")


def heads_of_incarnation(tx: Connection, writer: int) -> dict[StreamKey, StreamHead]:
    return {k: head for _, k, head in log.heads_by_unit(tx, "") if k.incarnation == writer}


def rows(tx: Connection, table: str) -> list[tuple[object, ...]]:
    return [tuple(map(plain, r)) for r in tx.exec_driver_sql(f"SELECT * FROM {table}")]


def plain(value: object) -> object:
    return bytes(value) if isinstance(value, memoryview | bytearray) else value


def signed(batch: Batch) -> Batch:
    """Return a batch as its writers would have signed it."""
    entries = [codec.entry_from_wire(wire) for wire in batch.entries]
    newest = {key_of(entry): entry for entry in entries}
    signatures = tuple(signature_for(each, signer_of(each.unit)) for each in newest.values())
    return replace(batch, signatures=signatures)


def site_at(unit: int, url: URL | str, **options: object) -> Site:
    """Open an office's site on a database of its own; a SQLite file that is missing is made."""
    fresh = isinstance(url, URL) and not Path(str(url.database)).exists()
    return Site(unit, open_store(url, create=fresh, synchronous="OFF"), **options)  # type: ignore[arg-type]
