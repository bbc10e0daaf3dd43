"""Jobs: APScheduler ticks, a ledger remembers what ran. All truth is in tables."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor as SchedulerPool
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.schedulers.base import STATE_STOPPED

from node.china import CHINA, china_time
from node.office import Office
from node.store.job_runs import claim, note_end

JITTER_S = 5


@dataclass(frozen=True, slots=True)
class Job:
    """Work done once a period. `period` names the newest period that has ended, from the date."""

    name: str
    period: Callable[[datetime], str]
    work: Callable[[Office, str], str]  # returns a word for the ledger


class _Scheduler(BackgroundScheduler):  # type: ignore[misc]  # APScheduler has no types
    """APScheduler's own, but one that may be stopped at any moment.

    A run-once job is taken off after its turn. When `shutdown` comes in between, the scheduler
    looks for the job among those not yet added, does not find it, and its thread ends with an
    exception in the middle of a graceful stop (seen with 3.11).
    """

    def remove_job(self, job_id: str, jobstore: str | None = None) -> None:
        try:
            super().remove_job(job_id, jobstore)
        except JobLookupError:
            if self.state != STATE_STOPPED:
                raise


class Jobs:
    """The process's one scheduler, shared by all of its offices."""

    def __init__(self, rng: random.Random, *, threads: int = 4) -> None:
        self._rng = rng
        self._scheduler = _Scheduler(
            timezone=CHINA,
            executors={"default": SchedulerPool(threads)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        self._log = structlog.get_logger()

    def start(self) -> None:
        self._scheduler.start()

    def later(self, delay_ms: int, work: Callable[[], None]) -> None:
        """Run something once, after a while."""
        when = datetime.now(UTC) + timedelta(milliseconds=delay_ms)
        self._scheduler.add_job(work, "date", run_date=when)

    def every(self, seconds: int, name: str, work: Callable[[], None]) -> None:
        """Run something again and again, not in step with other offices."""
        first = datetime.now(UTC) + timedelta(seconds=self._rng.uniform(0, min(seconds, 60)))
        self._scheduler.add_job(
            work, "interval", seconds=seconds, jitter=min(JITTER_S, seconds // 4) or None,
            id=name, next_run_time=first,
        )  # fmt: skip

    def periodic(self, office: Office, job: Job, *, check_s: int = 60) -> None:
        """Run a job once a period, and at once if a period was missed while we were down."""
        name = f"{office.unit.code}:{job.name}"
        self.every(check_s, name, lambda: self._run_quietly(office, job))

    def _run_quietly(self, office: Office, job: Job) -> None:
        self.run_due(office, job)

    def run_due(self, office: Office, job: Job) -> bool:
        """Run a job if its newest period has not been done; say whether it ran."""
        now = china_time(office.clock.now_ms())
        period = job.period(now)
        if not office.store.write(lambda tx: claim(tx, job.name, period, office.clock.now_ms())):
            return False
        state, detail = "done", ""
        try:
            detail = job.work(office, period)
        except Exception as error:  # noted in the ledger and tried again at the next tick
            state, detail = "failed", type(error).__name__
            office.log.exception("job_failed", job=job.name, period=period)
        now_ms = office.clock.now_ms()
        office.store.write(
            lambda tx: note_end(tx, job.name, period, state=state, now_ms=now_ms, detail=detail)
        )
        return state == "done"

    def forget(self, office_code: str) -> None:
        """Take an office's jobs off the scheduler."""
        for job in self._scheduler.get_jobs():
            if job.id.startswith(f"{office_code}:"):
                job.remove()

    def close(self) -> None:
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
