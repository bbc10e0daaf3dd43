"""Ticks of many offices: one round after another, nobody left out, nobody's trouble another's."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Iterator

import pytest

from node.jobs import ROUNDS_MAX, Jobs

OFFICES = 300
WAIT_S = 30


@pytest.fixture
def jobs() -> Iterator[Jobs]:
    jobs = Jobs(random.Random(1))
    yield jobs
    jobs.close()


def rounds(jobs: Jobs) -> list[object]:
    jobs.start()
    jobs._scheduler.pause()
    return [job.func for job in jobs._scheduler.get_jobs()]


def test_the_ticks_of_hundreds_of_offices_cost_the_scheduler_as_many_jobs_as_a_minute_has_seconds(
    jobs: Jobs,
) -> None:
    ticked: Counter[int] = Counter()
    for n in range(OFFICES):
        jobs.every(60, f"{n}:tick", lambda n=n: ticked.update([n]))
        jobs.every(3_600, f"{n}:hourly", lambda n=n: ticked.update([n]))
    listed = rounds(jobs)
    assert len(listed) <= 2 * ROUNDS_MAX
    for each in listed:
        each()  # type: ignore[operator]
    assert ticked == Counter(dict.fromkeys(range(OFFICES), 2))
    assert max(map(len, listed)) < OFFICES // 10  # type: ignore[arg-type]  # spread over a minute


def test_one_office_whose_tick_fails_keeps_no_other_from_its_own(jobs: Jobs) -> None:
    ticked = []

    def fail() -> None:
        ticked.append("failed")
        raise RuntimeError("its store is gone")

    jobs.every(1, "a:tick", lambda: ticked.append("a"))
    jobs.every(1, "b:tick", fail)
    jobs.every(1, "c:tick", lambda: ticked.append("c"))
    (one,) = rounds(jobs)
    one()  # type: ignore[operator]
    one()  # type: ignore[operator]
    assert ticked == ["a", "failed", "c"] * 2


def test_a_round_that_is_under_way_when_the_process_stops_ends_with_the_office_it_is_at(
    jobs: Jobs,
) -> None:
    ticked = []

    def stop() -> None:
        ticked.append("b")
        jobs.close()

    jobs.every(1, "a:tick", lambda: ticked.append("a"))
    jobs.every(1, "b:tick", stop)
    jobs.every(1, "c:tick", lambda: ticked.append("c"))
    (one,) = rounds(jobs)
    one()  # type: ignore[operator]
    assert ticked == ["a", "b"]


def test_every_office_of_a_round_ticks_again_and_again(jobs: Jobs) -> None:
    twice = threading.Event()
    ticked: Counter[str] = Counter()

    def tick(name: str) -> None:
        ticked.update([name])
        if min(ticked[each] for each in "abc") >= 2:
            twice.set()

    for name in "abc":
        jobs.every(1, name, lambda name=name: tick(name))
    jobs.start()
    assert twice.wait(WAIT_S)
