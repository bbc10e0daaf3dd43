"""Proof: under which keys entries that come back were written here.

A parent's log returns to an office what the office wrote, and so do the children of a restored
parent. Nobody is trusted for that: the office signed each entry when it wrote it.
"""

from __future__ import annotations

from sqlalchemy import Connection

from sync.apply.replica import Replica
from sync.log import signatures
from sync.store.sql import execute


def own_keys(
    tx: Connection, replica: Replica, parent: int | None = None
) -> frozenset[bytes] | None:
    """Return the keys that this office's incarnations have had.

    None in a store that never met its parent, or with `parent` None anybody: it is new, and nothing
    of it can be taken for another's. It trusts the key that comes.
    """
    where, parameters = ("", ()) if parent is None else (" AND peer=?", (parent,))
    met = execute(
        tx,
        f"SELECT 1 FROM cursor WHERE direction='in' AND incarnation<>0{where} LIMIT 1",
        parameters,
    ).fetchone()
    if met is None:
        return None
    return signatures.keys_of_unit(tx, replica.identity.unit) | {replica.signer.public_key}
