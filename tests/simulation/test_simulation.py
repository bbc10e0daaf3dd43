"""Some seeds in every run of the tests; `make sim SEEDS=200` runs more."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.simulation.plan import Plan, plan_from_json, plan_of
from tests.simulation.run import run

REGRESS = sorted((Path(__file__).resolve().parents[1] / "regress").glob("*.json"))
SEEDS = range(12)


def small(seed: int) -> Plan:
    """Return the plan of a seed, cut down so that all of them take a minute."""
    plan = plan_of(seed)
    return plan.without(
        ops=plan.ops[:60], faults=plan.faults[:12], horizon_ms=min(plan.horizon_ms, 12 * 3_600_000)
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_a_city_in_trouble_loses_nothing_and_comes_to_rest(seed: int) -> None:
    result = run(small(seed))
    assert result.held, f"{result.detail}\n" + "\n".join(result.story)


def test_the_same_seed_leaves_the_same_trace() -> None:
    assert run(small(3)).trace == run(small(3)).trace


def test_another_seed_leaves_another_trace() -> None:
    assert run(small(3)).trace != run(small(2)).trace


@pytest.mark.parametrize("path", REGRESS, ids=lambda path: path.stem)
def test_what_broke_once_holds_for_ever(path: Path) -> None:
    result = run(plan_from_json(path.read_text(encoding="utf-8")))
    assert result.held, f"{result.detail}\n" + "\n".join(result.story)


def test_a_plan_reads_back_as_it_was_written() -> None:
    assert plan_from_json(plan_of(7).to_json()) == plan_of(7)
