"""Join copies of one record. Pure.

Two copies have no base that says what their writers had seen. So each comes with an answer to one
question: has this side knowingly overwritten a version? A head stays where every side has it or has
not overwritten it. That comes from a version vector (`sync.merge.copies`) or from log evidence
(`sync.merge.evidence`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from sync.merge.record import Head, Heads, RecordState, canonical
from sync.model.change import Value
from sync.model.schema import FieldSchema
from sync.model.version import Version


class Side(NamedTuple):
    """One copy, and which versions of a field its office has overwritten knowingly."""

    copy: RecordState
    overwrote: Callable[[str, Version], bool]


class Dropped(NamedTuple):
    """A value that is in no copy any more."""

    field: str
    version: Version
    value: Value


@dataclass(frozen=True, slots=True)
class Joined:
    """The joined copy, and the values that are not in it. `copy`: None if nothing could be kept."""

    copy: RecordState | None
    dropped: tuple[Dropped, ...] = ()


def fuller(_name: str, one: Head, other: Head) -> Head:
    """Return the head that has a value: a program that did not know the field stored null."""
    return other if one.value is None else one


def join_copies(
    sides: Sequence[Side],
    schema: Mapping[str, FieldSchema],
    *,
    is_known: Callable[[Version], bool] = lambda _version: True,
    is_logged: Callable[[int, Version], bool] = lambda _causal_length, _version: False,
    right: Callable[[str, Head, Head], Head] = fuller,
) -> Joined:
    """Return the copy of an office that knows what each side knows.

    `is_known`: whether a known writer wrote a version; heads of others are dropped. `is_logged`:
    whether a log has the edit that made a causal length. `right`: the head to keep of two that have
    different values under one version.
    """
    copies = [side.copy for side in sides]
    fields: dict[str, Heads] = {}
    dropped: list[Dropped] = []
    for name in schema:
        present = [side for side in sides if name in side.copy.fields]
        if not present:
            continue
        first = present[0].copy.fields[name]
        if all(side.copy.fields[name] == first for side in present[1:]) and all(
            is_known(head.version) for head in first.all
        ):
            fields[name] = first  # as nearly always
            continue
        heads, wrong = _one_head_each(name, present, right)
        dropped += wrong
        known = {version: head for version, head in heads.items() if is_known(version)}
        dropped += (_dropped(name, head) for v, head in heads.items() if v not in known)
        gone = {
            version
            for side in present
            for version in known.keys() - {head.version for head in side.copy.fields[name].all}
            if side.overwrote(name, version)
        }
        # If each side has overwritten what the other has, they contradict each other: keep all.
        stay = [known[version] for version in sorted(known.keys() - gone or known)]
        if not stay:
            return Joined(None, tuple(dropped))
        fields[name] = Heads(stay[0], tuple(stay[1:]))
    creations = [copy.created for copy in copies if is_known(copy.created)]
    if not creations:
        return Joined(None, tuple(dropped))
    created = min(creations)
    causal_length, version = _causal_length(copies, is_known, is_logged)
    joined = RecordState(created, causal_length, created if causal_length == 1 else version, fields)
    if not joined.alive:
        survived_delete = frozenset(_survived_delete(copies, causal_length, fields))
        joined = replace(joined, survived_delete=survived_delete)
    return Joined(canonical(joined, schema), tuple(dropped))


def _one_head_each(
    name: str, sides: Sequence[Side], right: Callable[[str, Head, Head], Head]
) -> tuple[dict[Version, Head], list[Dropped]]:
    """Return one head for each version of a field, and the values under them that are wrong."""
    found: dict[Version, Head] = {}
    wrong: list[Dropped] = []
    for side in sides:
        for head in side.copy.fields[name].all:
            other = found.setdefault(head.version, head)
            if other.value != head.value:
                kept = found[head.version] = right(name, other, head)
                wrong += (_dropped(name, h) for h in (other, head) if h.value != kept.value)
    return found, wrong


def _dropped(name: str, head: Head) -> Dropped:
    return Dropped(name, head.version, head.value)


def _causal_length(
    copies: Sequence[RecordState],
    is_known: Callable[[Version], bool],
    is_logged: Callable[[int, Version], bool],
) -> tuple[int, Version]:
    """Return the logged causal length; else the greater one, of a known writer if there is one."""
    found = {(copy.causal_length, copy.causal_length_version) for copy in copies}
    logged = {each for each in found if is_logged(*each)}
    known = {each for each in found if is_known(each[1])}
    return max(logged or known or found)


def _survived_delete(
    copies: Sequence[RecordState], causal_length: int, fields: Mapping[str, Heads]
) -> Iterable[tuple[str, Version]]:
    """Yield the heads that survived the end of this life.

    A copy at this causal length lists the heads that no deleting writer had seen. So the edit of
    a head that it has and does not list was seen, with all its fields, also those that the copy's
    program does not know. About an edit of which it has no head it says nothing.
    """
    seen = {
        head.version
        for copy in copies
        if copy.causal_length == causal_length
        for name, heads in copy.fields.items()
        for head in heads.all
        if (name, head.version) not in copy.survived_delete
    }
    for name, heads in fields.items():
        yield from ((name, head.version) for head in heads.all if head.version not in seen)
