"""One office as its children's parent: whom it lets in, what they hand up, what waits for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from sqlalchemy import Connection

from hub.link import comparison, snapshots
from hub.link.admission import admit
from hub.link.handshake import (
    AFTER_RECOVERY,
    PINGED,
    Hello,
    HelloAnswer,
    accept,
    check_place,
    load_child,
)
from hub.link.sessions import (
    ChildSession,
    DuplicateProcess,
    SessionTable,
    SessionUnknown,
    WatchReply,
)
from node.app import Office
from node.services.peers import clones
from sync.apply.receive import receive_batch
from sync.link.messages import Verdict
from sync.log import entries as log
from sync.log import truncation
from sync.log.outcome import Received
from sync.log.signatures import KeyChanged
from sync.model.change import Batch, StreamHead
from sync.model.limits import BATCH_BYTES_MAX, PROTOCOL_MAX, SNAPSHOT_LOG_CHANGES, SNAPSHOT_ROWS
from sync.model.report import DurableAt, NodeStatus
from sync.model.schema import Lane
from sync.model.stream import Heads, StreamKey
from sync.recovery import child as recovery_child
from sync.recovery import heads as recovery_heads
from sync.recovery.clones import TokenCheck, Tokens
from sync.store import meta
from sync.wire.v1 import link_pb2 as pb

DURABLE_EVERY_MS = 200  # between two answers to pushes that tell what is safe above us


class Parent:
    """What an office offers its children. Thread-safe; holds nothing that must last."""

    def __init__(
        self, office: Office, *, snapshot_above: int = SNAPSHOT_LOG_CHANGES,
        snapshot_rows: int = SNAPSHOT_ROWS,
    ) -> None:  # fmt: skip
        self.office = office
        self.snapshot_above = snapshot_above  # changes: a longer log is not replayed into nothing
        self.snapshot_rows = snapshot_rows
        self.sessions = SessionTable(office)
        office.on_wake(self.sessions.notify)

    # -- greeting ----------------------------------------------------------------------------

    def hello(self, hello: Hello) -> HelloAnswer:
        """Answer a handshake with a verdict; open a session if the child is accepted."""
        if refusal := check_place(self.office, hello):
            return refusal
        match self.sessions.check_duplicate(hello):
            case DuplicateProcess.ALIVE:
                return self._clone(hello)
            case DuplicateProcess.PINGED:
                return PINGED
        known = load_child(self.office, hello)
        if known.recovering:
            return AFTER_RECOVERY
        if known.is_missing_any:
            self.office.found_restored()
            return AFTER_RECOVERY
        if known.key and hello.public_key not in (b"", known.key):
            error = KeyChanged(f"unit {hello.unit}", known.key, hello.public_key)
            self.office.signature_refused(hello.unit, error)
            raise error
        shown = known.tokens.check(hello.token, hello.incarnation)
        if shown is TokenCheck.REVOKED:
            return self._clone(hello)
        snapshot_follows = known.needs_snapshot(hello, self.snapshot_above)
        if known.lost(hello) or known.retired or shown is TokenCheck.STALE:
            child = self.sessions.open_session(hello, restored=True)
            child.snapshot_follows = snapshot_follows
            return HelloAnswer(
                verdict=Verdict.RESTORED,
                session=child.session,
                snapshot_follows=snapshot_follows,
                reason="your store is not the one that was here last: it was restored",
            )
        child = self.sessions.open_session(hello)
        child.snapshot_follows = snapshot_follows
        token = accept(self.office, hello, known)
        self._record_contact(child, hello.peer_status)
        return HelloAnswer(
            verdict=Verdict.SNAPSHOT if snapshot_follows else Verdict.ACCEPTED,
            session=child.session,
            durable=known.durable,
            waiting=self._waiting(child),
            protocol=min(PROTOCOL_MAX, hello.protocol_max),
            token=token,
            required_heads=known.required_heads,
            reason="records come as they stand, before the log goes on" if snapshot_follows else "",
        )

    def _clone(self, hello: Hello) -> HelloAnswer:
        self.office.peer_status.flag_clone(hello.unit)
        return HelloAnswer(
            verdict=Verdict.CLONE,
            reason="another store works under the name of this office: stop one of the two, "
            "and let the parent forget which was here last (silian copies forget)",
        )

    def reset_clone(self, unit: int, *, actor: str, reason: str) -> clones.Clone:
        """A person has stopped one of two stores: take the next that comes for the right one.

        Raises: NoReason, NotCopied.
        """
        done = clones.reset_clone(self.office, unit, actor=actor, reason=reason)
        self.sessions.close_session(unit)
        return done

    def _waiting(self, child: ChildSession) -> frozenset[Lane]:
        with self.office.store.read() as tx:
            return frozenset(
                lane
                for lane in Lane
                if log.waiting_down(
                    tx, child=child.unit, lane=lane, after=child.acked.get(lane, 0)
                )[0]
            )

    # -- up and down -------------------------------------------------------------------------

    def push(self, unit: int, session: int, batch: Batch) -> tuple[Received, list[DurableAt]]:
        """Take a child's batch; returns after the commits that hold it (INV-4).

        Raises: SessionUnknown, Overloaded, and what `Applier.apply_batch` raises.
        """
        child = self.sessions.child(unit, session)
        if batch.incarnation != child.incarnation:
            raise SessionUnknown  # words of an earlier life change nothing (INV-26)
        office = self.office
        admit(office, batch)
        received = receive_batch(office, batch, peer=unit, upward=True)
        return received, self._durable_since(child, batch.lane, received.position)

    def pull(self, unit: int, session: int, lane: Lane, after: int, bytes_max: int) -> Batch:
        """Return what waits for a child after a position that it holds durably.

        Raises: SessionUnknown.
        """
        child = self.sessions.child(unit, session)
        self.sessions.record_ack(
            child, lane, after
        )  # before we look: what commits later rings again
        office = self.office
        with office.store.read() as tx:
            if after < truncation.low_water_down(tx, lane, unit):
                raise SessionUnknown  # the log does not reach back to there: greet again
            return log.read_down(
                tx,
                child=unit,
                lane=lane,
                incarnation=office.identity.incarnation,
                after=after,
                bytes_max=min(bytes_max or BATCH_BYTES_MAX, BATCH_BYTES_MAX),
                signer=office.applier.signer,
            )

    def deliver(self, unit: int, session: int, payload: bytes) -> None:
        """Join records that a child hands up as they stand; returns after the commit.

        Raises: SessionUnknown, and what `hub.link.snapshots.receive_batch` raises.
        """
        child = self.sessions.child(unit, session)
        snapshots.join_upload(self.office, unit, child.incarnation, payload)

    def recognise(
        self, unit: int, session: int, probes: Sequence[tuple[StreamKey, StreamHead]]
    ) -> tuple[list[bool], Heads, list[tuple[Lane, int, int]], Heads]:
        """Tell a restored child which of these entries came from it, what we hold of the streams
        at and below it, how far we have its log: (lane, incarnation, position); and up to where
        these streams are not in our log.

        Raises: SessionUnknown.
        """
        self.sessions.child(unit, session, restored=True)
        office = self.office
        with office.store.read() as tx:
            known = recovery_heads.known_entries(tx, unit, probes)
            heads = recovery_heads.upward_heads(
                tx, lambda writer: office.routes.hop(writer) == unit
            )
            given = Tokens.from_text(meta.get(tx, f"{meta.TOKEN_ISSUED}{unit}")).incarnation
            heads |= recovery_heads.past_incarnations(tx, unit, given)
            cursors = [(lane, *log.cursor_of(tx, unit, "in", lane)) for lane in Lane]
            truncated = {key: head for key, head in log.bases(tx).items() if key in heads}
        return known, heads, cursors, truncated

    def replay(
        self, unit: int, session: int, common: Heads, acked: dict[Lane, int], after: int,
        bytes_max: int,
    ) -> recovery_heads.ReplayPage:  # fmt: skip
        """Give a restored child back what it handed over. Raises: SessionUnknown."""
        child = self.sessions.child(unit, session, restored=True)
        try:
            with self.office.store.read() as tx:
                return recovery_heads.read_replay(
                    tx, unit, common=common, acked=acked, after=after,
                    bytes_max=min(bytes_max or BATCH_BYTES_MAX, BATCH_BYTES_MAX),
                    signer=self.office.applier.signer,
                    lanes=(Lane.CONTROL,) if child.snapshot_follows else tuple(Lane),
                )  # fmt: skip
        except truncation.LogTruncated as error:
            # Words from below it that are not in its greeting: the next one is told that copies go.
            snapshots.record_snapshot_due(self.office, unit, error)
            raise SessionUnknown from error

    def snapshot(self, unit: int, session: int, after: bytes) -> pb.SnapshotResponse:
        """Give a child the next records as they stand. Raises: SessionUnknown."""
        child = self.sessions.child(unit, session, restored=True)
        if not child.snapshot_follows:
            raise SessionUnknown  # it was let in to go on by the log
        return snapshots.answer(self.office, unit, after, self.snapshot_rows)

    def restore_own(self, unit: int, session: int, wires: Sequence[bytes], *, last: bool) -> None:
        """Take our own words back from a child that heard them.

        Raises: SessionUnknown, and what `sync.recovery.child.restore_own` raises.
        """
        self.sessions.child(unit, session)
        office = self.office
        received = office.store.write(
            lambda tx: recovery_child.restore_own(tx, office, wires, child=unit, last=last)
        )
        if received.entries:
            office.log.warning("own_words_taken_back", child=unit, entries=received.entries)
        office.committed(received)

    def digest(self, unit: int, session: int, request: pb.DigestRequest) -> pb.DigestResponse:
        """Answer one step of a comparison with a child. Raises: SessionUnknown, Malformed."""
        child = self.sessions.child(unit, session)
        return comparison.answer(self.office, unit, child.incarnation, request, child.digest_cache)

    def durable_above(self, unit: int) -> list[DurableAt]:
        """Return how far a child's log is durable here and at each level above."""
        office = self.office
        above = office.peer_status.durable_above()
        with office.store.read() as tx:
            here = [
                DurableAt(office.identity.level, lane, log.cursor_of(tx, unit, "in", lane)[1])
                for lane in Lane
            ]
            return here + [_of_child(tx, unit, s) for s in above]

    def _durable_since(self, child: ChildSession, lane: Lane, position: int) -> list[DurableAt]:
        """Return what is new since the child was last told: asked after every batch.

        Translated only now and then: what is left out comes with a later answer, or a greeting's.
        """
        here = DurableAt(self.office.identity.level, lane, position)
        now_ms = self.office.clock.now_ms()
        if 0 <= now_ms - child.reported_ms < DURABLE_EVERY_MS:
            return [here]
        above = tuple(self.office.peer_status.durable_above())
        fresh = [s for s in above if s not in child.reported]
        if not fresh:
            return [here]
        child.reported, child.reported_ms = above, now_ms
        with self.office.store.read() as tx:
            return [here, *(_of_child(tx, child.unit, s) for s in fresh)]

    # -- the doorbell ------------------------------------------------------------------------

    def watch(self, unit: int, session: int, watch_reply: WatchReply) -> Callable[[], None]:
        """Have `watch_reply` called once: now if something waits, else when it does.

        Returns: to be called when the line ends.
        Raises: SessionUnknown.
        """
        child = self.sessions.child(unit, session)
        self.sessions.watch(child, watch_reply)

        def ended() -> None:
            if self.sessions.watch_ended(child, watch_reply):
                self._observe(child, connected=False)

        return ended

    def close(self) -> None:
        """Let every open call go: the children greet again elsewhere or later."""
        self.sessions.close()

    # -- inside ------------------------------------------------------------------------------

    def _record_contact(self, child: ChildSession, peer_status: Iterable[NodeStatus]) -> None:
        self.office.peer_status.receive_status(peer_status, child=child.unit)
        self._observe(child, connected=True)

    def _observe(self, child: ChildSession, *, connected: bool) -> None:
        office = self.office
        with office.store.read() as tx:
            waiting = sum(
                log.waiting_down(tx, child=child.unit, lane=lane, after=child.acked.get(lane, 0))[0]
                for lane in Lane
            )
        office.peer_status.record_contact(child.unit, connected=connected, waiting_down=waiting)


def _of_child(tx: Connection, unit: int, durable_above: DurableAt) -> DurableAt:
    """Return how far our own log is safe somewhere above, as a position of a child's log."""
    position = log.position_of_child(tx, unit, durable_above.lane, durable_above.position)
    return DurableAt(durable_above.level, durable_above.lane, position)
