"""Floors: up to where a log does not hold everything any more. The caller owns the transaction.

Below its low-water mark the log has gaps, so a peer that needs an earlier entry is sent copies of
the records instead (`sync.snapshot.plan`). An entry that is not addressed to a peer is no gap for
that peer: each peer has a mark of its own, the newest removed entry that was addressed to it
(`sync.retention.truncate`).
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection

from sync.model.errors import SilianError
from sync.model.schema import Lane
from sync.store import meta
from sync.store.sql import execute, execute_many

ALL = 0  # whoever has no floor of its own
UPWARD = -1  # the parent, whoever that is

SNAPSHOT_DOWN = "snapshot:down"  # our log position when this store took copies from its parent
SNAPSHOT_UP = "snapshot:up"  # how far the parent held our log then


class LogTruncated(SilianError):
    """The log does not reach back to where it would have to begin."""

    code = "log_cut"

    def __init__(self, *, asked: int, low_water_mark: int) -> None:
        super().__init__(
            f"the log is whole from position {low_water_mark} on, "
            f"it would have to begin after {asked}",
            f"变更日志自 {low_water_mark} 起完整, 所需起点为 {asked}",
            remedy_en="Connect the two offices once: records come as they stand, then go on.",
            remedy_zh="请让两个单位联网一次, 系统会传送全量副本, 之后可继续。",
        )


class SnapshotRequired(LogTruncated):
    """Copies are to go up before the log goes on; a fresh greeting finds that by itself."""

    retryable = True


_RAISE = (
    "INSERT INTO truncation (lane, peer, position) VALUES (?,?,?) ON CONFLICT (lane, peer) "
    "DO UPDATE SET position=excluded.position WHERE excluded.position > truncation.position"
)


def truncation_point(tx: Connection, lane: Lane, peer: int = ALL) -> int:
    """Return up to where entries of a lane were removed; 0: none.

    `peer`: UPWARD or a child, for the newest of them that it may hear.
    """
    row = execute(
        tx,
        "SELECT position FROM truncation WHERE lane=? AND peer IN (?,?) "
        "ORDER BY CASE WHEN peer=? THEN 0 ELSE 1 END LIMIT 1",
        (lane.value, peer, ALL, peer),
    ).fetchone()
    return int(row[0]) if row is not None else 0


def low_water_down(tx: Connection, lane: Lane, child: int = ALL) -> int:
    """Return the least position from which a child is served by our log in this lane.

    What came to us as copies is in no entry of ours.
    """
    snapshot_at = int(meta.get(tx, SNAPSHOT_DOWN) or 0) if lane is Lane.BULK else 0
    return max(truncation_point(tx, lane, child), snapshot_at)


def low_water_up(tx: Connection, lane: Lane) -> int:
    """Return the least position from which the parent is served by our log in this lane."""
    snapshot_at = int(meta.get(tx, SNAPSHOT_UP) or 0) if lane is Lane.BULK else 0
    return max(truncation_point(tx, lane, UPWARD), snapshot_at)


def require_upward_from(tx: Connection, lane: Lane, after: int) -> None:
    """Make sure that the log has all that goes up after a position.

    Copies may have come from below since the parent was greeted, and a push must not step over
    them: a greeting finds that copies are to go up.
    Raises: CopiesFirst.
    """
    low_water_mark = low_water_up(tx, lane)
    if after < low_water_mark:
        raise SnapshotRequired(asked=after, low_water_mark=low_water_mark)


def require_from(tx: Connection, lane: Lane, peer: int, after: int) -> None:
    """Make sure that the log has all that a peer hears after a position. Raises: LogCut."""
    low_water_mark = truncation_point(tx, lane, peer)
    if after < low_water_mark:
        raise LogTruncated(asked=after, low_water_mark=low_water_mark)


def raise_to(tx: Connection, lane: Lane, positions: Mapping[int, int]) -> None:
    """Record what was cut, in the transaction that cuts: peer -> position. No floor sinks."""
    execute_many(tx, _RAISE, [(lane.value, peer, at) for peer, at in sorted(positions.items())])


def record_snapshot(tx: Connection, *, down: int | None = None, up: int | None = None) -> None:
    """Record that copies were taken, and from where on our log serves a child and the parent."""
    if down is not None:
        meta.put(tx, SNAPSHOT_DOWN, str(down))
    if up is not None:
        meta.put(tx, SNAPSHOT_UP, str(up))
