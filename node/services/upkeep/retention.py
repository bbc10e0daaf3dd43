"""Retention: removes what nobody can still ask for.

It removes finished work, old runs of jobs, applied quarantined changes, what nobody needs of the
bulk log (`node.services.upkeep.log_retention`), the values of ended records
(`node.services.upkeep.redaction`), and old entries of the audit log
(`node.services.upkeep.audit_retention`). A change that a person closed stays: a copy of
its records must state that the change was never joined here (0015).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from node.china import DAY_MS
from node.services.upkeep.audit_retention import prune_audit
from node.services.upkeep.log_retention import truncate_log
from node.services.upkeep.redaction import redact_ended
from sync.store.sql import execute

if TYPE_CHECKING:
    from node.office import Office


@dataclass(frozen=True, slots=True)
class Retired:
    """How many rows were removed."""

    job_runs: int
    quarantined: int
    entries: int = 0
    low_water_mark: int = 0
    redacted_now: int = 0  # ended records that lost their values
    audit_pruned: int = 0  # entries of the audit log of which only the hash is left

    def __str__(self) -> str:
        return (
            f"job_runs={self.job_runs} holes={self.quarantined} entries={self.entries} "
            f"floor={self.low_water_mark} reduced={self.redacted_now} audit={self.audit_pruned}"
        )


def retire(office: Office, now_ms: int) -> Retired:
    """Remove finished work older than `retention_days`, and truncate the log as far as allowed."""
    before_ms = now_ms - office.config.retention_days * DAY_MS

    def work(tx: Connection) -> Retired:
        runs = execute(tx, "DELETE FROM job_run WHERE state='done' AND ended_ms < ?", (before_ms,))
        quarantined = execute(
            tx, "DELETE FROM quarantine WHERE state='applied' AND at_ms < ?", (before_ms,)
        )
        return Retired(runs.rowcount, quarantined.rowcount)

    retired = office.store.write(work)
    log = truncate_log(office, now_ms)
    redacted_now = redact_ended(office, now_ms)
    return replace(
        retired,
        entries=log.portion.entries,
        low_water_mark=log.low_water_mark,
        redacted_now=redacted_now,
        audit_pruned=prune_audit(office, now_ms),
    )
