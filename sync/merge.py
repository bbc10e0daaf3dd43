"""Merge: how an edit joins a copy of a record. Pure; no I/O, no clock.

A field's state is its *heads*: the values that nobody has yet overwritten knowingly. An edit
names the head it stood on (`base`) and replaces that one only; what was written meanwhile stays
a head beside it. One head is shown (by the field's policy), the others are losers, kept until a
person or a later edit settles them. Heads depend on which edits are known, not on their order of
arrival, so copies that know the same edits are the same bytes (INV-7, INV-15).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from sync.change import Operation, Value
from sync.schema import SILENT, FieldSchema, Policy
from sync.version import Version


class Head(NamedTuple):
    """A value that stands until somebody overwrites it knowingly."""

    version: Version
    value: Value
    level: int  # of the office that wrote it


class Heads(NamedTuple):
    """One field: the head that is shown, and the losers (sorted by version)."""

    shown: Head
    losers: tuple[Head, ...] = ()

    @property
    def all(self) -> tuple[Head, ...]:
        return (self.shown, *self.losers)


@dataclass(frozen=True, slots=True)
class RecordState:
    """One copy of a record: what is stored, and nothing derived."""

    born: Version
    life: int  # odd alive, even deleted; each end and each re-creation adds one
    life_version: Version
    fields: Mapping[str, Heads]
    unseen: frozenset[str] = frozenset()  # fields whose shown value the deleter had not seen

    @property
    def alive(self) -> bool:
        return self.life % 2 == 1


class FieldConflict(NamedTuple):
    """A losing value that must stay visible: `deleted` when the winner is the record's end."""

    field: str
    loser: Head
    deleted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordChange:
    """One record's part of a block."""

    operation: Operation
    version: Version
    level: int
    values: Mapping[str, Value] = field(default_factory=dict)
    bases: Mapping[str, Version] = field(default_factory=dict)
    life: int = 1
    settled: Mapping[str, Iterable[Version]] = field(default_factory=dict)


def merge(
    state: RecordState | None,
    change: RecordChange,
    schema: Mapping[str, FieldSchema],
) -> RecordState | None:
    """Join a change into a copy of its record.

    The result depends only on the set of changes joined, so long as each comes after those it
    stood on (which streams over a tree ensure). Joining one again changes nothing.

    Returns: the joined copy; None when an UPDATE or DELETE came before its record's CREATE (the
    caller parks it as a hole).
    """
    if change.operation is Operation.CREATE:
        return _created(state, change, schema)
    if state is None:
        return None
    if change.operation is Operation.DELETE:
        return _deleted(state, change, schema)
    return _updated(state, change, schema)


def conflicts_of(
    state: RecordState, schema: Mapping[str, FieldSchema]
) -> dict[tuple[str, Version], FieldConflict]:
    """Return the conflicts that a copy shows, keyed by (field, losing version)."""
    found: dict[tuple[str, Version], FieldConflict] = {}
    for name, heads in state.fields.items():
        if schema[name].policy not in SILENT:
            for loser in heads.losers:
                if loser.value != heads.shown.value:
                    found[name, loser.version] = FieldConflict(name, loser, deleted=False)
        if name in state.unseen and not state.alive:
            found[name, heads.shown.version] = FieldConflict(name, heads.shown, deleted=True)
    return found


def _created(
    state: RecordState | None, change: RecordChange, schema: Mapping[str, FieldSchema]
) -> RecordState:
    if state is None:
        fields = {
            name: Heads(Head(change.version, value, change.level))
            for name, value in change.values.items()
        }
        return RecordState(change.version, 1, change.version, fields)
    if change.version == state.born:
        return state  # heard before
    # Two offices made the same record apart (a natural key): every field has two first values.
    joined = dict(state.fields)
    for name, value in change.values.items():
        head = Head(change.version, value, change.level)
        joined[name] = _joined(schema[name], state.fields.get(name), head, b"", ())
    born = min(state.born, change.version)
    life_version = born if state.life == 1 else state.life_version
    return replace(state, born=born, life_version=life_version, fields=joined)


def _updated(
    state: RecordState, change: RecordChange, schema: Mapping[str, FieldSchema]
) -> RecordState:
    recreates = change.life % 2 == 0
    joined = dict(state.fields)
    touched = set(change.values)
    for name, value in change.values.items():
        head = Head(change.version, value, change.level)
        settled = tuple(change.settled.get(name, ()))
        base = change.bases.get(name, state.born)
        joined[name] = _joined(schema[name], state.fields.get(name), head, base, settled)
    if recreates:
        if change.life + 1 <= state.life:
            # Somebody else brought it back too: one life, both sets of values.
            life, life_version = state.life, max(state.life_version, change.version)
        else:
            life, life_version = change.life + 1, change.version
        return replace(
            state, life=life, life_version=life_version, fields=joined, unseen=frozenset()
        )
    if change.life > state.life:  # heard of the new life before the record's end
        return replace(
            state, life=change.life, life_version=change.version, fields=joined, unseen=frozenset()
        )
    unseen = state.unseen
    if not state.alive and change.life < state.life:
        changed = {n for n in touched if joined[n] != state.fields.get(n)}
        unseen = unseen | changed
    return replace(state, fields=joined, unseen=unseen)


def _deleted(
    state: RecordState, change: RecordChange, schema: Mapping[str, FieldSchema]
) -> RecordState:
    ended = change.life + 1
    if state.life > ended:
        return state  # a later life has begun
    fields = dict(state.fields)
    for name, versions in change.settled.items():
        if name in fields:
            fields[name] = _settle(schema[name], fields[name], frozenset(versions))
    if state.life == ended:
        # Ended twice, apart: unseen is only what neither had seen.
        unseen = frozenset(n for n in state.unseen if _not_seen(state, n, change))
        life_version = max(state.life_version, change.version)
        return replace(state, life_version=life_version, fields=fields, unseen=unseen)
    unseen = frozenset(n for n in state.fields if _not_seen(state, n, change))
    return RecordState(state.born, ended, change.version, fields, unseen)


def _not_seen(state: RecordState, name: str, change: RecordChange) -> bool:
    shown = state.fields[name].shown.version
    if shown in set(change.settled.get(name, ())):
        return False
    return shown != change.bases.get(name, state.born)


def _joined(
    schema: FieldSchema,
    heads: Heads | None,
    incoming: Head,
    base: Version,
    settled: Iterable[Version],
) -> Heads:
    if heads is None:
        return Heads(incoming)
    known = heads.all
    if any(head.version == incoming.version for head in known):
        return heads
    gone = {base, *settled}
    return _arranged(schema, [*(h for h in known if h.version not in gone), incoming])


def _settle(schema: FieldSchema, heads: Heads, gone: frozenset[Version]) -> Heads:
    left = [h for h in heads.losers if h.version not in gone]
    return _arranged(schema, [heads.shown, *left])


def _arranged(schema: FieldSchema, heads: list[Head]) -> Heads:
    if len(heads) == 1:
        return Heads(heads[0])
    shown = max(heads, key=_ranking(schema))
    losers = tuple(sorted(h for h in heads if h.version != shown.version))
    return Heads(shown, losers)


def _ranking(schema: FieldSchema) -> Callable[[Head], tuple[object, ...]]:
    match schema.policy:
        case Policy.OWNER:
            return lambda h: (h.level in schema.owners[:1], h.version)
        case Policy.HIGHER:
            return lambda h: (-h.level, h.version)
        case Policy.MAX:
            return lambda h: (h.value is not None, _comparable(h.value), h.version)
        case Policy.MIN:
            return lambda h: (h.value is not None, _Reversed(_comparable(h.value)), h.version)
        case _:
            return lambda h: (h.version,)


def shown_value(schema: FieldSchema, heads: Heads) -> Value:
    """Return the value to show and store: for UNION the members of every head together."""
    if schema.policy is not Policy.UNION or not heads.losers:
        return heads.shown.value
    members = {m for head in heads.all if head.value for m in str(head.value).split(",")}
    return ",".join(sorted(members)) or None


def _comparable(value: Value) -> tuple[int, int | str]:
    return (0, value) if isinstance(value, int) else (1, value or "")


class _Reversed(NamedTuple):
    """Orders greater values first, so that `max` finds the smallest."""

    value: tuple[int, int | str]

    def __lt__(self, other: object) -> bool:
        return isinstance(other, _Reversed) and other.value < self.value

    def __gt__(self, other: object) -> bool:
        return isinstance(other, _Reversed) and self.value < other.value
