"""Sessions at the parent: who is accepted, which calls it may make, its open Watch call.

Thread-safe. Nothing here must last: after a restart every child sends Hello again.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from sync.apply.host import Host
from sync.compare.repair import DigestCache
from sync.link.handshake import DuplicateProcess, Hello
from sync.log.outcome import Waiters
from sync.model.errors import ErrorKind, SilianError
from sync.model.report import DurableAt
from sync.model.schema import Lane

ALIVE_MS = 10_000  # a process that called within this time may be alive
KEEP_ALIVE_MS = 300_000  # an open Watch is answered this often even without work


class SessionUnknown(SilianError):
    """The office has restarted and does not know the session. The other office connects again by
    itself.
    """

    code = "session_unknown"
    kind = ErrorKind.SESSION_UNKNOWN

    def __init__(self) -> None:
        super().__init__(
            "this office does not know the session",
            "会话不存在",
            remedy_en="The other office connects again by itself.",
            remedy_zh="系统会自动重新连接。",
        )


class WatchReply(Protocol):
    """Answers one open Watch call."""

    def __call__(self, lanes: Iterable[Lane]) -> None: ...


class Call(Enum):
    """What a child may ask for within a session."""

    PUSH = "Push"
    PULL = "Pull"
    WATCH = "Watch"
    REPLAY = "Replay"
    RESTORE_PARENT = "RestoreParent"
    SNAPSHOT = "Snapshot"
    UPLOAD_SNAPSHOT = "UploadSnapshot"
    COMPARE = "Digest"


class SessionState(Enum):
    """As what a child was accepted."""

    ACCEPTED = "accepted"
    ACCEPTED_SNAPSHOT = "accepted, snapshot"  # bulk goes to it as records
    RESTORED = "restored"  # it takes back what it lost before anything else
    RESTORED_SNAPSHOT = "restored, snapshot"

    @property
    def restored(self) -> bool:
        return self in (SessionState.RESTORED, SessionState.RESTORED_SNAPSHOT)

    @property
    def snapshot_follows(self) -> bool:
        return self in (SessionState.ACCEPTED_SNAPSHOT, SessionState.RESTORED_SNAPSHOT)


# An accepted child may replay, too: the answer to its handshake may show that it was restored.
ACCEPTS: Mapping[SessionState, frozenset[Call]] = {
    SessionState.ACCEPTED: frozenset(Call) - {Call.SNAPSHOT},
    SessionState.ACCEPTED_SNAPSHOT: frozenset(Call),
    SessionState.RESTORED: frozenset({Call.REPLAY}),
    SessionState.RESTORED_SNAPSHOT: frozenset({Call.REPLAY, Call.SNAPSHOT}),
}


@dataclass(slots=True)
class ChildSession:
    """One child's session; lost with the process, then the child makes a new handshake."""

    unit: int
    session: int
    incarnation: int
    process: int = 0
    parent_incarnation: int = 0  # our own incarnation when it came
    log_position: int = -1  # of the child, when it received its token in this session
    state: SessionState = SessionState.ACCEPTED
    calls: int = 0  # made in this session
    called_ms: int = 0
    disconnected: bool = False  # its connection has ended
    pinged_at_call: int | None = None  # calls made when another process came under its name
    acked: dict[Lane, int] = field(default_factory=dict)  # how far it has our log
    pending: set[Lane] = field(default_factory=set)  # lanes in which something new waits
    watch_reply: WatchReply | None = None
    watched_ms: int = 0
    digest_cache: DigestCache = field(default_factory=DigestCache)  # of the comparison under way
    reported: tuple[DurableAt, ...] = ()  # how far our log was durable when last reported
    reported_ms: int = 0
    # Unit and holder -> heads or receipt that it was sent: with its last Hello or before; since.
    receipts_sent: dict[tuple[int, int], object] = field(default_factory=dict)
    receipts_since: dict[tuple[int, int], object] = field(default_factory=dict)
    receipts_at: int = -1  # our log position then
    receipts_ms: int = 0


class SessionTable:
    """The children's sessions at one office."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._lock = threading.Lock()
        self._children: dict[int, ChildSession] = {}

    def open_session(self, hello: Hello, state: SessionState) -> ChildSession:
        """Return the session of an accepted child; a new one unless it continues its old one."""
        me = self._host.replica.identity
        with self._lock:
            child = self._children.get(hello.unit)
            watch_reply = None
            key = (hello.incarnation, hello.process, me.incarnation, state.restored)
            if child is None or key != (
                child.incarnation, child.process, child.parent_incarnation, child.state.restored,
            ):  # fmt: skip
                watch_reply = child.watch_reply if child is not None else None
                child = ChildSession(
                    hello.unit, self._host.draw(), hello.incarnation, hello.process, me.incarnation
                )
                self._children[hello.unit] = child
            child.state = state
            child.acked.update(hello.acked)
            self._called(child)
        if watch_reply is not None:
            watch_reply(())
        return child

    def find_duplicate(self, hello: Hello) -> DuplicateProcess:
        """Return whether another process is alive under the name of one that comes (INV-25)."""
        with self._lock:
            child = self._children.get(hello.unit)
            if child is None or child.process == hello.process or child.disconnected:
                return DuplicateProcess.NONE
            quiet_ms = self._host.replica.now_ms - child.called_ms
            if child.watch_reply is None and quiet_ms > ALIVE_MS:
                return DuplicateProcess.NONE
            if child.pinged_at_call is None:
                return DuplicateProcess.UNKNOWN
            called = child.calls > child.pinged_at_call
            return DuplicateProcess.ALIVE if called else DuplicateProcess.SILENT

    def settle_duplicate(self, unit: int, duplicate: DuplicateProcess) -> None:
        """Ping a process if nobody knows whether it is alive.

        Its open Watch call is answered, and it has a moment to call again.
        """
        if duplicate is DuplicateProcess.NONE:
            return
        with self._lock:
            child = self._children.get(unit)
            if child is None:
                return
            watch_reply = None
            if duplicate is DuplicateProcess.UNKNOWN:
                child.pinged_at_call = child.calls
                watch_reply, child.watch_reply = child.watch_reply, None
            else:
                child.pinged_at_call = None
        if watch_reply is not None:
            watch_reply(())

    def session_of(self, unit: int) -> ChildSession | None:
        """Return the session of a child, if it has one."""
        with self._lock:
            return self._children.get(unit)

    def forget_receipts(self, unit: int) -> None:
        """Send a child all receipts again: an answer to it was lost."""
        if (child := self.session_of(unit)) is not None:
            child.receipts_sent, child.receipts_since = {}, {}

    def close_session(self, unit: int) -> None:
        """Forget the session of a child."""
        with self._lock:
            self._children.pop(unit, None)

    def end_session(self, unit: int) -> None:
        """Forget the session of a child, and end its open Watch call."""
        with self._lock:
            child = self._children.pop(unit, None)
            if child is None:
                return
            watch_reply, child.watch_reply = child.watch_reply, None
        if watch_reply is not None:
            watch_reply(())

    def child(self, unit: int, session: int, call: Call) -> ChildSession:
        """Return the child that makes a call, and note that it does.

        Each call is checked against the tree of today: a child that was moved or closed gets no
        answer. Raises: SessionUnknown.
        """
        with self._lock:
            child = self._children.get(unit)
            if child is None or child.session != session:
                raise SessionUnknown
            if self._host.replica.routes.hop(unit) != unit:
                raise SessionUnknown  # by today's tree it is no child of ours: it sends Hello again
            if child.parent_incarnation != self._host.replica.identity.incarnation:
                raise SessionUnknown  # our log has new numbers
            if call not in ACCEPTS[child.state]:
                raise SessionUnknown
            self._called(child)
        return child

    def record_ack(self, child: ChildSession, lane: Lane, position: int) -> None:
        """Record that a child has our log up to a position: only what comes later waits."""
        with self._lock:
            child.pending.discard(lane)
            child.acked[lane] = position

    def _called(self, child: ChildSession) -> None:
        child.calls += 1
        child.called_ms = self._host.replica.now_ms
        child.disconnected = False

    # -- Watch -------------------------------------------------------------------------------

    def watch(self, child: ChildSession, watch_reply: WatchReply) -> None:
        """Have `watch_reply` called once: now if something waits, else when it does."""
        with self._lock:
            before, child.watch_reply = child.watch_reply, None
            lanes = set(child.pending)
            if not lanes:
                child.watch_reply = watch_reply
                child.watched_ms = self._host.replica.now_ms
        if before is not None:
            before(())
        if lanes:
            watch_reply(lanes)

    def watch_ended(self, child: ChildSession, watch_reply: WatchReply) -> bool:
        """Record that an open call has ended; return whether it was the child's only one."""
        with self._lock:
            if child.watch_reply is not watch_reply:
                return False
            child.watch_reply = None
            child.disconnected = True
        return True

    def notify(self, waiters: Waiters) -> None:
        """The log has new entries: answer the Watch calls of those who may receive them."""
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
        now_ms = self._host.replica.now_ms
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
        """End every open call: the children handshake again elsewhere or later."""
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
