"""Facts about a store, by name: its incarnation, and the state of its links and recoveries."""

from __future__ import annotations

from sqlalchemy import Connection

from sync.store.sql import execute

INCARNATION = "incarnation"
CONTINUES = "numbering_from"  # the incarnation whose log numbers this one goes on with
RESTORED = "recovery_due"  # a child has proved that this store lost entries of its own
FENCED = "fenced"  # the parent accepts another store under our name: why, in its words
REBASED_AT = "rebased_at:"  # + unit: our log position at the first contact of its incarnation
TOKEN = "token_held:"  # + unit: the token of that parent, sent in the next handshake
REPUBLISHED_TO = "republished_to:"  # + unit: the incarnation that its missing entries went to
SNAPSHOT_DUE = "snapshot_due:"  # + unit: the log lacks entries for that child
RETENTION = "retention"  # when it ran last, and since when it has run without a gap
SNAPSHOT_IN = "snapshot_in:"  # + unit: progress of the snapshot from that peer
SNAPSHOT_OUT = "snapshot_out:"  # + unit: progress of our upload to that parent
QUARANTINED_COPY = "quarantined_copy:"  # + its id: the packed records; there is no entry
TOKEN_ISSUED = "token_issued:"  # + unit: the tokens issued to that child


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
