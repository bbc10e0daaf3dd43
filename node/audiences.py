"""Audiences: who receives a change, by the catalogue, the tree and the records themselves.

For the engine: `TreeRoutes`, `shared_with`, `audiences_of_block`. For writers: `audiences_of` a
record of a register with one audience, `event_audiences` and `posting_audiences` where each record
has its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from sqlalchemy import Connection

from node.domain.catalogue import Catalogue, Register
from node.domain.ledger import PostingKind
from node.domain.units import Level, Tree
from node.store.assignments import EVENT, select_rows
from node.store.postings import POSTING
from sync.model import audience
from sync.model.access import Identity
from sync.model.change import Block, Operation, Value
from sync.model.judge import fault_in_block
from sync.model.schema import RegisterSchema, Schema

WORK_ORDER = "work_order"


class TreeRoutes:
    """`sync.model.access.Routes` over the tree of units in force, seen from one office."""

    def __init__(self, tree: Tree, unit: int) -> None:
        self.tree = tree
        self._unit = unit

    def hop(self, unit: int) -> int | None:
        """Return our child on the way to `unit`; None when it is not below us."""
        if unit not in self.tree or self._unit not in self.tree:
            return None
        return self.tree.next_hop(self._unit, unit)

    def level(self, unit: int) -> int | None:
        """Return the level of a unit of the tree; None when it is not in it."""
        return int(self.tree.level(unit)) if unit in self.tree else None

    def covers(self, upper: int, lower: int) -> bool:
        """Return whether `upper` is `lower` or one of its ancestors."""
        if upper == lower:
            return True
        return lower in self.tree and upper in self.tree and self.tree.within(lower, upper)


def audiences_of(register: Register, *, unit: int, writer: int, level: int) -> tuple[str, ...]:
    """Return who receives a change that `writer` (at `level`) makes to a record of `unit`.

    What goes up goes to every office above the writer as far as the register says; and if an
    upper office writes a lower one's record, everybody on the way down to it receives it too.
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
    """Return whether records of a register never come up to an office of a level."""
    if register.audience == audience.LOCAL:
        return True
    if register.audience == "record":
        return False
    up_to = audience.parse(register.audience).up_to
    return up_to is not None and up_to > level


def event_audiences(tree: Tree, unit: int, level: int, other: int) -> tuple[str, ...]:
    """Return who receives an event that `unit` writes for `other`: all above, and the way down."""
    audiences = [audience.up(Level.CITY)] if level > Level.CITY else []
    if other != unit and other in tree and tree.within(other, unit):
        audiences.append(audience.down(other))
    return tuple(audiences)


def posting_audiences(level: int, kind: PostingKind, peer: int | None) -> tuple[str, ...]:
    """Return who receives a posting: all above, and of a release the office it is sent to."""
    found = [audience.up(Level.CITY)] if level > Level.CITY else []
    if kind is PostingKind.RELEASE and peer is not None:
        found.append(audience.down(peer))
    return tuple(found)


def audiences_of_block(
    catalogue: Catalogue, schema: Schema, me: Identity, tree: Tree, tx: Connection, block: Block
) -> tuple[str, ...]:
    """Return the audiences of an own block as this office would choose them now.

    All records of one block have the same. Empty for a register that is not known here, and for
    what this office does not write: the block may have come back from another office.
    """
    register = catalogue.registers.get(block.register)
    if register is None:
        return ()
    if register.audience != "record":
        return audiences_of(register, unit=block.unit, writer=me.unit, level=me.level)
    if block.operation is not Operation.CREATE:
        return ()  # such a record is never edited
    if not _is_sound(block, schema.registers[block.register]):
        return ()
    first: dict[str, Value] = {
        n: column[0] for n, column in zip(block.fields, block.columns, strict=True)
    }
    if block.register == EVENT:
        return event_audiences(tree, me.unit, me.level, _other_side(first))
    if block.register == POSTING:
        peer = first["peer"]
        kind = PostingKind(str(first["kind"]))
        return posting_audiences(me.level, kind, None if peer is None else int(peer))
    if block.register == WORK_ORDER:
        audiences = [audience.up(Level.CITY)] if me.level > Level.CITY else []
        for hop in select_rows(tx, "work_order=? AND issuer=?", (block.ids[0], me.unit)):
            audiences += event_audiences(tree, me.unit, me.level, hop.assignee)
        return tuple(dict.fromkeys(audiences))
    return ()


def _is_sound(block: Block, register: RegisterSchema) -> bool:
    known = [n for n, name in enumerate(block.fields) if name in register.by_name]
    part = replace(
        block,
        fields=tuple(block.fields[n] for n in known),
        columns=[block.columns[n] for n in known],
    )
    return fault_in_block(part, register) is None


def _other_side(event: Mapping[str, Value]) -> int:
    return int(event["assignee" if event["by"] == "issuer" else "issuer"] or 0)


def shared_with(
    registers: Iterable[Register], tree: Tree, child: int
) -> dict[str, tuple[int, ...]]:
    """Return whose records an office and its parent both receive whole: register -> units.

    Of units at and below the child: what goes up at least to the parent. Of the parent and those
    above it: what goes down to everybody. Anything else one of the two receives in part or not at
    all, and a sum over it would reveal what it may not receive (INV-30).
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
        if register.audience == audience.DOWN_ALL:
            found[register.name] = tuple(above)
        elif register.whole_up_to:
            up_to = audience.parse(register.whole_up_to).up_to
            if up_to is not None and up_to <= level < Level.COMMUNITY:
                found[register.name] = below
    return found
