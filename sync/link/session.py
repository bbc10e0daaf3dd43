"""The child's side of a session, as a table: feed it events, carry out its commands. Pure.

Two rules: everything that decides what is sent next is here; nothing here touches a socket, a
store, a clock or a random number. The driver (`sync.link.dialer`, or the simulator) carries out one
command and feeds back one event, until the session is idle, resting or halted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from enum import Enum

from sync.link.messages import (
    AppliedHere,
    Apply,
    BatchRead,
    ChunkJoined,
    Command,
    Compare,
    Compared,
    Event,
    Failed,
    FetchChunk,
    Handshake,
    HandshakeDone,
    Idle,
    Pull,
    Pulled,
    Push,
    Pushed,
    Read,
    Recover,
    Recovered,
    Rest,
    Upload,
    Uploaded,
    Verdict,
    Woken,
    WorkAvailable,
)
from sync.model.limits import BATCH_BYTES_MAX, BATCH_BYTES_MIN, CONTROL_BATCHES_BEFORE_BULK
from sync.model.schema import Lane


class State(Enum):
    OFFLINE = "offline"  # nothing sent yet, or the connection broke
    HANDSHAKE = "greeting"  # Hello is on its way
    READING = "reading"  # our log is being read for the next push
    PUSHING = "pushing"  # a batch is on its way up
    PULLING = "pulling"  # we asked what waits for us
    APPLYING = "applying"  # a batch from above is being committed here
    RECOVERING = "recovering"  # what this store, or the parent, has lost is being restored
    DOWNLOADING = "downloading"  # the next chunk of a snapshot is on its way
    UPLOADING = "handing"  # a chunk of ours is on its way up
    COMPARING = "comparing"  # nothing waits: a step of a comparison is on its way
    IDLE = "idle"  # accepted, nothing to do
    RESTING = "resting"  # waiting before the next handshake
    HALTED = "halted"  # a person must act; a handshake only now and then


RETRY_HANDSHAKE_MS = 300_000  # a halted session tries again this often: somebody may have acted
CHALLENGES_MAX = 2  # in a row: a parent that asks for more never accepts us
RECOVERIES_MAX = 3  # in a row without being accepted: then it waits, as after any failure


class Session:
    """One child's conversation with its parent, over as many connections as it takes."""

    def __init__(self) -> None:
        self.state = State.OFFLINE
        self.reason = ""  # why it waits or halts; for people
        self.verdict: Verdict | None = None
        self.attempt = 0  # conversations in a row that led nowhere
        self.acked_by_parent: dict[Lane, int] = {}  # our log, durable at the parent
        self.applied_from_parent: dict[Lane, int] = {}  # the parent's log, durable here
        self._read_to: dict[Lane, int] = {}  # nothing waits for the parent up to here
        self._pushed_to = 0  # where the batch under way ends
        self._pending_push: set[Lane] = set()
        self._pending_pull: set[Lane] = set()
        self._bytes_max = BATCH_BYTES_MAX
        self._control_run = 0
        self._recoveries = 0  # since we were last accepted
        self._challenges = 0  # in this handshake
        self._recovering = Verdict.ACCEPTED  # what is recovered; ACCEPTED: the parent's own entries
        self._uploading = False  # bulk goes up as copies, not by our log
        self._snapshot_due = False  # bulk comes as copies, not by the parent's log
        self._compare = False  # the two copies are to be compared when nothing waits
        self._begun = False  # a step of the comparison has been done
        self._heartbeat = False  # a handshake over a link that is up
        self._up_next = dict.fromkeys(Lane, True)  # by lane: the direction whose turn it is
        self._in_progress: tuple[Lane, bool] | None = None  # lane and direction (up) under way

    @property
    def connected(self) -> bool:
        """Whether the parent answered when it was last asked; a heartbeat does not end that."""
        if self.state in (State.OFFLINE, State.HANDSHAKE):
            return self._heartbeat
        return self.state not in (State.RESTING, State.HALTED)

    @property
    def has_pending(self) -> bool:
        """Whether something may wait that has not been looked at."""
        return bool(self._pending_push or self._pending_pull or self._compare)

    @property
    def comparing(self) -> bool:
        """Whether a comparison is requested or under way."""
        return self._compare

    def compare(self) -> None:
        """Have both copies compared, from the beginning, when nothing waits; in any state."""
        self._compare, self._begun = True, False

    def start(self) -> Command:
        """Open the conversation, or go on after `Idle` with what `notify` noted meanwhile."""
        if self.state in (State.OFFLINE, State.RESTING, State.HALTED):
            return self._start_handshake()
        assert self.state is State.IDLE, f"start while {self.state.name}"
        return self._choose()

    def renew_handshake(self) -> None:
        """Handshake at the next start though the link is up: a heartbeat with the peer status."""
        assert self.state is State.IDLE, f"greet again while {self.state.name}"
        self.state = State.OFFLINE
        self._heartbeat = True

    def broken(self, event: Failed) -> Rest:
        """The open `Watch` call failed while idle: wait first, or a whole city redials at once."""
        assert self.state is State.IDLE, f"broken while {self.state.name}"
        self.reason = event.reason or event.code
        self.attempt += 1
        self.state = State.RESTING
        return Rest(self.attempt, event.retry_after_ms)

    def notify(self, event: WorkAvailable) -> None:
        """Note that something may wait; safe to call in any state."""
        self._pending_push |= event.up
        self._pending_pull |= event.down

    def on(self, event: Event) -> Command:
        """Take one event and return what to do next.

        An event that the state has no entry for is the driver's mistake: it asserts.
        """
        handler = TRANSITIONS.get((self.state, type(event)))
        assert handler is not None, f"{type(event).__name__} while {self.state.name}"
        return handler(self, event)

    # -- handlers, named by the table below ---------------------------------------------------

    def _start_handshake(self) -> Command:
        self._heartbeat = self._heartbeat and self.state is State.OFFLINE
        self.state = State.HANDSHAKE
        self._begun = False  # a comparison that was under way starts again
        self._in_progress = None
        self._recovering = Verdict.ACCEPTED
        self._challenges = 0
        return Handshake()

    def _handshake_done(self, event: HandshakeDone) -> Command:
        self.verdict = event.verdict
        self.reason = event.reason
        if event.verdict is Verdict.CHALLENGE:
            self._challenges += 1
            if self._challenges <= CHALLENGES_MAX:
                return Handshake()
            self.attempt += 1
            self.state = State.RESTING
            return Rest(self.attempt)
        self._snapshot_due = event.verdict is Verdict.SNAPSHOT or event.snapshot_follows
        if event.verdict in (Verdict.ACCEPTED, Verdict.SNAPSHOT):
            self.acked_by_parent = dict(event.acked_by_parent)
            self._read_to = {}
            self.applied_from_parent = dict(event.applied_from_parent)
            self._pending_push = set(Lane)
            self._pending_pull |= event.waiting
            self._uploading = event.upload_due
            if event.restore_parent:
                return self._recover(Verdict.ACCEPTED)
            if not self._snapshot_due:
                self._recoveries = 0
            elif self._too_often():
                return Rest(self.attempt)
            else:
                self._pending_pull.add(Lane.BULK)
            return self._choose()
        if event.verdict is Verdict.RESTORED:
            return Rest(self.attempt) if self._too_often() else self._recover(event.verdict)
        if event.verdict is Verdict.BACK_OFF:
            self.attempt += 1
            self.state = State.RESTING
            return Rest(self.attempt, event.retry_after_ms or None)
        self.state = State.HALTED
        return Rest(self.attempt, RETRY_HANDSHAKE_MS)

    def _too_often(self) -> bool:
        """Return whether we were accepted so seldom that it is better to wait first."""
        self._recoveries += 1
        if self._recoveries <= RECOVERIES_MAX:
            return False
        self._recoveries = 0  # after the wait it tries again
        self.attempt += 1
        self.state = State.RESTING
        return True

    def _recover(self, what: Verdict) -> Command:
        self.state = State.RECOVERING
        self._recovering = what
        return Recover(what)

    def _read(self, event: BatchRead) -> Command:
        batch = event.batch
        lane = batch.lane
        if not batch.entries:
            self._read_to[lane] = batch.upto  # nothing for the parent here; not read again
            return self._choose()
        if event.more:
            self._pending_push.add(lane)
        self._pushed_to = batch.upto
        self.state = State.PUSHING
        # The parent's cursor counts: the push skips what is not for it.
        return Push(replace(batch, after=self.acked_by_parent.get(lane, 0)))

    def _pushed(self, event: Pushed) -> Command:
        if event.position <= self.acked_by_parent.get(event.lane, 0):
            # Do not go back, and do not ask forever: a handshake returns the parent's position.
            return self._failed(Failed("no_progress", retryable=True))
        self.acked_by_parent[event.lane] = event.position
        if event.position < self._pushed_to:
            self._pending_push.add(event.lane)  # it accepted a part
        self._advanced()
        return self._choose()

    def _pulled(self, event: Pulled) -> Command:
        batch = event.batch
        if not batch.entries:
            return self._choose()
        self._pending_pull.add(batch.lane)  # one more pull follows the commit: it is the ack
        self.state = State.APPLYING
        return Apply(batch)

    def _applied(self, event: AppliedHere) -> Command:
        self.applied_from_parent[event.lane] = event.position
        self._advanced()
        return self._choose()

    def _recovered(self, event: Recovered) -> Command:
        self.attempt = 0
        if event.more:
            return Recover(self._recovering)
        if self._snapshot_due and self._recovering is Verdict.RESTORED:
            self.state = State.DOWNLOADING
            return FetchChunk(restored=True)
        return self._start_handshake()

    def _chunk_joined(self, event: ChunkJoined) -> Command:
        self._advanced()
        if not event.more:
            return self._start_handshake()  # its answer has the position from which the log goes on
        self._recoveries = 0  # what was joined stays: the next handshake goes on from there
        if self._recovering is Verdict.RESTORED:
            return FetchChunk(restored=True)
        self._pending_pull.add(Lane.BULK)
        return self._choose()

    def _uploaded(self, event: Uploaded) -> Command:
        self._advanced()
        if not event.more:
            return self._start_handshake()  # its answer has what the parent has of our log now
        self._pending_push.add(Lane.BULK)
        return self._choose()

    def _compared(self, event: Compared) -> Command:
        # A comparison requested meanwhile has not begun: this was the last step of another.
        self._compare = event.more or not self._begun
        self._begun = self._begun and event.more
        self._pending_pull |= event.waiting
        return self._choose()

    def _not_compared(self, event: Failed) -> Command:
        """Give the comparison up: it is requested again another day. The link is what counts."""
        self._compare = self._begun = False
        if event.retryable:
            return self._failed(event)
        self.reason = event.reason or event.code
        return self._choose()

    def _woken(self, _event: Woken) -> Command:
        return self._start_handshake()

    def _work_noted(self, event: WorkAvailable) -> Command:
        self.notify(event)
        return self._choose()

    def _failed(self, event: Failed) -> Command:
        self.reason = event.reason or event.code
        moving = self.state in (State.PUSHING, State.PULLING)
        self._restore_pending()
        if moving and event.oversized and self._bytes_max > BATCH_BYTES_MIN:
            self._bytes_max = max(BATCH_BYTES_MIN, self._bytes_max // 2)
            return self._choose()
        self.attempt += 1
        self._control_run = 0
        if event.retryable:
            self.state = State.RESTING
            return Rest(self.attempt, event.retry_after_ms)
        self.state = State.HALTED
        return Rest(self.attempt, RETRY_HANDSHAKE_MS)

    def _choose(self) -> Command:
        """Control first, both directions; after a run of it, or when it is idle, bulk, in turn."""
        waits = self._pending_push | self._pending_pull
        if not waits:
            self.attempt = 0
            self._in_progress = None
            if self._compare:
                self.state = State.COMPARING
                begin, self._begun = not self._begun, True
                return Compare(dict(self.acked_by_parent), begin)
            self.state = State.IDLE
            return Idle()
        lane = Lane.CONTROL
        if Lane.CONTROL not in waits or (
            Lane.BULK in waits and self._control_run >= CONTROL_BATCHES_BEFORE_BULK
        ):
            lane = Lane.BULK
        self._control_run = self._control_run + 1 if lane is Lane.CONTROL else 0
        up = lane in self._pending_push and (self._up_next[lane] or lane not in self._pending_pull)
        self._up_next[lane] = not up
        return self._work(lane, up=up)

    def _work(self, lane: Lane, *, up: bool) -> Command:
        # The flag is cleared before we read: a `notify` that comes meanwhile sets it again.
        self._in_progress = (lane, up)
        if up:
            self._pending_push.discard(lane)
            if self._uploading and lane is Lane.BULK:
                self.state = State.UPLOADING
                return Upload()
            self.state = State.READING
            after = max(self.acked_by_parent.get(lane, 0), self._read_to.get(lane, 0))
            return Read(lane, after, self._bytes_max)
        self._pending_pull.discard(lane)
        if self._snapshot_due and lane is Lane.BULK:
            self.state = State.DOWNLOADING
            return FetchChunk()
        self.state = State.PULLING
        return Pull(lane, self.applied_from_parent.get(lane, 0), self._bytes_max)

    def _restore_pending(self) -> None:
        """Set the flag again that was cleared for what has failed."""
        if self._in_progress is not None:
            lane, up = self._in_progress
            (self._pending_push if up else self._pending_pull).add(lane)
            self._in_progress = None

    def _advanced(self) -> None:
        """Something got through: failures are counted from 0 again, batches grow back."""
        self.attempt = 0
        self._in_progress = None
        self._bytes_max = min(BATCH_BYTES_MAX, self._bytes_max * 2)


_FAILING = (State.HANDSHAKE, State.READING, State.PUSHING, State.PULLING, State.APPLYING)

TRANSITIONS: dict[tuple[State, type], Callable[..., Command]] = {
    (State.HANDSHAKE, HandshakeDone): Session._handshake_done,
    (State.READING, BatchRead): Session._read,
    (State.PUSHING, Pushed): Session._pushed,
    (State.PULLING, Pulled): Session._pulled,
    (State.APPLYING, AppliedHere): Session._applied,
    (State.RECOVERING, Recovered): Session._recovered,
    (State.RECOVERING, Failed): Session._failed,
    (State.DOWNLOADING, ChunkJoined): Session._chunk_joined,
    (State.DOWNLOADING, Failed): Session._failed,
    (State.UPLOADING, Uploaded): Session._uploaded,
    (State.UPLOADING, Failed): Session._failed,
    (State.COMPARING, Compared): Session._compared,
    (State.COMPARING, Failed): Session._not_compared,
    (State.IDLE, WorkAvailable): Session._work_noted,
    (State.RESTING, Woken): Session._woken,
    (State.HALTED, Woken): Session._woken,
    **{(state, Failed): Session._failed for state in _FAILING},
}
