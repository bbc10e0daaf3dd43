"""Cases: what an office makes of equal marks, from what is live and what people said. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

Units = Mapping[int, int]
"""Unit -> how many of its records have the mark; without zeros."""

OPEN, RAISED, CLOSED, SETTLED = "open", "raised", "closed", "settled"


def units_text(units: Units) -> str:
    """Write who is concerned; `units_of` is its inverse."""
    return ",".join(f"{unit}:{n}" for unit, n in sorted(units.items()))


def units_of(text: str | None) -> dict[int, int]:
    """Read what `units_text` wrote; a part that means nothing (a peer's nonsense) is left out."""
    pairs = (part.partition(":") for part in (text or "").split(",") if part)
    return {
        int(unit): int(n)
        for unit, _, n in pairs
        if unit.isascii() and unit.isdecimal() and n.isascii() and n.isdecimal()
    }


@dataclass(frozen=True, slots=True)
class CaseVerdict:
    """What an office's own case should say."""

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
    """Return what the case of one mark is at the office `me`, whatever came in which order.

    `live`: the marks held here; `hop`: our child on the way to a unit; `closed`: who was concerned
    when a person closed it; `above`: whom the open or closed case of an office above names. It is
    ours when no office below has all of them under it. A mark that joins opens it again.
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
