"""Retention: what an office need not keep for ever; nothing that another could still ask for.

The log, records, tombstones and conflicts stay whole until snapshots can stand in for them
(docs/roadmap.md); what goes is the memory of finished work: old runs of jobs, and holes that were
healed or closed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from sync.statements import run

if TYPE_CHECKING:
    from node.app import Office

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Retired:
    """How many rows went."""

    job_runs: int
    holes: int

    def __str__(self) -> str:
        return f"job_runs={self.job_runs} holes={self.holes}"


def retire(office: Office, now_ms: int) -> Retired:
    """Forget finished work older than the setting `retention_days`, in one transaction."""
    before_ms = now_ms - office.config.retention_days * DAY_MS

    def work(tx: Connection) -> Retired:
        runs = run(tx, "DELETE FROM job_run WHERE state='done' AND ended_ms < ?", (before_ms,))
        holes = run(
            tx, "DELETE FROM hole WHERE state IN ('healed', 'closed') AND at_ms < ?", (before_ms,)
        )
        return Retired(runs.rowcount, holes.rowcount)

    return office.store.write(work)
