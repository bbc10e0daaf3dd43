"""Views of records for people: values, who may write what, the version token, lists by page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, func, select

from node.audiences import stays_below
from node.domain.catalogue import Register
from node.domain.units import Level
from node.services.common.pages import BadToken, page_size
from node.services.records.rules import KeptElsewhere, covered, must_be_here, registered
from node.services.records.search import (
    Condition,
    beyond,
    equal_to,
    keys_of,
    matching,
    ordered,
    token_of,
)
from sync.log import entries as log
from sync.merge.record import Head, RecordState, conflicts_of
from sync.model.change import RecordKey, Value
from sync.model.errors import ErrorKind, RecordMissing, SilianError
from sync.model.version import VERSION_BYTES, Version, wall_ms_of
from sync.store import conflicts
from sync.store.registers import values_of

if TYPE_CHECKING:
    from node.office import Office

_MARK = "~"


class BadVersionToken(SilianError):
    """No record gave this version token: it is a page token, an id, or part of a token."""

    code = "bad_version_token"
    kind = ErrorKind.INVALID_ARGUMENT

    def __init__(self) -> None:
        super().__init__(
            "the record did not give that version token (--version-token)",
            "版本标记（--version-token）不是该记录给出的标记",
            remedy_en="Show the record or the correction request again and copy its version token "
            "unchanged (`version_token` in the output of --json).",
            remedy_zh="请重新查看该记录或更正申请，原样使用其中的版本标记。",
        )


@dataclass(frozen=True, slots=True)
class VersionToken:
    """The versions that a person's screen showed; sent out and back as opaque text.

    Each field has its own: the greatest version would miss an edit that was made earlier
    elsewhere and arrived later.
    """

    causal_length: int
    created: Version
    moved: Mapping[str, Version]  # of the fields that changed since the record's creation

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
        """Read a token. Raises: BadVersionToken."""
        try:
            causal_length, created, *rest = token.split(_MARK)
            pairs = [part.split("=") for part in rest]
            version_token = cls(
                int(causal_length), bytes.fromhex(created), {n: bytes.fromhex(v) for n, v in pairs}
            )
        except ValueError:
            raise BadVersionToken from None
        if any(
            len(version) != VERSION_BYTES
            for version in (version_token.created, *version_token.moved.values())
        ):
            raise BadVersionToken
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

    `version_token`: send it back with an edit, so that nobody overwrites what he did not see.
    `conflicts`: field -> ids of the open conflicts that are shown with it.
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
    with them: this office lists its own only.
    """

    records: tuple[RecordView, ...]
    total: int
    next: str
    below: bool = False
    partial: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One field's part of an edit.

    `old_known`: False where nobody here knows the value before. `state`: what became of a value
    that is no longer shown because a merge or a person set it aside: open, auto_resolved,
    resolved, superseded; "" where it is shown, or where a later edit saw and replaced it.
    """

    field: str
    old: Value
    new: Value
    old_known: bool
    state: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of a record's history, as far as this office still knows it.

    `kind`: created, changed, lost (all of its values were set aside; `state` says how), ended,
    restored. Who: unit and level of the writer, None if unknown; `actor` and `reason` as stated
    at that office, "" if they were not. `values`: what it wrote. `logged`: False where no log here
    has the edit, and only its values that are shown now are known.
    """

    at_ms: int
    kind: str
    unit: int | None
    level: int | None
    values: Mapping[str, Value] = field(default_factory=dict)
    state: str = ""
    actor: str = ""
    reason: str = ""
    changes: tuple[Change, ...] = ()
    logged: bool = True


def state_of(
    tx: Connection, office: Office, register: str, unit: int, record: bytes
) -> RecordState | None:
    """Return our copy of one record, with its losers."""
    levels = log.levels(tx)
    losers = conflicts.losers(tx, register, unit, [record])
    return office.tables[register].states(tx, unit, [record], levels, losers).get(record)


def unit_of(office: Office, name: str, record: bytes) -> int:
    """Return the unit of a record kept here; this office's own unit where nobody has it.

    Raises: UnknownRegister, SystemRegister.
    """
    registered(office, name)
    c = office.tables[name].table.c
    me = office.identity.unit
    with office.store.read() as tx:
        own = select(c.unit).where(c.unit == me, c.id == record)
        if tx.execute(own).first() is not None:
            return me
        found = tx.execute(select(c.unit).where(c.id == record).limit(1)).scalar_one_or_none()
    return me if found is None else int(found)


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
    conditions: Sequence[Condition] = (),
    search: str = "",
    sort: Sequence[str] = (),
    include_ended: bool = False,
    limit: int = 50,
    after: str = "",
) -> Page:
    """Return a page of records, in order of `sort`, then of (unit, id).

    `unit`: this office's own if not given; with `subtree` also all below it. `where`: field ->
    value as a clerk writes it; an empty one finds the records without a value, and a key is found
    in any spelling; `conditions`: whatever else must hold. `search`: words, each of them in one of
    the texts. `sort`: fields, with - before one for the greatest first. `after` is the previous
    page's `next`.
    Raises: UnknownRegister, SystemRegister, ForeignUnit, KeptElsewhere, InvalidRecord (a filter),
    BadToken.
    """
    register = registered(office, name)
    table = office.tables[name]
    c = table.table.c
    of_unit = covered(office, unit or office.identity.unit)
    must_be_here(office, register, of_unit, subtree=subtree)
    keys = keys_of(register, sort)
    within = [
        unit_filter(office, c.unit, of_unit, subtree),
        *([] if include_ended else [c.causal_length.bitwise_and(1) == 1]),
    ]
    conditions = [*equal_to(where or {}), *conditions]
    limit = page_size(limit)
    with office.store.read() as tx:
        matches = [
            *within, *matching(tx, register, table.table, conditions, search, within=within)
        ]  # fmt: skip
        query = select(c.unit, *(c[column] for column in table.columns)).where(*matches)
        if after:
            query = query.where(beyond(table.table, keys, after))
        total = tx.execute(select(func.count()).select_from(table.table).where(*matches))
        count = int(total.scalar_one())
        rows = tx.execute(query.order_by(*ordered(table.table, keys)).limit(limit + 1)).all()
        views = _views(tx, office, register, rows[:limit])
    stays = stays_below(register, office.level)
    more = bool(office.tree.children(of_unit)) and register.level in _levels(office, of_unit)
    token = ""
    if len(rows) > limit:
        last, row = views[-1], rows[limit - 1]
        stored = {n: row[1 + table.columns.index(f"f_{n}")] for n in register.fields}
        token = token_of(keys, stored, last.unit, last.id)
    return Page(
        tuple(views), count, token,
        below=more and not subtree and not stays, partial=more and subtree and stays,
    )  # fmt: skip


def search_all(
    office: Office,
    search: str,
    *,
    unit: int | None = None,
    subtree: bool = False,
    include_ended: bool = False,
    limit: int = 50,
    after: str = "",
) -> Page:
    """Return a page of the records of every register that have these words, register by register.

    Arguments and refusals as those of `list_records`; a register whose records stay in their own
    offices makes the page `partial`.
    """
    begin, _, place = after.partition(":")
    names = [r.name for r in office.catalogue.registers.values() if not r.system]
    if after and begin not in names:
        raise BadToken
    limit = page_size(limit)
    found: list[RecordView] = []
    total, token = 0, ""
    below = partial = False
    for at, name in enumerate(names):
        past = bool(after) and at < names.index(begin)
        room = limit - len(found)
        try:
            page = list_records(
                office, name, unit=unit, subtree=subtree, search=search,
                include_ended=include_ended, limit=max(room, 1),
                after=place if name == begin else "",
            )  # fmt: skip
        except KeptElsewhere:
            partial = partial or subtree or unit not in (None, office.identity.unit)
            continue
        total += page.total
        below, partial = below or page.below, partial or page.partial
        if past or token:
            continue
        if not room:
            token = f"{name}:" if page.records else ""
            continue
        found += page.records
        token = f"{name}:{page.next}" if page.next else ""
    return Page(tuple(found), total, token, below=below, partial=partial)


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
