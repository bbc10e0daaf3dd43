"""Seats: who of the children is here under which session, and the bell of each. Thread-safe.

Gone with the process: nothing here must last, a child greets again.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from hub.greeting import Greeting
from node.app import Office
from sync.errors import SilianError
from sync.news import SafeAt
from sync.outcome import Wake
from sync.repairing import Hints
from sync.schema import Lane

ALIVE_MS = 10_000  # a process that called so lately may be alive
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


class Twin(Enum):
    """Whether another process works under the name of one that greets."""

    NONE = "none"
    ASKED = "asked"  # it has been rung for: who greets comes again in a moment
    ALIVE = "alive"


class Seats:
    """The children's sessions at one office."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._lock = threading.Lock()
        self._children: dict[int, Child] = {}

    def take(self, greeting: Greeting, *, restored: bool = False) -> Child:
        """Return the seat of a child that greets; a new one unless it goes on as before."""
        office = self._office
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

    def twin(self, greeting: Greeting) -> Twin:
        """Let a living process keep its name: another that comes under it is fenced (INV-25).

        Whether it lives is seen by asking: its bell is rung, and it has a moment to call again.
        """
        with self._lock:
            child = self._children.get(greeting.unit)
            if child is None or child.process == greeting.process or child.gone:
                return Twin.NONE
            now_ms = self._office.clock.now_ms()
            if child.ring is None and now_ms - child.called_ms > ALIVE_MS:
                return Twin.NONE
            asked_at, ring = child.asked_at, child.ring
            child.asked_at = child.calls if asked_at is None else None
            if asked_at is None:
                child.ring = None
        if asked_at is not None:
            return Twin.ALIVE if child.calls > asked_at else Twin.NONE
        if ring is not None:
            ring(())
        return Twin.ASKED

    def leave(self, unit: int) -> None:
        """Forget the session of a child."""
        with self._lock:
            self._children.pop(unit, None)

    def child(self, unit: int, session: int, *, restored: bool = False) -> Child:
        """Return the child that a call names, and note that it has called.

        `restored`: the call is one of those that a restored child may make. Raises: SessionUnknown.
        """
        with self._lock:
            child = self._children.get(unit)
            if child is None or child.session != session:
                raise SessionUnknown
            if child.under != self._office.identity.incarnation:
                raise SessionUnknown  # our log is numbered anew
            if child.restored and not restored:
                raise SessionUnknown
            self._called(child)
        return child

    def holds(self, child: Child, lane: Lane, position: int) -> None:
        """Note that a child holds our log up to a position: nothing waits but what comes later."""
        with self._lock:
            child.pending.discard(lane)
            child.taken[lane] = position

    def _called(self, child: Child) -> None:
        child.calls += 1
        child.called_ms = self._office.clock.now_ms()
        child.gone = False

    # -- the doorbell ------------------------------------------------------------------------

    def watch(self, child: Child, ring: Ring) -> None:
        """Have `ring` called once: now if something waits, else when it does."""
        with self._lock:
            before, child.ring = child.ring, None
            lanes = set(child.pending)
            if not lanes:
                child.ring = ring
                child.watched_ms = self._office.clock.now_ms()
        if before is not None:
            before(())
        if lanes:
            ring(lanes)

    def line_ended(self, child: Child, ring: Ring) -> bool:
        """Note that an open call has ended; say whether it was the child's only one."""
        with self._lock:
            if child.ring is not ring:
                return False
            child.ring = None
            child.gone = True
        return True

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
        now_ms = self._office.clock.now_ms()
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

    def _one(self, unit: int) -> Iterable[Child]:
        child = self._children.get(unit)
        return (child,) if child is not None else ()
