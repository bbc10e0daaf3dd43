"""Correction requests: the steps give the same state in every order, however often received."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.domain.correction import (
    ANSWERS,
    ASKERS,
    MAY,
    TRANSITIONS,
    Kind,
    State,
    Step,
    answering_level,
    fold,
    receives,
)
from node.domain.units import Level
from node.store.corrections import request_id, step_id

EVENTS = st.builds(
    Step,
    kind=st.sampled_from(Kind),
    at_ms=st.integers(0, 3),
    actor=st.sampled_from(["", "甲"]),
    reason=st.sampled_from(["", "x"]),
)
EVENT_LISTS = st.lists(EVENTS, max_size=8)
CLOSED = frozenset(State) - {State.NONE, State.OPEN}


@given(EVENT_LISTS, st.randoms())
def test_the_order_in_which_events_are_received_does_not_matter(
    events: list[Step], draw: object
) -> None:
    shuffled = list(events)
    draw.shuffle(shuffled)  # type: ignore[attr-defined]
    assert fold(shuffled) == fold(events)


@given(EVENT_LISTS)
def test_an_event_received_twice_counts_once(events: list[Step]) -> None:
    assert fold([*events, *events]) == fold(events)


@given(EVENT_LISTS, EVENTS)
def test_an_accepted_request_stays_accepted_and_a_closed_one_stays_closed(
    events: list[Step], more: Step
) -> None:
    before, after = fold(events).state, fold([*events, more]).state
    assert before is not State.ACCEPTED or after is State.ACCEPTED
    assert before not in CLOSED or after in CLOSED


@given(EVENT_LISTS)
def test_nothing_counts_without_the_request(events: list[Step]) -> None:
    assert fold([s for s in events if s.kind is not Kind.ASK]).state is State.NONE


@given(EVENT_LISTS)
def test_a_withdrawal_never_undoes_an_answer(events: list[Step]) -> None:
    without = fold([s for s in events if s.kind is not Kind.WITHDRAW]).state
    assert without not in ANSWERS.values() or fold(events).state is without


@given(EVENT_LISTS)
def test_the_history_is_a_path_through_the_transition_table(events: list[Step]) -> None:
    state = State.NONE
    outcome = fold(events)
    for step in outcome.history:
        state = TRANSITIONS[state, step.kind]
    assert state is outcome.state


def test_an_office_that_knows_of_the_withdrawal_may_not_answer_but_a_crossing_answer_counts() -> (
    None
):
    crossing = TRANSITIONS.keys() - MAY.keys()
    assert crossing == {(State.WITHDRAWN, kind) for kind in ANSWERS}
    assert MAY.items() <= TRANSITIONS.items()


@given(st.sampled_from(Kind), st.sampled_from(Kind))
def test_an_office_withdraws_once_and_answers_once(one: Kind, other: Kind) -> None:
    asked = request_id(1, 2, "ab")
    role = {Kind.ASK: 0, Kind.WITHDRAW: 1}
    assert (step_id(asked, one) == step_id(asked, other)) == (
        role.get(one, 2) == role.get(other, 2)
    )
    assert step_id(asked, Kind.ASK) == asked
    assert frozenset(Kind) == ASKERS | ANSWERS.keys()


def test_the_id_of_a_request_depends_on_both_offices() -> None:
    ids = {request_id(1, 2, "ab"), request_id(2, 1, "ab"), request_id(1, 3, "ab")}
    assert len(ids | {request_id(1, 2, "ac")}) == 4


CITY, DISTRICT, STREET, COMMUNITY = Level


@pytest.mark.parametrize(
    ("owners", "asker", "level"),
    [
        ([{COMMUNITY}], DISTRICT, COMMUNITY),
        ([{COMMUNITY, STREET}], DISTRICT, STREET),
        ([{COMMUNITY, DISTRICT}], STREET, COMMUNITY),  # as near: the lower one
        ([{COMMUNITY, STREET}, {COMMUNITY}], CITY, COMMUNITY),
        ([{COMMUNITY}, {STREET}], DISTRICT, None),
        ([], DISTRICT, None),
    ],
)
def test_the_nearest_level_that_owns_every_field_is_asked(
    owners: list[set[Level]], asker: Level, level: Level | None
) -> None:
    assert answering_level(owners, asker) == level


def test_no_office_is_asked_about_what_it_does_not_receive() -> None:
    assert [receives("local", level) for level in Level] == [False] * 4
    assert [receives("up:street", level) for level in Level] == [False, False, True, True]
    assert [receives("up:city", level) for level in Level] == [True] * 4
    assert [receives("down:all", level) for level in Level] == [True] * 4
