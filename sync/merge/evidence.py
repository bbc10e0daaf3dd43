"""Join two copies of a record without a version vector, by the evidence of both logs. Pure.

Merge joins an edit; its base says what its writer had seen. Two copies have no base. The edits in
both logs (`LoggedEdit`, `Evidence`) show which head was overwritten knowingly. What they do not
explain stays on both sides, as concurrent heads. The join drops only a head that was overwritten
knowingly, or that no known writer can have written; the caller logs the second kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass, field, replace

from sync.merge.join import Joined, Side, join_copies
from sync.merge.record import Head, RecordState, with_heads
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
    overwritten = {name: _overwritten(name, history) for name in schema}

    def is_logged(causal_length: int, version: Version) -> bool:
        return version in history and history[version].causal_length == causal_length

    def right(name: str, one: Head, other: Head) -> Head:
        """Return the logged head; else that of the side nearer its writer, which sooner compares
        with an office that has it in its log."""
        values = history.get(one.version, LoggedEdit()).values
        if name in values:
            return one._replace(value=values[name])
        return one if writers.get(incarnation_of(one.version), 0) <= level else other

    joined = join_copies(
        [
            Side(_with_levels(copy, writers), lambda name, v: v in overwritten[name])
            for copy in (mine, theirs)
            if copy is not None
        ],
        schema,
        is_known=lambda version: incarnation_of(version) in writers,
        is_logged=is_logged,
        right=right,
    )
    whole = joined.copy is not None and joined.copy.fields.keys() == schema.keys()
    return joined if whole else Joined(None, joined.dropped)


def _with_levels(copy: RecordState, writers: Mapping[int, int]) -> RecordState:
    """Return a copy whose heads have the levels of their writers."""

    def levelled(_name: str, head: Head) -> Head:
        return head._replace(level=writers.get(incarnation_of(head.version), head.level))

    return with_heads(copy, levelled)


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
