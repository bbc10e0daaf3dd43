"""Progress: how far a snapshot that this store takes has come. Kept with the copies themselves."""

from __future__ import annotations

import json
from dataclasses import dataclass

from sqlalchemy import Connection

from sync import facts
from sync.statements import run


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A snapshot under way: `next` is what its sender is to be shown."""

    next: bytes = b""
    done: int = 0
    total: int = 0
    restored: bool = False  # this store was restored or emptied: its children wait for the end


def under_way(tx: Connection, peer: int) -> Progress | None:
    """Return how far the snapshot from a peer has come; None when there is none."""
    said = facts.get(tx, f"{facts.COPYING}{peer}")
    if not said:
        return None
    next_, done, total, restored = json.loads(said)
    return Progress(next=bytes.fromhex(next_), done=done, total=total, restored=bool(restored))


def note(tx: Connection, peer: int, progress: Progress) -> None:
    """Record it, in the transaction that joined the chunk."""
    said = [progress.next.hex(), progress.done, progress.total, progress.restored]
    facts.put(tx, f"{facts.COPYING}{peer}", json.dumps(said))


def end(tx: Connection, peer: int) -> None:
    """Forget it: the last chunk was joined."""
    facts.put(tx, f"{facts.COPYING}{peer}", "")


def any_under_way(tx: Connection) -> bool:
    """Say whether a snapshot from anybody is under way."""
    statement = "SELECT 1 FROM meta WHERE key LIKE ? AND value<>'' LIMIT 1"
    return run(tx, statement, (f"{facts.COPYING}%",)).fetchone() is not None
