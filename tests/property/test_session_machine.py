"""The session driven against a model parent whose calls fail: nothing is lost, all of it drains."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

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
    Rest,
    Upload,
    Uploaded,
    Verdict,
    Woken,
    WorkAvailable,
)
from sync.link.session import Session, State
from sync.model.change import Batch
from sync.model.limits import BATCH_BYTES_MAX, BATCH_BYTES_MIN
from sync.model.schema import Lane

lanes = st.sampled_from(list(Lane))
faults = st.sampled_from(["none", "none", "none", "request", "reply", "oversized", "refused"])
STEPS_MAX = 400


class LinkMachine(RuleBasedStateMachine):
    """A child with a log and a parent with one; each holds how far it took the other's.

    A lost request did nothing; a lost reply did its work without an answer. Both look the same.
    """

    def __init__(self) -> None:
        super().__init__()
        self.session = Session()
        self.command: Command = self.session.start()
        self.log = dict.fromkeys(Lane, 0)  # the child's: positions up to here are written
        self.parents_log = dict.fromkeys(Lane, 0)
        self.acked_up = dict.fromkeys(Lane, 0)  # durable with the parent
        self.applied_down = dict.fromkeys(Lane, 0)  # durable here
        self.compared = 0  # steps of the comparison under way
        self.low_water_mark = 0  # the parent's bulk log is gone up to here
        self.copied = 0  # chunks of the snapshot under way
        self.begins = 0  # the child's bulk log is gone up to here
        self.uploaded = 0  # chunks of copies that go up
        self.previous: dict[Lane, tuple[int, int]] = dict.fromkeys(Lane, (0, 0))

    @initialize(fill=st.integers(0, 30))
    def begin(self, fill: int) -> None:
        for lane in Lane:
            self.log[lane] = self.parents_log[lane] = fill

    @rule(lane=lanes, count=st.integers(1, 9))
    def write_here(self, lane: Lane, count: int) -> None:
        self.log[lane] += count
        self.notify(WorkAvailable(up=frozenset({lane})))

    @rule(lane=lanes, count=st.integers(1, 9))
    def write_above(self, lane: Lane, count: int) -> None:
        """A `Watch` is answered only while it is open; a handshake reports the rest."""
        self.parents_log[lane] += count
        if self.session.connected:
            self.notify(WorkAvailable(down=frozenset({lane})))

    @rule()
    def truncate_parents_log(self) -> None:
        """The parent's log is truncated: who is behind takes copies, from its next handshake on."""
        self.low_water_mark = self.parents_log[Lane.BULK]

    @rule()
    def truncate_own_log(self) -> None:
        """Our log is truncated: if the parent is behind, copies go up after the next handshake."""
        self.begins = self.log[Lane.BULK]

    @rule()
    def compare(self) -> None:
        self.session.compare()
        if isinstance(self.command, Idle):
            self.command = self.session.start()

    def notify(self, event: WorkAvailable) -> None:
        self.session.notify(event)
        if isinstance(self.command, Idle):
            self.command = self.session.start()

    @precondition(lambda self: not isinstance(self.command, Idle))
    @rule(fault=faults)
    def step(self, fault: str) -> None:
        self.command = self.session.on(self.carry_out(self.command, fault))

    @precondition(lambda self: isinstance(self.command, Idle))
    @rule()
    def break_the_watch(self) -> None:
        self.command = self.session.broken(Failed("unavailable", retryable=True))

    def carry_out(self, command: Command, fault: str) -> Event:
        if isinstance(command, Rest):
            return Woken()
        if isinstance(command, Read):
            read = batch(command, self.log[command.lane])
            return BatchRead(read, more=self.log[command.lane] > read.upto)
        if fault == "request" or (fault == "oversized" and not isinstance(command, Apply)):
            return Failed("x", retryable=True, oversized=fault == "oversized")
        if fault == "refused":
            return Failed("x", retryable=False)
        event = self.served(command)
        return Failed("x", retryable=True) if fault == "reply" else event

    def served(self, command: Command) -> Event:
        match command:
            case Handshake():
                waiting = {n for n in Lane if self.parents_log[n] > self.applied_down[n]}
                behind = self.copied or self.applied_down[Lane.BULK] < self.low_water_mark
                verdict = Verdict.SNAPSHOT if behind else Verdict.ACCEPTED
                return HandshakeDone(
                    verdict, dict(self.acked_up), dict(self.applied_down),
                    waiting=frozenset(waiting),
                    upload_due=bool(self.uploaded) or self.acked_up[Lane.BULK] < self.begins,
                )  # fmt: skip
            case Upload():
                self.uploaded = (self.uploaded + 1) % 3
                if self.uploaded:
                    return Uploaded(more=True)
                self.acked_up[Lane.BULK] = self.log[Lane.BULK]
                return Uploaded()
            case Push(batch=sent) if sent.lane is Lane.BULK and sent.after < self.begins:
                return Failed("stream_gap", retryable=True)
            case Compare(begin=begin):
                self.compared = 1 if begin else self.compared + 1
                waiting = {n for n in Lane if self.parents_log[n] > self.applied_down[n]}
                return Compared(more=self.compared < 3, waiting=frozenset(waiting))
            case Push(batch=sent):
                assert sent.after <= self.acked_up[sent.lane], "a gap"
                self.acked_up[sent.lane] = max(self.acked_up[sent.lane], sent.upto)
                return Pushed(sent.lane, self.acked_up[sent.lane])
            case FetchChunk():
                assert self.session.verdict is Verdict.SNAPSHOT
                self.copied = (self.copied + 1) % 4
                if self.copied:
                    return ChunkJoined(more=True)
                self.applied_down[Lane.BULK] = self.parents_log[Lane.BULK]
                return ChunkJoined()
            case Pull(lane=Lane.BULK, after=after) if after < self.low_water_mark:
                return Failed("session_unknown", retryable=True)
            case Pull():
                return Pulled(batch(command, self.parents_log[command.lane]))
            case Apply(batch=sent):
                assert sent.after <= self.applied_down[sent.lane], "a gap"
                self.applied_down[sent.lane] = max(self.applied_down[sent.lane], sent.upto)
                return AppliedHere(sent.lane, self.applied_down[sent.lane])
        raise AssertionError(command)

    @invariant()
    def acks_never_exceed_what_is_durable(self) -> None:
        for lane in Lane:
            assert self.session.acked_by_parent.get(lane, 0) <= self.acked_up[lane]
            assert self.session.applied_from_parent.get(lane, 0) <= self.applied_down[lane]
            now = (
                self.session.acked_by_parent.get(lane, 0),
                self.session.applied_from_parent.get(lane, 0),
            )
            assert all(a >= b for a, b in zip(now, self.previous[lane], strict=True)), "went back"
            self.previous[lane] = now

    @invariant()
    def batches_keep_their_bounds(self) -> None:
        if isinstance(self.command, Read | Pull):
            assert BATCH_BYTES_MIN <= self.command.bytes_max <= BATCH_BYTES_MAX

    @invariant()
    def idle_means_that_nothing_waits(self) -> None:
        if isinstance(self.command, Idle):
            assert self.session.state is State.IDLE
            assert self.acked_up == self.log
            assert self.applied_down == self.parents_log

    def teardown(self) -> None:
        """Once calls stop failing, everything drains without a restart (INV-8)."""
        for _ in range(STEPS_MAX):
            if isinstance(self.command, Idle):
                break
            self.command = self.session.on(self.carry_out(self.command, "none"))
        assert isinstance(self.command, Idle), "it does not come to rest"
        self.idle_means_that_nothing_waits()


def batch(command: Read | Pull, end: int) -> Batch:
    """Return at most three positions of a log, fewer when the batch must be small."""
    size = 1 if command.bytes_max < BATCH_BYTES_MAX else 3
    upto = min(end, command.after + size)
    entries = tuple(b"e" for _ in range(command.after, upto))
    return Batch(
        command.lane, 1, command.after, max(upto, command.after), entries,
        tuple(range(command.after + 1, upto + 1)),
    )  # fmt: skip


LinkMachine.TestCase.settings = settings(max_examples=120, stateful_step_count=60)
TestLink = LinkMachine.TestCase
