"""Records as people see them: values, who may write what, what was seen, lists page by page."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, func, select

from node.audiences import stays_below
from node.domain.catalogue import Register
from node.domain.refusal import Refused
from node.domain.sheet_values import read_value
from node.domain.units import Level
from node.domain.validate import Fault
from node.services.common.pages import BadToken, beyond, page_size, page_token
from node.services.records.rules import (
    InvalidRecord,
    covered,
    has_spellings,
    must_be_here,
    registered,
    spelled_as,
)
from sync.log import entries as log
from sync.merge.record import Head, RecordState, conflicts_of
from sync.model.change import RecordKey, Value
from sync.model.errors import RecordMissing
from sync.model.version import VERSION_BYTES, Version, incarnation_of, wall_ms_of
from sync.store import conflicts
from sync.store.registers import values_of
from sync.store.tables import conflict

if TYPE_CHECKING:
    from node.office import Office

_MARK = "~"


@dataclass(frozen=True, slots=True)
class VersionToken:
    """Which versions stood on a person's screen; goes out and comes back as opaque text.

    Each field has its own: the greatest version would miss an edit that was made earlier
    elsewhere and arrived later.
    """

    causal_length: int
    created: Version
    moved: Mapping[str, Version]  # of the fields that no longer stand as the record was born

    @classmethod
    def of(cls, state: RecordState) -> VersionToken:
        moved = {
            name: heads.shown.version
            for name, heads in state.fields.items()
            if heads.shown.version != state.created
        }
        return cls(state.causal_length, state.created, moved)

    @classmethod
    def parse(cls, token: str) -> VersionToken:
        """Read a token. Raises: BadToken."""
        try:
            causal_length, created, *rest = token.split(_MARK)
            pairs = [part.split("=") for part in rest]
            version_token = cls(
                int(causal_length), bytes.fromhex(created), {n: bytes.fromhex(v) for n, v in pairs}
            )
        except ValueError:
            raise BadToken from None
        if any(
            len(version) != VERSION_BYTES
            for version in (version_token.created, *version_token.moved.values())
        ):
            raise BadToken
        return version_token

    @property
    def token(self) -> str:
        moved = (f"{name}={version.hex()}" for name, version in sorted(self.moved.items()))
        return _MARK.join((str(self.causal_length), self.created.hex(), *moved))

    def version(self, name: str) -> Version:
        return self.moved.get(name, self.created)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordView:
    """One record. `writable`: fields that this office fills in; `owners`: which levels do.

    `version_token`: give it back with an edit, so that nobody overwrites what he did not see.
    `conflicts`: field -> ids of the open conflicts that are shown beside it.
    """

    register: str
    unit: int
    id: bytes
    alive: bool
    values: Mapping[str, Value]
    owners: Mapping[str, tuple[Level, ...]]
    writable: frozenset[str]
    version_token: str
    conflicts: Mapping[str, tuple[bytes, ...]]
    created_ms: int
    changed_ms: int


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list: `total` counts all that match; `next` is the next page's token or "".

    `below`: units below the one asked about may have more. `partial`: they have, and it stays
    with them: what is listed is this office's own.
    """

    records: tuple[RecordView, ...]
    total: int
    next: str
    below: bool = False
    partial: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of a record's history, as far as this office still knows it.

    `kind`: created, changed (values that stand), lost (values that a merge or a person set aside;
    `state` says which), ended, restored. Who: unit and level of the writer, None if unknown.
    """

    at_ms: int
    kind: str
    unit: int | None
    level: int | None
    values: Mapping[str, Value] = field(default_factory=dict)
    state: str = ""


def state_of(
    tx: Connection, office: Office, register: str, unit: int, record: bytes
) -> RecordState | None:
    """Return the copy of one record held here, losers and all."""
    levels = log.levels(tx)
    losers = conflicts.losers(tx, register, unit, [record])
    return office.tables[register].states(tx, unit, [record], levels, losers).get(record)


def get(office: Office, name: str, unit: int, record: bytes) -> RecordView:
    """Return one record, ended ones too.

    Raises: UnknownRegister, SystemRegister, KeptElsewhere, RecordMissing.
    """
    register = registered(office, name)
    with office.store.read() as tx:
        state = state_of(tx, office, name, unit, record)
    if state is None:
        must_be_here(office, register, unit)
        raise RecordMissing(RecordKey(name, unit, record))
    return view_of(office, register, unit, record, state)


def view_of(
    office: Office, register: Register, unit: int, record: bytes, state: RecordState
) -> RecordView:
    """Return a copy as this office's people see it."""
    schema = office.tables[register.name].schema
    shown: dict[str, tuple[bytes, ...]] = {}
    for name, version in conflicts_of(state, schema.by_name):
        found = conflicts.conflict_id(register.name, unit, record, name, version)
        shown[name] = (*shown.get(name, ()), found)
    mine = office.routes.covers(office.identity.unit, unit)
    return RecordView(
        register=register.name,
        unit=unit,
        id=record,
        alive=state.alive,
        values=values_of(state, schema),
        owners={name: f.owners for name, f in register.fields.items()},
        writable=frozenset(
            name for name, f in register.fields.items() if mine and office.level in f.owners
        ),
        version_token=VersionToken.of(state).token,
        conflicts=shown,
        created_ms=wall_ms_of(state.created),
        changed_ms=wall_ms_of(
            max(
                state.causal_length_version,
                *(heads.shown.version for heads in state.fields.values()),
            )
        ),
    )


def list_records(
    office: Office,
    name: str,
    *,
    unit: int | None = None,
    subtree: bool = False,
    where: Mapping[str, object] | None = None,
    include_ended: bool = False,
    limit: int = 50,
    after: str = "",
) -> Page:
    """Return a page of records in order of (unit, id); `after` is the previous page's `next`.

    `unit`: this office's own if not given; with `subtree` also all below it. `where`: field ->
    value as a clerk writes it; an empty one finds the records without a value, and a key is found
    in any spelling.
    Raises: UnknownRegister, SystemRegister, ForeignUnit, KeptElsewhere, InvalidRecord (a filter),
    BadToken.
    """
    register = registered(office, name)
    table = office.tables[name]
    c = table.table.c
    of_unit = covered(office, unit or office.identity.unit)
    must_be_here(office, register, of_unit, subtree=subtree)
    matches = [unit_filter(office, c.unit, of_unit, subtree)]
    if not include_ended:
        matches.append(c.causal_length.bitwise_and(1) == 1)
    filters = _filters(register, where or {})
    columns = [c.unit, *(c[column] for column in table.columns)]
    limit = page_size(limit)
    with office.store.read() as tx:
        matches += [
            spelled_as(tx, c[f"f_{field}"], value, *matches)
            if field in register.key
            and isinstance(value, str)
            and has_spellings(register.fields[field])
            else c[f"f_{field}"] == value
            for field, value in filters.items()
        ]
        query = select(*columns).where(*matches)
        if after:
            query = query.where(beyond(after, c.unit, c.id))
        total = tx.execute(select(func.count()).select_from(table.table).where(*matches))
        count = int(total.scalar_one())
        rows = tx.execute(query.order_by(c.unit, c.id).limit(limit + 1)).all()
        views = _views(tx, office, register, rows[:limit])
    last = views[-1] if len(rows) > limit else None
    stays = stays_below(register, office.level)
    more = bool(office.tree.children(of_unit)) and register.level in _levels(office, of_unit)
    return Page(
        tuple(views), count, page_token(last.unit, last.id) if last else "",
        below=more and not subtree and not stays, partial=more and subtree and stays,
    )  # fmt: skip


def history(office: Office, name: str, unit: int, record: bytes) -> tuple[Event, ...]:
    """Return what is known of a record's past, oldest first: each value that stands, each loser.

    Values that somebody overwrote knowingly are not kept. Raises: as `get`.
    """
    register = registered(office, name)
    with office.store.read() as tx:
        state = state_of(tx, office, name, unit, record)
        if state is None:
            must_be_here(office, register, unit)
            raise RecordMissing(RecordKey(name, unit, record))
        writers = log.writers(tx)
        lost = tx.execute(
            select(conflict.c.field, conflict.c.version, conflict.c.value, conflict.c.state).where(
                conflict.c.register == name, conflict.c.unit == unit, conflict.c.record == record
            )
        ).all()
    visible: dict[Version, dict[str, Value]] = {state.created: {}}
    for column, heads in state.fields.items():
        visible.setdefault(heads.shown.version, {})[column] = heads.shown.value

    def event(version: Version, kind: str, **rest: Any) -> tuple[Version, Event]:
        who, level = writers.get(incarnation_of(version), (None, None))
        return version, Event(at_ms=wall_ms_of(version), kind=kind, unit=who, level=level, **rest)

    events = [
        event(version, "created" if version == state.created else "changed", values=values)
        for version, values in visible.items()
    ]
    events += [
        event(bytes(v), "lost", values={column: json.loads(text)}, state=how)
        for column, v, text, how in lost
        if state.fields[column].shown.version != bytes(v)  # unseen by the record's end, it stands
    ]
    if state.causal_length > 1:
        events.append(event(state.causal_length_version, "restored" if state.alive else "ended"))
    return tuple(each for _, each in sorted(events, key=lambda pair: pair[0]))


def _levels(office: Office, unit: int) -> tuple[Level | None, ...]:
    """Return the levels of registers that units below one may keep; None: any level's."""
    return (None, *(level for level in Level if level > office.tree.level(unit)))


def unit_filter(office: Office, column: Any, unit: int, subtree: bool) -> Any:
    """Return the condition for a unit, or for it and all below it."""
    if not subtree:
        return column == unit
    if unit == office.identity.unit:
        # All that is kept here is from here or below; a list of 3,000 units would only cost.
        return column.is_not(None)
    return column.in_(office.tree.subtree(unit))


def _filters(register: Register, where: Mapping[str, object]) -> dict[str, Value]:
    filters: dict[str, Value] = {}
    for name, raw in where.items():
        column = register.fields.get(name)
        if column is None:
            known = ", ".join(register.fields)
            raise InvalidRecord(register, [Fault(
                field="", code="unknown_field", en="There is no such field to filter by.",
                zh="没有可供筛选的该字段。", suggestion_en=f"Use one of: {known}.",
                suggestion_zh=f"可用字段：{known}。",
            )])  # fmt: skip
        try:
            filters[name] = read_value(column, raw)
        except Refused as bad:
            raise InvalidRecord(register, [Fault(
                field=name, code=bad.code, en=f"{column.en} {bad.en}.", zh=f"{column.zh}{bad.zh}。",
                suggestion_en=bad.suggestion_en, suggestion_zh=bad.suggestion_zh,
            )]) from bad  # fmt: skip
    return filters


def _views(
    tx: Connection, office: Office, register: Register, rows: Iterable[Any]
) -> list[RecordView]:
    table = office.tables[register.name]
    levels = log.levels(tx)
    by_unit: dict[int, list[bytes]] = {}
    for row in rows:
        by_unit.setdefault(row[0], []).append(bytes(row[1]))
    losers: dict[tuple[int, bytes], Mapping[str, tuple[Head, ...]]] = {
        (unit, record): fields
        for unit, ids in by_unit.items()
        for record, fields in conflicts.losers(tx, register.name, unit, ids).items()
    }
    return [
        view_of(
            office, register, row[0], bytes(row[1]),
            table.state_of(row[1:], levels, losers.get((row[0], bytes(row[1])), {})),
        )
        for row in rows
    ]  # fmt: skip
