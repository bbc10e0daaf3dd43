"""Merge an edit into a copy of its record. Pure; no I/O, no clock.

A field is a multi-value register. Its *heads* are the values that no later edit has overwritten
knowingly. An edit names the head that it was based on (`base`) and replaces only that one; values
written meanwhile stay as concurrent heads. One head is shown, by the field's policy. The others
are losing values, kept until a person or a later edit resolves them. A delete removes no head: it
says which heads its writer had seen, and the others survive it. The result depends on which edits
are known, not on their order, so copies with the same edits are the same bytes (INV-7, INV-15).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from sync.model.change import Operation, Value
from sync.model.schema import AUTO_RESOLVED, FieldSchema, Policy
from sync.model.version import Version


class Head(NamedTuple):
    """A value that no edit has overwritten knowingly."""

    version: Version
    value: Value
    level: int  # of the office that wrote it


class Heads(NamedTuple):
    """One field: the shown head, and the losing values (sorted by version)."""

    shown: Head
    losers: tuple[Head, ...] = ()

    @property
    def all(self) -> tuple[Head, ...]:
        return (self.shown, *self.losers)


@dataclass(frozen=True, slots=True)
class RecordState:
    """One copy of a record: what is stored, nothing derived."""

    created: Version
    causal_length: int  # odd is active, even is ended; each end and each re-creation adds one
    causal_length_version: Version
    fields: Mapping[str, Heads]
    survived_delete: frozenset[tuple[str, Version]] = frozenset()  # heads that no delete had seen

    @property
    def alive(self) -> bool:
        return self.causal_length % 2 == 1


class FieldConflict(NamedTuple):
    """A value that must stay visible: it lost, or (`deleted`) it survived the record's end."""

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
    causal_length: int = 1
    resolved: Mapping[str, Iterable[Version]] = field(default_factory=dict)


def merge(
    state: RecordState | None,
    change: RecordChange,
    schema: Mapping[str, FieldSchema],
) -> RecordState | None:
    """Merge a change into a copy of its record.

    The result depends only on the set of merged changes, if each comes after those that its writer
    knew; streams over a tree ensure that. Merging one again while its value is a head changes
    nothing. One whose value was overwritten since must not come again; streams ensure that, too.

    Returns: the merged copy; None if an UPDATE or DELETE came before its record's CREATE (the
    caller quarantines it).
    """
    if change.operation is Operation.CREATE:
        return _created(state, change, schema)
    if state is None:
        return None
    if change.operation is Operation.DELETE:
        return _deleted(state, change)
    return _updated(state, change, schema)


def with_versions_replaced(state: RecordState, names: Mapping[Version, Version]) -> RecordState:
    """Return a copy with versions replaced as `names` says; the caller then calls `canonical`."""

    def name(version: Version) -> Version:
        return names.get(version, version)

    def named(head: Head) -> Head:
        return head._replace(version=name(head.version))

    return RecordState(
        name(state.created),
        state.causal_length,
        name(state.causal_length_version),
        {
            n: Heads(named(heads.shown), tuple(sorted(map(named, heads.losers))))
            for n, heads in state.fields.items()
        },
        frozenset((n, name(version)) for n, version in state.survived_delete),
    )


def with_heads(state: RecordState, change: Callable[[str, Head], Head]) -> RecordState:
    """Return a copy with every head replaced by what `change` makes of a field's name and it."""
    fields = {
        name: Heads(change(name, heads.shown), tuple(change(name, one) for one in heads.losers))
        for name, heads in state.fields.items()
    }
    return replace(state, fields=fields)


def canonical(state: RecordState, schema: Mapping[str, FieldSchema]) -> RecordState:
    """Return a copy with the heads of each field sorted; the order depends on their versions."""
    fields = {n: _canonical(schema[n], list(heads.all)) for n, heads in state.fields.items()}
    return replace(state, fields=fields)


def conflicts_of(
    state: RecordState, schema: Mapping[str, FieldSchema]
) -> dict[tuple[str, Version], FieldConflict]:
    """Return the conflicts that a copy shows, keyed by (field, losing version)."""
    found: dict[tuple[str, Version], FieldConflict] = {}
    for name, heads in state.fields.items():
        if not state.alive:
            for head in heads.all:
                if (name, head.version) in state.survived_delete:
                    found[name, head.version] = FieldConflict(name, head, deleted=True)
        elif schema[name].policy not in AUTO_RESOLVED:
            for loser in heads.losers:
                if loser.value != heads.shown.value:
                    found[name, loser.version] = FieldConflict(name, loser, deleted=False)
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
    if change.version == state.created:
        return state  # known already
    # Two offices created the same record (a natural key): every field has two first values.
    created = min(state.created, change.version)
    causal_length_version = created if state.causal_length == 1 else state.causal_length_version
    return replace(
        _with_values(state, change, schema),
        created=created,
        causal_length_version=causal_length_version,
    )


def _updated(
    state: RecordState, change: RecordChange, schema: Mapping[str, FieldSchema]
) -> RecordState:
    # An edit of an ended record begins its next life; two concurrent ones begin the same life. An
    # edit within a life that is not known here came before what has begun it: that names it.
    begins = change.causal_length % 2 == 0
    causal_length = change.causal_length + begins
    joined = _with_values(state, change, schema)
    if causal_length < state.causal_length:
        return joined
    begun_by = state.causal_length_version
    if causal_length > state.causal_length:
        joined = replace(joined, causal_length=causal_length, survived_delete=frozenset())
        begun_by = change.version if begins else begun_by
    elif begins:
        begun_by = max(begun_by, change.version)
    return replace(joined, causal_length_version=begun_by)


def _deleted(state: RecordState, change: RecordChange) -> RecordState:
    # A second delete of the same life has seen more of the heads that survived the first.
    ended = change.causal_length + change.causal_length % 2
    if state.causal_length > ended:
        return state  # a later life has begun
    again = state.causal_length == ended
    heads = {(name, h.version) for name, heads in state.fields.items() for h in heads.all}
    survived_delete = frozenset(
        (name, version)
        for name, version in (state.survived_delete if again else heads)
        if not _had_seen(change, name, version)
    )
    causal_length_version = (
        max(state.causal_length_version, change.version) if again else change.version
    )
    return replace(
        state,
        causal_length=ended,
        causal_length_version=causal_length_version,
        survived_delete=survived_delete,
    )


def _had_seen(change: RecordChange, name: str, version: Version) -> bool:
    """Return whether the writer of a delete had seen this head."""
    if version in tuple(change.resolved.get(name, ())):
        return True
    if name in change.bases:
        return version == change.bases[name]
    return version in change.bases.values()  # a field that its program did not know


def _with_values(
    state: RecordState, change: RecordChange, schema: Mapping[str, FieldSchema]
) -> RecordState:
    """Merge the change's values; in an ended record they survive its end."""
    fields = dict(state.fields)
    for name, value in change.values.items():
        head = Head(change.version, value, change.level)
        base = change.bases.get(name, b"")
        resolved = change.resolved.get(name, ())
        fields[name] = _joined(schema[name], state.fields.get(name), head, base, resolved)
    survived_delete = state.survived_delete
    if not state.alive:
        before = {(n, h.version) for n in change.values if n in state.fields
                  for h in state.fields[n].all}  # fmt: skip
        after = {(n, h.version) for n in change.values for h in fields[n].all}
        survived_delete = (survived_delete - (before - after)) | (after - before)
    return replace(state, fields=fields, survived_delete=survived_delete)


def _joined(
    schema: FieldSchema,
    heads: Heads | None,
    incoming: Head,
    base: Version,
    resolved: Iterable[Version],
) -> Heads:
    if heads is None:
        return Heads(incoming)
    replaced = {base, *resolved}
    if base != incoming.version and any(h.version == incoming.version for h in heads.all):
        # Known already (with itself as base it is a second edit of one transaction). If it came as
        # a copy, an older entry may have returned since what it overwrote: that goes now.
        replaced.discard(incoming.version)
        stay = [h for h in heads.all if h.version not in replaced]
        return heads if len(stay) == len(heads.all) else _canonical(schema, stay)
    return _canonical(schema, [*(h for h in heads.all if h.version not in replaced), incoming])


def _canonical(schema: FieldSchema, heads: list[Head]) -> Heads:
    if len(heads) == 1:
        return Heads(heads[0])
    shown = _shown(schema, heads)
    losers = tuple(sorted(h for h in heads if h.version != shown.version))
    return Heads(shown, losers)


def _shown(schema: FieldSchema, heads: list[Head]) -> Head:
    if schema.policy is Policy.FIRST:
        return min(heads, key=lambda h: h.version)
    return max(heads, key=_ranking(schema))


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
    """Return the value to show and store: for UNION the members of all heads."""
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
