"""Job runs: which job ran, for which period, and its result."""

from __future__ import annotations

from sqlalchemy import Connection, select

from node.store.tables import job_run
from sync.store.sql import sql

_START = (
    "INSERT INTO job_run (job, period, state, started_ms, detail) VALUES (?,?,'running',?,'') "
    "ON CONFLICT (job, period) DO UPDATE SET state='running', started_ms=excluded.started_ms "
    "WHERE job_run.state <> 'done'"
)
_END = "UPDATE job_run SET state=?, ended_ms=?, detail=? WHERE job=? AND period=?"


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
    """Record the result: `state` is done or failed."""
    tx.exec_driver_sql(sql(tx, _END), (state, now_ms, detail[:500], job, period))
