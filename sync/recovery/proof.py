"""Proof: what an office has signed shows what its store has lost.

A parent's log returns to an office what the office wrote, and so do the children of a restored
parent. Nobody is trusted for that: the office signed each entry when it wrote it. Nor is a child
trusted for what its parent's log once had: the parent signed that when it sent it.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from hashlib import blake2b

from sqlalchemy import Connection

from sync.apply.replica import Replica
from sync.codec import entry as codec
from sync.codec.signing import LOG, Signer, is_signed
from sync.log import signatures
from sync.log.signatures import SignatureError
from sync.model.change import Batch
from sync.model.errors import ErrorKind
from sync.recovery import republish
from sync.recovery.heads import RequiredHead
from sync.store import peers
from sync.store.sql import execute


class HeadForged(SignatureError):
    """A child shows what its parent's log must have, and the parent has not signed that."""

    code = "head_forged"
    kind = ErrorKind.DATA_LOSS
    _remedy_en = "It was not used. Check the office that sent it."
    _remedy_zh = "该内容未采用。请检查出示该内容的下级单位。"

    def __init__(self, unit: int) -> None:
        super().__init__(
            f"unit {unit} asks for an entry at a place where this office never had it",
            f"单位 {unit} 出示的日志位置签名与本单位不符",
        )


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


def with_log_signature(signer: Signer, batch: Batch) -> Batch:
    """Return a batch for a child with our signature that our log has its last entry there."""
    if not batch.entries:
        return batch
    entry = codec.hash_of(batch.entries[-1])
    signature = _log_signature(signer, batch.incarnation, batch.positions[-1], entry)
    return replace(batch, log_signature=signature)


def was_here(signer: Signer, incarnation: int, required: RequiredHead) -> bool:
    """Return whether we have signed that our log, under our present incarnation, has this entry
    at this position.
    """
    digest = _log_digest(incarnation, required.position, required.head.hash)
    return is_signed(signer.public_key, LOG, digest, required.signature)


@lru_cache(maxsize=64)  # one entry goes to many children
def _log_signature(signer: Signer, incarnation: int, position: int, entry: bytes) -> bytes:
    return signer.sign(LOG, _log_digest(incarnation, position, entry))


def _log_digest(incarnation: int, position: int, entry: bytes) -> bytes:
    numbers = incarnation.to_bytes(8, "big") + position.to_bytes(8, "big")
    return blake2b(numbers + entry, digest_size=32).digest()
