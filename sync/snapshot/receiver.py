"""The receiver of a snapshot: a child asks for records until it can go on by its parent's log.

Its progress is stored with the records: one that was interrupted goes on where it was.
"""

from __future__ import annotations

from sqlalchemy import Connection

from sync.apply import applier, copies
from sync.apply.authority import check_heads
from sync.apply.host import Host, reporting
from sync.apply.receive import rebuild_derived
from sync.apply.replica import Replica
from sync.codec.chunk import unpack
from sync.log import entries as log
from sync.log import truncation
from sync.log.outcome import Received
from sync.merge.copies import Chunk
from sync.model.access import Unauthorised
from sync.model.authority import Ground, Message
from sync.model.errors import Malformed
from sync.model.schema import Lane
from sync.snapshot import progress
from sync.snapshot.progress import Progress
from sync.store.priority import Priority
from sync.wire.link.v1 import link_pb2 as pb


class SnapshotDownload:
    """One snapshot, over as many connections as it takes."""

    def __init__(
        self, host: Host, parent_unit: int, parent_incarnation: int, session: int, *, restored: bool
    ) -> None:
        self._host = host
        self._parent = parent_unit
        self._incarnation = parent_incarnation
        self._session = session
        with host.store.read() as tx:
            self._at = progress.under_way(tx, parent_unit) or Progress()
        self._restored = restored or self._at.restored

    def request(self) -> pb.SnapshotRequest:
        """Return the next question."""
        return pb.SnapshotRequest(
            session=self._session,
            unit=self._host.replica.identity.unit,
            after=self._at.next,
        )

    def on_reply(self, reply: pb.SnapshotResponse) -> bool:
        """Join a chunk; return whether there is more to ask.

        Raises: Malformed, Unauthorised, SignatureError, StreamForked: nothing of it was joined.
        """
        host = self._host
        chunk = unpack(reply.payload)
        with reporting(host, self._parent):
            self._admit(chunk, last=not reply.next)
            received = host.store.write(
                lambda tx: self._joined(tx, chunk, reply), priority=Priority.BULK
            )
        host.committed(received)
        return bool(reply.next)

    def _admit(self, chunk: Chunk, *, last: bool) -> None:
        """Refuse what the parent has no right to send us."""
        me = self._host.replica.identity.unit
        shared = self._host.shared(me)
        for rows in chunk.rows:
            if rows.unit not in shared.get(rows.register, ()) and self._knows(rows.register):
                raise Unauthorised(
                    "records that we may not receive completely", "本单位无权完整接收这些记录"
                )
        check_heads(self._host.replica, chunk, Message.SNAPSHOT, self._parent)
        if last and chunk.cursors.get(Lane.BULK, (0, 0))[0] != self._incarnation:
            raise Malformed("a snapshot that ends without a position to go on from")

    def _knows(self, register: str) -> bool:
        return register in self._host.replica.tables

    def _joined(self, tx: Connection, chunk: Chunk, reply: pb.SnapshotResponse) -> Received:
        at = Progress(
            next=reply.next, done=reply.done, total=reply.total, restored=self._restored
        )  # fmt: skip
        received = join_chunk(tx, self._host.replica, chunk, peer=self._parent, at=at)
        if self._restored and not at.next:
            rebuild_derived(tx, self._host, received)
        return received


def join_from_below(tx: Connection, replica: Replica, chunk: Chunk, *, child: int) -> Received:
    """Join a chunk that a child uploads; after the last one its log goes on.

    Raises: Malformed, SignatureError, StreamForked: nothing was done.
    """
    ground = Ground(
        Message.UPLOAD_SNAPSHOT, child, replica.identity, replica.routes,
        recovering=log.was_restored(tx, replica.identity.unit),
    )  # fmt: skip
    received = applier.join_copies(replica, tx, chunk, ground)
    if Lane.BULK not in chunk.cursors:
        return received
    _go_on(tx, replica, chunk, child)
    applier.retry_returned(replica, tx, received)
    # Our own parent may lack them, too: our log does not contain what came as copies.
    truncation.record_snapshot(tx, up=log.allocate(tx, 1, replica.clock.last).first)
    received.waiters.recent_commit.forget()
    return received


def join_chunk(
    tx: Connection, replica: Replica, chunk: Chunk, *, peer: int, at: Progress
) -> Received:
    """Join a chunk and record the snapshot's progress; the last one is that without `next`.

    In a restored store, what this office derives from the records comes in copies of its own.
    Raises: Malformed, SignatureError, StreamForked: nothing was done.
    """
    ground = Ground(
        Message.SNAPSHOT, peer, replica.identity, replica.routes, recovering=at.restored
    )
    received = applier.join_copies(replica, tx, chunk, ground, commit_derived=not at.restored)
    if at.next:
        progress.note(tx, peer, at)
        return received
    _go_on(tx, replica, chunk, peer)
    # A number of our own for this moment: our log serves no child whose cursor is before it.
    down = log.allocate(tx, 1, replica.clock.last).first
    truncation.record_snapshot(
        tx, down=down, up=chunk.acked.get(Lane.BULK, (0, 0))[1] if at.restored else None
    )
    progress.end(tx, peer)
    if not at.restored:  # else when it has done what it would have done by itself
        applier.retry_returned(replica, tx, received)
    received.waiters.recent_commit.forget()
    return received


def _go_on(tx: Connection, replica: Replica, chunk: Chunk, peer: int) -> None:
    """Go on by a peer's log, from the streams and the position of the last chunk."""
    copies.adopt_streams(replica, tx, chunk)
    incarnation, position = chunk.cursors[Lane.BULK]
    log.advance(
        tx, peer=peer, direction="in", lane=Lane.BULK,
        incarnation=incarnation, position=position, at_ms=replica.now_ms,
    )  # fmt: skip
