"""Join two copies of a record without a version vector, by the evidence of both logs. Pure.

Merge joins an edit; its base says what its writer had seen. Two copies have no base. The edits in
both logs (`LoggedEdit`, `Evidence`) show which head was overwritten knowingly. What they do not
explain stays on both sides, as concurrent heads. The join drops only a head that was overwritten
knowingly, or that no known writer can have written; the caller logs the second kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from sync.merge.record import Head, Heads, RecordState, canonical
from sync.model.change import Operation, Value
from sync.model.schema import FieldSchema
from sync.model.version import Version, incarnation_of


@dataclass(slots=True)
class LoggedEdit:
    """What one logged transaction did to one record."""

    causal_length: int = 0  # after the edit
    values: dict[str, Value] = field(default_factory=dict)
    overwritten: dict[str, set[Version]] = field(default_factory=dict)  # or resolved by it


EditHistory = Mapping[Version, LoggedEdit]
_UNATTRIBUTED: Version = b""  # key for versions overwritten by an unknown edit


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an office sends with its copy of a record, from its log and from former repairs."""

    causal_lengths: Set[Version] = frozenset()  # versions of causal lengths that an edit made
    overwritten: Mapping[str, Set[Version]] = field(default_factory=dict)  # of each field
    written: Mapping[str, Mapping[Version, Value]] = field(default_factory=dict)  # values of heads


NO_EVIDENCE = Evidence()


class Dropped(NamedTuple):
    """A value that is in neither copy any more."""

    field: str
    version: Version
    value: Value


@dataclass(frozen=True, slots=True)
class Joined:
    """The joined copy, and the values that are not in it. `copy`: None if nothing could be kept."""

    copy: RecordState | None
    dropped: tuple[Dropped, ...] = ()


def join(
    mine: RecordState | None,
    theirs: RecordState | None,
    schema: Mapping[str, FieldSchema],
    history: EditHistory,
    writers: Mapping[int, int],
    *,
    level: int,
) -> Joined:
    """Join two copies: a parent's, of its `level`, and a child's.

    `writers`: incarnation -> level of every writer known here. A version of another incarnation was
    written by nobody: it comes from a damaged page, and is dropped if any other head is left.
    """
    copies = [copy for copy in (mine, theirs) if copy is not None]
    dropped: list[Dropped] = []
    fields: dict[str, Heads] = {}
    for name in schema:
        heads = [h for copy in copies if name in copy.fields for h in copy.fields[name].all]
        stay, out = _surviving(name, heads, history, writers, level)
        dropped += out
        if not stay:
            return Joined(None, tuple(dropped))
        fields[name] = Heads(stay[0], tuple(stay[1:]))
    known = [copy for copy in copies if incarnation_of(copy.created) in writers]
    if not known:
        return Joined(None, tuple(dropped))
    created = min(copy.created for copy in known)
    causal_length, causal_length_version = _causal_length(copies, history, writers, created)
    survived_delete = (
        frozenset()
        if causal_length % 2
        else frozenset(_survived_delete(copies, causal_length, fields))
    )
    return Joined(
        canonical(
            RecordState(created, causal_length, causal_length_version, fields, survived_delete),
            schema,
        ),
        tuple(dropped),
    )


def evidence_for(copy: RecordState, history: EditHistory) -> Evidence:
    """Return the evidence of our log that goes with a copy to a peer."""
    edit = history.get(copy.causal_length_version)
    causal_lengths = (
        {copy.causal_length_version}
        if edit is not None and edit.causal_length == copy.causal_length
        else frozenset()
    )
    overwritten = {
        name: _overwritten(name, history) - _versions(copy, name) for name in copy.fields
    }
    written = {
        name: {
            version: history[version].values[name]
            for version in _versions(copy, name)
            if version in history and name in history[version].values
        }
        for name in copy.fields
    }
    return Evidence(
        causal_lengths,
        {name: versions for name, versions in overwritten.items() if versions},
        {name: values for name, values in written.items() if values},
    )


def with_evidence(
    history: EditHistory, copy: RecordState | None, evidence: Evidence
) -> EditHistory:
    """Return our log's history together with the evidence that came with a copy.

    Evidence that a value was overwritten counts only if the copy has a later one of that field. For
    a causal length, and for what was written, our own log has precedence.
    """
    if copy is None:
        return history
    known = dict(history)
    if copy.causal_length_version in evidence.causal_lengths:
        known.setdefault(copy.causal_length_version, LoggedEdit(copy.causal_length))
    for name, values in evidence.written.items():
        for version, value in values.items():
            edit = known.get(version, LoggedEdit())
            known[version] = replace(edit, values={name: value, **edit.values})
    before = history.get(_UNATTRIBUTED, LoggedEdit()).overwritten
    overwritten = {name: set(versions) for name, versions in before.items()}
    for name, versions in evidence.overwritten.items():
        latest = max(_versions(copy, name), default=b"")
        overwritten.setdefault(name, set()).update(v for v in versions if v < latest)
    known[_UNATTRIBUTED] = LoggedEdit(overwritten=overwritten)
    return known


def lost(
    before: RecordState, after: RecordState, history: EditHistory, writers: Mapping[int, int]
) -> list[tuple[str, Version]]:
    """Return the heads of a copy that the other lacks and that no edit overwrote."""
    return [
        (name, head.version)
        for name, heads in before.fields.items()
        for head in heads.all
        if incarnation_of(head.version) in writers
        and all(h.version != head.version for h in after.fields[name].all)
        and head.version not in _overwritten(name, history)
    ]


def unauthorised_heads(
    copy: RecordState,
    schema: Mapping[str, FieldSchema],
    may_write: Callable[[int, FieldSchema, Value], bool],
    known: Iterable[tuple[str, Version]],
) -> list[tuple[str, Version]]:
    """Return the heads of a peer's copy that are new here and that their writer may not write."""
    here = set(known)
    return [
        (name, head.version)
        for name, heads in copy.fields.items()
        for head in heads.all
        if (name, head.version) not in here
        and not may_write(incarnation_of(head.version), schema[name], head.value)
    ]


def _versions(copy: RecordState | None, name: str) -> set[Version]:
    if copy is None or name not in copy.fields:
        return set()
    return {head.version for head in copy.fields[name].all}


def _overwritten(name: str, history: EditHistory) -> set[Version]:
    return {v for edit in history.values() for v in edit.overwritten.get(name, ())}


def _surviving(
    name: str, heads: Sequence[Head], history: EditHistory, writers: Mapping[int, int], level: int
) -> tuple[list[Head], list[Dropped]]:
    """Return the heads of both copies that stay, and those that are dropped."""
    by_version: dict[Version, Head] = {}
    dropped: list[Dropped] = []
    for head in heads:
        other = by_version.setdefault(head.version, head)
        if other.value != head.value:
            above = writers.get(incarnation_of(head.version), 0) <= level
            right = _right(name, other, head, history, above)
            wrong = head if right is other else other
            by_version[head.version] = right
            dropped.append(Dropped(name, wrong.version, wrong.value))
    overwritten = _overwritten(name, history)
    stay = [
        h for v, h in by_version.items() if incarnation_of(v) in writers and v not in overwritten
    ]
    if not stay:  # the values that overwrote them are gone: keep these rather than none
        stay = [h for v, h in by_version.items() if incarnation_of(v) in writers]
    kept = {h.version for h in stay}
    dropped += (
        Dropped(name, v, h.value)
        for v, h in by_version.items()
        if v not in kept and v not in overwritten
    )
    stay = [h._replace(level=writers[incarnation_of(h.version)]) for h in stay]
    return sorted(stay, key=lambda h: h.version), dropped


def _right(name: str, one: Head, other: Head, history: EditHistory, above: bool) -> Head:
    """Of a parent's and a child's value with one version, return the logged one; else that of the
    side nearer its writer (`above`: the parent's), which sooner compares with an office that has
    it in its log."""
    edit = history.get(one.version)
    if edit is not None and name in edit.values:
        value = edit.values[name]
        for head in (one, other):
            if head.value == value:
                return head
        return one._replace(value=value)
    return one if above else other


def _causal_length(
    copies: Sequence[RecordState],
    history: EditHistory,
    writers: Mapping[int, int],
    created: Version,
) -> tuple[int, Version]:
    """Return the logged causal length; else the greater one."""
    causal_lengths = {(c.causal_length, c.causal_length_version) for c in copies}
    logged = {
        (causal_length, version)
        for causal_length, version in causal_lengths
        if version in history and history[version].causal_length == causal_length
    }
    real = {each for each in causal_lengths if incarnation_of(each[1]) in writers}
    causal_length, version = max(logged or real or causal_lengths)
    return causal_length, created if causal_length == 1 else version


def _survived_delete(
    copies: Sequence[RecordState], causal_length: int, fields: Mapping[str, Heads]
) -> Iterable[tuple[str, Version]]:
    """Yield the heads that survived the end: no deleting writer of this life had seen them."""
    enders = [copy for copy in copies if copy.causal_length == causal_length]
    for name, heads in fields.items():
        for head in heads.all:
            key = (name, head.version)
            if all(key in copy.survived_delete for copy in enders if _holds(copy, *key)):
                yield key


def _holds(copy: RecordState, name: str, version: Version) -> bool:
    return name in copy.fields and any(h.version == version for h in copy.fields[name].all)


def overwritten_transitively(copy: RecordState, name: str, history: EditHistory) -> set[Version]:
    """Return the versions that the edits behind a field's heads overwrote in it, also indirectly.

    An edit of several fields may be applied in some and quarantined in others: in these it
    overwrote nothing.
    """
    found: set[Version] = set()
    wanted = _versions(copy, name)
    while wanted:
        edit = history.get(wanted.pop())
        if edit is not None:
            fresh = edit.overwritten.get(name, set()) - found
            found |= fresh
            wanted |= fresh
    return found


def versions_in_dispute(mine: RecordState | None, theirs: RecordState | None) -> set[Version]:
    """Return the versions to look up in the log before two copies are joined."""
    asked: set[Version] = set()
    one = _facts(mine)
    other = _facts(theirs)
    for _, version, *_rest in one ^ other:
        asked.add(version)
    return asked


def _facts(copy: RecordState | None) -> Set[tuple[str, Version, Value | int]]:
    if copy is None:
        return frozenset()
    facts: set[tuple[str, Version, Value | int]] = {
        ("", copy.causal_length_version, copy.causal_length)
    }
    facts |= {(n, h.version, h.value) for n, heads in copy.fields.items() for h in heads.all}
    return facts


def causal_length_of(operation: Operation, causal_length: int) -> int:
    """Return the causal length after an edit."""
    match operation:
        case Operation.CREATE:
            return 1
        case Operation.UPDATE:
            return causal_length + (causal_length % 2 == 0)
        case Operation.DELETE:
            return causal_length + causal_length % 2
