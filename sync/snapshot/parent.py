"""The parent's side of snapshots: read the chunks that a child asks for, join those it uploads."""

from __future__ import annotations

from dataclasses import dataclass

from sync.apply.authority import check_heads
from sync.apply.host import Host, reporting
from sync.codec.chunk import unpack
from sync.log import entries as log
from sync.log import truncation
from sync.merge.copies import Chunk
from sync.model import audience
from sync.model.access import Unauthorised
from sync.model.authority import Message
from sync.model.errors import Malformed
from sync.model.schema import Lane
from sync.snapshot import sender
from sync.snapshot.plan import Place
from sync.snapshot.receiver import join_from_below
from sync.snapshot.sender import Receiver
from sync.store import peers
from sync.store.priority import Priority


@dataclass(frozen=True, slots=True)
class ChunkAnswer:
    """One chunk, packed, and where the snapshot goes on. `next`: empty after the last."""

    payload: bytes
    next: bytes
    done: int
    total: int


def answer(host: Host, child: int, after: bytes, rows_max: int) -> ChunkAnswer:
    """Return the chunk that follows `after`. If that place no longer exists, start over."""
    to = receiver(host, child)
    with host.store.read() as tx:
        place = Place.from_bytes(after)
        mine = host.replica.identity.incarnation
        lost = place is None or place.incarnation != mine
        if place is None or lost or place.round < truncation.low_water_down(tx, Lane.BULK, child):
            place = sender.begin(tx, host.replica, to.scope)
            host.log.info("snapshot_begun", child=child, records=place.total, again=bool(after))
        sent = sender.next_chunk(tx, host.replica, to, place, rows_max)
    if sent.next is None:
        host.log.info("snapshot_ended", child=child, records=sent.place.done)
        host.store.write(lambda tx: peers.update(tx, child, snapshot_due=0))
    return ChunkAnswer(
        payload=sent.payload,
        next=sent.next.to_bytes() if sent.next is not None else b"",
        done=sent.place.done,
        total=sent.place.total,
    )


def join_upload(host: Host, child: int, incarnation: int, payload: bytes) -> None:
    """Join records that a child uploads (`incarnation`: its present one).

    Raises: Malformed, Unauthorised, SignatureError, StreamForked: nothing was done.
    """
    chunk = unpack(payload)
    with reporting(host, child):
        _admit_upload(host, child, chunk)
        if any(of != incarnation for of, _ in chunk.cursors.values()):
            raise Malformed("a position of another incarnation than the child's")
        received = host.store.write(
            lambda tx: join_from_below(tx, host.replica, chunk, child=child),
            priority=Priority.BULK,
        )
    host.committed(received)
    if chunk.cursors:
        host.log.info("snapshot_received_from_below", child=child)


def _admit_upload(host: Host, child: int, chunk: Chunk) -> None:
    """Refuse what a child may not send of itself and of those below it."""
    routes, shared = host.replica.routes, host.shared(child)
    for rows in chunk.rows:
        below = routes.hop(rows.unit) == child
        allowed = below and rows.unit in shared.get(rows.register, ())
        if not allowed and rows.register in host.replica.tables:
            raise Unauthorised(
                "records that are not below this child, or not ours to receive",
                "记录不属于该下级单位，或本单位无权接收",
            )
    check_heads(host.replica, chunk, Message.UPLOAD_SNAPSHOT, child)


def record_snapshot_due(host: Host, child: int, error: truncation.LogTruncated) -> None:
    """Record that a child lacks what the log no longer has, for its next handshake."""
    host.log.info("log_truncated_for", child=child, reason=error.en)
    host.store.write(lambda tx: peers.update(tx, child, snapshot_due=1))


def receiver(host: Host, child: int) -> Receiver:
    """Return a child as a receiver of copies: what it may receive whole, and of which writers."""
    routes = host.replica.routes
    registers = host.replica.tables.schema.registers

    def concerns(writer: int) -> bool:
        return routes.hop(writer) == child or routes.covers(writer, child)

    def receives_stream(name: str, writer: int) -> bool:
        parsed = audience.parse(name)
        if parsed.up_to is not None:
            return routes.hop(writer) == child
        there = parsed.down_all or (
            parsed.down_to is not None and routes.hop(parsed.down_to) == child
        )
        return there and routes.covers(writer, child)

    return Receiver(
        peer=child,
        scope={
            name: units
            for name, units in host.shared(child).items()
            if registers[name].lane is sender.LANE
        },
        entry_filter=log.addressed_to(child),
        concerns=concerns,
        receives_stream=receives_stream,
    )
