"""Joining: two copies of one record made one, with what the log says of its edits. Pure.

Merge joins an edit, whose base says what its writer had seen. Two copies have no base: which head
was overwritten knowingly, the edits tell that either side has in its log (`Said`, `Told`);
what they do not explain stands on both sides, as heads beside each other. Nothing is dropped but a
head that was overwritten knowingly or that no writer known here can have written, and of that the
caller keeps a note.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from sync.change import Operation, Value
from sync.merge import Head, Heads, RecordState, arranged
from sync.schema import FieldSchema
from sync.version import Version, incarnation_of


@dataclass(slots=True)
class Said:
    """What one logged transaction did to one record."""

    life: int = 0  # the life that it began or went on with
    values: dict[str, Value] = field(default_factory=dict)
    gone: dict[str, set[Version]] = field(default_factory=dict)  # overwritten or settled by it


Testimony = Mapping[Version, Said]
_NO_EDIT: Version = b""  # what was overwritten stands under it when nobody tells by which edit


@dataclass(frozen=True, slots=True)
class Told:
    """What an office tells beside its copy of a record, out of its log and of former repairs."""

    lives: Set[Version] = frozenset()  # the versions of lives that were truly begun or ended
    overwritten: Mapping[str, Set[Version]] = field(default_factory=dict)  # of each field
    written: Mapping[str, Mapping[Version, Value]] = field(default_factory=dict)  # values of heads


NOTHING_TOLD = Told()


class Dropped(NamedTuple):
    """A value that is in neither copy any more."""

    field: str
    version: Version
    value: Value


@dataclass(frozen=True, slots=True)
class Joined:
    """The one copy, and what is not in it of the two. `copy`: None, when nothing could be kept."""

    copy: RecordState | None
    dropped: tuple[Dropped, ...] = ()


def join(
    mine: RecordState | None,
    theirs: RecordState | None,
    schema: Mapping[str, FieldSchema],
    testimony: Testimony,
    writers: Mapping[int, int],
    *,
    level: int,
) -> Joined:
    """Join two copies: a parent's, of its `level`, and a child's.

    `writers`: incarnation -> level of everybody heard here. A version of another incarnation was
    written by nobody: it comes from a damaged page, and is dropped where anything else is left.
    """
    copies = [copy for copy in (mine, theirs) if copy is not None]
    dropped: list[Dropped] = []
    fields: dict[str, Heads] = {}
    for name in schema:
        heads = [h for copy in copies if name in copy.fields for h in copy.fields[name].all]
        stay, out = _standing(name, heads, testimony, writers, level)
        dropped += out
        if not stay:
            return Joined(None, tuple(dropped))
        fields[name] = Heads(stay[0], tuple(stay[1:]))
    known = [copy for copy in copies if incarnation_of(copy.born) in writers]
    if not known:
        return Joined(None, tuple(dropped))
    born = min(copy.born for copy in known)
    life, life_version = _life(copies, testimony, writers, born)
    unseen = frozenset() if life % 2 else frozenset(_unseen(copies, life, fields))
    return Joined(
        arranged(RecordState(born, life, life_version, fields, unseen), schema), tuple(dropped)
    )


def told_beside(copy: RecordState, testimony: Testimony) -> Told:
    """Return what goes beside a copy to a peer that has not our log."""
    said = testimony.get(copy.life_version)
    lives = {copy.life_version} if said is not None and said.life == copy.life else frozenset()
    gone = {name: _gone(name, testimony) - _versions(copy, name) for name in copy.fields}
    written = {
        name: {
            version: testimony[version].values[name]
            for version in _versions(copy, name)
            if version in testimony and name in testimony[version].values
        }
        for name in copy.fields
    }
    return Told(
        lives,
        {name: versions for name, versions in gone.items() if versions},
        {name: values for name, values in written.items() if values},
    )


def with_told(testimony: Testimony, copy: RecordState | None, told: Told) -> Testimony:
    """Return what our log says and what was told beside a copy.

    That a value was overwritten counts where a later one stands in that copy: what is older takes
    nothing away. Of a life, and of what was written, our own log is believed first.
    """
    if copy is None:
        return testimony
    known = dict(testimony)
    if copy.life_version in told.lives:
        known.setdefault(copy.life_version, Said(copy.life))
    for name, values in told.written.items():
        for version, value in values.items():
            said = known.get(version, Said())
            known[version] = replace(said, values={name: value, **said.values})
    before = testimony.get(_NO_EDIT, Said()).gone
    gone = {name: set(versions) for name, versions in before.items()}
    for name, versions in told.overwritten.items():
        latest = max(_versions(copy, name), default=b"")
        gone.setdefault(name, set()).update(v for v in versions if v < latest)
    known[_NO_EDIT] = Said(gone=gone)
    return known


def lost(
    before: RecordState, after: RecordState, testimony: Testimony, writers: Mapping[int, int]
) -> list[tuple[str, Version]]:
    """Return the heads of a copy that another lacks though nothing explains it."""
    return [
        (name, head.version)
        for name, heads in before.fields.items()
        for head in heads.all
        if incarnation_of(head.version) in writers
        and all(h.version != head.version for h in after.fields[name].all)
        and head.version not in _gone(name, testimony)
    ]


def strangers_to(
    copy: RecordState,
    schema: Mapping[str, FieldSchema],
    may_write: Callable[[int, FieldSchema, Value], bool],
    known: Iterable[tuple[str, Version]],
) -> list[tuple[str, Version]]:
    """Return the heads of a peer's copy that are new here and that their writer had no right to."""
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


def _gone(name: str, testimony: Testimony) -> set[Version]:
    return {v for said in testimony.values() for v in said.gone.get(name, ())}


def _standing(
    name: str, heads: Sequence[Head], testimony: Testimony, writers: Mapping[int, int], level: int
) -> tuple[list[Head], list[Dropped]]:
    """Return the heads of both copies that stand, the parent's come first, and those that fall."""
    by_version: dict[Version, Head] = {}
    dropped: list[Dropped] = []
    for head in heads:
        other = by_version.setdefault(head.version, head)
        if other.value != head.value:
            above = writers.get(incarnation_of(head.version), 0) <= level
            right = _right(name, other, head, testimony, above)
            wrong = head if right is other else other
            by_version[head.version] = right
            dropped.append(Dropped(name, wrong.version, wrong.value))
    gone = _gone(name, testimony)
    stay = [h for v, h in by_version.items() if incarnation_of(v) in writers and v not in gone]
    if not stay:  # what overwrote them is here no more: better these than nothing
        stay = [h for v, h in by_version.items() if incarnation_of(v) in writers]
    kept = {h.version for h in stay}
    dropped += (
        Dropped(name, v, h.value) for v, h in by_version.items() if v not in kept and v not in gone
    )
    stay = [h._replace(level=writers[incarnation_of(h.version)]) for h in stay]
    return sorted(stay, key=lambda h: h.version), dropped


def _right(name: str, one: Head, other: Head, testimony: Testimony, above: bool) -> Head:
    """Of a parent's and a child's value under one version, the one that was logged; else that of
    the side nearer its writer (`above`: the parent's), which sooner meets somebody who knows."""
    said = testimony.get(one.version)
    if said is not None and name in said.values:
        value = said.values[name]
        for head in (one, other):
            if head.value == value:
                return head
        return one._replace(value=value)
    return one if above else other


def _life(
    copies: Sequence[RecordState], testimony: Testimony, writers: Mapping[int, int], born: Version
) -> tuple[int, Version]:
    """Return the life that was logged; else the later one."""
    lives = {(c.life, c.life_version) for c in copies}
    logged = {
        (life, version)
        for life, version in lives
        if version in testimony and testimony[version].life == life
    }
    real = {each for each in lives if incarnation_of(each[1]) in writers}
    life, version = max(logged or real or lives)
    return life, born if life == 1 else version


def _unseen(
    copies: Sequence[RecordState], life: int, fields: Mapping[str, Heads]
) -> Iterable[tuple[str, Version]]:
    """Yield the heads that stand against the end: no ender of this life had seen them."""
    enders = [copy for copy in copies if copy.life == life]
    for name, heads in fields.items():
        for head in heads.all:
            key = (name, head.version)
            if all(key in copy.unseen for copy in enders if _holds(copy, *key)):
                yield key


def _holds(copy: RecordState, name: str, version: Version) -> bool:
    return name in copy.fields and any(h.version == version for h in copy.fields[name].all)


def beneath(copy: RecordState, name: str, testimony: Testimony) -> set[Version]:
    """Return what the edits that stand in a field have overwritten in it, and those beneath them.

    An edit of several fields may be joined in some and wait in others: there it overwrote nothing.
    """
    found: set[Version] = set()
    wanted = _versions(copy, name)
    while wanted:
        said = testimony.get(wanted.pop())
        if said is not None:
            fresh = said.gone.get(name, set()) - found
            found |= fresh
            wanted |= fresh
    return found


def versions_in_dispute(mine: RecordState | None, theirs: RecordState | None) -> set[Version]:
    """Return the versions of which the log should be asked before two copies are joined."""
    asked: set[Version] = set()
    one = _facts(mine)
    other = _facts(theirs)
    for _, version, *_rest in one ^ other:
        asked.add(version)
    return asked


def _facts(copy: RecordState | None) -> Set[tuple[str, Version, Value | int]]:
    if copy is None:
        return frozenset()
    facts: set[tuple[str, Version, Value | int]] = {("", copy.life_version, copy.life)}
    facts |= {(n, h.version, h.value) for n, heads in copy.fields.items() for h in heads.all}
    return facts


def life_of(operation: Operation, life: int) -> int:
    """Return the life that an edit speaks for."""
    match operation:
        case Operation.CREATE:
            return 1
        case Operation.UPDATE:
            return life + (life % 2 == 0)
        case Operation.DELETE:
            return life + life % 2
