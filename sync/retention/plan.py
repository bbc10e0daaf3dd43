"""Claims: who still needs entries of the log, and how far it may therefore be cut. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

GAP_MS = 3 * 86_400_000  # a longer one between two looks is an outage of our own


class HoldReason(StrEnum):
    """What holds the floor back."""

    CHILD = "child"  # it has not taken the entry, and its lease runs
    ABOVE = "above"  # the entry is not safe at the top yet: this may be the only copy
    YOUNG = "young"  # it is not old enough


@dataclass(frozen=True, slots=True)
class ChildLease:
    """A child as its parent knows it. `last_contact_ms`: when it was heard last; 0: never."""

    unit: int
    last_contact_ms: int


@dataclass(frozen=True, slots=True)
class RetentionHold:
    """The first position that somebody still needs; everything after it is needed, too."""

    why: HoldReason
    first: int
    unit: int = 0  # the child
    last_contact_ms: int = 0  # when that child was heard last


def is_live(last_contact_ms: int, *, now_ms: int, lease_ms: int) -> bool:
    """Say whether a link's lease runs: who never came, or is silent for longer, has none."""
    return last_contact_ms > 0 and now_ms - last_contact_ms <= lease_ms


def uptime_since(last_ms: int, since_ms: int, now_ms: int) -> int:
    """Return since when this office has run day by day. `last_ms`: when it looked last; 0: never.

    While it did not run, or its clock jumped, it could hear nobody: the silence was its own.
    """
    return since_ms if 0 <= now_ms - last_ms <= GAP_MS else now_ms


def safe_truncation_point(holds: Iterable[RetentionHold], *, end: int, now: int) -> int:
    """Return how far the log may be cut: below every claim, never back. `end`: its last number."""
    return max(now, min((hold.first - 1 for hold in holds), default=end))


def blocking(holds: Sequence[RetentionHold], low_water_mark: int) -> list[RetentionHold]:
    """Return what keeps the floor from rising, children first, who was heard longest ago first."""
    order = list(HoldReason)
    return sorted(
        (hold for hold in holds if hold.first - 1 <= low_water_mark),
        key=lambda hold: (order.index(hold.why), hold.last_contact_ms, hold.unit),
    )
