"""The parent's side of a comparison: answers each step at the child's point, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from sqlalchemy import Connection

from sync.apply.host import Host, reporting
from sync.codec.entry import positions_from_wire
from sync.compare import digests, repair, repair_log
from sync.compare.codec import (
    copy_from_wire,
    copy_to_wire,
    evidence_from_wire,
    name_from_wire,
    proofs_from_wire,
    proofs_to_wire,
)
from sync.compare.digests import BucketScan, SyncPoint
from sync.compare.drilldown import REPAIR_ROWS, Sum, apart, part_of, parts_apart, parts_of
from sync.compare.repair import Answer, DigestCache
from sync.log import entries as log
from sync.log.outcome import Received
from sync.merge.digest import schema_hash
from sync.model.change import RecordKey
from sync.model.errors import Malformed
from sync.model.limits import DIGEST_BUCKETS, DIGEST_ROWS_LISTED, DIGEST_STEP_BUCKETS
from sync.model.report import BucketKey, UnitKey
from sync.model.schema import Lane
from sync.wire.link.v1 import link_pb2 as pb


def answer(
    host: Host,
    child: int,
    incarnation: int,
    request: pb.DigestRequest,
    digest_cache: DigestCache,
) -> pb.DigestResponse:
    """Answer one step of the comparison with a child (`incarnation`: its present one).

    `digest_cache`: kept from one step to the next; losing it costs time only.

    The answer has only records that both may receive whole, whatever is asked (INV-30).
    Raises: Malformed.
    """
    point = _point(host, incarnation, request)
    step = request.WhichOneof("step")
    if step == "copies" and point is not None:
        return _join(host, child, incarnation, point, request, digest_cache)
    with host.store.read() as tx:
        reply = pb.DigestResponse(comparable=False)
        reply.waiting.extend(lane.value for lane in _waiting(host, tx, child, request))  # type: ignore[misc]
        if point is None or step is None or not digests.is_at(tx, child, incarnation, point):
            return reply
        reply.comparable = True
        if step == "units":
            _units(host, tx, child, request.units, reply)
            return reply
        if step == "buckets":
            _buckets(host, tx, child, request.buckets, reply)
            return reply
        counted = _parts(host, tx, child, request.parts, reply)
    for key, one in counted.items():
        digest_cache.note(key, one)
    _fix_digests(host, child, counted, reply)
    return reply


def _join(
    host: Host,
    child: int,
    incarnation: int,
    point: SyncPoint,
    request: pb.DigestRequest,
    digest_cache: DigestCache,
) -> pb.DigestResponse:
    """Join the child's copies into ours, at its point."""
    names = [name_from_wire(message) for message in request.copies.copies]
    allowed = _allowed(host, child, {UnitKey(n.register, n.unit) for n in names})
    if len(names) > REPAIR_ROWS or any(UnitKey(*n[:2]) not in allowed for n in names):
        raise Malformed("copies that this child may not hand over")
    reply = pb.DigestResponse(comparable=False)
    with host.store.read() as tx:
        levels = log.levels(tx)
        reply.waiting.extend(lane.value for lane in _waiting(host, tx, child, request))  # type: ignore[misc]
    messages = dict(zip(names, request.copies.copies, strict=True))
    theirs = {
        name: copy_from_wire(one, host.replica.tables, levels) for name, one in messages.items()
    }

    evidence = {
        name: evidence_from_wire(one, host.replica.tables) for name, one in messages.items()
    }

    proofs = proofs_from_wire(request.copies.proofs)

    def work(tx: Connection) -> tuple[dict[RecordKey, Answer], Received] | None:
        log.lock(tx)
        if not digests.is_at(tx, child, incarnation, point):
            return None
        done = repair.join_here(
            host.replica, tx, theirs, evidence, peer=child, digest_cache=digest_cache,
            proofs=proofs,
        )  # fmt: skip
        shown = repair.proofs_for_child(tx, host.replica, child, theirs, done[0])
        reply.proofs.extend(proofs_to_wire(shown))
        return done

    with reporting(host, child):
        done = host.store.write(work)
    if done is None:
        return reply
    answers, received = done
    reply.comparable = True
    host.committed(received)
    for name, one in answers.items():
        message = reply.copies.add()
        message.CopyFrom(copy_to_wire(name, one.copy, one.evidence))
        message.reason, message.changed, message.checksum = one.reason, one.changed, one.checksum
        if one.changed or one.reason:
            host.log.warning(
                "record_repaired" if one.changed else "record_not_repaired",
                peer=child, register=name.register, record=name.id.hex(), reason=one.reason,
            )  # fmt: skip
    return reply


def _point(host: Host, incarnation: int, request: pb.DigestRequest) -> SyncPoint | None:
    """Return the child's point; None when its log positions are not of the present incarnations."""
    mine = host.replica.identity.incarnation
    sent = positions_from_wire(request.sent, incarnation)
    acked = positions_from_wire(request.acked, mine)
    if not sent or not acked or len(sent) < len(request.sent) or len(acked) < len(request.acked):
        return None
    return SyncPoint(sent, acked)


def _waiting(host: Host, tx: Connection, child: int, request: pb.DigestRequest) -> Iterator[Lane]:
    acked = positions_from_wire(request.acked, host.replica.identity.incarnation)
    for lane, after in acked.items():
        if log.waiting_down(tx, child=child, lane=lane, after=after)[0]:
            yield lane


def _units(
    host: Host, tx: Connection, child: int, asked: pb.DigestUnits, reply: pb.DigestResponse
) -> None:
    shared = host.shared(child)
    registers = host.replica.tables.schema.registers
    theirs: dict[UnitKey, Sum] = {}
    compared: dict[str, list[int]] = {}
    for one in asked.registers:
        if len(one.units) != len(one.counts) or len(one.units) != len(one.sums):
            raise Malformed("units without their sums")
        if one.register in registers and one.register not in shared:
            continue  # the child has the tree of another day
        if one.register not in registers or one.schema != schema_hash(registers[one.register]):
            reply.other_catalogue.append(one.register)
            continue
        compared[one.register] = list(shared[one.register])
        known = set(compared[one.register])
        for unit, count, total in zip(one.units, one.counts, one.sums, strict=True):
            if unit in known:
                theirs[UnitKey(one.register, unit)] = Sum(count, total)
    reply.other_catalogue.extend(
        sorted(shared.keys() - compared.keys() - set(reply.other_catalogue))
    )
    differing = apart(digests.unit_sums(tx, compared), theirs)
    for register, keys in groupby(differing, key=lambda key: key.register):
        reply.units.add(register=register, units=[key.unit for key in keys])


def _buckets(
    host: Host, tx: Connection, child: int, asked: pb.DigestBuckets, reply: pb.DigestResponse
) -> None:
    theirs: dict[BucketKey, Sum] = {}
    for one in asked.units:
        if len(one.buckets) != len(one.counts) or len(one.buckets) != len(one.sums):
            raise Malformed("buckets without their sums")
        for n, count, total in zip(one.buckets, one.counts, one.sums, strict=True):
            theirs[BucketKey(one.register, one.unit, n)] = Sum(count, total)
    units = _allowed(host, child, {UnitKey(one.register, one.unit) for one in asked.units})
    mine = digests.bucket_sums(tx, units)
    differing = [key for key in apart(mine, theirs) if key.of in units]
    for of, keys in groupby(differing, key=lambda key: key.of):
        message = reply.buckets.add(register=of.register, unit=of.unit)
        for key in keys:
            message.buckets.append(key.bucket)
            message.counts.append(mine.get(key, Sum()).records)


def _parts(
    host: Host, tx: Connection, child: int, asked: pb.DigestParts, reply: pb.DigestResponse
) -> dict[BucketKey, BucketScan]:
    if len(asked.buckets) > DIGEST_STEP_BUCKETS:
        raise Malformed(f"{len(asked.buckets)} buckets in one step")
    theirs = {BucketKey(b.register, b.unit, b.bucket): b.sums for b in asked.buckets}
    if any(key.bucket >= DIGEST_BUCKETS or not sums for key, sums in theirs.items()):
        raise Malformed("a bucket without its parts")
    units = _allowed(host, child, {key.of for key in theirs})
    found: dict[BucketKey, BucketScan] = {}
    room = DIGEST_ROWS_LISTED
    for of, keys in groupby(sorted(k for k in theirs if k.of in units), key=lambda k: k.of):
        numbers = [key.bucket for key in keys]
        counted = digests.count(tx, host.replica.tables[of.register], of.unit, numbers)
        for n, one in counted.items():
            key = BucketKey(of.register, of.unit, n)
            found[key] = one
            room -= _list_records(key, one, list(theirs[key]), room, reply)
    return found


def _list_records(
    key: BucketKey, counted: BucketScan, theirs: list[int], room: int, reply: pb.DigestResponse
) -> int:
    """List our records of the parts that differ, as far as there is room; return how many."""
    width = len(theirs)
    differing = parts_apart(parts_of(counted.checksums, width), theirs)
    if not differing and counted.consistent:
        return 0
    message = reply.rows.add(register=key.register, unit=key.unit, bucket=key.bucket)
    message.inconsistent = not counted.consistent
    by_part: dict[int, list[bytes]] = {n: [] for n in differing}
    for record in counted.checksums:
        part = part_of(record, width)
        if part in by_part:
            by_part[part].append(record)
    listed: list[bytes] = []
    for part, records in by_part.items():
        if listed and len(listed) + len(records) > room:
            message.more = True
            break
        message.parts.append(part)
        listed += records
    message.ids = b"".join(listed)
    message.checksums.extend(counted.checksums[record] for record in listed)
    return len(listed)


def _fix_digests(
    host: Host, child: int, counted: dict[BucketKey, BucketScan], reply: pb.DigestResponse
) -> None:
    """Correct our own sums where the records are the child's and the sum is not theirs.

    Where records differ, too, the sum shows that ours were changed in the database directly.
    """
    apart = {BucketKey(m.register, m.unit, m.bucket) for m in reply.rows if m.parts}
    wrong = [key for key, one in counted.items() if not one.consistent and key not in apart]
    if not wrong:
        return

    def work(tx: Connection) -> list[BucketKey]:
        log.lock(tx)
        fixed = [
            key
            for key in wrong
            if digests.fix_digest(tx, host.replica.tables[key.register], key.unit, [key.bucket])
        ]
        repair_log.write_sums(tx, fixed, peer=child, now_ms=host.replica.now_ms)
        return fixed

    for key in host.store.write(work):
        host.log.warning(
            "digest_repaired", peer=child, register=key.register, unit=key.unit, bucket=key.bucket
        )
        for message in reply.rows:
            if (message.register, message.unit, message.bucket) == key:
                message.fixed = True


def _allowed(host: Host, child: int, units: set[UnitKey]) -> set[UnitKey]:
    """Return those of the units whose records this child may receive whole."""
    shared = host.shared(child)
    return {key for key in units if key.unit in shared.get(key.register, ())}
