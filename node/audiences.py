"""The tree as the engine asks about it, and the audiences that a record's change needs."""

from __future__ import annotations

from collections.abc import Iterable

from node.domain.catalogue import Register
from node.domain.units import Level, Tree
from sync.model import audience


class TreeRoutes:
    """`sync.model.access.Routes` over the tree of units, seen from one office."""

    def __init__(self, tree: Tree, unit: int) -> None:
        self._tree = tree
        self._unit = unit

    def see(self, tree: Tree) -> None:
        """Go by another tree from now on."""
        self._tree = tree

    def hop(self, unit: int) -> int | None:
        """Return our child on the way to `unit`; None when it is not below us."""
        if unit not in self._tree or self._unit not in self._tree:
            return None
        return self._tree.next_hop(self._unit, unit)

    def level(self, unit: int) -> int | None:
        """Return the level of a unit of the tree; None when it is not in it."""
        return int(self._tree.level(unit)) if unit in self._tree else None

    def covers(self, upper: int, lower: int) -> bool:
        """Say whether `upper` is `lower` or one of its ancestors."""
        if upper == lower:
            return True
        return lower in self._tree and upper in self._tree and self._tree.within(lower, upper)


def audiences_of(register: Register, *, unit: int, writer: int, level: int) -> tuple[str, ...]:
    """Return who must hear a change that `writer` (at `level`) makes to a record of `unit`.

    What goes up goes to every office above the writer as far as the register says; and when an
    upper office writes a lower one's record, everybody on the way down to it hears it too.
    """
    if register.audience == audience.LOCAL:
        return ()
    if register.audience == audience.DOWN_ALL:
        return (audience.DOWN_ALL,)
    parsed = audience.parse(register.audience)
    audiences: list[str] = []
    if parsed.up_to is not None and parsed.up_to < level:
        audiences.append(parsed.text)
    if unit != writer:
        audiences.append(audience.down(unit))
    return tuple(audiences)


def stays_below(register: Register, level: int) -> bool:
    """Say whether records of a register never come up to an office of a level."""
    if register.audience == audience.LOCAL:
        return True
    if register.audience == "record":
        return False
    up_to = audience.parse(register.audience).up_to
    return up_to is not None and up_to > level


# Of the registers whose audience is decided record by record, those that a unit's own office writes
# and that the city always hears. A correction request, for one, may go down only.
CITY_RECEIVES = frozenset({"assignment_event", "posting", "work_order"})


def shared_with(
    registers: Iterable[Register], tree: Tree, child: int
) -> dict[str, tuple[int, ...]]:
    """Return whose records an office and its parent both may hear whole: register -> units.

    Of units at and below the child: what goes up at least to the parent. Of the parent and those
    above it: what goes down to everybody. Anything else one of the two hears in part or not at
    all, and a sum over it would tell of what it may not hear (INV-30).
    """
    parent = tree.parent(child) if child in tree else None
    if parent is None:
        return {}
    below = tuple(tree.subtree(child))
    above = [parent]
    while (upper := tree.parent(above[-1])) is not None:
        above.append(upper)
    level = int(tree.level(parent))
    found: dict[str, tuple[int, ...]] = {}
    for register in registers:
        match register.audience:
            case audience.LOCAL:
                continue
            case audience.DOWN_ALL:
                found[register.name] = tuple(above)
            case "record":
                if register.name in CITY_RECEIVES:
                    found[register.name] = below
            case text:
                up_to = audience.parse(text).up_to
                if up_to is not None and up_to <= level < Level.COMMUNITY:
                    found[register.name] = below
    return found
