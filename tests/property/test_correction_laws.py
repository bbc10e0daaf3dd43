"""Correction requests: what was said comes to the same in every order, however often heard."""

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
    Said,
    State,
    answering_level,
    fold,
    hears,
)
from node.domain.units import Level
from node.store.corrections import request_id, said_id

SAID = st.builds(
    Said,
    kind=st.sampled_from(Kind),
    at_ms=st.integers(0, 3),
    actor=st.sampled_from(["", "甲"]),
    reason=st.sampled_from(["", "x"]),
)
HEARD = st.lists(SAID, max_size=8)
CLOSED = frozenset(State) - {State.NONE, State.OPEN}


@given(HEARD, st.randoms())
def test_the_order_in_which_things_are_heard_does_not_matter(
    said: list[Said], draw: object
) -> None:
    shuffled = list(said)
    draw.shuffle(shuffled)  # type: ignore[attr-defined]
    assert fold(shuffled) == fold(said)


@given(HEARD)
def test_what_is_heard_twice_counts_once(said: list[Said]) -> None:
    assert fold([*said, *said]) == fold(said)


@given(HEARD, SAID)
def test_what_was_accepted_stays_accepted_and_what_was_closed_stays_closed(
    said: list[Said], more: Said
) -> None:
    before, after = fold(said).state, fold([*said, more]).state
    assert before is not State.ACCEPTED or after is State.ACCEPTED
    assert before not in CLOSED or after in CLOSED


@given(HEARD)
def test_nothing_counts_without_the_ask(said: list[Said]) -> None:
    assert fold([s for s in said if s.kind is not Kind.ASK]).state is State.NONE


@given(HEARD)
def test_a_withdrawal_never_undoes_an_answer(said: list[Said]) -> None:
    without = fold([s for s in said if s.kind is not Kind.WITHDRAW]).state
    assert without not in ANSWERS.values() or fold(said).state is without


@given(HEARD)
def test_the_history_is_a_way_through_the_table(said: list[Said]) -> None:
    state = State.NONE
    outcome = fold(said)
    for step in outcome.history:
        state = TRANSITIONS[state, step.kind]
    assert state is outcome.state


def test_who_knows_of_the_withdrawal_may_not_answer_though_an_answer_that_crosses_counts() -> None:
    crossing = TRANSITIONS.keys() - MAY.keys()
    assert crossing == {(State.WITHDRAWN, kind) for kind in ANSWERS}
    assert MAY.items() <= TRANSITIONS.items()


@given(st.sampled_from(Kind), st.sampled_from(Kind))
def test_an_office_withdraws_once_and_answers_once(one: Kind, other: Kind) -> None:
    asked = request_id(1, 2, "ab")
    role = {Kind.ASK: 0, Kind.WITHDRAW: 1}
    assert (said_id(asked, one) == said_id(asked, other)) == (
        role.get(one, 2) == role.get(other, 2)
    )
    assert said_id(asked, Kind.ASK) == asked
    assert frozenset(Kind) == ASKERS | ANSWERS.keys()


def test_a_request_is_named_by_both_offices() -> None:
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


def test_nobody_is_asked_about_what_it_does_not_hear() -> None:
    assert [hears("local", level) for level in Level] == [False] * 4
    assert [hears("up:street", level) for level in Level] == [False, False, True, True]
    assert [hears("up:city", level) for level in Level] == [True] * 4
    assert [hears("down:all", level) for level in Level] == [True] * 4
