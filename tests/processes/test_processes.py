"""A city of real processes under kills, pauses and broken lines: what it acknowledged, it keeps.

`python -m tests.processes --seconds 600 --seed 7` is the same for longer.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from sync.wire.office.v1 import office_pb2 as pb
from tests.processes.city import CODES, PARENT
from tests.processes.namespaces import in_a_namespace, missing_tools, why_not
from tests.processes.plan import FIRST, OF_LINES, OF_OFFICES, draw
from tests.processes.run import run
from tests.processes.watermarks import WatermarkMonitor

SEED, SECONDS = 20_041_126, 9.0


@pytest.mark.timeout(600)  # processes start slowly where many run
def test_real_offices_killed_paused_and_cut_off_lose_duplicate_reorder_and_tear_nothing(
    tmp_path: Path,
) -> None:
    plan = draw(SEED, SECONDS, CODES, tuple(PARENT))
    outcome = run(tmp_path, SEED, plan)
    assert not outcome.faults, "\n".join([*outcome.faults[:20], *map(str, plan)])
    assert outcome.broken.keys() & {"kill", "kill both ends"}
    assert sum(outcome.broken.values()) >= 5
    assert outcome.transactions >= 100


def test_the_same_seed_draws_the_same_plan_and_every_plan_has_the_worst_faults() -> None:
    for seed in range(20):
        plan = draw(seed, 12.0, CODES, tuple(PARENT))
        assert plan == draw(seed, 12.0, CODES, tuple(PARENT))
        assert {step.kind for step in plan} >= set(FIRST)


def test_a_long_plan_contains_every_kind_of_fault() -> None:
    plan = draw(1, 600.0, CODES, tuple(PARENT))
    assert {step.kind for step in plan} == {*OF_OFFICES, *OF_LINES}
    assert {step.where for step in plan} == set(CODES)


def test_a_watermark_that_goes_back_is_noticed() -> None:
    monitor = WatermarkMonitor()
    for position in (5, 7, 6):
        monitor.observe(
            "city",
            pb.GetStatusResponse(durable_above=[pb.DurableLevel(level=0, position=position)]),
        )
    assert monitor.went_back == ["city 0 safe 0  went back from 7 to 6"]


@pytest.mark.timeout(600)
def test_offices_whose_links_go_silent_in_one_or_both_directions_keep_what_they_acknowledged() -> (
    None
):
    """Each office in a network namespace: no proxy ends TCP, what is lost is sent again."""
    assert not missing_tools(), f"install iproute2 and procps: {missing_tools()}"
    if why := why_not():
        pytest.skip(f"platform: no network namespaces here: {why}")
    done = in_a_namespace(["--seconds", "8", "--seed", "3"])
    assert done.returncode == 0, done.stdout + done.stderr[-4_000:]
    assert "lose" in done.stdout
