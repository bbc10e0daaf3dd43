"""Truncation of the log: low-water marks, below which it is incomplete. The caller owns tx.

Below its low-water mark the log has gaps, so a peer that needs an earlier entry is sent copies of
the records instead (`sync.snapshot.plan`). An entry that is not addressed to a peer is no gap for
that peer: each peer has a mark of its own, the newest removed entry that was addressed to it
(`sync.retention.truncate`).
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection

from sync.model.errors import ErrorKind, SilianError
from sync.model.schema import Lane
from sync.store import meta
from sync.store.sql import execute, execute_many

ALL = 0  # peers without a mark of their own
UPWARD = -1  # the parent

SNAPSHOT_DOWN = "snapshot:down"  # our log position when this store took a snapshot
SNAPSHOT_UP = "snapshot:up"  # how far the parent had our log then


class LogTruncated(SilianError):
    """The log does not reach back to the position that it must begin at."""

    code = "log_truncated"
    kind = ErrorKind.FAILED_PRECONDITION

    def __init__(self, *, asked: int, low_water_mark: int) -> None:
        super().__init__(
            f"the log is complete only from position {low_water_mark} on; "
            f"entries after {asked} are needed",
            f"变更日志自 {low_water_mark} 起完整，所需起点为 {asked}",
            remedy_en="Connect the two offices once: the system sends a snapshot. Then continue.",
            remedy_zh="请让两个单位联网一次，系统会传送全量副本，之后可继续。",
        )


class SnapshotRequired(LogTruncated):
    """A snapshot must be uploaded before the log continues; the next handshake starts it."""

    retryable = True


_RAISE = (
    "INSERT INTO truncation (lane, peer, position) VALUES (?,?,?) ON CONFLICT (lane, peer) "
    "DO UPDATE SET position=excluded.position WHERE excluded.position > truncation.position"
)


def truncation_point(tx: Connection, lane: Lane, peer: int = ALL) -> int:
    """Return up to where entries of a lane were removed; 0: none.

    `peer`: UPWARD or a child: then the newest removed entry that was addressed to it.
    """
    row = execute(
        tx,
        "SELECT position FROM truncation WHERE lane=? AND peer IN (?,?) "
        "ORDER BY CASE WHEN peer=? THEN 0 ELSE 1 END LIMIT 1",
        (lane.value, peer, ALL, peer),
    ).fetchone()
    return int(row[0]) if row is not None else 0


def low_water_down(tx: Connection, lane: Lane, child: int = ALL) -> int:
    """Return the position after which our log is complete for a child in this lane.

    What came to us as copies is in no entry of our log.
    """
    snapshot_at = int(meta.get(tx, SNAPSHOT_DOWN) or 0) if lane is Lane.BULK else 0
    return max(truncation_point(tx, lane, child), snapshot_at)


def low_water_up(tx: Connection, lane: Lane) -> int:
    """Return the position after which our log is complete for the parent in this lane."""
    snapshot_at = int(meta.get(tx, SNAPSHOT_UP) or 0) if lane is Lane.BULK else 0
    return max(truncation_point(tx, lane, UPWARD), snapshot_at)


def require_upward_from(tx: Connection, lane: Lane, after: int) -> None:
    """Check that the log has everything that goes up after a position.

    Copies may have come from below since the handshake, and a push must not skip them: the next
    handshake starts an upload.
    Raises: SnapshotRequired.
    """
    low_water_mark = low_water_up(tx, lane)
    if after < low_water_mark:
        raise SnapshotRequired(asked=after, low_water_mark=low_water_mark)


def require_from(tx: Connection, lane: Lane, peer: int, after: int) -> None:
    """Check that the log has all entries for a peer after a position. Raises: LogTruncated."""
    low_water_mark = truncation_point(tx, lane, peer)
    if after < low_water_mark:
        raise LogTruncated(asked=after, low_water_mark=low_water_mark)


def raise_to(tx: Connection, lane: Lane, positions: Mapping[int, int]) -> None:
    """Record removals in their transaction: peer -> position. No mark ever goes back."""
    execute_many(tx, _RAISE, [(lane.value, peer, at) for peer, at in sorted(positions.items())])


def record_snapshot(tx: Connection, *, down: int | None = None, up: int | None = None) -> None:
    """Record a snapshot: from where on our log is complete for children and for the parent."""
    if down is not None:
        meta.put(tx, SNAPSHOT_DOWN, str(down))
    if up is not None:
        meta.put(tx, SNAPSHOT_UP, str(up))
