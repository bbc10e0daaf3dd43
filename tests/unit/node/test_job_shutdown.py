"""The scheduler of an office may be stopped at any moment."""

from __future__ import annotations

import random
import threading

import pytest
from apscheduler.jobstores.base import JobLookupError

from node.jobs import Jobs

WAIT_S = 10


def test_a_job_that_ends_during_a_stop_does_not_break_the_scheduler() -> None:
    """`remove_job` is what the scheduler's thread calls after a run-once job has had its turn."""
    jobs = Jobs(random.Random(1))
    jobs.start()
    jobs.later(3_600_000, lambda: None)
    [waiting] = jobs._scheduler.get_jobs()
    jobs.close()
    jobs._scheduler.remove_job(waiting.id, "default")


def test_a_running_scheduler_reports_an_unknown_job() -> None:
    jobs = Jobs(random.Random(1))
    jobs.start()
    try:
        with pytest.raises(JobLookupError):
            jobs._scheduler.remove_job("nobody's")
    finally:
        jobs.close()


def test_a_one_time_job_runs_and_leaves_nothing_behind() -> None:
    jobs = Jobs(random.Random(1))
    jobs.start()
    ran = threading.Event()
    try:
        jobs.later(0, ran.set)
        assert ran.wait(WAIT_S)
        assert jobs._scheduler.get_jobs() == []
    finally:
        jobs.close()
