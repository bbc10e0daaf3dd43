"""Units with a record that meets conditions: the targets of an order or a list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlalchemy import select

from node.domain.units import Level
from node.services.records.rules import covered, must_be_here, registered
from node.services.records.search import Condition, matching
from node.services.records.views import unit_filter

if TYPE_CHECKING:
    from node.office import Office


def units_below(
    office: Office,
    below: int,
    level: Level,
    *,
    register: str = "",
    conditions: Sequence[Condition] = (),
) -> tuple[int, ...]:
    """Return the units of a level below one, by code; `below` itself is not among them.

    `conditions`: only units with a record of `register` that meets all of them.
    Raises: ForeignUnit, UnknownRegister, SystemRegister, KeptElsewhere, InvalidRecord.
    """
    top = covered(office, below)
    tree = office.tree
    found = {u for u in tree.subtree(top) if tree.level(u) == level and u != top}
    if conditions:
        found &= _having(office, top, register, conditions)
    return tuple(sorted(found, key=lambda unit: tree.get(unit).code))


def _having(office: Office, top: int, name: str, conditions: Sequence[Condition]) -> set[int]:
    register = registered(office, name)
    must_be_here(office, register, top, subtree=True)
    table = office.tables[name].table
    within = [
        unit_filter(office, table.c.unit, top, True),
        table.c.causal_length.bitwise_and(1) == 1,
    ]
    with office.store.read() as tx:
        matches = [*within, *matching(tx, register, table, conditions, "", within=within)]
        return {int(row[0]) for row in tx.execute(select(table.c.unit).where(*matches).distinct())}
