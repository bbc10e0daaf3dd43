"""Proof: under which keys entries that come back were written here.

A parent's log returns to an office what the office wrote, and so do the children of a restored
parent. Nobody is trusted for that: the office signed each entry when it wrote it.
"""

from __future__ import annotations

from sqlalchemy import Connection

from sync.apply.replica import Replica
from sync.log import signatures
from sync.recovery import republish
from sync.store import peers
from sync.store.sql import execute


def own_keys(
    tx: Connection, replica: Replica, parent: int | None, *, from_child: bool = False
) -> frozenset[bytes] | None:
    """Return the keys that this office's incarnations have had.

    None in a store that has not met its parent, or, where a child returns something, nobody: it is
    new, nothing of it can be taken for another's, and it trusts the key that comes. A child counts
    as met once it has returned all that it received.
    """
    me = replica.identity
    rows = execute(tx, "SELECT DISTINCT peer FROM cursor WHERE direction='in' AND incarnation<>0")
    met = any(
        peer == parent or (from_child and not republish.is_due(tx, peer, me.incarnation))
        for (peer,) in rows.fetchall()
    )
    if not met:
        return None
    keys = signatures.keys_of_unit(tx, me.unit) | {replica.signer.public_key}
    return keys | set(map(bytes.fromhex, peers.load(tx, me.unit).former_keys))
