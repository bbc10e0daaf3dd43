"""Ticks of many offices: one round after another, nobody left out, nobody's trouble another's."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import select

from hub.serve.maintenance import yesterday
from node.china import DAY_MS
from node.jobs import ROUNDS_MAX, Job, Jobs
from node.office import Office
from node.services.upkeep.retention import retire
from node.store.job_runs import JobTotal, note_end, totals
from node.store.tables import job_run
from tests.unit.node.offices import COMMUNITY, Clock, new_office

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


# -- how often a job has ended --------------------------------------------------------------------


def test_each_end_of_a_job_is_counted_also_once_its_run_is_no_longer_kept(tmp_path: Path) -> None:
    clock, jobs = Clock(), Jobs(random.Random(1))
    with closing(new_office(tmp_path / "office", COMMUNITY, clock)) as office:
        tries = iter([RuntimeError("no"), RuntimeError("no"), None, None])

        def work(_office: Office, _period: str) -> str:
            if (error := next(tries)) is not None:
                raise error
            return ""

        daily = Job("daily", yesterday, work)
        assert [jobs.run_due(office, daily) for _ in range(4)] == [False, False, True, False]
        first_ms = clock.ms
        assert totals_of(office) == [
            JobTotal(job="daily", runs=3, failures=2, last_success_ms=first_ms)
        ]
        clock.forward(1_000 * DAY_MS)
        assert jobs.run_due(office, daily)
        retire(office, clock.ms + 500 * DAY_MS)
        with office.store.read() as tx:
            assert tx.execute(select(job_run)).all() == []
        assert totals_of(office) == [
            JobTotal(job="daily", runs=4, failures=2, last_success_ms=clock.ms)
        ]


def test_a_failure_leaves_the_moment_of_the_last_success(tmp_path: Path) -> None:
    with closing(new_office(tmp_path / "office", COMMUNITY, Clock())) as office:
        for at, state in ((5, "done"), (6, "failed")):
            office.store.write(
                lambda tx, at=at, state=state: note_end(  # type: ignore[misc]
                    tx, "daily", f"2026-07-0{at}", state=state, now_ms=at, detail=""
                )
            )
        assert totals_of(office) == [JobTotal(job="daily", runs=2, failures=1, last_success_ms=5)]


def totals_of(office: Office) -> list[JobTotal]:
    with office.store.read() as tx:
        return totals(tx)
