"""The child's side of a recovery: asks its parent until it has back what it lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy import Connection

from sync.apply import applier
from sync.apply.host import Host, reporting
from sync.apply.receive import rebuild_derived
from sync.codec import entry as codec
from sync.log import entries as log
from sync.log.outcome import Received, Waiters
from sync.model.change import StreamHead
from sync.model.errors import Malformed
from sync.model.limits import BATCH_BYTES_MAX
from sync.model.schema import Lane
from sync.model.stream import Heads, StreamKey
from sync.recovery import heads as recovery_heads
from sync.recovery import reissue
from sync.recovery.bisect import Probing
from sync.recovery.proof import own_keys
from sync.snapshot import progress
from sync.snapshot.progress import Progress
from sync.store import meta, peers
from sync.store.sql import execute, execute_many
from sync.wire.link.v1 import link_pb2 as pb


class Recovery:
    """One recovery. `request` returns what to ask next; `on_reply` applies the answer.

    Its progress is in the store, entry by entry: one that was interrupted starts over and has less
    to ask for.
    """

    def __init__(
        self, host: Host, parent_unit: int, parent_incarnation: int, session: int, *,
        snapshot_follows: bool = False,
    ) -> None:  # fmt: skip
        self._host = host
        self._snapshot_follows = (
            snapshot_follows  # bulk comes as a snapshot after this recovery of the control lane
        )
        self._parent = (parent_unit, parent_incarnation)
        self._session = session
        self._asked: list[tuple[StreamKey, StreamHead]] = []
        self._theirs: Heads = {}
        self._acked_by_parent: dict[
            Lane, tuple[int, int]
        ] = {}  # our log at the parent, by its cursors
        self._after = 0
        with host.store.read() as tx:
            self._own_keys = own_keys(tx, host.replica, parent_unit)
            heads = recovery_heads.upward_heads(tx, self._is_ours)
            above = host.replica.identity.level - 1
            self._probing = Probing.over(
                heads,
                recovery_heads.oldest_kept(tx, heads),
                recovery_heads.acknowledged(tx, above, heads),
            )

    def request(self) -> pb.ReplayRequest:
        """Return the next question."""
        unit = self._host.replica.identity.unit
        with self._host.store.read() as tx:
            if not self._probing.done:
                hashes = recovery_heads.hashes_of(tx, self._probing.wanted())
                self._asked = self._probing.ask(hashes)
                return pb.ReplayRequest(
                    session=self._session,
                    unit=unit,
                    probing=True,
                    probes=[codec.head_to_wire(key, head) for key, head in self._asked],
                )
            return pb.ReplayRequest(
                session=self._session,
                unit=unit,
                common=[codec.head_to_wire(k, h) for k, h in self._probing.common.items()],
                cursors=codec.positions_to_wire(self._parent[1], self._applied_cursors(tx)),
                after=self._after,
                bytes_max=BATCH_BYTES_MAX,
            )

    def on_reply(self, reply: pb.ReplayResponse) -> bool:
        """Process the answer; return whether there is more to ask.

        Raises: Malformed, StreamGap, StreamForked, Unauthorised, SignatureError.
        """
        if not self._probing.done:
            return self._probed(reply)
        host = self._host
        with reporting(host, self._parent[0]):
            received = host.store.write(lambda tx: self._replayed(tx, reply))
        host.committed(received)
        self._after = reply.upto
        return reply.more

    # -- what both have in common -------------------------------------------------------------

    def _is_ours(self, unit: int) -> bool:
        replica = self._host.replica
        return unit == replica.identity.unit or replica.routes.hop(unit) is not None

    def _applied_cursors(self, tx: Connection) -> dict[Lane, int]:
        unit, incarnation = self._parent
        cursors = {lane: log.cursor_of(tx, unit, "in", lane) for lane in Lane}
        return {lane: applied for lane, (of, applied) in cursors.items() if of == incarnation}

    def _probed(self, reply: pb.ReplayResponse) -> bool:
        if len(reply.known) != len(self._asked):
            raise Malformed(f"{len(reply.known)} answers to {len(self._asked)} probes")
        self._theirs = dict(map(codec.head_from_wire, reply.heads))
        self._acked_by_parent = {
            codec.lane_from_wire(c.lane): (c.incarnation, c.position) for c in reply.cursors
        }
        self._probing.answered(self._asked, reply.known, self._theirs)
        truncated = dict(map(codec.head_from_wire, reply.truncated))
        if truncated:
            with self._host.store.read() as tx:
                ours = recovery_heads.hashes_of(
                    tx, [(key, base.seq) for key, base in truncated.items()]
                )
            self._probing.truncated(truncated, ours, self._theirs)
        if self._probing.done:
            host, before = self._host, self._host.replica.identity.incarnation
            try:
                waiters = host.store.write(self._begin)
            except BaseException:
                host.switch_incarnation(before)
                raise
            host.committed(Received(waiters=waiters))
        return True

    # -- what the parent lacks ------------------------------------------------------------------

    def _begin(self, tx: Connection) -> Waiters:
        """Take another incarnation if ours is known above, and reissue what is not."""
        replica = self._host.replica
        replica.clock.resume(log.lock(tx))
        me, common = replica.identity, self._probing.common
        positions = [position for _, position in self._acked_by_parent.values()]
        # Log numbers are never used twice either: those that the parent's cursors count stay used.
        execute(
            tx,
            "UPDATE log_head SET arrival=? WHERE id=1 AND arrival<?",
            (max(positions, default=0), max(positions, default=0)),
        )
        numbered = {
            incarnation for incarnation, position in self._acked_by_parent.values() if position
        }
        known = {key.incarnation for key in self._theirs} | numbered
        if me.incarnation in known or meta.get(tx, meta.RESTORED):
            rotate_incarnation(tx, self._host)
        peers.forget_received_tokens(tx)
        own_entries = reissue.own_entries_after(tx, common, me.unit, replica.identity.incarnation)
        reissued = reissue.reissue(replica, tx, own_entries)
        replica.fold(tx, reissued.effects)
        _renumber_after(tx, common, max(positions, default=0), replica.clock.last)
        if numbered:
            meta.put(tx, meta.CONTINUES, max(numbered))
        reissued.waiters.recent_commit.forget()
        return reissued.waiters

    # -- what we lack ---------------------------------------------------------------------------

    def _replayed(self, tx: Connection, reply: pb.ReplayResponse) -> Received:
        replica = self._host.replica
        unit, incarnation = self._parent
        received = applier.replay(
            replica,
            tx,
            reply.entries,
            peer=unit,
            signatures=codec.signatures_from_wire(reply.signatures),
            own_keys=self._own_keys,
        )
        if reply.more:
            return received
        lanes = (Lane.CONTROL,) if self._snapshot_follows else tuple(Lane)
        recovery_heads.rebase_cursors(
            tx, unit, incarnation, dict.fromkeys(lanes, reply.upto), replica.now_ms
        )
        meta.put(tx, meta.RESTORED, False)
        if self._snapshot_follows:
            at = progress.under_way(tx, unit) or Progress()
            progress.note(tx, unit, replace(at, restored=True))
        else:
            rebuild_derived(tx, self._host, received)
        return received


class ParentRestore:
    """Restores a parent's own entries to it, in the order in which they came."""

    def __init__(self, host: Host, parent_unit: int, parent_incarnation: int, session: int) -> None:
        self._host = host
        self._parent = (parent_unit, parent_incarnation)
        self._session = session
        self._given = 0  # position in our log: up to here the parent has received them
        self._asked: int | None = None  # where the page under way ends; None: at the end of the log

    def request(self) -> pb.RestoreParentRequest:
        """Return the next page."""
        with self._host.store.read() as tx:
            page = recovery_heads.own_entries_of(tx, self._parent[0], self._given)
        self._asked = page.upto if page.more else None
        return pb.RestoreParentRequest(
            session=self._session, unit=self._host.replica.identity.unit,
            entries=page.entries, last=not page.more,
            signatures=map(codec.signature_to_wire, page.signatures),
        )  # fmt: skip

    def on_reply(self, _reply: pb.RestoreParentResponse) -> bool:
        """Record what the parent has received; return whether more follow."""
        if self._asked is not None:
            self._given = self._asked
            return True
        now_ms = self._host.replica.now_ms
        self._host.store.write(
            lambda tx: recovery_heads.rebase_cursors(
                tx, *self._parent, dict.fromkeys(Lane, 0), now_ms
            )
        )
        return False


def rotate_incarnation(tx: Connection, host: Host) -> int:
    """Take another incarnation, in the store and at once; the caller undoes it with its work."""
    unit, level = host.replica.identity.unit, host.replica.identity.level
    incarnation = host.draw()
    reissue.rotate_incarnation(tx, unit, level, incarnation, host.replica.signer)
    host.switch_incarnation(incarnation)
    return incarnation


def _renumber_after(
    tx: Connection, common: Mapping[StreamKey, StreamHead], position: int, hlc: int
) -> None:
    """Renumber what must go up, if some of it is where the parent believes it has everything.

    All of it, in its order: otherwise the later entries of a stream that is on both sides of that
    position would come first.
    """
    rows = execute(
        tx,
        "SELECT arrival, incarnation, audience, lane, seq FROM entry "
        "WHERE up_to IS NOT NULL ORDER BY arrival",
    ).fetchall()
    waiting = [
        arrival
        for arrival, writer, audience, lane, seq in rows
        if seq > common.get(StreamKey(writer, audience, Lane(lane)), StreamHead()).seq
    ]
    if not waiting or waiting[0] > position:
        return
    first = log.allocate(tx, len(waiting), hlc).first
    moves = [(first + i, arrival) for i, arrival in enumerate(waiting)]
    execute_many(tx, "UPDATE entry SET arrival=? WHERE arrival=?", moves)
    execute_many(tx, "UPDATE quarantine SET arrival=? WHERE arrival=?", moves)
