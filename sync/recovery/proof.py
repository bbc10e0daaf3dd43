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

    None in a store that never met its parent, or asked by what a child returns anybody: it is new,
    and nothing of it can be taken for another's. It trusts the key that comes. A child that has
    sent something, but has not yet returned all that it received, was not met in this sense.
    """
    me = replica.identity
    rows = execute(tx, "SELECT DISTINCT peer FROM cursor WHERE direction='in' AND incarnation<>0")
    met = {peer for (peer,) in rows.fetchall()}
    if from_child:
        met = {p for p in met if p == parent or not republish.is_due(tx, p, me.incarnation)}
    if not (met if from_child else parent in met):
        return None
    accepted = peers.load(tx, me.unit).key_pinned  # by a person, of a store that is lost
    return (
        signatures.keys_of_unit(tx, me.unit)
        | {replica.signer.public_key}
        | ({bytes.fromhex(accepted)} if accepted else set())
    )
