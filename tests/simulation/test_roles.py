"""Tampered children, lying hubs and strangers: every lie ends as it must, and harms nobody else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.simulation import roles
from tests.simulation.ledger import Ledger
from tests.simulation.liars import staged_lies, with_lies
from tests.simulation.lie import End, How, Role
from tests.simulation.plan import STAGES, Plan, plan_from_json, plan_of, staged
from tests.simulation.run import run
from tests.simulation.test_simulation import small, story_of

DRAWN = (3, 7)
KINDS_MIN = 40


def test_every_kind_of_lie_occurs_and_ends_as_it_must() -> None:
    ledger = Ledger()
    for plan in staged_lies():
        result = run(plan)
        assert result.passed, f"staged lies {plan.seed}: {story_of(result)}"
        ledger.add(result.ledger)
    assert ledger.missing_of({"lie": roles.LIES}) == []


@pytest.mark.parametrize("seed", DRAWN)
def test_lies_among_honest_faults_break_no_invariant(seed: int) -> None:
    result = run(with_lies(small(seed)))
    assert result.passed, story_of(result)
    assert any(what == "lie" for what, _ in result.ledger.counts)


@pytest.mark.parametrize(
    ("draw", "number"),
    [
        pytest.param(3, 8, id="a liar with a wrong clock publishes its lie again"),
        pytest.param(6, 5, id="a liar that has lost its key is refused for that"),
        pytest.param(0, 0, id="an office that dies while it stops is started again"),
    ],
)
def test_what_befalls_a_liar_is_not_taken_for_the_end_of_its_lie(draw: int, number: int) -> None:
    result = run(with_lies(staged(number, STAGES, draw=draw)))
    assert result.passed, story_of(result)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(40))
def test_lies_among_all_faults_of_a_seed_break_no_invariant(seed: int) -> None:
    result = run(with_lies(plan_of(seed)))
    assert result.passed, story_of(result)


def test_lies_change_nothing_else_that_a_seed_draws() -> None:
    plan = plan_of(7)
    assert with_lies(plan).without(lies=()) == plan
    assert with_lies(plan) == with_lies(plan)


def test_a_plan_with_lies_round_trips_through_json() -> None:
    plan = with_lies(plan_of(7))
    assert plan.lies
    assert plan_from_json(plan.to_json()) == plan


def test_there_are_lies_of_every_role_and_of_every_end() -> None:
    assert len(roles.LIES) >= KINDS_MIN
    assert {lie.role for lie in roles.LIES.values()} == set(Role)
    assert {lie.end.how for lie in roles.LIES.values()} == set(How) - {How.OPEN}


def only(plan: Plan, kind: str) -> Plan:
    return plan.without(lies=tuple(lie for lie in plan.lies if lie.kind == kind))


@pytest.mark.parametrize(
    ("kind", "end"),
    [
        ("an entry as its parent", End(How.REFUSED, "stream_gap")),
        ("a status under another key", End(How.NOTHING)),
        ("another unit answers", End(How.NOTHING)),
    ],
)
def test_a_run_fails_when_a_lie_ends_otherwise(
    monkeypatch: pytest.MonkeyPatch, kind: str, end: End
) -> None:
    monkeypatch.setitem(roles.LIES, kind, replace(roles.LIES[kind], end=end))
    result = run(only(staged_lies()[0], kind))
    assert result.broke == "a lie ended otherwise"
    assert kind in result.detail
