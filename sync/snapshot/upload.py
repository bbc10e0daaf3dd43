"""Upload of a snapshot: a child sends its records up until the parent can go on by its log.

A restored or empty parent may need entries from before our log begins. The progress is stored with
us: an acknowledged chunk is not uploaded again, whatever was interrupted.
"""

from __future__ import annotations

from sqlalchemy import Connection

from sync.apply.host import Host
from sync.log import entries as log
from sync.log import truncation
from sync.model import audience
from sync.model.schema import Lane
from sync.snapshot import sender
from sync.snapshot.plan import Place
from sync.snapshot.sender import Receiver, Sent
from sync.store import peers
from sync.store.sql import execute
from sync.wire.link.v1 import link_pb2 as pb

BEGINNING = "beginning"  # no place: the upload under way starts over


def is_due(tx: Connection, parent: int, acked_by_parent: int) -> bool:
    """Return whether the parent's position in our bulk log is before its beginning, or an upload is
    under way: what that brought is not of one point in time.
    """
    return acked_by_parent < truncation.low_water_up(tx, Lane.BULK) or bool(
        peers.load(tx, parent).snapshot_out
    )


def request_upload(tx: Connection, parent: int) -> None:
    """Have copies uploaded from the beginning, whatever our log has."""
    peers.update(tx, parent, snapshot_out=BEGINNING)


def progress(tx: Connection, parent: int) -> Place | None:
    """Return how far our copies have gone up; None when no upload is under way."""
    stored = peers.load(tx, parent).snapshot_out
    return Place.from_bytes(stored.encode()) if stored else None


def parent_bulk_is_from_snapshot(tx: Connection, parent: int) -> bool:
    """Return whether some of the parent's own bulk entries came as copies: they are in no entry,
    and cannot be restored to it one by one.
    """
    row = execute(
        tx,
        "SELECT 1 FROM stream_base b JOIN incarnation i ON i.id = b.incarnation "
        "WHERE i.unit=? AND b.lane=? LIMIT 1",
        (parent, Lane.BULK.value),
    ).fetchone()
    return row is not None


class SnapshotUpload:
    """One chunk of the upload."""

    def __init__(self, host: Host, parent_unit: int, session: int, rows_max: int) -> None:
        self._host = host
        self._parent = parent_unit
        self._session = session
        self._rows_max = rows_max
        self._sent: Sent | None = None

    def request(self) -> pb.UploadSnapshotRequest:
        """Return the next chunk."""
        replica = self._host.replica
        to = self._receiver()
        with self._host.store.read() as tx:
            place = progress(tx, self._parent)
            mine = replica.identity.incarnation
            # The log does not have what was truncated, nor what came as copies since.
            low_water_mark = truncation.low_water_up(tx, Lane.BULK)
            if place is None or place.incarnation != mine or place.round < low_water_mark:
                place = sender.begin(tx, replica, to.scope)
            self._sent = sender.next_chunk(tx, replica, to, place, self._rows_max)
        return pb.UploadSnapshotRequest(
            session=self._session, unit=replica.identity.unit, payload=self._sent.payload
        )

    def on_reply(self, _reply: pb.UploadSnapshotResponse) -> bool:
        """Record that the parent has joined it; return whether more follow."""
        assert self._sent is not None
        after = self._sent.next
        stored = after.to_bytes().decode() if after is not None else ""
        self._host.store.write(lambda tx: peers.update(tx, self._parent, snapshot_out=stored))
        return after is not None

    def _receiver(self) -> Receiver:
        """Return the parent as a receiver of copies: of us and all below, as far as it may have."""
        me, routes = self._host.replica.identity, self._host.replica.routes
        registers = self._host.replica.tables.schema.registers
        above = me.level - 1

        def below(unit: int) -> bool:
            return unit == me.unit or routes.hop(unit) is not None

        def receives_stream(name: str, writer: int) -> bool:
            up_to = audience.parse(name).up_to
            return up_to is not None and up_to <= above and below(writer)

        scope = {
            name: [unit for unit in units if below(unit)]
            for name, units in self._host.shared(me.unit).items()
            if registers[name].lane is sender.LANE
        }
        return Receiver(
            peer=self._parent,
            scope=scope,
            entry_filter=log.GOES_UP,
            concerns=lambda writer: below(writer) or routes.covers(writer, me.unit),
            receives_stream=receives_stream,
        )
