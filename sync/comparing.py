"""The child's side of a comparison: each step's request from its store, each answer taken."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby

from sqlalchemy import Connection

from sync import block_codec, fingerprints, log, repair_notes, repairing
from sync.change import ID_BYTES
from sync.copy_codec import (
    copy_from_wire,
    copy_to_wire,
    name_from_wire,
    told_from_wire,
)
from sync.digest import bucket_of, schema_print
from sync.fingerprints import AsOf, Counted, Shared
from sync.host import Host
from sync.limits import DIGEST_BUCKETS
from sync.narrowing import (
    NOTHING,
    Ask,
    BucketKey,
    Comparison,
    Narrowing,
    RecordName,
    Sum,
    UnitKey,
    Wish,
    parts_of,
    rows_apart,
    width_of,
)
from sync.outcome import Received
from sync.repairing import Answer, Copies, Hints
from sync.schema import Lane
from sync.testimony import told_of
from sync.wire.v1 import link_pb2 as pb
from sync.wire_errors import Malformed

TRIES_MAX = 5  # in a row without being at the same point: then it is given up for now


class Comparing:
    """One comparison with a parent, step by step. It begins with the first `request`."""

    def __init__(
        self, host: Host, parent_unit: int, parent_incarnation: int, session: int, wish: Wish
    ) -> None:
        self._host = host
        self._parent = parent_unit
        self._incarnation = parent_incarnation
        self._session = session
        self._narrowing = Narrowing(read=wish.read, repair=wish.repair)
        self._shared: Shared = {}
        self._asked: Ask | None = None
        self._sums: dict[BucketKey, Sum] = {}  # of the buckets asked about
        self._counted: dict[BucketKey, Counted] = {}  # of the parts asked about
        self._hints = Hints()
        self._sent: Copies = {}  # of the copies asked about
        self._reasons: dict[RecordName, str] = {}
        self._held_there: Mapping[Lane, int] = {}
        self._held: list[UnitKey] = []
        self._tries = 0
        self._units = 0
        self._left_out: tuple[str, ...] = ()
        self._mended_here: list[BucketKey] = []
        self._mended_there: list[BucketKey] = []

    def request(self, held_there: Mapping[Lane, int]) -> pb.DigestRequest:
        """Return the next step. Without one when our side is not ready: then nothing is compared,
        and the parent says what waits."""
        host = self._host
        self._held_there = held_there
        self._asked = self._narrowing.ask()
        assert self._asked is not None, "a comparison that has ended is asked on"
        message = pb.DigestRequest(session=self._session, unit=host.applier.identity.unit)
        with host.store.read() as tx:
            point = fingerprints.as_of(tx, self._parent, self._incarnation, held_there)
            if point is None:
                return message
            self._name(message, point)
            match self._asked.level:
                case "units":
                    message.units.CopyFrom(self._sum_units(tx))
                case "buckets":
                    message.buckets.CopyFrom(self._sum_buckets(tx, self._asked.units))
                case "parts":
                    message.parts.CopyFrom(self._count_parts(tx, self._asked.buckets))
                case "rows":
                    message.copies.CopyFrom(self._copies(tx, self._asked.rows))
        return message

    def take(self, reply: pb.DigestResponse) -> bool:
        """Take the answer; say whether there is more to ask. Raises: Malformed."""
        if not reply.comparable:
            return self._not_now()
        assert self._asked is not None
        match self._asked.level:
            case "units":
                self._told_units(reply)
            case "buckets":
                self._told_buckets(reply)
            case "parts":
                self._told_rows(reply)
            case "rows":
                if not self._told_copies(reply):
                    return self._not_now()
        self._tries = 0
        if self._narrowing.ask() is not None:
            return True
        self._end()
        return False

    def _not_now(self) -> bool:
        self._tries += 1
        if self._tries < TRIES_MAX:
            return True
        self._end(comparable=False)
        return False

    # -- our side ----------------------------------------------------------------------------

    def _name(self, message: pb.DigestRequest, point: AsOf) -> None:
        mine = self._host.applier.identity.incarnation
        message.sent.extend(_cursors(mine, point.sent))
        message.taken.extend(_cursors(self._incarnation, point.taken))

    def _sum_units(self, tx: Connection) -> pb.DigestUnits:
        me = self._host.applier.identity.unit
        self._shared = self._host.shared(me)
        sums = fingerprints.unit_sums(tx, self._shared)
        self._held = list(sums)
        self._units = len(sums)
        message = pb.DigestUnits()
        schema = self._host.applier.tables.schema
        for register in sorted(self._shared):
            one = message.registers.add(
                register=register, schema=schema_print(schema.registers[register])
            )
            for key, total in sums.items():
                if key.register == register:
                    one.units.append(key.unit)
                    one.counts.append(total.records)
                    one.sums.append(total.prints)
        return message

    def _sum_buckets(self, tx: Connection, units: Iterable[UnitKey]) -> pb.DigestBuckets:
        self._sums = fingerprints.bucket_sums(tx, units)
        message = pb.DigestBuckets()
        for key in units:
            one = message.units.add(register=key.register, unit=key.unit)
            for bucket, total in sorted(self._sums.items()):
                if bucket.of == key:
                    one.buckets.append(bucket.bucket)
                    one.counts.append(total.records)
                    one.sums.append(total.prints)
        return message

    def _count_parts(self, tx: Connection, buckets: Iterable[BucketKey]) -> pb.DigestParts:
        self._counted = {}
        message = pb.DigestParts()
        for key, some in groupby(sorted(buckets), key=lambda b: b.of):
            numbers = [b.bucket for b in some]
            table = self._host.applier.tables[key.register]
            for n, one in fingerprints.count(tx, table, key.unit, numbers).items():
                self._counted[BucketKey(key.register, key.unit, n)] = one
                self._hints.note(BucketKey(key.register, key.unit, n), one)
                message.buckets.add(
                    register=key.register, unit=key.unit, bucket=n,
                    sums=parts_of(one.checks, width_of(len(one.checks))),
                )  # fmt: skip
        return message

    def _copies(self, tx: Connection, names: Iterable[RecordName]) -> pb.DigestCopies:
        holed = repairing.held_up(tx, names)
        self._reasons = dict.fromkeys(holed, "hole")
        asked = [name for name in names if name not in holed]
        self._sent = repairing.copies(self._host.applier, tx, asked)
        told = told_of(tx, self._sent)
        return pb.DigestCopies(
            copies=[copy_to_wire(n, copy, told.get(n)) for n, copy in self._sent.items()]
        )

    def _mend(self, rotten: set[BucketKey]) -> None:
        """Put our own sums right where the records are the parent's and the sum is not theirs."""
        wrong = [k for k, one in self._counted.items() if not one.sound and k not in rotten]
        if not wrong:
            return
        host = self._host

        def work(tx: Connection) -> list[BucketKey]:
            log.lock(tx)
            mended = [
                key
                for key in wrong
                if fingerprints.mend(tx, host.applier.tables[key.register], key.unit, [key.bucket])
            ]
            repair_notes.write_sums(tx, mended, peer=self._parent, now_ms=host.applier.now_ms)
            return mended

        self._mended_here += host.store.write(work)

    # -- the parent's answers ----------------------------------------------------------------

    def _told_units(self, reply: pb.DigestResponse) -> None:
        self._left_out = tuple(sorted(reply.other_catalogue))
        differing = [
            UnitKey(one.register, unit)
            for one in reply.units
            for unit in one.units
            if unit in self._shared.get(one.register, ())
        ]
        held = [key for key in self._held if key.register not in self._left_out]
        self._units = len({*held, *differing})
        self._narrowing.told_units(differing, held)

    def _told_buckets(self, reply: pb.DigestResponse) -> None:
        assert self._asked is not None
        counts = {
            BucketKey(*key, n): self._sums.get(BucketKey(*key, n), NOTHING).records
            for key in self._asked.units
            for n in self._narrowing.read
        }
        for one in reply.buckets:
            if UnitKey(one.register, one.unit) not in self._asked.units:
                raise Malformed("buckets of a unit that was not asked about")
            for n, there in zip(one.buckets, one.counts, strict=True):
                if n >= DIGEST_BUCKETS:
                    raise Malformed(f"bucket {n}")
                key = BucketKey(one.register, one.unit, n)
                counts[key] = max(there, self._sums.get(key, NOTHING).records)
        self._narrowing.told_buckets(counts)

    def _told_rows(self, reply: pb.DigestResponse) -> None:
        found: list[RecordName] = []
        again: list[BucketKey] = []
        doubtful: set[BucketKey] = set()
        for one in reply.rows:
            key = BucketKey(one.register, one.unit, one.bucket)
            counted = self._counted.get(key)
            ids = block_codec.split(one.ids, ID_BYTES)
            if counted is None or len(ids) != len(one.checks):
                raise Malformed("rows of a bucket that was not asked about")
            theirs = dict(zip(ids, one.checks, strict=True))
            width = width_of(len(counted.checks))
            found += (
                RecordName(*key.of, i) for i in rows_apart(counted.checks, theirs, width, one.parts)
            )
            if one.more:
                again.append(key)
            if one.mended:
                self._mended_there.append(key)
            if one.unsound and not one.mended:
                doubtful.add(key)
        rotten = {BucketKey(n.register, n.unit, bucket_of(n.id)) for n in found}
        doubtful |= {key for key in rotten if not self._counted[key].sound}
        self._mend(rotten)
        self._narrowing.told_rows(found, again, doubtful)

    def _told_copies(self, reply: pb.DigestResponse) -> bool:
        """Take the joined copies; False: our log has gone on meanwhile, ask again."""
        host, tables = self._host, self._host.applier.tables
        with host.store.read() as tx:
            levels = {i: level for i, (_, level) in log.writers(tx).items()}
        answers: dict[RecordName, Answer] = {}
        for message in reply.copies:
            name = name_from_wire(message)
            if name not in self._sent:
                raise Malformed("a copy that was not asked for")
            copy = None if message.reason else copy_from_wire(message, tables, levels)
            answers[name] = Answer(
                copy, message.reason[:40], message.changed, message.check,
                told_from_wire(message, tables),
            )  # fmt: skip

        def work(tx: Connection) -> tuple[dict[RecordName, str], Received] | None:
            log.lock(tx)
            point = fingerprints.as_of(tx, self._parent, self._incarnation, self._held_there)
            if point is None:
                return None
            return repairing.adopt(
                host.applier, tx, self._sent, answers, peer=self._parent, hints=self._hints
            )

        done = host.store.write(work)
        if done is None:
            return False
        left, received = done
        host.committed(received)
        self._narrowing.told_repaired({**self._reasons, **left})
        return True

    def _end(self, *, comparable: bool = True) -> None:
        host = self._host
        host.compared(
            Comparison(
                at_ms=host.applier.now_ms,
                peer=self._parent,
                comparable=comparable,
                units=self._units,
                other_catalogue=self._left_out,
                found=tuple(self._narrowing.found),
                left=tuple(self._narrowing.left),
                mended_here=tuple(self._mended_here),
                mended_there=tuple(self._mended_there),
            )
        )


def _cursors(incarnation: int, positions: Mapping[Lane, int]) -> list[pb.Cursor]:
    return [
        pb.Cursor(lane=lane.value, incarnation=incarnation, position=position)  # type: ignore[arg-type]
        for lane, position in positions.items()
    ]
