"""One office as its children's parent: their sessions, what they hand up, what waits for them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sqlalchemy import Connection

from hub import comparing, snapshots
from hub.admission import admit
from hub.greeting import AFTER_RECOVERY, Greeting, Welcome, let_in, look_up, place
from node.app import Office
from node.services import copies
from sync import facts, floors, log, recovering, recovery
from sync.change import Batch, StreamHead
from sync.conversation import Verdict
from sync.errors import SilianError
from sync.limits import BATCH_BYTES_MAX, PROTOCOL_MAX, SNAPSHOT_LOG_CHANGES, SNAPSHOT_ROWS
from sync.news import OfficeNews, SafeAt
from sync.outcome import Received, Wake
from sync.recovery import Heads
from sync.repairing import Hints
from sync.schema import Lane
from sync.streams import StreamKey
from sync.taking import take
from sync.tokens import Shown, Tokens
from sync.vouching import KeyChanged
from sync.wire.v1 import link_pb2 as pb

TWIN_WAIT_MS = 1_000  # how long a process has to show that it is alive when another takes its name
ALIVE_MS = 10_000  # a process that called so lately may be alive
SAFE_EVERY_MS = 200  # between two answers to pushes that tell what is safe above us
SIGN_OF_LIFE_MS = 300_000  # an open Watch is answered this often though nothing rings


class SessionUnknown(SilianError):
    """The call names no session of this office (it has restarted): greet again."""

    code = "session_unknown"
    retryable = True

    def __init__(self) -> None:
        super().__init__(
            "no such session here",
            "会话不存在",
            remedy_en="Greet again; this happens by itself.",
            remedy_zh="系统会自动重新连接。",
        )


class Ring(Protocol):
    """Answers one open Watch call."""

    def __call__(self, lanes: Iterable[Lane]) -> None: ...


@dataclass(slots=True)
class Child:
    """One child's session; gone with the process, the child greets again then."""

    unit: int
    session: int
    incarnation: int
    process: int = 0
    under: int = 0  # our own incarnation when it came
    restored: bool = False  # it may ask for what it lost, and for nothing else
    copies: bool = False  # what is in bulk goes to it as records
    calls: int = 0  # made in this session
    called_ms: int = 0
    gone: bool = False  # its line has ended
    asked_at: int | None = None  # calls made when another process came under its name
    taken: dict[Lane, int] = field(default_factory=dict)  # how far it holds our log
    pending: set[Lane] = field(default_factory=set)  # lanes in which something new waits
    ring: Ring | None = None
    watched_ms: int = 0
    hints: Hints = field(default_factory=Hints)  # of the comparison under way
    told: tuple[SafeAt, ...] = ()  # what our own log's safety was when the child last heard of it
    told_ms: int = 0


class Parent:
    """What an office offers its children. Thread-safe; holds nothing that must last."""

    def __init__(
        self, office: Office, *, copies_above: int = SNAPSHOT_LOG_CHANGES,
        snapshot_rows: int = SNAPSHOT_ROWS,
    ) -> None:  # fmt: skip
        self.office = office
        self.copies_above = copies_above  # changes: a longer log is not replayed into nothing
        self.snapshot_rows = snapshot_rows
        self._lock = threading.Lock()
        self._children: dict[int, Child] = {}
        office.on_wake(self.rung)

    # -- greeting ----------------------------------------------------------------------------

    def hello(self, greeting: Greeting) -> Welcome:
        """Open a session, or say why not (design.md 6, 9)."""
        if refusal := place(self.office, greeting) or self._twin(greeting):
            return refusal
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
            child = self._seated(greeting, restored=True)
            child.copies = copies
            return Welcome(
                verdict=Verdict.RESTORED,
                session=child.session,
                copies=copies,
                reason="your store is not the one that was here last: it was restored",
            )
        child = self._seated(greeting)
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

    def _seated(self, greeting: Greeting, *, restored: bool = False) -> Child:
        office = self.office
        with self._lock:
            child = self._children.get(greeting.unit)
            ring = None
            key = (greeting.incarnation, greeting.process, office.identity.incarnation, restored)
            if child is None or key != (
                child.incarnation, child.process, child.under, child.restored,
            ):  # fmt: skip
                ring = child.ring if child is not None else None
                child = Child(
                    greeting.unit,
                    office.rng.getrandbits(63) or 1,
                    greeting.incarnation,
                    greeting.process,
                    office.identity.incarnation,
                    restored,
                )
                self._children[greeting.unit] = child
            child.taken.update(greeting.taken)
            self._called(child)
        if ring is not None:
            ring(())
        return child

    def _twin(self, greeting: Greeting) -> Welcome | None:
        """Let a living process keep its name: another that comes under it is fenced (INV-25).

        Whether it lives is seen by asking: its bell is rung, and it has a moment to call again.
        """
        with self._lock:
            child = self._children.get(greeting.unit)
            if child is None or child.process == greeting.process or child.gone:
                return None
            now_ms = self.office.clock.now_ms()
            if child.ring is None and now_ms - child.called_ms > ALIVE_MS:
                return None
            asked_at, ring = child.asked_at, child.ring
            child.asked_at = child.calls if asked_at is None else None
            if asked_at is None:
                child.ring = None
        if asked_at is not None:
            return self._copied(greeting) if child.calls > asked_at else None
        if ring is not None:
            ring(())
        return Welcome(
            verdict=Verdict.BACK_OFF,
            retry_after_ms=TWIN_WAIT_MS,
            reason="another process was here under this name; is it alive?",
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
        with self._lock:
            self._children.pop(unit, None)
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
        child = self._child(unit, session)
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
        child = self._child(unit, session)
        with self._lock:
            child.pending.discard(lane)  # before we look: what commits later rings again
            child.taken[lane] = after
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
        child = self._child(unit, session)
        snapshots.take(self.office, unit, child.incarnation, payload)

    def recognise(
        self, unit: int, session: int, probes: Sequence[tuple[StreamKey, StreamHead]]
    ) -> tuple[list[bool], Heads, list[tuple[Lane, int, int]], Heads]:
        """Tell a restored child which of these entries came from it, what we hold of the streams
        at and below it, how far we have its log: (lane, incarnation, position); and up to where
        these streams are not in our log.

        Raises: SessionUnknown.
        """
        self._child(unit, session, restored=True)
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
        child = self._child(unit, session, restored=True)
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
        child = self._child(unit, session, restored=True)
        if not child.copies:
            raise SessionUnknown  # it was let in to go on by the log
        return snapshots.answer(self.office, unit, after, self.snapshot_rows)

    def take_back(self, unit: int, session: int, wires: Sequence[bytes], *, last: bool) -> None:
        """Take our own words back from a child that heard them.

        Raises: SessionUnknown, and what `sync.recovering.take_back` raises.
        """
        self._child(unit, session)
        office = self.office
        received = office.store.write(
            lambda tx: recovering.take_back(tx, office, wires, child=unit, last=last)
        )
        if received.entries:
            office.log.warning("own_words_taken_back", child=unit, entries=received.entries)
        office.committed(received)

    def digest(self, unit: int, session: int, request: pb.DigestRequest) -> pb.DigestResponse:
        """Answer one step of a comparison with a child. Raises: SessionUnknown, Malformed."""
        child = self._child(unit, session)
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
        child = self._child(unit, session)
        with self._lock:
            before, child.ring = child.ring, None
            lanes = set(child.pending)
            if not lanes:
                child.ring = ring
                child.watched_ms = self.office.clock.now_ms()
        if before is not None:
            before(())
        if lanes:
            ring(lanes)
        return lambda: self._line_ended(child, ring)

    def rung(self, wake: Wake) -> None:
        """Something new stands in the log: ring those who may hear it."""
        rings: list[tuple[Ring, set[Lane]]] = []
        with self._lock:
            for hop, lane in wake.down:
                for child in self._children.values() if hop == 0 else self._one(hop):
                    child.pending.add(lane)
            for child in self._children.values():
                if child.pending and child.ring is not None:
                    rings.append((child.ring, set(child.pending)))
                    child.ring = None
        for ring, lanes in rings:
            ring(lanes)

    def signs_of_life(self) -> None:
        """Answer calls that have been open for long (a job's tick)."""
        now_ms = self.office.clock.now_ms()
        with self._lock:
            old = [
                c for c in self._children.values()
                if c.ring is not None and now_ms - c.watched_ms >= SIGN_OF_LIFE_MS
            ]  # fmt: skip
            rings = [c.ring for c in old if c.ring is not None]
            for child in old:
                child.ring = None
        for ring in rings:
            ring(())

    def close(self) -> None:
        """Let every open call go: the children greet again elsewhere or later."""
        with self._lock:
            rings = [c.ring for c in self._children.values() if c.ring is not None]
            self._children.clear()
        for ring in rings:
            ring(())

    # -- inside ------------------------------------------------------------------------------

    def _one(self, unit: int) -> Iterable[Child]:
        child = self._children.get(unit)
        return (child,) if child is not None else ()

    def _child(self, unit: int, session: int, *, restored: bool = False) -> Child:
        with self._lock:
            child = self._children.get(unit)
            if child is None or child.session != session:
                raise SessionUnknown
            if child.under != self.office.identity.incarnation:
                raise SessionUnknown  # our log is numbered anew
            if child.restored and not restored:
                raise SessionUnknown
            self._called(child)
        return child

    def _called(self, child: Child) -> None:
        child.calls += 1
        child.called_ms = self.office.clock.now_ms()
        child.gone = False

    def _line_ended(self, child: Child, ring: Ring) -> None:
        with self._lock:
            if child.ring is not ring:
                return
            child.ring = None
            child.gone = True
        self._observe(child, connected=False)

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
