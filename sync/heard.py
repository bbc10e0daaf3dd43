"""Heard: two copies of one record become one by what each office has heard. Pure.

A copy by itself cannot say why it lacks a value: overwritten knowingly, or never heard. What its
office has heard says so. Joining copies gives what joining their edits would have given (INV-7),
so a record may travel as it stands and not only as the edits that made it. Where a log can be
asked for the edits themselves, `sync.joining` is the surer way.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass

from sync.merge import Head, Heads, RecordState, arranged
from sync.schema import FieldSchema
from sync.version import Version, hlc_of, incarnation_of


@dataclass(frozen=True, slots=True)
class Heard:
    """Which edits an office has heard in one lane, but for those of a record that it holds up.

    Each writer's words come by one path in the order of their stamps, so the newest stamp heard
    of a writer stands for all before it.
    """

    newest: Mapping[int, int]  # incarnation -> stamp
    held: frozenset[Version] = frozenset()  # heard, but not joined: they wait in a hole

    def __contains__(self, version: object) -> bool:
        if not isinstance(version, bytes) or version in self.held:
            return False
        return hlc_of(version) <= self.newest.get(incarnation_of(version), -1)

    def but(self, held: Iterable[Version]) -> Heard:
        return Heard(self.newest, frozenset(held)) if held else self


@dataclass(frozen=True, slots=True)
class Either:
    """What the one or the other has heard."""

    one: Container[Version]
    other: Container[Version]

    def __contains__(self, version: object) -> bool:
        return version in self.one or version in self.other


NOTHING: Container[Version] = frozenset()  # of one whose copy is not to be believed: a repair


def join(
    ours: RecordState,
    theirs: RecordState,
    schema: Mapping[str, FieldSchema],
    *,
    heard_here: Container[Version],
    heard_there: Container[Version],
    gone: Mapping[str, Container[Version]] = {},
) -> RecordState:
    """Return the copy of an office that has heard what either has heard.

    Commutative, associative and idempotent, with what was heard joined beside it. `gone`: of each
    field, what our own edits have overwritten or settled though it is not counted as heard here:
    it came in an earlier copy.
    """
    born = min(ours.born, theirs.born)
    life = max(ours.life, theirs.life)
    began = [s.life_version for s in (ours, theirs) if s.life == life]
    fields = {}
    for name in (n for n in schema if n in ours.fields or n in theirs.fields):
        mine, other = _heads(ours, name), _heads(theirs, name)
        standing = {
            v: _fuller(mine.get(v), other.get(v))
            for v in mine.keys() | other.keys()
            if (v in mine or not mine or (v not in heard_here and v not in gone.get(name, ())))
            and (v in other or not other or v not in heard_there)
        }
        # Copies of which each has overwritten what the other holds cannot both be true: keep all.
        fields[name] = standing or {**other, **mine}
    unseen: set[tuple[str, Version]] = set()
    if life % 2 == 0:
        unseen = {
            (name, v) for name, heads in fields.items() for v in heads
            if all(_stands_against(s, life, name, v) for s in (ours, theirs))
        }  # fmt: skip
    return arranged(
        RecordState(
            born,
            life,
            born if life == 1 else max(began),
            {name: _listed(heads) for name, heads in fields.items()},
            frozenset(unseen),
        ),
        schema,
    )


def _heads(state: RecordState, name: str) -> dict[Version, Head]:
    """Return a field's heads by version; none when this copy's program does not know the field."""
    return {h.version: h for h in state.fields[name].all} if name in state.fields else {}


def _fuller(mine: Head | None, other: Head | None) -> Head:
    """Return the head that tells more: a program that did not know the field stored nothing."""
    known = [h for h in (mine, other) if h is not None]
    return max(known, key=lambda h: h.value is not None)


def _listed(heads: Mapping[Version, Head]) -> Heads:
    first, *others = heads.values()
    return Heads(first, tuple(others))


def _stands_against(state: RecordState, life: int, name: str, version: Version) -> bool:
    """Say whether no ender of this life that the copy knows had seen the head.

    Who knows an end knows what its ender had seen, so a copy that lacks the head has not.
    """
    held = state.life == life and version in _heads(state, name)
    return not held or (name, version) in state.unseen
