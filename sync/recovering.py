"""Recovering: a restored child's questions to its parent, until it has back what it lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlalchemy import Connection

from sync import audience, codec, facts, log, progress, rebirth, recovery, restating
from sync.change import StreamHead
from sync.handover import Unauthorised
from sync.host import Host
from sync.limits import BATCH_BYTES_MAX, TRANSACTION_CHANGES_MAX
from sync.outcome import Received, Wake
from sync.probing import Probing
from sync.progress import Progress
from sync.recovery import Heads
from sync.registers import pieces
from sync.schema import Lane
from sync.statements import run, run_many
from sync.streams import StreamKey
from sync.wire.v1 import link_pb2 as pb
from sync.wire_errors import Malformed


class Recovering:
    """One recovery. `request` says what to ask next; `take` applies the answer.

    Its progress is in the store, entry by entry: one that was broken off starts over and finds
    that it has less to ask for.
    """

    def __init__(
        self, host: Host, parent_unit: int, parent_incarnation: int, session: int, *,
        copies: bool = False,
    ) -> None:  # fmt: skip
        self._host = host
        self._copies = copies  # follow this recovery, which is of the control lane only
        self._parent = (parent_unit, parent_incarnation)
        self._session = session
        self._asked: list[tuple[StreamKey, StreamHead]] = []
        self._theirs: Heads = {}
        self._held: dict[Lane, tuple[int, int]] = {}  # our log with the parent, as its cursors say
        self._after = 0
        with host.store.read() as tx:
            heads = recovery.upward_heads(tx, self._is_ours)
            above = host.applier.identity.level - 1
            self._probing = Probing.over(
                heads, recovery.oldest_kept(tx, heads), recovery.acknowledged(tx, above, heads)
            )

    def request(self) -> pb.EchoRequest:
        """Return the next question."""
        unit = self._host.applier.identity.unit
        with self._host.store.read() as tx:
            if not self._probing.done:
                hashes = recovery.hashes_of(tx, self._probing.wanted())
                self._asked = self._probing.ask(hashes)
                return pb.EchoRequest(
                    session=self._session,
                    unit=unit,
                    probing=True,
                    probes=[codec.head_to_wire(key, head) for key, head in self._asked],
                )
            return pb.EchoRequest(
                session=self._session,
                unit=unit,
                common=[codec.head_to_wire(k, h) for k, h in self._probing.common.items()],
                cursors=[
                    pb.Cursor(lane=lane.value, incarnation=self._parent[1], position=position)  # type: ignore[arg-type]
                    for lane, position in self._taken(tx).items()
                ],
                after=self._after,
                bytes_max=BATCH_BYTES_MAX,
            )

    def take(self, reply: pb.EchoResponse) -> bool:
        """Take the answer; say whether there is more to ask.

        Raises: Malformed, StreamGap, StreamForked, Unauthorised.
        """
        if not self._probing.done:
            return self._probed(reply)
        host = self._host
        received = host.store.write(lambda tx: self._echoed(tx, reply))
        host.committed(received)
        self._after = reply.upto
        return reply.more

    # -- what both have in common -------------------------------------------------------------

    def _is_ours(self, unit: int) -> bool:
        applier = self._host.applier
        return unit == applier.identity.unit or applier.routes.hop(unit) is not None

    def _taken(self, tx: Connection) -> dict[Lane, int]:
        unit, incarnation = self._parent
        cursors = {lane: log.cursor_of(tx, unit, "in", lane) for lane in Lane}
        return {lane: held for lane, (of, held) in cursors.items() if of == incarnation}

    def _probed(self, reply: pb.EchoResponse) -> bool:
        if len(reply.known) != len(self._asked):
            raise Malformed(f"{len(reply.known)} answers to {len(self._asked)} probes")
        self._theirs = dict(map(codec.head_from_wire, reply.heads))
        self._held = {Lane(c.lane): (c.incarnation, c.position) for c in reply.cursors}
        self._probing.answered(self._asked, reply.known, self._theirs)
        cut = dict(map(codec.head_from_wire, reply.cut))
        if cut:
            with self._host.store.read() as tx:
                ours = recovery.hashes_of(tx, [(key, base.seq) for key, base in cut.items()])
            self._probing.cut(cut, ours, self._theirs)
        if self._probing.done:
            host, before = self._host, self._host.applier.identity.incarnation
            try:
                wake = host.store.write(self._begin)
            except BaseException:
                host.become(before)
                raise
            host.committed(Received(wake=wake))
        return True

    # -- what the parent lacks ------------------------------------------------------------------

    def _begin(self, tx: Connection) -> Wake:
        """Take another incarnation if ours is known above, and say anew what is not."""
        applier = self._host.applier
        applier.clock.resume(log.lock(tx))
        me, common = applier.identity, self._probing.common
        positions = [position for _, position in self._held.values()]
        # Log numbers are never given twice either: what the parent's cursors count stays counted.
        run(
            tx,
            "UPDATE log_head SET arrival=? WHERE id=1 AND arrival<?",
            (max(positions, default=0), max(positions, default=0)),
        )
        numbered = {incarnation for incarnation, position in self._held.values() if position}
        known = {key.incarnation for key in self._theirs} | numbered
        if me.incarnation in known or facts.get(tx, facts.RESTORED):
            renew(tx, self._host)
        words = rebirth.words_beyond(tx, common, me.unit, applier.identity.incarnation)
        reborn = rebirth.say_anew(applier, tx, words)
        applier.fold(tx, reborn.effects)
        _move_beyond(tx, common, max(positions, default=0), applier.clock.last)
        if numbered:
            facts.put(tx, facts.CONTINUES, str(max(numbered)))
        reborn.wake.tail.forget()
        return reborn.wake

    # -- what we lack ---------------------------------------------------------------------------

    def _echoed(self, tx: Connection, reply: pb.EchoResponse) -> Received:
        applier = self._host.applier
        unit, incarnation = self._parent
        received = applier.echo(
            tx, reply.entries, peer=unit, signatures=codec.signatures_from_wire(reply.signatures)
        )
        if reply.more:
            return received
        lanes = (Lane.CONTROL,) if self._copies else tuple(Lane)
        recovery.met_anew(tx, unit, incarnation, reply.upto, applier.now_ms, lanes)
        facts.put(tx, facts.RESTORED, "")
        if self._copies:
            at = progress.under_way(tx, unit) or Progress()
            progress.note(tx, unit, replace(at, restored=True))
        else:
            catch_up(tx, self._host, received)
        return received


def take_back(
    tx: Connection, host: Host, wires: Sequence[bytes], *, child: int, last: bool
) -> Received:
    """Take back from a child the words of this office that it heard and this store has lost.

    Raises: Unauthorised for what is not ours, or went not that way; StreamGap, Malformed.
    """
    applier = host.applier
    applier.clock.resume(log.lock(tx))
    me = applier.identity
    entries = [codec.entry_from_wire(wire) for wire in wires]
    for entry in entries:
        heard = audience.parse(entry.audience)
        there = heard.down_all or (
            heard.down_to is not None and applier.routes.hop(heard.down_to) == child
        )
        if entry.unit != me.unit or not there:
            raise Unauthorised("given back what was not said to this child")
    lost = [e for e in entries if e.incarnation != me.incarnation]
    words = rebirth.words_against(tx, lost)
    reborn = rebirth.say_anew(applier, tx, words)
    applier.fold(tx, reborn.effects)
    received = applier.echo(tx, [e.wire for e in lost], peer=child)
    received.wake.join(reborn.wake)
    if last:
        restating.say_again(applier, tx, child, host.ways, received.wake)
        restating.note_done(tx, child, me.incarnation)
        catch_up(tx, host, received)
    return received


def catch_up(tx: Connection, host: Host, received: Received) -> None:
    """Do what this office would have done by itself, had it heard everything in turn."""
    for edits in pieces(host.left_undone(tx), TRANSACTION_CHANGES_MAX):
        done = host.applier.follow_up(tx, edits)
        received.wake.join(done.wake)
        received.registers |= done.registers


def renew(tx: Connection, host: Host) -> int:
    """Take another incarnation, in the store and at once; the caller undoes it with its work."""
    unit, level = host.applier.identity.unit, host.applier.identity.level
    incarnation = host.draw()
    rebirth.renew(tx, unit, level, incarnation, host.applier.signer)
    host.become(incarnation)
    return incarnation


def _move_beyond(
    tx: Connection, common: Mapping[StreamKey, StreamHead], position: int, hlc: int
) -> None:
    """Number anew what must go up, if some of it stands where the parent believes to have all.

    All of it, in its order: of a stream that stands on both sides of that position, the later
    entries would come first.
    """
    rows = run(
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
    first = log.take(tx, len(waiting), hlc)
    moves = [(first + i, arrival) for i, arrival in enumerate(waiting)]
    run_many(tx, "UPDATE entry SET arrival=? WHERE arrival=?", moves)
    run_many(tx, "UPDATE hole SET arrival=? WHERE arrival=?", moves)
