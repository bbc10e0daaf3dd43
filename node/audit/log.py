"""The audit log: append events, and sign how long it is. Thread-safe; all state is in the store."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Sequence
from functools import partial

from sqlalchemy import Connection

from node.domain.audit import AuditEvent, EventKind, entry_bytes
from node.store import audit as table
from node.store.engine import Store
from sync.codec.signing import Signer
from sync.tlog import tree
from sync.tlog.checkpoint import Checkpoint, origin_of
from sync.tlog.note import Key, Signature


class AuditLog:
    """One office's."""

    def __init__(self, unit: int, store: Store, now_ms: Callable[[], int], signer: Signer) -> None:
        self.origin = origin_of(unit)
        self._store = store
        self._now_ms = now_ms
        self._signer = signer

    @property
    def key(self) -> Key:
        """The key under which others check the log."""
        return Key(self.origin, self._signer.public_key)

    def append(self, tx: Connection, *events: AuditEvent) -> int:
        """Append events to the caller's transaction; return the index of the last.

        The first entry of a log says that it begins.
        """
        now_ms = self._now_ms()
        if not table.size(tx):
            events = (AuditEvent(event=EventKind.LOG_BEGUN, facts={"origin": self.origin}), *events)
        entries = [(now_ms, entry_bytes(each, now_ms)) for each in events]
        return table.append(tx, entries) + len(entries) - 1

    def record(self, *events: AuditEvent) -> int:
        """Append events of which nothing else is stored; durable when this returns."""
        return self._store.write(lambda tx: self.append(tx, *events))

    def checkpoint(self, tx: Connection) -> Checkpoint:
        """Return how long the log is, and its root hash."""
        size = table.size(tx)
        return Checkpoint(self.origin, size, tree.root(size, partial(table.nodes, tx)))

    def signed(self, checkpoint: Checkpoint, cosignatures: Sequence[Signature] = ()) -> str:
        return checkpoint.signed(self._signer, cosignatures)


def hash_text(digest: bytes) -> str:
    """Return a hash as checkpoints and proofs write it."""
    return b64encode(digest).decode()
