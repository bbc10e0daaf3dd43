"""Copies of records with their version vector, and the join of two copies that have one. Pure.

`sync.apply.read_copies` reads copies from the store, `sync.codec.chunk` packs them for the wire,
`sync.apply.copies` joins received ones into the store.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sync.merge.join import Side, join_copies
from sync.merge.record import RecordState
from sync.model.schema import FieldSchema, Lane
from sync.model.stream import StreamKey
from sync.model.version import Version, hlc_of, incarnation_of

QuarantinedVersions = Mapping[bytes, frozenset[Version]]
Writer = tuple[int, int]  # unit, level


@dataclass(frozen=True, slots=True)
class Rows:
    """Copies of records of one register and unit, and their edits that are quarantined."""

    register: str
    unit: int
    states: Mapping[bytes, RecordState]
    quarantined: QuarantinedVersions = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StreamTip:
    """The newest entry of a stream, and up to which entry its origin has signed it."""

    seq: int
    hash: bytes
    hlc: int
    signed_seq: int = 0
    signature: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Part of a snapshot; the last one has heads, cursors and how far our log was `acked`."""

    rows: Sequence[Rows]
    version_vector: Mapping[Lane, Mapping[int, int]]  # lane -> incarnation -> newest stamp there
    writers: Mapping[int, Writer]
    keys: Mapping[int, bytes] = field(default_factory=dict)  # incarnation -> public key
    chains: Mapping[int, tuple[bytes, ...]] = field(default_factory=dict)  # what certifies the key
    heads: Mapping[StreamKey, StreamTip] = field(default_factory=dict)
    cursors: Mapping[Lane, tuple[int, int]] = field(default_factory=dict)  # incarnation, position
    acked: Mapping[Lane, tuple[int, int]] = field(default_factory=dict)

    def vector(self, lane: Lane, quarantined: frozenset[Version]) -> VersionVector:
        return VersionVector(self.version_vector.get(lane, {})).without(quarantined)


def versions_in(state: RecordState) -> set[Version]:
    """Return every version in a copy."""
    heads = {h.version for heads in state.fields.values() for h in heads.all}
    return (
        heads | {state.created, state.causal_length_version} | {v for _, v in state.survived_delete}
    )


@dataclass(frozen=True, slots=True)
class VersionVector:
    """Which edits an office has received in one lane, without those that it has quarantined.

    Each writer's entries come by one path in the order of their stamps, so the newest stamp
    received from a writer covers all before it.
    """

    newest: Mapping[int, int]  # incarnation -> stamp
    quarantined: frozenset[Version] = frozenset()  # received, but not applied

    def __contains__(self, version: object) -> bool:
        if not isinstance(version, bytes) or version in self.quarantined:
            return False
        return hlc_of(version) <= self.newest.get(incarnation_of(version), -1)

    def without(self, quarantined: Iterable[Version]) -> VersionVector:
        return VersionVector(self.newest, frozenset(quarantined)) if quarantined else self


@dataclass(frozen=True, slots=True)
class VectorUnion:
    """What at least one of two offices has received."""

    one: Container[Version]
    other: Container[Version]

    def __contains__(self, version: object) -> bool:
        return version in self.one or version in self.other


EMPTY: Container[Version] = frozenset()  # the vector of a copy that cannot be trusted


def join(
    ours: RecordState,
    theirs: RecordState,
    schema: Mapping[str, FieldSchema],
    *,
    received_here: Container[Version],
    received_there: Container[Version],
    overwritten: Mapping[str, Container[Version]] = {},
) -> RecordState:
    """Return the copy of an office that has received what either office has received.

    Commutative, associative and idempotent, if the version vectors are joined with it.
    `overwritten`: for each field, versions that our own edits have overwritten or settled although
    our version vector does not include them: they came in an earlier copy.
    """
    joined = join_copies(
        (
            Side(ours, lambda name, v: v in received_here or v in overwritten.get(name, ())),
            Side(theirs, lambda _name, v: v in received_there),
        ),
        schema,
    )
    assert joined.copy is not None  # every writer counts as known
    return joined.copy
