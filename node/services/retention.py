"""Retention: what an office need not keep for ever; nothing that another could still ask for.

What goes is the memory of finished work, old runs of jobs and holes that were healed, and of the
bulk log what nobody needs (`node.services.log_retention`), and of ended records their values
(`node.services.stubs`). A hole that a person closed stays: a
copy of its records must say that the change was never joined here (0015).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from node.services.log_retention import DAY_MS, cut_log
from node.services.stubs import reduce_ended
from sync.statements import run

if TYPE_CHECKING:
    from node.app import Office


@dataclass(frozen=True, slots=True)
class Retired:
    """How many rows went."""

    job_runs: int
    holes: int
    entries: int = 0
    floor: int = 0
    reduced: int = 0  # ended records that lost their values

    def __str__(self) -> str:
        return (
            f"job_runs={self.job_runs} holes={self.holes} entries={self.entries} "
            f"floor={self.floor} reduced={self.reduced}"
        )


def retire(office: Office, now_ms: int) -> Retired:
    """Forget finished work older than `retention_days`, and cut the log as far as it may be."""
    before_ms = now_ms - office.config.retention_days * DAY_MS

    def work(tx: Connection) -> Retired:
        runs = run(tx, "DELETE FROM job_run WHERE state='done' AND ended_ms < ?", (before_ms,))
        holes = run(tx, "DELETE FROM hole WHERE state='healed' AND at_ms < ?", (before_ms,))
        return Retired(runs.rowcount, holes.rowcount)

    retired = office.store.write(work)
    log = cut_log(office, now_ms)
    reduced = reduce_ended(office, now_ms)
    return replace(retired, entries=log.portion.entries, floor=log.floor, reduced=reduced)
