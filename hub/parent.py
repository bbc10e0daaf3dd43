"""One office as its children's parent: their sessions, what they hand up, what waits for them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Protocol

from node.app import Office
from sync import log
from sync.apply import Received, Wake
from sync.change import Batch, StreamHead
from sync.errors import SilianError
from sync.limits import BATCH_BYTES_MAX, PROTOCOL_MAX, PROTOCOL_MIN
from sync.news import OfficeNews, SafeAt
from sync.schema import Lane
from sync.session import Verdict
from sync.streams import StreamKey

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Greeting:
    """What a child says of itself when it comes."""

    unit: int
    level: int
    incarnation: int
    protocol_min: int
    protocol_max: int
    log_position: int
    heads: dict[StreamKey, StreamHead]
    taken: dict[Lane, int] = field(default_factory=dict)  # how far it holds our log
    news: tuple[OfficeNews, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Welcome:
    """The parent's word."""

    verdict: Verdict
    reason: str = ""
    session: int = 0
    held: dict[Lane, int] = field(default_factory=dict)  # positions of the child's log held here
    protocol: int = 0
    waiting: frozenset[Lane] = frozenset()  # lanes in which something waits for the child
    retry_after_ms: int = 0


class Ring(Protocol):
    """Answers one open Watch call."""

    def __call__(self, lanes: Iterable[Lane]) -> None: ...


@dataclass(slots=True)
class Child:
    """One child's session; gone with the process, the child greets again then."""

    unit: int
    session: int
    incarnation: int
    taken: dict[Lane, int] = field(default_factory=dict)  # how far it holds our log
    pending: set[Lane] = field(default_factory=set)  # lanes in which something new waits
    ring: Ring | None = None
    watched_ms: int = 0
    told: tuple[SafeAt, ...] = ()  # what our own log's safety was when the child last heard of it


class Parent:
    """What an office offers its children. Thread-safe; holds nothing that must last."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self._lock = threading.Lock()
        self._children: dict[int, Child] = {}
        office.on_wake(self.rung)

    # -- greeting ----------------------------------------------------------------------------

    def hello(self, greeting: Greeting) -> Welcome:
        """Open a session, or say why not (design.md 6, 9)."""
        if refusal := self._place(greeting):
            return refusal
        with self.office.store.read() as tx:
            held = {}
            for lane in Lane:
                incarnation, position = log.cursor_of(tx, greeting.unit, "in", lane)
                held[lane] = position if incarnation == greeting.incarnation else 0
            known = log.own_heads(tx, greeting.incarnation)
        if max(held.values()) > greeting.log_position or _behind(known, greeting.heads):
            return Welcome(
                verdict=Verdict.RESTORED,
                reason="your store is behind what it once handed over: it was restored",
            )
        child = self._seated(greeting)
        self._heard(child, greeting.news)
        return Welcome(
            verdict=Verdict.GO_ON,
            session=child.session,
            held=held,
            waiting=self._waiting(child),
            protocol=min(PROTOCOL_MAX, greeting.protocol_max),
        )

    def _seated(self, greeting: Greeting) -> Child:
        with self._lock:
            child = self._children.get(greeting.unit)
            ring = None
            if child is None or child.incarnation != greeting.incarnation:
                ring = child.ring if child is not None else None
                session = self.office.rng.getrandbits(63) or 1
                child = Child(greeting.unit, session, greeting.incarnation)
                self._children[greeting.unit] = child
            child.taken.update(greeting.taken)
        if ring is not None:
            ring(())
        return child

    def _waiting(self, child: Child) -> frozenset[Lane]:
        with self.office.store.read() as tx:
            return frozenset(
                lane
                for lane in Lane
                if log.waiting_down(
                    tx, child=child.unit, lane=lane, after=child.taken.get(lane, 0)
                )[0]
            )

    def _place(self, greeting: Greeting) -> Welcome | None:
        tree, me = self.office.tree, self.office.identity.unit
        if greeting.unit not in tree or tree.parent(greeting.unit) != me:
            return Welcome(
                verdict=Verdict.MOVED, reason="this office is not your parent in the tree"
            )
        if int(tree.level(greeting.unit)) != greeting.level:
            return Welcome(verdict=Verdict.MOVED, reason="your level is not that of the tree")
        if greeting.protocol_max < PROTOCOL_MIN or greeting.protocol_min > PROTOCOL_MAX:
            return Welcome(
                verdict=Verdict.UPGRADE_FIRST,
                reason=f"this office speaks protocols {PROTOCOL_MIN} to {PROTOCOL_MAX}",
            )
        return None

    # -- up and down -------------------------------------------------------------------------

    def push(self, unit: int, session: int, batch: Batch) -> tuple[Received, list[SafeAt]]:
        """Take a child's batch; returns after the commit that holds it (INV-4).

        Raises: SessionUnknown, and what `sync.apply.Applier.remote` raises.
        """
        child = self._child(unit, session)
        office = self.office
        received = office.store.write(
            lambda tx: office.applier.remote(tx, batch, peer=unit, upward=True)
        )
        office.committed(received)
        office.news.touch(unit)
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
            return log.read_down(
                tx,
                child=unit,
                lane=lane,
                incarnation=office.identity.incarnation,
                after=after,
                bytes_max=min(bytes_max or BATCH_BYTES_MAX, BATCH_BYTES_MAX),
            )

    def safe(self, unit: int) -> list[SafeAt]:
        """Return how far a child's log is durable here and at each level above."""
        office = self.office
        above = office.news.safe()
        with office.store.read() as tx:
            here = [
                SafeAt(office.identity.level, lane, log.cursor_of(tx, unit, "in", lane)[1])
                for lane in Lane
            ]
            return here + [
                SafeAt(s.level, s.lane, log.position_of_child(tx, unit, s.lane, s.position))
                for s in above
            ]

    def _safe_since(self, child: Child, lane: Lane, position: int) -> list[SafeAt]:
        """Return what is new since the child was last told: asked after every batch."""
        above = tuple(self.office.news.safe())
        here = SafeAt(self.office.identity.level, lane, position)
        if above == child.told:
            return [here]
        child.told = above
        return self.safe(child.unit)

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

    def _child(self, unit: int, session: int) -> Child:
        with self._lock:
            child = self._children.get(unit)
        if child is None or child.session != session:
            raise SessionUnknown
        return child

    def _line_ended(self, child: Child, ring: Ring) -> None:
        with self._lock:
            if child.ring is not ring:
                return
            child.ring = None
        self._observe(child, connected=False)

    def _heard(self, child: Child, news: Iterable[OfficeNews]) -> None:
        said = list(news)
        self.office.news.hear((n for n in said if n.unit != child.unit), child=child.unit)
        own = next((n for n in said if n.unit == child.unit), None)
        self._observe(child, connected=True, said=own)

    def _observe(self, child: Child, *, connected: bool, said: OfficeNews | None = None) -> None:
        office = self.office
        now_ms = office.clock.now_ms()
        known = said or office.news.known().get(child.unit) or OfficeNews(unit=child.unit, at_ms=0)
        waiting = 0
        with office.store.read() as tx:
            for lane in Lane:
                after = child.taken.get(lane, 0)
                waiting += log.waiting_down(tx, child=child.unit, lane=lane, after=after)[0]
        last = now_ms if connected else known.last_contact_ms
        office.news.hear([
            replace(
                known, connected=connected, last_contact_ms=last, waiting_down=waiting,
                at_ms=max(known.at_ms, now_ms),
            )
        ])  # fmt: skip


def _behind(known: dict[StreamKey, StreamHead], said: dict[StreamKey, StreamHead]) -> bool:
    """Whether a child's own streams end before, or differ from, what we hold of them."""
    for key, head in known.items():
        theirs = said.get(key, StreamHead())
        if theirs.seq < head.seq or (theirs.seq == head.seq and theirs.hash != head.hash):
            return True
    return False
