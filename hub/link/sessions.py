"""Seats: who of the children is here under which session, and the bell of each. Thread-safe.

Gone with the process: nothing here must last, a child greets again.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from hub.link.handshake import Hello
from node.office import Office
from sync.compare.repair import DigestCache
from sync.log.outcome import Waiters
from sync.model.errors import SilianError
from sync.model.report import DurableAt
from sync.model.schema import Lane

ALIVE_MS = 10_000  # a process that called so lately may be alive
KEEP_ALIVE_MS = 300_000  # an open Watch is answered this often though nothing rings


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


class WatchReply(Protocol):
    """Answers one open Watch call."""

    def __call__(self, lanes: Iterable[Lane]) -> None: ...


@dataclass(slots=True)
class ChildSession:
    """One child's session; gone with the process, the child greets again then."""

    unit: int
    session: int
    incarnation: int
    process: int = 0
    parent_incarnation: int = 0  # our own incarnation when it came
    restored: bool = False  # it may ask for what it lost, and for nothing else
    snapshot_follows: bool = False  # what is in bulk goes to it as records
    calls: int = 0  # made in this session
    called_ms: int = 0
    disconnected: bool = False  # its line has ended
    pinged_at_call: int | None = None  # calls made when another process came under its name
    acked: dict[Lane, int] = field(default_factory=dict)  # how far it holds our log
    pending: set[Lane] = field(default_factory=set)  # lanes in which something new waits
    watch_reply: WatchReply | None = None
    watched_ms: int = 0
    digest_cache: DigestCache = field(default_factory=DigestCache)  # of the comparison under way
    reported: tuple[
        DurableAt, ...
    ] = ()  # what our own log's safety was when the child last heard of it
    reported_ms: int = 0


class DuplicateProcess(Enum):
    """Whether another process works under the name of one that greets."""

    NONE = "none"
    PINGED = "asked"  # it has been rung for: who greets comes again in a moment
    ALIVE = "alive"


class SessionTable:
    """The children's sessions at one office."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._lock = threading.Lock()
        self._children: dict[int, ChildSession] = {}

    def open_session(self, hello: Hello, *, restored: bool = False) -> ChildSession:
        """Return the seat of a child that greets; a new one unless it goes on as before."""
        office = self._office
        with self._lock:
            child = self._children.get(hello.unit)
            watch_reply = None
            key = (hello.incarnation, hello.process, office.identity.incarnation, restored)
            if child is None or key != (
                child.incarnation, child.process, child.parent_incarnation, child.restored,
            ):  # fmt: skip
                watch_reply = child.watch_reply if child is not None else None
                child = ChildSession(
                    hello.unit,
                    office.rng.getrandbits(63) or 1,
                    hello.incarnation,
                    hello.process,
                    office.identity.incarnation,
                    restored,
                )
                self._children[hello.unit] = child
            child.acked.update(hello.acked)
            self._called(child)
        if watch_reply is not None:
            watch_reply(())
        return child

    def check_duplicate(self, hello: Hello) -> DuplicateProcess:
        """Let a living process keep its name: another that comes under it is fenced (INV-25).

        Whether it lives is seen by asking: its bell is rung, and it has a moment to call again.
        """
        with self._lock:
            child = self._children.get(hello.unit)
            if child is None or child.process == hello.process or child.disconnected:
                return DuplicateProcess.NONE
            now_ms = self._office.clock.now_ms()
            if child.watch_reply is None and now_ms - child.called_ms > ALIVE_MS:
                return DuplicateProcess.NONE
            pinged_at_call, watch_reply = child.pinged_at_call, child.watch_reply
            child.pinged_at_call = child.calls if pinged_at_call is None else None
            if pinged_at_call is None:
                child.watch_reply = None
        if pinged_at_call is not None:
            return DuplicateProcess.ALIVE if child.calls > pinged_at_call else DuplicateProcess.NONE
        if watch_reply is not None:
            watch_reply(())
        return DuplicateProcess.PINGED

    def close_session(self, unit: int) -> None:
        """Forget the session of a child."""
        with self._lock:
            self._children.pop(unit, None)

    def child(self, unit: int, session: int, *, restored: bool = False) -> ChildSession:
        """Return the child that a call names, and note that it has called.

        `restored`: the call is one of those that a restored child may make. Raises: SessionUnknown.
        """
        with self._lock:
            child = self._children.get(unit)
            if child is None or child.session != session:
                raise SessionUnknown
            if child.parent_incarnation != self._office.identity.incarnation:
                raise SessionUnknown  # our log is numbered anew
            if child.restored and not restored:
                raise SessionUnknown
            self._called(child)
        return child

    def record_ack(self, child: ChildSession, lane: Lane, position: int) -> None:
        """Note that a child holds our log up to a position: nothing waits but what comes later."""
        with self._lock:
            child.pending.discard(lane)
            child.acked[lane] = position

    def _called(self, child: ChildSession) -> None:
        child.calls += 1
        child.called_ms = self._office.clock.now_ms()
        child.disconnected = False

    # -- the doorbell ------------------------------------------------------------------------

    def watch(self, child: ChildSession, watch_reply: WatchReply) -> None:
        """Have `watch_reply` called once: now if something waits, else when it does."""
        with self._lock:
            before, child.watch_reply = child.watch_reply, None
            lanes = set(child.pending)
            if not lanes:
                child.watch_reply = watch_reply
                child.watched_ms = self._office.clock.now_ms()
        if before is not None:
            before(())
        if lanes:
            watch_reply(lanes)

    def watch_ended(self, child: ChildSession, watch_reply: WatchReply) -> bool:
        """Note that an open call has ended; say whether it was the child's only one."""
        with self._lock:
            if child.watch_reply is not watch_reply:
                return False
            child.watch_reply = None
            child.disconnected = True
        return True

    def notify(self, waiters: Waiters) -> None:
        """Something new stands in the log: ring those who may hear it."""
        watch_replies: list[tuple[WatchReply, set[Lane]]] = []
        with self._lock:
            for hop, lane in waiters.down:
                for child in self._children.values() if hop == 0 else self._one(hop):
                    child.pending.add(lane)
            for child in self._children.values():
                if child.pending and child.watch_reply is not None:
                    watch_replies.append((child.watch_reply, set(child.pending)))
                    child.watch_reply = None
        for watch_reply, lanes in watch_replies:
            watch_reply(lanes)

    def keep_alive(self) -> None:
        """Answer calls that have been open for long (a job's tick)."""
        now_ms = self._office.clock.now_ms()
        with self._lock:
            old = [
                c for c in self._children.values()
                if c.watch_reply is not None and now_ms - c.watched_ms >= KEEP_ALIVE_MS
            ]  # fmt: skip
            watch_replies = [c.watch_reply for c in old if c.watch_reply is not None]
            for child in old:
                child.watch_reply = None
        for watch_reply in watch_replies:
            watch_reply(())

    def close(self) -> None:
        """Let every open call go: the children greet again elsewhere or later."""
        with self._lock:
            watch_replies = [
                c.watch_reply for c in self._children.values() if c.watch_reply is not None
            ]
            self._children.clear()
        for watch_reply in watch_replies:
            watch_reply(())

    def _one(self, unit: int) -> Iterable[ChildSession]:
        child = self._children.get(unit)
        return (child,) if child is not None else ()
