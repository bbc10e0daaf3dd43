"""Durability: how far up a record's last change is stored, if this machine were lost now."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import Connection, select

from node.domain.units import Level
from node.services.records.rules import must_be_here, registered
from node.services.records.views import state_of
from sync.model.change import RecordKey
from sync.model.errors import RecordMissing
from sync.model.schema import Lane
from sync.model.version import hlc_of, incarnation_of
from sync.store.tables import entry

if TYPE_CHECKING:
    from node.office import Office


class Durable(StrEnum):
    """Whether an office has stored a record's last change durably."""

    SAFE = "safe"
    WAITING = "waiting"  # it has not confirmed that yet
    NOT_FOR_IT = "not_for_it"  # it may not receive this record


@dataclass(frozen=True, slots=True)
class Place:
    """One office on the way from here to the city, this one first."""

    unit: int
    level: Level
    found: Durable


@dataclass(frozen=True, slots=True)
class Durability:
    """`position`: the log entry with the last change; 0 when retention has removed it.

    `as_of_ms`: the parent's last report of how far our log is durable; 0: none since we started.
    """

    places: tuple[Place, ...]
    position: int
    as_of_ms: int


def durability(office: Office, register: str, unit: int, record: bytes) -> Durability:
    """Return which offices have stored the last change of a record, by the last report from above.

    Raises: UnknownRegister, SystemRegister, KeptElsewhere, RecordMissing.
    """
    asked = registered(office, register)
    with office.store.read() as tx:
        state = state_of(tx, office, register, unit, record)
        if state is None:
            must_be_here(office, asked, unit)
            raise RecordMissing(RecordKey(register, unit, record))
        heads = (heads.shown.version for heads in state.fields.values())
        found = _entry_of(tx, max(state.causal_length_version, *heads))
    me = office.identity.unit
    own = Place(me, office.level, Durable.SAFE)
    above = [
        Place(at, office.tree.level(at), _found(office, office.tree.level(at), found))
        for at in office.tree.ancestors(me)
    ]
    local = office.catalogue.registers[register].audience == "local"
    if local:
        above = [Place(place.unit, place.level, Durable.NOT_FOR_IT) for place in above]
    as_of_ms = office.peer_status.parent_contact_ms if above else office.clock.now_ms()
    return Durability((own, *above), found[0] if found else 0, as_of_ms)


def _entry_of(tx: Connection, version: bytes) -> tuple[int, Lane, int | None, int] | None:
    """Return arrival, lane, how far up, and the link it came by; the one that goes highest."""
    c = entry.c
    rows = tx.execute(
        select(c.arrival, c.lane, c.up_to, c.via).where(
            c.incarnation == incarnation_of(version), c.hlc == hlc_of(version)
        )
    ).all()
    if not rows:
        return None
    best = min(rows, key=lambda row: (row.up_to is None, row.up_to or 0, row.arrival))
    return best.arrival, Lane(best.lane), best.up_to, best.via


def _found(
    office: Office, level: Level, found: tuple[int, Lane, int | None, int] | None
) -> Durable:
    if found is None:
        return Durable.SAFE  # an entry is removed only after everybody above has stored it
    arrival, lane, up_to, via = found
    if up_to is None:
        came_down = via != 0 and via == office.tree.parent(office.identity.unit)
        return Durable.SAFE if came_down else Durable.NOT_FOR_IT
    if level < up_to:
        return Durable.NOT_FOR_IT
    positions = (
        s.position
        for s in office.peer_status.durable_above()
        if s.level == level and s.lane is lane
    )
    return Durable.SAFE if max(positions, default=0) >= arrival else Durable.WAITING
