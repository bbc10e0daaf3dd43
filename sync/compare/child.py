"""The child's side of a comparison: makes each step's request from its store, takes each answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby

from sqlalchemy import Connection

from sync.apply.authority import UNPROVEN
from sync.apply.host import Host, reporting
from sync.codec import block as block_codec
from sync.codec.entry import positions_to_wire
from sync.compare import digests, repair_log
from sync.compare import repair as compare_repair
from sync.compare.codec import (
    copy_from_wire,
    copy_to_wire,
    evidence_from_wire,
    name_from_wire,
    proofs_from_wire,
    proofs_to_wire,
)
from sync.compare.digests import BucketScan, SyncPoint
from sync.compare.drilldown import NO_RECORDS, DrillDown, Query, Sum, parts_of, rows_apart, width_of
from sync.compare.repair import Answer, Copies, DigestCache
from sync.compare.repair_log import evidence_of
from sync.log import entries as log
from sync.log.outcome import Received
from sync.merge.digest import bucket_of, schema_hash
from sync.model.change import ID_BYTES, RecordKey
from sync.model.errors import Malformed
from sync.model.limits import DIGEST_BUCKETS
from sync.model.report import BucketKey, CompareOptions, Comparison, UnitKey
from sync.model.schema import Lane, Shared
from sync.store.quarantine import quarantined_records
from sync.wire.link.v1 import link_pb2 as pb

TRIES_MAX = 5  # in a row without being at the same point: then it is given up for now


class ComparisonRun:
    """One comparison with a parent, step by step. It begins with the first `request`."""

    def __init__(
        self,
        host: Host,
        parent_unit: int,
        parent_incarnation: int,
        session: int,
        options: CompareOptions,
    ) -> None:
        self._host = host
        self._parent = parent_unit
        self._incarnation = parent_incarnation
        self._session = session
        self._drilldown = DrillDown(read=options.read, repair=options.repair)
        self._shared: Shared = {}
        self._asked: Query | None = None
        self._sums: dict[BucketKey, Sum] = {}  # of the buckets asked about
        self._scans: dict[BucketKey, BucketScan] = {}  # of the parts asked about
        self._digest_cache = DigestCache()
        self._sent: Copies = {}  # of the copies asked about
        self._reasons: dict[RecordKey, str] = {}
        self._to_prove: set[RecordKey] = set()  # the parent has asked for their entries
        self.acked_by_parent: Mapping[Lane, int] = {}  # our log, as the session knows it
        self._own_units: list[UnitKey] = []
        self._tries = 0
        self._units = 0
        self._left_out: tuple[str, ...] = ()
        self._fixed_here: list[BucketKey] = []
        self._fixed_there: list[BucketKey] = []

    def request(self) -> pb.DigestRequest:
        """Return the next step. While our side is not ready it is empty: then nothing is compared,
        and the parent answers what waits.
        """
        host = self._host
        self._asked = self._drilldown.next_query()
        assert self._asked is not None, "a comparison that has ended is asked on"
        message = pb.DigestRequest(session=self._session, unit=host.replica.identity.unit)
        with host.store.read() as tx:
            point = digests.sync_point(tx, self._parent, self._incarnation, self.acked_by_parent)
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
                    message.copies.CopyFrom(self._record_copies(tx, self._asked.rows))
        return message

    def on_reply(self, reply: pb.DigestResponse) -> bool:
        """Process the answer; return whether there is more to ask. Raises: Malformed."""
        if not reply.comparable:
            return self._not_now()
        assert self._asked is not None
        match self._asked.level:
            case "units":
                self._on_units(reply)
            case "buckets":
                self._on_buckets(reply)
            case "parts":
                self._on_rows(reply)
            case "rows":
                if not self._on_copies(reply):
                    return self._not_now()
        self._tries = 0
        if self._drilldown.next_query() is not None:
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

    def _name(self, message: pb.DigestRequest, point: SyncPoint) -> None:
        mine = self._host.replica.identity.incarnation
        message.sent.extend(positions_to_wire(mine, point.sent))
        message.acked.extend(positions_to_wire(self._incarnation, point.acked))

    def _sum_units(self, tx: Connection) -> pb.DigestUnits:
        me = self._host.replica.identity.unit
        self._shared = self._host.shared(me)
        sums = digests.unit_sums(tx, self._shared)
        self._own_units = list(sums)
        self._units = len(sums)
        message = pb.DigestUnits()
        schema = self._host.replica.tables.schema
        for register in sorted(self._shared):
            one = message.registers.add(
                register=register, schema=schema_hash(schema.registers[register])
            )
            for key, total in sums.items():
                if key.register == register:
                    one.units.append(key.unit)
                    one.counts.append(total.records)
                    one.sums.append(total.hash_sum)
        return message

    def _sum_buckets(self, tx: Connection, units: Iterable[UnitKey]) -> pb.DigestBuckets:
        self._sums = digests.bucket_sums(tx, units)
        message = pb.DigestBuckets()
        for key in units:
            one = message.units.add(register=key.register, unit=key.unit)
            for bucket, total in sorted(self._sums.items()):
                if bucket.of == key:
                    one.buckets.append(bucket.bucket)
                    one.counts.append(total.records)
                    one.sums.append(total.hash_sum)
        return message

    def _count_parts(self, tx: Connection, buckets: Iterable[BucketKey]) -> pb.DigestParts:
        self._scans = {}
        message = pb.DigestParts()
        for key, some in groupby(sorted(buckets), key=lambda b: b.of):
            numbers = [b.bucket for b in some]
            table = self._host.replica.tables[key.register]
            for n, one in digests.count(tx, table, key.unit, numbers).items():
                self._scans[BucketKey(key.register, key.unit, n)] = one
                self._digest_cache.note(BucketKey(key.register, key.unit, n), one)
                message.buckets.add(
                    register=key.register, unit=key.unit, bucket=n,
                    sums=parts_of(one.checksums, width_of(len(one.checksums))),
                )  # fmt: skip
        return message

    def _record_copies(self, tx: Connection, names: Iterable[RecordKey]) -> pb.DigestCopies:
        quarantined = quarantined_records(tx, names)
        self._reasons = dict.fromkeys(quarantined, "quarantined")
        asked = [name for name in names if name not in quarantined]
        self._sent = compare_repair.copies(self._host.replica, tx, asked)
        evidence = evidence_of(tx, self._sent)
        asked_for = {n: copy for n, copy in self._sent.items() if n in self._to_prove}
        return pb.DigestCopies(
            copies=[copy_to_wire(n, copy, evidence.get(n)) for n, copy in self._sent.items()],
            proofs=proofs_to_wire(
                compare_repair.proofs_for_parent(tx, self._host.replica, asked_for)
            ),
        )

    def _fix_digests(self, differing: set[BucketKey]) -> None:
        """Correct our own sums where the records are the parent's and the sum is not theirs."""
        wrong = [k for k, one in self._scans.items() if not one.consistent and k not in differing]
        if not wrong:
            return
        host = self._host

        def work(tx: Connection) -> list[BucketKey]:
            log.lock(tx)
            fixed = [
                key
                for key in wrong
                if digests.fix_digest(tx, host.replica.tables[key.register], key.unit, [key.bucket])
            ]
            repair_log.write_sums(tx, fixed, peer=self._parent, now_ms=host.replica.now_ms)
            return fixed

        self._fixed_here += host.store.write(work)

    # -- the parent's answers ----------------------------------------------------------------

    def _on_units(self, reply: pb.DigestResponse) -> None:
        self._left_out = tuple(sorted(reply.other_catalogue))
        differing = [
            UnitKey(one.register, unit)
            for one in reply.units
            for unit in one.units
            if unit in self._shared.get(one.register, ())
        ]
        own_units = [key for key in self._own_units if key.register not in self._left_out]
        self._units = len({*own_units, *differing})
        self._drilldown.on_units(differing, own_units)

    def _on_buckets(self, reply: pb.DigestResponse) -> None:
        assert self._asked is not None
        counts = {
            BucketKey(*key, n): self._sums.get(BucketKey(*key, n), NO_RECORDS).records
            for key in self._asked.units
            for n in self._drilldown.read
        }
        for one in reply.buckets:
            if UnitKey(one.register, one.unit) not in self._asked.units:
                raise Malformed("buckets of a unit that was not asked about")
            for n, there in zip(one.buckets, one.counts, strict=True):
                if n >= DIGEST_BUCKETS:
                    raise Malformed(f"bucket {n}")
                key = BucketKey(one.register, one.unit, n)
                counts[key] = max(there, self._sums.get(key, NO_RECORDS).records)
        self._drilldown.on_buckets(counts)

    def _on_rows(self, reply: pb.DigestResponse) -> None:
        found: list[RecordKey] = []
        again: list[BucketKey] = []
        recheck: set[BucketKey] = set()
        for one in reply.rows:
            key = BucketKey(one.register, one.unit, one.bucket)
            scan = self._scans.get(key)
            ids = block_codec.split(one.ids, ID_BYTES)
            if scan is None or len(ids) != len(one.checksums):
                raise Malformed("rows of a bucket that was not asked about")
            theirs = dict(zip(ids, one.checksums, strict=True))
            width = width_of(len(scan.checksums))
            found += (
                RecordKey(*key.of, i) for i in rows_apart(scan.checksums, theirs, width, one.parts)
            )
            if one.more:
                again.append(key)
            if one.fixed:
                self._fixed_there.append(key)
            if one.inconsistent and not one.fixed:
                recheck.add(key)
        differing = {BucketKey(n.register, n.unit, bucket_of(n.id)) for n in found}
        recheck |= {key for key in differing if not self._scans[key].consistent}
        self._fix_digests(differing)
        self._drilldown.on_rows(found, again, recheck)

    def _on_copies(self, reply: pb.DigestResponse) -> bool:
        """Take the joined copies; False: our log has gone on meanwhile, ask again."""
        host, tables = self._host, self._host.replica.tables
        with host.store.read() as tx:
            levels = log.levels(tx)
        answers: dict[RecordKey, Answer] = {}
        for message in reply.copies:
            name = name_from_wire(message)
            if name not in self._sent:
                raise Malformed("a copy that was not asked for")
            copy = None if message.reason else copy_from_wire(message, tables, levels)
            answers[name] = Answer(
                copy, message.reason[:40], message.changed, message.checksum,
                evidence_from_wire(message, tables),
            )  # fmt: skip

        proofs = proofs_from_wire(reply.proofs)

        def work(tx: Connection) -> tuple[dict[RecordKey, str], Received] | None:
            log.lock(tx)
            point = digests.sync_point(tx, self._parent, self._incarnation, self.acked_by_parent)
            if point is None:
                return None
            return compare_repair.adopt(
                host.replica,
                tx,
                self._sent,
                answers,
                peer=self._parent,
                digest_cache=self._digest_cache,
                proofs=proofs,
            )

        with reporting(host, self._parent):
            done = host.store.write(work)
        if done is None:
            return False
        left, received = done
        host.committed(received)
        unproven = {name for name, answer in answers.items() if answer.reason == UNPROVEN}
        again = unproven - self._to_prove
        self._to_prove |= again
        self._drilldown.on_repaired({**self._reasons, **left}, again)
        return True

    def _end(self, *, comparable: bool = True) -> None:
        host = self._host
        host.compared(
            Comparison(
                at_ms=host.replica.now_ms,
                peer=self._parent,
                comparable=comparable,
                units=self._units,
                other_catalogue=self._left_out,
                found=tuple(self._drilldown.found),
                left=tuple(self._drilldown.left),
                fixed_here=tuple(self._fixed_here),
                fixed_there=tuple(self._fixed_there),
            )
        )
