"""One office as its children's parent: whom it lets in, what they hand up, what waits for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from sqlalchemy import Connection

from hub import comparing, snapshots
from hub.admission import admit
from hub.greeting import AFTER_RECOVERY, ASKED, Greeting, Welcome, let_in, look_up, place
from hub.seats import Child, Ring, Seats, SessionUnknown, Twin
from node.app import Office
from node.services import copies
from sync import facts, floors, log, recovering, recovery
from sync.change import Batch, StreamHead
from sync.conversation import Verdict
from sync.limits import BATCH_BYTES_MAX, PROTOCOL_MAX, SNAPSHOT_LOG_CHANGES, SNAPSHOT_ROWS
from sync.news import OfficeNews, SafeAt
from sync.outcome import Received
from sync.recovery import Heads
from sync.schema import Lane
from sync.streams import StreamKey
from sync.taking import take
from sync.tokens import Shown, Tokens
from sync.vouching import KeyChanged
from sync.wire.v1 import link_pb2 as pb

SAFE_EVERY_MS = 200  # between two answers to pushes that tell what is safe above us


class Parent:
    """What an office offers its children. Thread-safe; holds nothing that must last."""

    def __init__(
        self, office: Office, *, copies_above: int = SNAPSHOT_LOG_CHANGES,
        snapshot_rows: int = SNAPSHOT_ROWS,
    ) -> None:  # fmt: skip
        self.office = office
        self.copies_above = copies_above  # changes: a longer log is not replayed into nothing
        self.snapshot_rows = snapshot_rows
        self.seats = Seats(office)
        office.on_wake(self.seats.rung)

    # -- greeting ----------------------------------------------------------------------------

    def hello(self, greeting: Greeting) -> Welcome:
        """Open a session, or say why not (design.md 6, 9)."""
        if refusal := place(self.office, greeting):
            return refusal
        match self.seats.twin(greeting):
            case Twin.ALIVE:
                return self._copied(greeting)
            case Twin.ASKED:
                return ASKED
        known = look_up(self.office, greeting)
        if known.recovering:
            return AFTER_RECOVERY
        if known.disproved:
            self.office.found_restored()
            return AFTER_RECOVERY
        if known.key and greeting.public_key not in (b"", known.key):
            error = KeyChanged(f"unit {greeting.unit}", known.key, greeting.public_key)
            self.office.distrust(greeting.unit, error)
            raise error
        shown = known.tokens.judge(greeting.token, greeting.incarnation)
        if shown is Shown.VOID:
            return self._copied(greeting)
        copies = known.needs_snapshot(greeting, self.copies_above)
        if known.lost(greeting) or known.retired or shown is Shown.STALE:
            child = self.seats.take(greeting, restored=True)
            child.copies = copies
            return Welcome(
                verdict=Verdict.RESTORED,
                session=child.session,
                copies=copies,
                reason="your store is not the one that was here last: it was restored",
            )
        child = self.seats.take(greeting)
        child.copies = copies
        token = let_in(self.office, greeting, known)
        self._heard(child, greeting.news)
        return Welcome(
            verdict=Verdict.SNAPSHOT if copies else Verdict.GO_ON,
            session=child.session,
            held=known.held,
            waiting=self._waiting(child),
            protocol=min(PROTOCOL_MAX, greeting.protocol_max),
            token=token,
            holds=known.holds,
            reason="records come as they stand, before the log goes on" if copies else "",
        )

    def _copied(self, greeting: Greeting) -> Welcome:
        self.office.news.copied(greeting.unit)
        return Welcome(
            verdict=Verdict.COPY,
            reason="another store works under the name of this office: stop one of the two, "
            "and let the parent forget which was here last (silian copies forget)",
        )

    def forget_copy(self, unit: int, *, actor: str, reason: str) -> copies.Copied:
        """A person has stopped one of two stores: take the next that comes for the right one.

        Raises: NoReason, NotCopied.
        """
        done = copies.forget_copy(self.office, unit, actor=actor, reason=reason)
        self.seats.leave(unit)
        return done

    def _waiting(self, child: Child) -> frozenset[Lane]:
        with self.office.store.read() as tx:
            return frozenset(
                lane
                for lane in Lane
                if log.waiting_down(
                    tx, child=child.unit, lane=lane, after=child.taken.get(lane, 0)
                )[0]
            )

    # -- up and down -------------------------------------------------------------------------

    def push(self, unit: int, session: int, batch: Batch) -> tuple[Received, list[SafeAt]]:
        """Take a child's batch; returns after the commits that hold it (INV-4).

        Raises: SessionUnknown, Overloaded, and what `sync.apply.Applier.remote` raises.
        """
        child = self.seats.child(unit, session)
        if batch.incarnation != child.incarnation:
            raise SessionUnknown  # words of an earlier life change nothing (INV-26)
        office = self.office
        admit(office, batch)
        received = take(office, batch, peer=unit, upward=True)
        return received, self._safe_since(child, batch.lane, received.position)

    def pull(self, unit: int, session: int, lane: Lane, after: int, bytes_max: int) -> Batch:
        """Return what waits for a child after a position that it holds durably.

        Raises: SessionUnknown.
        """
        child = self.seats.child(unit, session)
        self.seats.holds(child, lane, after)  # before we look: what commits later rings again
        office = self.office
        with office.store.read() as tx:
            if after < floors.floor_down(tx, lane, unit):
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

        Raises: SessionUnknown, and what `hub.snapshots.take` raises.
        """
        child = self.seats.child(unit, session)
        snapshots.take(self.office, unit, child.incarnation, payload)

    def recognise(
        self, unit: int, session: int, probes: Sequence[tuple[StreamKey, StreamHead]]
    ) -> tuple[list[bool], Heads, list[tuple[Lane, int, int]], Heads]:
        """Tell a restored child which of these entries came from it, what we hold of the streams
        at and below it, how far we have its log: (lane, incarnation, position); and up to where
        these streams are not in our log.

        Raises: SessionUnknown.
        """
        self.seats.child(unit, session, restored=True)
        office = self.office
        with office.store.read() as tx:
            known = recovery.recognised(tx, unit, probes)
            heads = recovery.upward_heads(tx, lambda writer: office.routes.hop(writer) == unit)
            given = Tokens.from_text(facts.get(tx, f"{facts.GIVEN}{unit}")).incarnation
            heads |= recovery.known_names(tx, unit, given)
            cursors = [(lane, *log.cursor_of(tx, unit, "in", lane)) for lane in Lane]
            cut = {key: head for key, head in log.bases(tx).items() if key in heads}
        return known, heads, cursors, cut

    def echo(
        self, unit: int, session: int, common: Heads, taken: dict[Lane, int], after: int,
        bytes_max: int,
    ) -> recovery.Echo:  # fmt: skip
        """Give a restored child back what it handed over. Raises: SessionUnknown."""
        child = self.seats.child(unit, session, restored=True)
        try:
            with self.office.store.read() as tx:
                return recovery.read_echo(
                    tx, unit, common=common, taken=taken, after=after,
                    bytes_max=min(bytes_max or BATCH_BYTES_MAX, BATCH_BYTES_MAX),
                    signer=self.office.applier.signer,
                    lanes=(Lane.CONTROL,) if child.copies else tuple(Lane),
                )  # fmt: skip
        except floors.LogCut as error:
            # Words from below it that are not in its greeting: the next one is told that copies go.
            snapshots.note_cut(self.office, unit, error)
            raise SessionUnknown from error

    def snapshot(self, unit: int, session: int, after: bytes) -> pb.SnapshotResponse:
        """Give a child the next records as they stand. Raises: SessionUnknown."""
        child = self.seats.child(unit, session, restored=True)
        if not child.copies:
            raise SessionUnknown  # it was let in to go on by the log
        return snapshots.answer(self.office, unit, after, self.snapshot_rows)

    def take_back(self, unit: int, session: int, wires: Sequence[bytes], *, last: bool) -> None:
        """Take our own words back from a child that heard them.

        Raises: SessionUnknown, and what `sync.recovering.take_back` raises.
        """
        self.seats.child(unit, session)
        office = self.office
        received = office.store.write(
            lambda tx: recovering.take_back(tx, office, wires, child=unit, last=last)
        )
        if received.entries:
            office.log.warning("own_words_taken_back", child=unit, entries=received.entries)
        office.committed(received)

    def digest(self, unit: int, session: int, request: pb.DigestRequest) -> pb.DigestResponse:
        """Answer one step of a comparison with a child. Raises: SessionUnknown, Malformed."""
        child = self.seats.child(unit, session)
        return comparing.answer(self.office, unit, child.incarnation, request, child.hints)

    def safe(self, unit: int) -> list[SafeAt]:
        """Return how far a child's log is durable here and at each level above."""
        office = self.office
        above = office.news.safe()
        with office.store.read() as tx:
            here = [
                SafeAt(office.identity.level, lane, log.cursor_of(tx, unit, "in", lane)[1])
                for lane in Lane
            ]
            return here + [_of_child(tx, unit, s) for s in above]

    def _safe_since(self, child: Child, lane: Lane, position: int) -> list[SafeAt]:
        """Return what is new since the child was last told: asked after every batch.

        Translated only now and then: what is left out comes with a later answer, or a greeting's.
        """
        here = SafeAt(self.office.identity.level, lane, position)
        now_ms = self.office.clock.now_ms()
        if 0 <= now_ms - child.told_ms < SAFE_EVERY_MS:
            return [here]
        above = tuple(self.office.news.safe())
        fresh = [s for s in above if s not in child.told]
        if not fresh:
            return [here]
        child.told, child.told_ms = above, now_ms
        with self.office.store.read() as tx:
            return [here, *(_of_child(tx, child.unit, s) for s in fresh)]

    # -- the doorbell ------------------------------------------------------------------------

    def watch(self, unit: int, session: int, ring: Ring) -> Callable[[], None]:
        """Have `ring` called once: now if something waits, else when it does.

        Returns: to be called when the line ends.
        Raises: SessionUnknown.
        """
        child = self.seats.child(unit, session)
        self.seats.watch(child, ring)

        def ended() -> None:
            if self.seats.line_ended(child, ring):
                self._observe(child, connected=False)

        return ended

    def close(self) -> None:
        """Let every open call go: the children greet again elsewhere or later."""
        self.seats.close()

    # -- inside ------------------------------------------------------------------------------

    def _heard(self, child: Child, news: Iterable[OfficeNews]) -> None:
        self.office.news.hear(news, child=child.unit)
        self._observe(child, connected=True)

    def _observe(self, child: Child, *, connected: bool) -> None:
        office = self.office
        with office.store.read() as tx:
            waiting = sum(
                log.waiting_down(tx, child=child.unit, lane=lane, after=child.taken.get(lane, 0))[0]
                for lane in Lane
            )
        office.news.observe(child.unit, connected=connected, waiting_down=waiting)


def _of_child(tx: Connection, unit: int, safe: SafeAt) -> SafeAt:
    """Return how far our own log is safe somewhere above, as a position of a child's log."""
    position = log.position_of_child(tx, unit, safe.lane, safe.position)
    return SafeAt(safe.level, safe.lane, position)
