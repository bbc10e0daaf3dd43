"""Progress of a snapshot that this store receives. Stored together with the copies."""

from __future__ import annotations

import json
from dataclasses import dataclass

from sqlalchemy import Connection

from sync.store import peers
from sync.store.sql import execute


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A snapshot under way: `next` is what its sender is sent back."""

    next: bytes = b""
    done: int = 0
    total: int = 0
    restored: bool = False  # this store was restored or emptied: its children wait for the end


def under_way(tx: Connection, peer: int) -> Progress | None:
    """Return the progress of the snapshot from a peer; None when there is none."""
    stored = peers.load(tx, peer).snapshot_in
    if not stored:
        return None
    next_, done, total, restored = json.loads(stored)
    return Progress(next=bytes.fromhex(next_), done=done, total=total, restored=bool(restored))


def note(tx: Connection, peer: int, progress: Progress) -> None:
    """Record it, in the transaction that joined the chunk."""
    stored = [progress.next.hex(), progress.done, progress.total, progress.restored]
    peers.update(tx, peer, snapshot_in=json.dumps(stored))


def end(tx: Connection, peer: int) -> None:
    """Forget it: the last chunk was joined."""
    peers.update(tx, peer, snapshot_in="")


def any_under_way(tx: Connection) -> bool:
    """Return whether a snapshot from anybody is under way."""
    statement = "SELECT 1 FROM peer WHERE snapshot_in<>'' LIMIT 1"
    return execute(tx, statement, ()).fetchone() is not None
