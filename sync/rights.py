"""Who may write what: judged for every change, at the sender and again at every receiver. Pure."""

from __future__ import annotations

from typing import Protocol

from sync.change import Block, Operation
from sync.schema import RegisterSchema


class Routes(Protocol):
    """What the engine asks of the tree of units."""

    def hop(self, unit: int) -> int | None:
        """Return our child on the way to `unit`; None when it is not below us."""

    def covers(self, upper: int, lower: int) -> bool:
        """Say whether `upper` is `lower` or one of its ancestors."""

    def level(self, unit: int) -> int | None:
        """Return the level of a unit of the tree; None when it is not in it."""


def objection(
    block: Block, register: RegisterSchema, *, writer: int, level: int, routes: Routes
) -> str | None:
    """Return why a writer may not make this change, as a hole's reason; None when it may.

    An office writes records of its own unit and of units below it, and of a record only the
    fields that its level owns (INV-14, INV-31); it adds none to a register that it owns nothing of.
    Where a record is what one office said, as an event is (`own`), nobody says it for another.
    """
    if (register.own and writer != block.unit) or not routes.covers(writer, block.unit):
        return "foreign_unit"
    if block.operation is Operation.DELETE:
        return None if writer == block.unit else "not_owner"
    by_name = register.by_name
    if block.operation is Operation.CREATE and not any(
        level in field.owners for field in register.fields
    ):
        return "not_owner"  # or anybody could add a record that says nothing, as a unit
    for name, column in zip(block.fields, block.columns, strict=True):
        field = by_name.get(name)
        if field is None or level in field.owners:
            continue
        if block.operation is Operation.CREATE and all(value is None for value in column):
            continue
        return "not_owner"
    return None
