"""Meta: facts about a store as a whole, by name. Facts about a neighbour: `sync.store.peers`."""

from __future__ import annotations

from sqlalchemy import Connection

from sync.store.sql import execute

INCARNATION = "incarnation"
CONTINUES = "numbering_from"  # the incarnation whose log numbers this one goes on with
RESTORED = "recovery_due"  # a child has proved that this store lost own entries
FENCED = "fenced"  # the parent accepts another store under our name: why, in its text
RETENTION = "retention"  # when it ran last, and since when it has run without a gap
QUARANTINED_COPY = "quarantined_copy:"  # + its id: the packed records; there is no entry


def get(tx: Connection, key: str) -> str | None:
    """Return a fact; None when it was never recorded."""
    row = execute(tx, "SELECT value FROM meta WHERE key=?", (key,)).fetchone()
    return None if row is None else str(row[0])


def put(tx: Connection, key: str, value: str) -> None:
    """Record a fact; replace the former value."""
    execute(
        tx,
        "INSERT INTO meta (key, value) VALUES (?,?) "
        "ON CONFLICT (key) DO UPDATE SET value=excluded.value",
        (key, value),
    )
