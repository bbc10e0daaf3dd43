"""The parent's side of a comparison: each step answered at the child's point, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from sqlalchemy import Connection

from node.app import Office
from sync import fingerprints, log, repair_notes, repairing
from sync.copy_codec import (
    copy_from_wire,
    copy_to_wire,
    name_from_wire,
    told_from_wire,
)
from sync.digest import schema_print
from sync.fingerprints import AsOf, Counted
from sync.limits import DIGEST_BUCKETS, DIGEST_ROWS_TOLD, DIGEST_STEP_BUCKETS
from sync.narrowing import (
    REPAIR_ROWS,
    BucketKey,
    RecordName,
    Sum,
    UnitKey,
    apart,
    part_of,
    parts_apart,
    parts_of,
)
from sync.outcome import Received
from sync.repairing import Answer, Hints
from sync.schema import Lane
from sync.wire.v1 import link_pb2 as pb
from sync.wire_errors import Malformed


def answer(
    office: Office, child: int, incarnation: int, request: pb.DigestRequest, hints: Hints
) -> pb.DigestResponse:
    """Answer one step of the comparison with a child (`incarnation`: its present one).

    `hints`: kept from one step to the next; losing them costs time only.

    Only records that both may hear whole are spoken of, whatever is asked (INV-30).
    Raises: Malformed.
    """
    point = _point(office, incarnation, request)
    step = request.WhichOneof("step")
    if step == "copies" and point is not None:
        return _join(office, child, incarnation, point, request, hints)
    with office.store.read() as tx:
        reply = pb.DigestResponse(comparable=False)
        reply.waiting.extend(lane.value for lane in _waiting(office, tx, child, request))  # type: ignore[misc]
        if point is None or step is None or not fingerprints.is_at(tx, child, incarnation, point):
            return reply
        reply.comparable = True
        if step == "units":
            _units(office, tx, child, request.units, reply)
            return reply
        if step == "buckets":
            _buckets(office, tx, child, request.buckets, reply)
            return reply
        counted = _parts(office, tx, child, request.parts, reply)
    for key, one in counted.items():
        hints.note(key, one)
    _mend(office, child, counted, reply)
    return reply


def _join(
    office: Office,
    child: int,
    incarnation: int,
    point: AsOf,
    request: pb.DigestRequest,
    hints: Hints,
) -> pb.DigestResponse:
    """Join the child's copies into ours, at its point."""
    names = [name_from_wire(message) for message in request.copies.copies]
    allowed = _allowed(office, child, {UnitKey(n.register, n.unit) for n in names})
    if len(names) > REPAIR_ROWS or any(UnitKey(*n[:2]) not in allowed for n in names):
        raise Malformed("copies that this child may not hand over")
    reply = pb.DigestResponse(comparable=False)
    with office.store.read() as tx:
        levels = {i: level for i, (_, level) in log.writers(tx).items()}
        reply.waiting.extend(lane.value for lane in _waiting(office, tx, child, request))  # type: ignore[misc]
    said = dict(zip(names, request.copies.copies, strict=True))
    theirs = {name: copy_from_wire(one, office.tables, levels) for name, one in said.items()}

    told = {name: told_from_wire(one, office.tables) for name, one in said.items()}

    def work(tx: Connection) -> tuple[dict[RecordName, Answer], Received] | None:
        log.lock(tx)
        if not fingerprints.is_at(tx, child, incarnation, point):
            return None
        return repairing.join_here(office.applier, tx, theirs, told, peer=child, hints=hints)

    done = office.store.write(work)
    if done is None:
        return reply
    answers, received = done
    reply.comparable = True
    office.committed(received)
    for name, one in answers.items():
        message = reply.copies.add()
        message.CopyFrom(copy_to_wire(name, one.copy, one.told))
        message.reason, message.changed, message.check = one.reason, one.changed, one.check
        if one.changed or one.reason:
            office.log.warning(
                "record_repaired" if one.changed else "record_not_repaired",
                peer=child, register=name.register, record=name.id.hex(), reason=one.reason,
            )  # fmt: skip
    return reply


def _point(office: Office, incarnation: int, request: pb.DigestRequest) -> AsOf | None:
    """Return the child's point; None when it counts logs that are not the present ones."""
    mine = office.identity.incarnation
    if not request.sent or any(c.incarnation != incarnation for c in request.sent):
        return None
    if not request.taken or any(c.incarnation != mine for c in request.taken):
        return None
    return AsOf(
        {_lane(c): c.position for c in request.sent},
        {_lane(c): c.position for c in request.taken},
    )


def _waiting(
    office: Office, tx: Connection, child: int, request: pb.DigestRequest
) -> Iterator[Lane]:
    for cursor in request.taken:
        after, lane = cursor.position, _lane(cursor)
        if (
            cursor.incarnation == office.identity.incarnation
            and (log.waiting_down(tx, child=child, lane=lane, after=after)[0])
        ):
            yield lane


def _lane(cursor: pb.Cursor) -> Lane:
    if cursor.lane not in (1, 2):
        raise Malformed(f"lane {cursor.lane}")
    return Lane(cursor.lane)


def _units(
    office: Office, tx: Connection, child: int, asked: pb.DigestUnits, reply: pb.DigestResponse
) -> None:
    shared = office.shared(child)
    registers = office.tables.schema.registers
    theirs: dict[UnitKey, Sum] = {}
    compared: dict[str, list[int]] = {}
    for one in asked.registers:
        if len(one.units) != len(one.counts) or len(one.units) != len(one.sums):
            raise Malformed("units without their sums")
        if one.register in registers and one.register not in shared:
            continue  # the child's tree is of another day
        if one.register not in registers or one.schema != schema_print(registers[one.register]):
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
    differing = apart(fingerprints.unit_sums(tx, compared), theirs)
    for register, keys in groupby(differing, key=lambda key: key.register):
        reply.units.add(register=register, units=[key.unit for key in keys])


def _buckets(
    office: Office, tx: Connection, child: int, asked: pb.DigestBuckets, reply: pb.DigestResponse
) -> None:
    theirs: dict[BucketKey, Sum] = {}
    for one in asked.units:
        if len(one.buckets) != len(one.counts) or len(one.buckets) != len(one.sums):
            raise Malformed("buckets without their sums")
        for n, count, total in zip(one.buckets, one.counts, one.sums, strict=True):
            theirs[BucketKey(one.register, one.unit, n)] = Sum(count, total)
    units = _allowed(office, child, {UnitKey(one.register, one.unit) for one in asked.units})
    mine = fingerprints.bucket_sums(tx, units)
    differing = [key for key in apart(mine, theirs) if key.of in units]
    for of, keys in groupby(differing, key=lambda key: key.of):
        message = reply.buckets.add(register=of.register, unit=of.unit)
        for key in keys:
            message.buckets.append(key.bucket)
            message.counts.append(mine.get(key, Sum()).records)


def _parts(
    office: Office, tx: Connection, child: int, asked: pb.DigestParts, reply: pb.DigestResponse
) -> dict[BucketKey, Counted]:
    if len(asked.buckets) > DIGEST_STEP_BUCKETS:
        raise Malformed(f"{len(asked.buckets)} buckets in one step")
    theirs = {BucketKey(b.register, b.unit, b.bucket): b.sums for b in asked.buckets}
    if any(key.bucket >= DIGEST_BUCKETS or not sums for key, sums in theirs.items()):
        raise Malformed("a bucket without its parts")
    units = _allowed(office, child, {key.of for key in theirs})
    found: dict[BucketKey, Counted] = {}
    room = DIGEST_ROWS_TOLD
    for of, keys in groupby(sorted(k for k in theirs if k.of in units), key=lambda k: k.of):
        numbers = [key.bucket for key in keys]
        counted = fingerprints.count(tx, office.tables[of.register], of.unit, numbers)
        for n, one in counted.items():
            key = BucketKey(of.register, of.unit, n)
            found[key] = one
            room -= _told(key, one, list(theirs[key]), room, reply)
    return found


def _told(
    key: BucketKey, counted: Counted, theirs: list[int], room: int, reply: pb.DigestResponse
) -> int:
    """Tell our records of the parts that differ, as far as there is room; return how many."""
    width = len(theirs)
    differing = parts_apart(parts_of(counted.checks, width), theirs)
    if not differing and counted.sound:
        return 0
    message = reply.rows.add(register=key.register, unit=key.unit, bucket=key.bucket)
    message.unsound = not counted.sound
    by_part: dict[int, list[bytes]] = {n: [] for n in differing}
    for record in counted.checks:
        part = part_of(record, width)
        if part in by_part:
            by_part[part].append(record)
    told: list[bytes] = []
    for part, records in by_part.items():
        if told and len(told) + len(records) > room:
            message.more = True
            break
        message.parts.append(part)
        told += records
    message.ids = b"".join(told)
    message.checks.extend(counted.checks[record] for record in told)
    return len(told)


def _mend(
    office: Office, child: int, counted: dict[BucketKey, Counted], reply: pb.DigestResponse
) -> None:
    """Put our own sums right where the records are the child's and the sum is not theirs.

    Where records differ, too, the sum is what tells that ours were changed behind our back.
    """
    apart = {BucketKey(m.register, m.unit, m.bucket) for m in reply.rows if m.parts}
    wrong = [key for key, one in counted.items() if not one.sound and key not in apart]
    if not wrong:
        return

    def work(tx: Connection) -> list[BucketKey]:
        log.lock(tx)
        mended = [
            key
            for key in wrong
            if fingerprints.mend(tx, office.tables[key.register], key.unit, [key.bucket])
        ]
        repair_notes.write_sums(tx, mended, peer=child, now_ms=office.clock.now_ms())
        return mended

    for key in office.store.write(work):
        office.log.warning(
            "digest_mended", peer=child, register=key.register, unit=key.unit, bucket=key.bucket
        )
        for message in reply.rows:
            if (message.register, message.unit, message.bucket) == key:
                message.mended = True


def _allowed(office: Office, child: int, units: set[UnitKey]) -> set[UnitKey]:
    """Return those of the units whose records this child may hear whole."""
    shared = office.shared(child)
    return {key for key in units if key.unit in shared.get(key.register, ())}
