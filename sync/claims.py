"""Claims: who still needs entries of the log, and how far it may therefore be cut. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

GAP_MS = 3 * 86_400_000  # a longer one between two looks is an outage of our own


class Why(StrEnum):
    """What holds the floor back."""

    CHILD = "child"  # it has not taken the entry, and its lease runs
    ABOVE = "above"  # the entry is not safe at the top yet: this may be the only copy
    YOUNG = "young"  # it is not old enough


@dataclass(frozen=True, slots=True)
class Link:
    """A child as its parent knows it. `heard_ms`: when it was heard last; 0: never."""

    unit: int
    heard_ms: int


@dataclass(frozen=True, slots=True)
class Claim:
    """The first position that somebody still needs; everything after it is needed, too."""

    why: Why
    first: int
    unit: int = 0  # the child
    heard_ms: int = 0  # when that child was heard last


def is_live(heard_ms: int, *, now_ms: int, lease_ms: int) -> bool:
    """Say whether a link's lease runs: who never came, or is silent for longer, has none."""
    return heard_ms > 0 and now_ms - heard_ms <= lease_ms


def steady_since(last_ms: int, since_ms: int, now_ms: int) -> int:
    """Return since when this office has run day by day. `last_ms`: when it looked last; 0: never.

    While it did not run, or its clock jumped, it could hear nobody: the silence was its own.
    """
    return since_ms if 0 <= now_ms - last_ms <= GAP_MS else now_ms


def floor_under(claims: Iterable[Claim], *, end: int, now: int) -> int:
    """Return how far the log may be cut: below every claim, never back. `end`: its last number."""
    return max(now, min((claim.first - 1 for claim in claims), default=end))


def holding(claims: Sequence[Claim], floor: int) -> list[Claim]:
    """Return what keeps the floor from rising, children first, who was heard longest ago first."""
    order = list(Why)
    return sorted(
        (claim for claim in claims if claim.first - 1 <= floor),
        key=lambda claim: (order.index(claim.why), claim.heard_ms, claim.unit),
    )
