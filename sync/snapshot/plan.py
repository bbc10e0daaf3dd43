"""Plan of a snapshot: when copies go instead of the log, and where a snapshot goes on. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from sync.model.limits import SNAPSHOT_LOG_CHANGES


def needs_snapshot(
    *,
    cursor: int,
    low_water_mark: int,
    under_way: bool = False,
    holds_nothing: bool = False,
    waiting_changes: int = 0,
    long_log: int = SNAPSHOT_LOG_CHANGES,
) -> bool:
    """Return whether a receiver must take records before it goes on by the log.

    `cursor`: how far it has the log; `low_water_mark`: up to where the log is truncated.
    `under_way`: it has begun to receive copies: they are not of one point in time, and the log
    would restore old values. `waiting_changes`: what it would have to replay; for an empty store
    copies are cheaper from `long_log` on. An expired lease is no reason by itself: only truncation
    is.
    """
    replay_is_long = holds_nothing and waiting_changes >= long_log
    return under_way or cursor < low_water_mark or replay_is_long


@dataclass(frozen=True, slots=True)
class Place:
    """Where a snapshot goes on; its receiver stores it unread and sends it back."""

    incarnation: int  # whose log positions these are
    round: int  # records changed by entries up to here were sent, or come in the ranges
    total: int = 0  # records when it began; for people
    done: int = 0
    ranged: bool = False  # every range was sent; what was changed meanwhile follows
    register: str = ""  # the last record sent of the ranges
    unit: int = 0
    record: bytes = b""

    def sent(self, count: int) -> Place:
        return replace(self, done=self.done + count)

    def to_bytes(self) -> bytes:
        return json.dumps([
            self.incarnation, self.round, self.total, self.done, self.ranged, self.register,
            self.unit, self.record.hex(),
        ]).encode()  # fmt: skip

    @classmethod
    def from_bytes(cls, data: bytes) -> Place | None:
        """Read what `to_bytes` wrote; None for anything else: the snapshot starts over."""
        try:
            incarnation, round_, total, done, ranged, register, unit, record = json.loads(data)
            numbers = [int(n) for n in (incarnation, round_, total, done, unit)]
            place = cls(
                numbers[0], numbers[1], numbers[2], numbers[3], bool(ranged), str(register),
                numbers[4], bytes.fromhex(record),
            )  # fmt: skip
        except (ValueError, TypeError, RecursionError):
            return None
        return place if min(numbers) >= 0 and max(numbers) < 1 << 63 else None
