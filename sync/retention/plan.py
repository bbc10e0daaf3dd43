"""Plan of retention: who still needs log entries, so how far the log may be truncated. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

GAP_MS = 3 * 86_400_000  # a longer gap between two runs is an outage of this office


class HoldReason(StrEnum):
    """Why log entries must stay."""

    CHILD = "child"  # a child with a running lease has not received the entry
    ABOVE = "above"  # the entry is not durable at the top yet: this may be the only copy
    YOUNG = "young"  # it is not old enough


@dataclass(frozen=True, slots=True)
class ChildLease:
    """A child as its parent knows it. `last_contact_ms`: 0: never."""

    unit: int
    last_contact_ms: int


@dataclass(frozen=True, slots=True)
class RetentionHold:
    """The first log position that an office still needs; it needs everything after it, too."""

    why: HoldReason
    first: int
    unit: int = 0  # the child
    last_contact_ms: int = 0  # of that child


def is_live(last_contact_ms: int, *, now_ms: int, lease_ms: int) -> bool:
    """Return whether a lease runs: the child has connected within `lease_ms`."""
    return last_contact_ms > 0 and now_ms - last_contact_ms <= lease_ms


def uptime_since(last_ms: int, since_ms: int, now_ms: int) -> int:
    """Return since when this office has run without a gap of more than GAP_MS.

    Leases count from there: in the gap no child could connect. `last_ms`: its last run; 0: never.
    """
    return since_ms if 0 <= now_ms - last_ms <= GAP_MS else now_ms


def safe_truncation_point(holds: Iterable[RetentionHold], *, end: int, now: int) -> int:
    """Return up to where the log may be truncated: before every hold, and never less than `now`.

    `end`: the log's last number.
    """
    return max(now, min((hold.first - 1 for hold in holds), default=end))


def blocking(holds: Sequence[RetentionHold], low_water_mark: int) -> list[RetentionHold]:
    """Return the holds that block truncation: children first, the longest absent one first."""
    order = list(HoldReason)
    return sorted(
        (hold for hold in holds if hold.first - 1 <= low_water_mark),
        key=lambda hold: (order.index(hold.why), hold.last_contact_ms, hold.unit),
    )
