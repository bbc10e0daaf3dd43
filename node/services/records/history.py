"""A record's history as people see it: who, when, from what to what, and what of it is missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from node.domain.register import Register
from node.services.records.rules import must_be_here, registered
from node.services.records.views import Change, Event, state_of
from sync.log import entries as log
from sync.log import truncation
from sync.log.edit_history import History, Losers, RecordEdit, history_of, losers_of
from sync.merge.record import RecordState
from sync.model.audience import LOCAL
from sync.model.change import Operation, RecordKey
from sync.model.errors import RecordMissing
from sync.model.schema import Lane
from sync.model.version import incarnation_of, wall_ms_of
from sync.retention import redact
from sync.store.registers import values_of

if TYPE_CHECKING:
    from node.office import Office


class Lack(StrEnum):
    """Why a history is incomplete."""

    CUT = "cut"  # this office's log was truncated: `log_days`
    COPIED = "copied"  # the record came as a copy, not edit by edit
    UNKEPT = "unkept"  # never sent to anybody, and made before this program kept such edits
    ERASED = "erased"  # the ended record's values were removed: `tombstone_days`


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of a record's past, oldest first.

    `missing`: known edits that no log here has; `lacks`: why. If an edit is missing, those before
    it are not known either. `since_ms`: the oldest edit that the log has; 0: none.
    """

    events: tuple[Event, ...]
    missing: int
    lacks: tuple[Lack, ...]
    since_ms: int

    @property
    def whole(self) -> bool:
        return not self.lacks


def past(office: Office, name: str, unit: int, record: bytes) -> Past:
    """Return what this office knows of a record's past, from its logs and its conflicts.

    Raises: UnknownRegister, SystemRegister, KeptElsewhere, RecordMissing.
    """
    register = registered(office, name)
    with office.store.read() as tx:
        state = state_of(tx, office, name, unit, record)
        if state is None:
            must_be_here(office, register, unit)
            raise RecordMissing(RecordKey(name, unit, record))
        this = RecordKey(name, unit, record)
        losers = losers_of(tx, this)
        found = history_of(tx, this, state, losers)
        writers = log.writers(tx)
        erased = _is_erased(office, register, unit, state)
        lacks = _lacks(tx, office, register, found, erased=erased)
    events = _events(register, state, found, losers, writers, erased=erased)
    logged = [edit.version for edit in found.edits if edit.operation is not None]
    return Past(
        tuple(events),
        len(found.missing),
        lacks,
        wall_ms_of(min(logged)) if logged else 0,
    )


def _events(
    register: Register, state: RecordState, found: History, losers: Losers,
    writers: Mapping[int, tuple[int, int]], *, erased: bool,
) -> list[Event]:  # fmt: skip
    events = []
    for edit in found.edits:
        unit, level = writers.get(incarnation_of(edit.version), (None, None))
        changes = _changes(register, state, edit, losers, erased=erased)
        states = {change.state for change in changes}
        lost = bool(changes) and "" not in states and not edit.begins
        events.append(
            Event(
                at_ms=wall_ms_of(edit.version),
                kind="lost" if lost else _kind(edit, state),
                unit=unit,
                level=level,
                values={c.field: c.new for c in changes if c.new is not None or c.old is not None},
                state=changes[0].state if lost and len(states) == 1 else "",
                actor=edit.by.actor,
                reason=edit.by.reason,
                changes=changes,
                logged=edit.operation is not None,
            )
        )
    return events


def _kind(edit: RecordEdit, state: RecordState) -> str:
    if edit.operation is Operation.CREATE:
        return "created"
    if edit.operation is Operation.DELETE:
        return "ended"
    if edit.begins:
        return "restored"
    if (
        edit.operation is None
        and edit.version == state.causal_length_version
        and state.causal_length > 1
    ):
        return "restored" if state.alive else "ended"
    if edit.operation is None and edit.version == state.created:
        return "created"
    return "changed"


def _changes(
    register: Register, state: RecordState, edit: RecordEdit, losers: Losers, *, erased: bool
) -> tuple[Change, ...]:
    changes = []
    order = {name: at for at, name in enumerate(register.fields)}
    for field, old, new, old_known in sorted(edit.fields, key=lambda f: order.get(f.field, 0)):
        if field not in register.fields:
            continue  # a newer program's, or one that the catalogue no longer has
        if edit.operation is Operation.CREATE and new is None:
            continue
        if edit.begins and old_known and old == new:
            continue  # repeated, because a re-creation writes all values
        loser = losers.get((field, edit.version))
        # The writer of the end had not seen it, so it survived: it is no loser among values.
        current = field in state.fields and state.fields[field].shown.version == edit.version
        changes.append(
            Change(
                field=field,
                old=None if erased else old,
                new=None if erased else new,
                old_known=old_known,
                state=loser.state if loser is not None and not current else "",
            )
        )
    return tuple(changes)


def _lacks(
    tx: Connection, office: Office, register: Register, found: History, *, erased: bool
) -> tuple[Lack, ...]:
    """Return why edits are missing: what this office's logs have lost, or never had."""
    gone = (Lack.ERASED,) if erased else ()
    if not found.missing or (erased and register.audience == LOCAL):
        return gone
    if register.audience == LOCAL:
        return (Lack.CUT if office.config.log_days else Lack.UNKEPT,)
    cut = truncation.truncation_point(tx, Lane.BULK)
    copied = truncation.low_water_down(tx, Lane.BULK) > cut or not cut
    return (*((Lack.CUT,) if cut else ()), *((Lack.COPIED,) if copied else ()), *gone)


def _is_erased(office: Office, register: Register, unit: int, state: RecordState) -> bool:
    """Return whether an ended record is redacted: the log may have its values, nobody sees them."""
    if state.alive or unit not in office.tree:
        return False
    schema = office.tables[register.name].schema
    gone = redact.removable(schema, office.tree.level(unit))
    values = values_of(state, schema)
    return bool(gone) and all(values[name] is None for name in gone)
