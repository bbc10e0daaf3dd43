"""Retention of the audit log: old entries lose their bytes and keep their hashes.

So every proof of what is left, and every checkpoint that somebody has kept, stays valid.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection

from node.china import DAY_MS
from node.domain.audit import AuditEvent, EventKind
from node.store import audit as table
from sync.store.priority import Priority

if TYPE_CHECKING:
    from node.office import Office

PORTION = 2_000  # entries in one transaction


def prune_audit(office: Office, now_ms: int) -> int:
    """Remove the bytes of entries older than `audit_days`; return of how many.

    Nothing while the clock is in doubt: a clock that has leapt would make all of them old.
    """
    days = office.config.audit_days
    if not days or office.clock_unconfirmed_ms():
        return 0
    before_ms, done = now_ms - days * DAY_MS, 0
    with office.store.read() as tx:
        end = table.size(tx)  # what is appended below stays

    def prune(tx: Connection) -> int:
        pruned = table.prune(tx, end, before_ms, PORTION)
        if pruned:
            facts = {"entries": pruned, "before_ms": before_ms}
            office.audit.append(tx, AuditEvent(event=EventKind.ENTRIES_PRUNED, facts=facts))
        return pruned

    while pruned := office.store.write(prune, priority=Priority.BULK):
        done += pruned
    if done:
        office.log.info("audit_pruned", entries=done)
    return done
