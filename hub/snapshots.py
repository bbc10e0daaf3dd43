"""The sender's side of a snapshot: each chunk read at the place that its receiver shows."""

from __future__ import annotations

from node.app import Office
from sync import audience, chunks, floors, log
from sync.chunks import Receiver
from sync.schema import Lane
from sync.snapshot import Place
from sync.wire.v1 import link_pb2 as pb


def answer(office: Office, child: int, after: bytes, rows_max: int) -> pb.SnapshotResponse:
    """Return the chunk that follows `after`. A place that is no more starts the snapshot over."""
    to = receiver(office, child)
    with office.store.read() as tx:
        place = Place.from_bytes(after)
        mine = office.identity.incarnation
        lost = place is None or place.incarnation != mine
        if place is None or lost or place.round < floors.floor_down(tx, Lane.BULK):
            place = chunks.begin(tx, office.applier, to.scope)
            office.log.info("snapshot_begun", child=child, records=place.total, again=bool(after))
        sent = chunks.next_chunk(tx, office.applier, to, place, rows_max)
    if sent.next is None:
        office.log.info("snapshot_ended", child=child, records=sent.place.done)
    return pb.SnapshotResponse(
        payload=sent.payload,
        next=sent.next.to_bytes() if sent.next is not None else b"",
        done=sent.place.done,
        total=sent.place.total,
    )


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
