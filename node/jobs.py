"""Jobs: APScheduler ticks; the table `job_run` records what ran. All state is in tables."""

from __future__ import annotations

import random
import threading
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
from node.spans import NO_SPANS, Spans
from node.store.job_runs import claim, is_done, note_end
from node.trouble import refusal_of

JITTER_S = 5
ROUNDS_MAX = 60
BEAT = "beat"  # an executor of its own: long work elsewhere must not look like a stuck process


@dataclass(frozen=True, slots=True)
class Job:
    """Work done once a period. `period` returns the newest period that has ended, from the date."""

    name: str
    period: Callable[[datetime], str]
    work: Callable[[Office, str], str]  # returns its result for `job_run`


class _Scheduler(BackgroundScheduler):  # type: ignore[misc]  # APScheduler has no types
    """APScheduler's own, with a safe stop at any moment.

    A run-once job is removed after its turn. When `shutdown` comes in between, the scheduler
    looks for the job among those not yet added, does not find it, and its thread ends with an
    exception in the middle of a graceful stop (seen with 3.11).
    """

    def remove_job(self, job_id: str, jobstore: str | None = None) -> None:
        try:
            super().remove_job(job_id, jobstore)
        except JobLookupError:
            if self.state != STATE_STOPPED:
                raise


class _Round:
    """Work of several offices that is done one after another, each time its turn comes."""

    def __init__(self, stopped: threading.Event) -> None:
        self._stopped = stopped
        self._works: dict[str, Callable[[], None]] = {}

    def __len__(self) -> int:
        return len(self._works)

    def add(self, name: str, work: Callable[[], None]) -> None:
        self._works[name] = work

    def __call__(self) -> None:
        for name, work in list(self._works.items()):
            if self._stopped.is_set():
                return
            try:
                work()
            except Exception:  # one office's failure must not stop another's; its turn comes again
                structlog.get_logger().exception("tick_failed", job=name)


class Jobs:
    """The process's one scheduler, shared by all of its offices.

    Repeated work of offices is done in rounds, at most one a second: hundreds of offices cost
    the scheduler no more than a few.
    """

    def __init__(self, rng: random.Random, *, threads: int = 4, spans: Spans = NO_SPANS) -> None:
        self._spans = spans
        self._rng = rng
        self._stopped = threading.Event()
        self._rounds: dict[tuple[int, int], _Round] = {}
        self._done: dict[tuple[int, str], str] = {}  # office and job -> newest period that is done
        self._log = structlog.get_logger()
        self._scheduler = _Scheduler(
            timezone=CHINA,
            executors={"default": SchedulerPool(threads), BEAT: SchedulerPool(1)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )

    def start(self) -> None:
        self._scheduler.start()

    def later(self, delay_ms: int, work: Callable[[], None]) -> None:
        """Run something once, after a while."""
        when = datetime.now(UTC) + timedelta(milliseconds=delay_ms)
        self._scheduler.add_job(self._quiet(work), "date", run_date=when)

    def every(self, seconds: int, name: str, work: Callable[[], None]) -> None:
        """Run something again and again, not at the same moment as other offices."""
        rounds = min(seconds, ROUNDS_MAX)
        at = self._rng.randrange(rounds)
        found = self._rounds.get((seconds, at))
        if found is None:
            found = self._rounds[seconds, at] = _Round(self._stopped)
            first = datetime.now(UTC) + timedelta(seconds=at + self._rng.random())
            self._scheduler.add_job(
                found, "interval", seconds=seconds, jitter=min(JITTER_S, seconds // 4) or None,
                id=f"every {seconds} s, round {at}", next_run_time=first,
            )  # fmt: skip
        found.add(name, self._quiet(work))

    def beat(self, seconds: float, work: Callable[[], None]) -> None:
        """Run something short at a steady pace, however busy the other threads are."""
        self._scheduler.add_job(
            work, "interval", seconds=seconds, executor=BEAT, id=BEAT,
            next_run_time=datetime.now(UTC),
        )  # fmt: skip

    def _quiet(self, work: Callable[[], None]) -> Callable[[], None]:
        """Return work that logs a fault of the store or the machine in one line."""

        def run() -> None:
            try:
                work()
            except Exception as error:
                refusal = refusal_of(error)
                if refusal is None:
                    raise
                self._log.warning("work_put_off", code=refusal.code, reason=refusal.en)

        return run

    def periodic(self, office: Office, job: Job, *, check_s: int = 60) -> None:
        """Run a job once a period, and at once if a period was missed while we were down."""
        name = f"{office.unit.code}:{job.name}"
        self.every(check_s, name, lambda: self._run_quietly(office, job))

    def _run_quietly(self, office: Office, job: Job) -> None:
        self.run_due(office, job)

    def run_due(self, office: Office, job: Job) -> bool:
        """Run a job if its newest period has not been done; return whether it ran."""
        # No period is closed because a clock was lost, nor by a fenced store.
        if office.clock_behind_ms() or office.fenced:
            return False
        now = china_time(office.clock.now_ms())
        period = job.period(now)
        which = (office.identity.unit, job.name)
        if self._done.get(which) == period:
            return False
        with office.store.read() as tx:
            done = is_done(tx, job.name, period)
        if done or not office.store.write(
            lambda tx: claim(tx, job.name, period, office.clock.now_ms())
        ):
            self._done[which] = period
            return False
        state, detail = "done", ""
        try:
            names = {"silian.office": office.unit.code, "silian.job": job.name}
            with self._spans.span(f"job {job.name}", {**names}):
                detail = job.work(office, period)
        except Exception as error:  # recorded in `job_run` and tried again at the next tick
            refusal = refusal_of(error)
            state, detail = "failed", refusal.code if refusal else type(error).__name__
            if refusal is not None:
                office.log.error("job_failed", job=job.name, period=period, reason=refusal.en)
            else:
                office.log.exception("job_failed", job=job.name, period=period)
        now_ms = office.clock.now_ms()
        office.store.write(
            lambda tx: note_end(tx, job.name, period, state=state, now_ms=now_ms, detail=detail)
        )
        if state == "done":
            self._done[which] = period
        return state == "done"

    def close(self) -> None:
        self._stopped.set()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
