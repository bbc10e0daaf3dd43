"""Facts about a store, by name: whose it is, which incarnation, what its links agreed on."""

from __future__ import annotations

from sqlalchemy import Connection

from sync.store.sql import execute

INCARNATION = "incarnation"
CONTINUES = "continues"  # the incarnation whose log numbers this one goes on with
RESTORED = "restored"  # a child has shown that this store lost what it once said
FENCED = "fenced"  # the parent has let another store in under our name: why, in its words
REBASED_AT = "met:"  # + unit: our log position when we met its present incarnation
TOKEN = "token:"  # + unit: what that parent gave us to show the next time (sync.recovery.clones)
REPUBLISHED_TO = (
    "ways:"  # + unit: in which incarnation words that child had not heard were said again
)
SNAPSHOT_DUE = "cut:"  # + unit: that child lacks what our log has no more: copies go to it
RETENTION = "retention"  # when it ran last, and since when it has run day by day
SNAPSHOT_IN = "copying:"  # + unit: where the snapshot goes on that we take from that peer
SNAPSHOT_OUT = "handing:"  # + unit: how far our copies have gone up to that parent
QUARANTINED_COPY = (
    "held:"  # + a hole's name: the records that it holds, where no entry of them came
)
TOKEN_ISSUED = "token:given:"  # + unit: what we gave that child


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
