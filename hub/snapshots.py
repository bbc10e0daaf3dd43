"""Snapshots at the parent: chunks read at the place that a child shows; chunks that it hands up."""

from __future__ import annotations

from node.app import Office
from sync import audience, chunks, facts, floors, log
from sync.chunks import Receiver
from sync.handover import Unauthorised
from sync.rows_codec import unpack
from sync.schema import Lane
from sync.snapshot import Place
from sync.snapshotting import join_from_below
from sync.urgency import Urgency
from sync.vouching import NotVouched
from sync.wire.v1 import link_pb2 as pb
from sync.wire_errors import Malformed


def answer(office: Office, child: int, after: bytes, rows_max: int) -> pb.SnapshotResponse:
    """Return the chunk that follows `after`. A place that is no more starts the snapshot over."""
    to = receiver(office, child)
    with office.store.read() as tx:
        place = Place.from_bytes(after)
        mine = office.identity.incarnation
        lost = place is None or place.incarnation != mine
        if place is None or lost or place.round < floors.floor_down(tx, Lane.BULK, child):
            place = chunks.begin(tx, office.applier, to.scope)
            office.log.info("snapshot_begun", child=child, records=place.total, again=bool(after))
        sent = chunks.next_chunk(tx, office.applier, to, place, rows_max)
    if sent.next is None:
        office.log.info("snapshot_ended", child=child, records=sent.place.done)
        office.store.write(lambda tx: facts.put(tx, f"{facts.CUT_FROM}{child}", ""))
    return pb.SnapshotResponse(
        payload=sent.payload,
        next=sent.next.to_bytes() if sent.next is not None else b"",
        done=sent.place.done,
        total=sent.place.total,
    )


def take(office: Office, child: int, incarnation: int, payload: bytes) -> None:
    """Join records that a child hands up (`incarnation`: its present one).

    Raises: Malformed, Unauthorised, NotVouched, StreamForked: nothing was done.
    """
    chunk = unpack(payload)
    routes, shared = office.routes, office.shared(child)
    for rows in chunk.rows:
        below = routes.hop(rows.unit) == child
        allowed = below and rows.unit in shared.get(rows.register, ())
        if not allowed and rows.register in office.tables:
            raise Unauthorised("records that are not below this child, or not ours to hear")
    for key in chunk.heads:
        heard = audience.parse(key.audience).up_to
        here = heard is not None and heard <= office.identity.level
        if not here or routes.hop(chunk.writers[key.incarnation][0]) != child:
            raise Unauthorised("a stream that is not ours to hear from this child")
        if key.lane is not Lane.BULK:
            raise Unauthorised("a stream of another lane")
    if any(of != incarnation for of, _ in chunk.cursors.values()):
        raise Malformed("a position of another incarnation than the child's")
    try:
        received = office.store.write(
            lambda tx: join_from_below(tx, office.applier, chunk, child=child),
            urgency=Urgency.BULK,
        )
    except NotVouched as error:
        office.distrust(child, error)
        raise
    office.committed(received)
    if chunk.cursors:
        office.log.info("copies_taken_from_below", child=child)


def note_cut(office: Office, child: int, error: floors.LogCut) -> None:
    """Remember that a child lacks what the log has no more: its next greeting is told so."""
    office.log.info("log_cut_for", child=child, reason=error.en)
    office.store.write(lambda tx: facts.put(tx, f"{facts.CUT_FROM}{child}", "1"))


def receiver(office: Office, child: int) -> Receiver:
    """Return a child as one to whom copies go: what it may hear whole, and whose words."""
    routes = office.routes
    registers = office.tables.schema.registers

    def concerns(writer: int) -> bool:
        return routes.hop(writer) == child or routes.covers(writer, child)

    def hears_stream(name: str, writer: int) -> bool:
        heard = audience.parse(name)
        if heard.up_to is not None:
            return routes.hop(writer) == child
        there = heard.down_all or (heard.down_to is not None and routes.hop(heard.down_to) == child)
        return there and routes.covers(writer, child)

    return Receiver(
        peer=child,
        scope={
            name: units
            for name, units in office.shared(child).items()
            if registers[name].lane is chunks.LANE
        },
        hears=log.heard_by(child),
        concerns=concerns,
        hears_stream=hears_stream,
    )
