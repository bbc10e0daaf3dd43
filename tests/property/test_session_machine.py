"""The session driven against a model parent whose calls fail: nothing is lost, all of it drains."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sync.change import Batch
from sync.conversation import (
    AppliedHere,
    Apply,
    BatchRead,
    Command,
    Compare,
    Compared,
    Copied,
    Copy,
    Event,
    Failed,
    Greet,
    Greeted,
    Hand,
    Handed,
    Idle,
    Poked,
    Pull,
    Pulled,
    Push,
    Pushed,
    Read,
    Rest,
    Verdict,
    Woken,
)
from sync.limits import BATCH_BYTES_MAX, BATCH_BYTES_MIN
from sync.schema import Lane
from sync.session import Session, State

lanes = st.sampled_from(list(Lane))
faults = st.sampled_from(["none", "none", "none", "request", "reply", "oversized", "refused"])
STEPS_MAX = 400


class Line(RuleBasedStateMachine):
    """A child with a log and a parent with one; each holds how far it took the other's.

    A lost request did nothing; a lost reply did its work and nobody heard. Both look the same.
    """

    def __init__(self) -> None:
        super().__init__()
        self.session = Session()
        self.command: Command = self.session.start()
        self.log = dict.fromkeys(Lane, 0)  # the child's: positions up to here are written
        self.parents_log = dict.fromkeys(Lane, 0)
        self.taken_up = dict.fromkeys(Lane, 0)  # durable with the parent
        self.taken_down = dict.fromkeys(Lane, 0)  # durable here
        self.compared = 0  # steps of the comparison under way
        self.floor = 0  # the parent's bulk log is gone up to here
        self.copied = 0  # chunks of the snapshot under way
        self.begins = 0  # the child's bulk log is gone up to here
        self.handed = 0  # chunks of copies that go up
        self.said: dict[Lane, tuple[int, int]] = dict.fromkeys(Lane, (0, 0))

    @initialize(fill=st.integers(0, 30))
    def begin(self, fill: int) -> None:
        for lane in Lane:
            self.log[lane] = self.parents_log[lane] = fill

    @rule(lane=lanes, count=st.integers(1, 9))
    def write_here(self, lane: Lane, count: int) -> None:
        self.log[lane] += count
        self.poke(Poked(up=frozenset({lane})))

    @rule(lane=lanes, count=st.integers(1, 9))
    def write_above(self, lane: Lane, count: int) -> None:
        """The doorbell rings only while a `Watch` is open; a greeting tells of the rest."""
        self.parents_log[lane] += count
        if self.session.connected:
            self.poke(Poked(down=frozenset({lane})))

    @rule()
    def cut(self) -> None:
        """The parent's log is cut: who is behind takes copies, from its next greeting on."""
        self.floor = self.parents_log[Lane.BULK]

    @rule()
    def cut_here(self) -> None:
        """Our log is cut: if the parent is behind, copies go up, from the next greeting on."""
        self.begins = self.log[Lane.BULK]

    @rule()
    def compare(self) -> None:
        self.session.compare()
        if isinstance(self.command, Idle):
            self.command = self.session.start()

    def poke(self, event: Poked) -> None:
        self.session.poke(event)
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
            case Greet():
                waiting = {n for n in Lane if self.parents_log[n] > self.taken_down[n]}
                behind = self.copied or self.taken_down[Lane.BULK] < self.floor
                verdict = Verdict.SNAPSHOT if behind else Verdict.GO_ON
                return Greeted(
                    verdict, dict(self.taken_up), dict(self.taken_down),
                    waiting=frozenset(waiting),
                    hand_up=bool(self.handed) or self.taken_up[Lane.BULK] < self.begins,
                )  # fmt: skip
            case Hand():
                self.handed = (self.handed + 1) % 3
                if self.handed:
                    return Handed(more=True)
                self.taken_up[Lane.BULK] = self.log[Lane.BULK]
                return Handed()
            case Push(batch=sent) if sent.lane is Lane.BULK and sent.after < self.begins:
                return Failed("stream_gap", retryable=True)
            case Compare(begin=begin):
                self.compared = 1 if begin else self.compared + 1
                waiting = {n for n in Lane if self.parents_log[n] > self.taken_down[n]}
                return Compared(more=self.compared < 3, waiting=frozenset(waiting))
            case Push(batch=sent):
                assert sent.after <= self.taken_up[sent.lane], "a gap"
                self.taken_up[sent.lane] = max(self.taken_up[sent.lane], sent.upto)
                return Pushed(sent.lane, self.taken_up[sent.lane])
            case Copy():
                assert self.session.verdict is Verdict.SNAPSHOT
                self.copied = (self.copied + 1) % 4
                if self.copied:
                    return Copied(more=True)
                self.taken_down[Lane.BULK] = self.parents_log[Lane.BULK]
                return Copied()
            case Pull(lane=Lane.BULK, after=after) if after < self.floor:
                return Failed("session_unknown", retryable=True)
            case Pull():
                return Pulled(batch(command, self.parents_log[command.lane]))
            case Apply(batch=sent):
                assert sent.after <= self.taken_down[sent.lane], "a gap"
                self.taken_down[sent.lane] = max(self.taken_down[sent.lane], sent.upto)
                return AppliedHere(sent.lane, self.taken_down[sent.lane])
        raise AssertionError(command)

    @invariant()
    def what_one_end_believes_the_other_holds(self) -> None:
        for lane in Lane:
            assert self.session.held_there.get(lane, 0) <= self.taken_up[lane]
            assert self.session.held_here.get(lane, 0) <= self.taken_down[lane]
            now = (self.session.held_there.get(lane, 0), self.session.held_here.get(lane, 0))
            assert all(a >= b for a, b in zip(now, self.said[lane], strict=True)), "went back"
            self.said[lane] = now

    @invariant()
    def batches_keep_their_bounds(self) -> None:
        if isinstance(self.command, Read | Pull):
            assert BATCH_BYTES_MIN <= self.command.bytes_max <= BATCH_BYTES_MAX

    @invariant()
    def idle_means_that_nothing_waits(self) -> None:
        if isinstance(self.command, Idle):
            assert self.session.state is State.IDLE
            assert self.taken_up == self.log
            assert self.taken_down == self.parents_log

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


Line.TestCase.settings = settings(max_examples=120, stateful_step_count=60)
TestLine = Line.TestCase
