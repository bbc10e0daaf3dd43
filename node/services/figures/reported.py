"""Reported: who has filled in which register, as far as it is known here.

An office has reported a register when it has put a record into it, even one that has ended since,
or has stated that it has none (`node.services.upkeep.zero_reports`). Contact with the office is not
enough. For registers whose records stay in their office, cells show it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from node.audiences import stays_below
from node.domain.register import Register
from node.domain.units import Tree
from node.ids import natural_id
from sync.store.sql import execute, pieces

if TYPE_CHECKING:
    from node.office import Office

ZERO_REPORT = "zero_report"
# Of a unit `a.unit`; the names are the catalogue's and this program's own.
_HAS_RECORD = "EXISTS (SELECT 1 FROM r_{} r WHERE r.unit=a.unit)"
_HAS_CELL = "EXISTS (SELECT 1 FROM r_cell r WHERE r.unit=a.unit AND r.f_measure IN ({}))"
_STATED = (
    "EXISTS (SELECT 1 FROM r_zero_report r WHERE r.unit=a.unit AND r.id=? "
    "AND (r.causal_length & 1) = 1 AND r.f_zero=1)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """Which offices have filled in one register."""

    register: Register
    asked: frozenset[int]  # the offices that keep it, of those asked about
    with_records: frozenset[int]
    with_none: frozenset[int]  # they have stated that they have no record
    missing: frozenset[int]  # neither a record nor a statement of theirs is known


def filled(
    office: Office, tx: Connection, tree: Tree, units: Collection[int],
    registers: Iterable[Register],
) -> tuple[Filled, ...]:  # fmt: skip
    """Return for each register which of these offices have filled it in."""
    return tuple(_filled(office, tx, tree, units, register) for register in registers)


def zero_report_id(register: str) -> bytes:
    """Return the id of an office's statement about one register."""
    return natural_id(ZERO_REPORT, register)


def _filled(
    office: Office, tx: Connection, tree: Tree, units: Collection[int], register: Register
) -> Filled:
    asked = sorted(u for u in units if register.level in (None, tree.level(u)))
    by_record, by_cell = asked, []
    if register.audience == "record" or stays_below(register, office.level):
        me = office.identity.unit
        by_record, by_cell = [u for u in asked if u == me], [u for u in asked if u != me]
    measures = sorted({c.measure for c in register.contributions})
    found = _where(tx, by_record, _HAS_RECORD.format(register.name))
    found |= _where(tx, by_cell, _HAS_CELL.format(",".join("?" * len(measures))), measures)
    rest = sorted(set(asked) - found)
    stated = _where(tx, rest, _STATED, [zero_report_id(register.name)])
    return Filled(
        register=register, asked=frozenset(asked), with_records=frozenset(found),
        with_none=frozenset(stated), missing=frozenset(rest) - stated,
    )  # fmt: skip


def _where(
    tx: Connection, units: Sequence[int], condition: str, parameters: Sequence[object] = ()
) -> set[int]:
    """Return those of the units for which a condition on `a.unit` holds: one look-up for each."""
    found: set[int] = set()
    for part in pieces(units):
        asked = ",".join(["(?)"] * len(part))
        statement = f"WITH a(unit) AS (VALUES {asked}) SELECT a.unit FROM a WHERE {condition}"  # noqa: S608
        found.update(row[0] for row in execute(tx, statement, (*part, *parameters)).fetchall())
    return found
