"""Duplicate cases: the state of a case from equal index values and people's decisions. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

Units = Mapping[int, int]
"""Unit -> how many of its records have the mark; without zeros."""

OPEN, RAISED, CLOSED, SETTLED = "open", "raised", "closed", "settled"


def units_text(units: Units) -> str:
    """Return the concerned units as text; `units_of` is the inverse."""
    return ",".join(f"{unit}:{n}" for unit, n in sorted(units.items()))


def units_of(text: str | None) -> dict[int, int]:
    """Parse the text of `units_text`; leave out invalid parts, which a peer may have sent."""
    pairs = (part.partition(":") for part in (text or "").split(",") if part)
    return {
        int(unit): int(n)
        for unit, _, n in pairs
        if unit.isascii() and unit.isdecimal() and n.isascii() and n.isdecimal()
    }


@dataclass(frozen=True, slots=True)
class CaseVerdict:
    """The content of an office's own case."""

    state: str
    units: Units


def decide(
    me: int,
    live: Units,
    *,
    hop: Callable[[int], int | None],
    closed: Units,
    above: Units,
) -> CaseVerdict:
    """Return the case of one index value at the office `me`, independent of the order of events.

    `live`: the units with the value here; `hop`: our child on the way to a unit; `closed`: the
    units concerned when a person closed it; `above`: the units in the case of an office above. The
    case is ours if no office below us is above all of the units. A new unit opens it again.
    """
    hops = {me if unit == me else hop(unit) for unit in live} - {None}
    ours = {u: n for u, n in live.items() if u == me or hop(u) is not None}
    if sum(ours.values()) < 2 or (len(hops) < 2 and me not in hops):
        return CaseVerdict(SETTLED, ours)
    if above and ours.keys() <= above.keys():
        return CaseVerdict(RAISED, ours)
    if closed and all(n <= closed.get(unit, 0) for unit, n in ours.items()):
        return CaseVerdict(CLOSED, ours)
    return CaseVerdict(OPEN, ours)
