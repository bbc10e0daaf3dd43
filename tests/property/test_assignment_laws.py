"""Two offices write one assignment over any line: what must hold whatever arrives when."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from hypothesis import event as observed
from hypothesis import given, settings
from hypothesis import strategies as st

from node.domain.assignment import (
    AssignmentState,
    Duty,
    Event,
    EventKind,
    IllegalEvent,
    State,
    Writer,
    fold,
)
from node.domain.assignment_rules import ASSIGNEE_KINDS, ISSUER_KINDS, TRANSITIONS
from tests.unit.node.assignment_scripts import (
    ACCEPTED,
    CLAIMED,
    CONSENTED,
    DELIVERED,
    DISPATCHED,
    ID,
    IN_PROGRESS,
    UNITS,
    event_after,
    script,
)

KINDS: dict[Writer, list[EventKind]] = {
    "issuer": sorted(ISSUER_KINDS),
    "assignee": sorted(ASSIGNEE_KINDS),
}
WRITERS: tuple[Writer, Writer] = ("issuer", "assignee")
# The usual course is drawn more often, or most runs would end with a recall in the first steps.
USUAL = {EventKind.SUBMIT, EventKind.DISPATCH, EventKind.RECEIPT, EventKind.CONSENT}
USUAL |= {EventKind.ACCEPT, EventKind.PROGRESS, EventKind.CLAIM, EventKind.VERIFY, EventKind.ADMIT}


@dataclass
class Office:
    """One honest writer: it says only what follows from what it has read."""

    by: Writer
    written: list[Event] = field(default_factory=list)
    read: list[Event] = field(default_factory=list)

    @property
    def view(self) -> AssignmentState:
        return fold([*self.written, *self.read])

    def write(self, choice: int, duty: Duty) -> None:
        view = self.view
        possible = []
        for kind in KINDS[self.by]:
            try:
                next_event = event_after(view, kind, duty=duty, percent=choice % 101)
            except IllegalEvent:
                continue
            possible += [next_event] * (6 if kind in USUAL else 1)
        if possible:
            self.written.append(possible[choice % len(possible)])

    def receive(self, other: Office, upto: int) -> None:
        self.read = other.written[: max(len(self.read), upto)]


# Runs begin where both offices already agree: from nothing, most would end before the interesting
# steps. The duty goes with the beginning.
BEGINNINGS = [
    ("", Duty.UNDERTAKES),
    ("", Duty.UNLISTED),
    (DISPATCHED, Duty.UNDERTAKES),
    (DELIVERED, Duty.ASSISTS),
    (f"{CONSENTED} accept", Duty.ASSISTS),
    (ACCEPTED, Duty.OFFICE),
    (IN_PROGRESS, Duty.UNDERTAKES),
    (f"{IN_PROGRESS} hand_back", Duty.OFFICE),
    (CLAIMED, Duty.UNDERTAKES),
]
MOVES = ["issuer", "assignee", "issuer", "assignee", "to_issuer", "to_assignee"]
Run = tuple[str, Duty, list[tuple[str, int]]]
runs = st.builds(
    lambda beginning, moves: (*beginning, moves),
    st.sampled_from(BEGINNINGS),
    st.lists(st.tuples(st.sampled_from(MOVES), st.integers(0, 999)), min_size=3, max_size=40),
)


def play(run: Run) -> tuple[Office, Office]:
    """Let both offices write and receive as `run` says; every view on the way must be lawful."""
    kinds, duty, moves = run
    both = script(kinds, duty)
    issuer, assignee = (
        Office(by, [e for e in both if e.by == by], [e for e in both if e.by != by])
        for by in WRITERS
    )
    for move, choice in moves:
        if move == "issuer":
            issuer.write(choice, duty)
        elif move == "assignee":
            assignee.write(choice, duty)
        elif move == "to_issuer":
            issuer.receive(assignee, choice % (len(assignee.written) + 1))
        else:
            assignee.receive(issuer, choice % (len(issuer.written) + 1))
        for office in (issuer, assignee):
            assert_valid(office.view)
            assert office.view.waiting == ()
    return issuer, assignee


def assert_valid(state: AssignmentState) -> None:
    at = State.NONE
    for step in state.history:
        assert step.before is at
        assert (step.before, step.event.kind) in TRANSITIONS
        at = step.after
    assert state.state is at
    assert 0 <= state.percent <= 100


def concurrent(one: Event, two: Event) -> bool:
    return one.by != two.by and one.seen < two.seq and two.seen < one.seq


@settings(max_examples=120, deadline=None)
@given(runs, st.randoms(use_true_random=False))
def test_two_correct_offices_converge_whatever_the_link_does(run: Run, random: Random) -> None:
    issuer, assignee = play(run)
    issuer.receive(assignee, len(assignee.written))
    assignee.receive(issuer, len(issuer.written))
    assert issuer.view == assignee.view
    mixed = [*issuer.written, *assignee.written, *issuer.written[-2:], *assignee.written[:2]]
    random.shuffle(mixed)
    assert fold(mixed) == issuer.view
    observed(issuer.view.state.value)


@settings(max_examples=120, deadline=None)
@given(runs)
def test_a_valid_step_is_set_aside_only_for_a_concurrent_one(
    run: Run,
) -> None:
    issuer, assignee = play(run)
    state = fold([*issuer.written, *assignee.written])
    written = [*issuer.written, *assignee.written]
    for entry in state.ignored:
        rivals = [event for event in written if concurrent(event, entry.event)]
        assert rivals, "a step that follows from all that was known was set aside"


@settings(max_examples=120, deadline=None)
@given(runs)
def test_a_recall_loses_to_a_concurrent_claim_and_wins_over_a_concurrent_refusal(
    run: Run,
) -> None:
    issuer, assignee = play(run)
    state = fold([*issuer.written, *assignee.written])
    counted = {step.event for step in state.history}
    for recall in (event for event in issuer.written if event.kind is EventKind.RECALL):
        for answer in (event for event in assignee.written if concurrent(event, recall)):
            if answer.kind is EventKind.CLAIM:
                assert recall not in counted
                assert answer in counted
            if answer.kind in (EventKind.DECLINE, EventKind.RETURN):
                assert state.state is State.RECALLED
            observed(f"recall met {answer.kind.value}")


@settings(max_examples=120, deadline=None)
@given(runs, st.integers(0, 99), st.integers(0, 99))
def test_any_prefix_of_each_writers_events_is_a_valid_state(
    run: Run, first: int, second: int
) -> None:
    issuer, assignee = play(run)
    ours = issuer.written[: first % (len(issuer.written) + 1)]
    theirs = assignee.written[: second % (len(assignee.written) + 1)]
    state = fold([*ours, *theirs])
    assert_valid(state)
    assert len(state.history) + len(state.ignored) + len(state.waiting) == len(ours) + len(theirs)


anything = st.builds(
    Event,
    assignment=st.just(ID),
    kind=st.sampled_from(EventKind),
    by=st.sampled_from(["issuer", "assignee"]),
    seq=st.integers(-1, 8),
    seen=st.integers(-1, 8),
    at_ms=st.integers(0, 9),
    actor=st.sampled_from(["a", "b"]),
    unit_id=st.sampled_from(sorted(UNITS.values())),
    reason=st.sampled_from(["", "r"]),
    percent=st.none() | st.integers(-1, 101),
    due_ms=st.none() | st.integers(0, 9),
    duty=st.none() | st.sampled_from(Duty),
    to_community=st.booleans(),
)


@settings(max_examples=120, deadline=None)
@given(st.lists(anything, max_size=25), st.randoms(use_true_random=False))
def test_whatever_arrives_is_folded_deterministically_and_every_event_is_kept(
    events: list[Event], random: Random
) -> None:
    state = fold(events)
    assert_valid(state)
    kept = [step.event for step in state.history]
    kept += [entry.event for entry in state.ignored]
    kept += state.waiting
    assert sorted(map(repr, kept)) == sorted(map(repr, set(events)))
    shuffled = [*events, *events[:3]]
    random.shuffle(shuffled)
    assert fold(shuffled) == state
