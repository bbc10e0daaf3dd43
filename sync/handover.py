"""Handing over: whether a neighbour may hand us an entry at all, and by which link it came. Pure.

Judged before anything inside the entry is looked at; what is inside is judged by `sync.rights`.
"""

from __future__ import annotations

from dataclasses import dataclass

from sync import audience
from sync.change import Entry
from sync.errors import SilianError
from sync.rights import Routes
from sync.schema import Lane


class Unauthorised(SilianError):
    """A peer handed over what cannot be its to say; the whole batch is refused."""

    code = "unauthorised"

    def __init__(self, why: str) -> None:
        super().__init__(
            f"refused: {why}",
            f"拒绝接收: {why}",
            remedy_en="Check the peer's unit and its place in the tree.",
            remedy_zh="请核对对方单位及其隶属关系。",
        )


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose store this is."""

    unit: int
    level: int
    incarnation: int


def admit(
    entry: Entry, lane: Lane, peer: int, me: Identity, routes: Routes, *, upward: bool
) -> None:
    """Refuse what this peer cannot have the right to hand over, whatever it says inside.

    `upward`: the peer is a child. Raises: Unauthorised.
    """
    if entry.lane is not lane:
        raise Unauthorised("an entry of another lane")
    if entry.incarnation == me.incarnation:
        return  # our own words, come back after a restore: known, or a gap
    heard = audience.parse(entry.audience)
    if upward:
        if heard.up_to is None:
            raise Unauthorised("a child speaks downward through its parent")
        if heard.up_to > me.level:
            raise Unauthorised("an audience that ends below this office")
        if routes.hop(entry.unit) != peer:
            raise Unauthorised("an entry of a unit that is not below this child")
    else:
        if heard.up_to is not None:
            raise Unauthorised("a parent hands down what goes up")
        if not routes.covers(entry.unit, me.unit):
            raise Unauthorised("an entry of a unit that is not above this office")
    if routes.level(entry.unit) != entry.level:
        raise Unauthorised("an entry that claims another level than its unit has")


def came_by(entry: Entry, parent: int, me: Identity, routes: Routes) -> int:
    """Return by which link an entry first came that the parent reads back; 0: written here.

    Raises: Unauthorised, as `admit`.
    """
    if entry.unit == me.unit:
        return 0
    if audience.parse(entry.audience).up_to is None:
        admit(entry, entry.lane, parent, me, routes, upward=False)
        return parent
    hop = routes.hop(entry.unit)
    if hop is None:
        raise Unauthorised("an echo of a unit that is not below this office")
    return hop
