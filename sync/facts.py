"""Facts about a store, by name: whose it is, which incarnation, what its links agreed on."""

from __future__ import annotations

from sqlalchemy import Connection

from sync.statements import run

INCARNATION = "incarnation"
CONTINUES = "continues"  # the incarnation whose log numbers this one goes on with
RESTORED = "restored"  # a child has shown that this store lost what it once said
MET = "met:"  # + unit: our log position when we met its present incarnation
TOKEN = "token:"  # + unit: what that parent gave us to show the next time (sync.tokens)
WAYS = "ways:"  # + unit: in which incarnation words that child had not heard were said again
CUT_FROM = "cut:"  # + unit: that child lacks what our log has no more: copies go to it
RETENTION = "retention"  # when it ran last, and since when it has run day by day
COPYING = "copying:"  # + unit: where the snapshot goes on that we take from that peer
HANDING = "handing:"  # + unit: how far our copies have gone up to that parent
HELD = "held:"  # + a hole's name: the records that it holds, where no entry of them came
GIVEN = "token:given:"  # + unit: what we gave that child


def get(tx: Connection, key: str) -> str | None:
    """Return a fact; None when it was never recorded."""
    row = run(tx, "SELECT value FROM meta WHERE key=?", (key,)).fetchone()
    return None if row is None else str(row[0])


def put(tx: Connection, key: str, value: str) -> None:
    """Record a fact, in place of what was known."""
    run(
        tx,
        "INSERT INTO meta (key, value) VALUES (?,?) "
        "ON CONFLICT (key) DO UPDATE SET value=excluded.value",
        (key, value),
    )
