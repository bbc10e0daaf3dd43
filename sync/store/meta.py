"""Facts about a store, by name: whose it is, which incarnation, what its links agreed on."""

from __future__ import annotations

from sqlalchemy import Connection

from sync.store.sql import execute

INCARNATION = "incarnation"
CONTINUES = "numbering_from"  # the incarnation whose log numbers this one goes on with
RESTORED = "recovery_due"  # a child has shown that this store lost entries of its own
REBASED_AT = "rebased_at:"  # + unit: our log position when its present incarnation first connected
TOKEN = "token_held:"  # + unit: the token of that parent, shown at the next handshake
REPUBLISHED_TO = "republished_to:"  # + unit: the incarnation that its missing entries went to
SNAPSHOT_DUE = "snapshot_due:"  # + unit: the log has been truncated for that child
RETENTION = "retention"  # when it ran last, and since when it has run day by day
SNAPSHOT_IN = "snapshot_in:"  # + unit: where the snapshot from that peer goes on
SNAPSHOT_OUT = "snapshot_out:"  # + unit: how far our upload to that parent has come
QUARANTINED_COPY = "quarantined_copy:"  # + its name: the packed records; there is no entry
TOKEN_ISSUED = "token_issued:"  # + unit: the token given to that child


def get(tx: Connection, key: str) -> str | None:
    """Return a fact; None when it was never recorded."""
    row = execute(tx, "SELECT value FROM meta WHERE key=?", (key,)).fetchone()
    return None if row is None else str(row[0])


def put(tx: Connection, key: str, value: str) -> None:
    """Record a fact, in place of what was known."""
    execute(
        tx,
        "INSERT INTO meta (key, value) VALUES (?,?) "
        "ON CONFLICT (key) DO UPDATE SET value=excluded.value",
        (key, value),
    )
