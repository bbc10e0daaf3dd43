"""Job runs: which job ran, for which period, and its result; how often each ended, ever."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from node.store.tables import job_run, job_total
from sync.store.sql import sql

_START = (
    "INSERT INTO job_run (job, period, state, started_ms, detail) VALUES (?,?,'running',?,'') "
    "ON CONFLICT (job, period) DO UPDATE SET state='running', started_ms=excluded.started_ms "
    "WHERE job_run.state <> 'done'"
)
_END = "UPDATE job_run SET state=?, ended_ms=?, detail=? WHERE job=? AND period=?"

_COUNT = (
    "INSERT INTO job_total (job, runs, failures, last_success_ms) VALUES (?,1,?,?) "
    "ON CONFLICT (job) DO UPDATE SET runs=job_total.runs+1, "
    "failures=job_total.failures+excluded.failures, "
    "last_success_ms=CASE WHEN excluded.last_success_ms=0 THEN job_total.last_success_ms "
    "ELSE excluded.last_success_ms END"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobTotal:
    """How often a job has ended in this store, and failed. `last_success_ms`: 0 for never."""

    job: str
    runs: int
    failures: int
    last_success_ms: int


def is_done(tx: Connection, job: str, period: str) -> bool:
    """Return whether a job is done for a period."""
    which = (job_run.c.job == job, job_run.c.period == period)
    return tx.execute(select(job_run.c.state).where(*which)).scalar_one_or_none() == "done"


def claim(tx: Connection, job: str, period: str, now_ms: int) -> bool:
    """Record that a job begins for a period; False if that period is done."""
    if is_done(tx, job, period):
        return False
    tx.exec_driver_sql(sql(tx, _START), (job, period, now_ms))
    return True


def note_end(
    tx: Connection, job: str, period: str, *, state: str, now_ms: int, detail: str
) -> None:
    """Record the result, and count it: `state` is done or failed."""
    tx.exec_driver_sql(sql(tx, _END), (state, now_ms, detail[:500], job, period))
    failed = state != "done"
    tx.exec_driver_sql(sql(tx, _COUNT), (job, int(failed), 0 if failed else now_ms))


def totals(tx: Connection) -> list[JobTotal]:
    """Return a line for each job that has ever ended here."""
    rows = tx.execute(select(job_total).order_by(job_total.c.job))
    return [JobTotal(**row) for row in rows.mappings()]
