"""Changes: the only thing that crosses a link, up or down, packed by column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from types import MappingProxyType
from typing import NamedTuple

from sync.model.attribution import UNKNOWN, Attribution
from sync.model.schema import Lane
from sync.model.version import Version, version_of

Value = str | int | None  # the only things stored: see sync.model.schema.Kind
ID_BYTES = 16


class Operation(IntEnum):
    """What a block does to its records; the numbers are those of the wire."""

    CREATE = 1
    UPDATE = 2
    DELETE = 3


class RecordKey(NamedTuple):
    """Identifies one record. A tuple, like `Edit`: an import makes one of each for every record."""

    register: str
    unit: int  # the unit whose record it is
    id: bytes  # 16 bytes


class Edit(NamedTuple):
    """What a local writer asks for: one record's new values, or its end.

    `base`: the version that each field had on the person's screen; for a missing field it is the
    version in the store now. `resolves`: losing values that the edit resolves, field -> versions.
    """

    key: RecordKey
    operation: Operation
    values: Mapping[str, Value] = MappingProxyType({})
    audiences: tuple[str, ...] = ()  # one version, written to each of these streams
    base: Mapping[str, Version] = MappingProxyType({})
    resolves: Mapping[str, Sequence[Version]] = MappingProxyType({})


@dataclass(slots=True)
class Block:
    """Changes of one kind to records of one register and unit; all share the entry's version.

    `columns[i][k]` is field i of record k; `bases[i][k]` its base version (UPDATE, DELETE).
    """

    register: str
    unit: int
    operation: Operation
    ids: list[bytes]
    fields: tuple[str, ...] = ()
    columns: list[Sequence[Value]] = field(default_factory=list)
    bases: list[Sequence[Version]] = field(default_factory=list)
    causal_length: int = 0  # the edit's base: odd is active, even is ended; 0 for CREATE
    resolved: dict[tuple[int, str], tuple[Version, ...]] = field(default_factory=dict)
    # DELETE, and UPDATE of ended records: what each life, or its end, began with; may be unknown.
    lives: Sequence[Version] = ()

    def resolved_by_record(self) -> Mapping[int, Mapping[str, tuple[Version, ...]]]:
        """Return the losing values that are resolved, by the place of their record."""
        found: dict[int, dict[str, tuple[Version, ...]]] = {}
        for (place, name), versions in self.resolved.items():
            found.setdefault(place, {})[name] = versions
        return found

    def without(self, names: Sequence[str]) -> Block:
        """Return the block without these fields, as for a store that does not know them."""
        keep = [i for i, name in enumerate(self.fields) if name not in names]
        return replace(
            self,
            fields=tuple(self.fields[i] for i in keep),
            columns=[self.columns[i] for i in keep] if self.columns else [],
            bases=[self.bases[i] for i in keep] if self.bases else [],
        )


@dataclass(slots=True)
class Entry:
    """One transaction for one audience, and the bytes that cross every link unchanged."""

    incarnation: int
    unit: int
    level: int
    audience: str
    lane: Lane
    seq: int  # 1, 2, 3, ... in the stream (incarnation, audience, lane)
    prev_hash: bytes
    hlc: int
    changes: int
    payload: bytes  # compressed body
    wire: bytes  # the serialized entry
    hash: bytes  # of `wire`
    original_incarnation: int = 0  # of a republished entry: under which it was first written
    by: Attribution = UNKNOWN  # for people only: nothing is decided by it

    @property
    def version(self) -> Version:
        """The version of everything in the entry."""
        return version_of(self.hlc, self.original_incarnation or self.incarnation)


@dataclass(frozen=True, slots=True)
class StreamHead:
    """How far a stream is known: its newest entry's number and hash."""

    seq: int = 0
    hash: bytes = b""


@dataclass(frozen=True, slots=True)
class Signature:
    """The origin's signature for a stream up to an entry, and its public key."""

    incarnation: int
    audience: str
    lane: Lane
    seq: int
    signature: bytes  # 64 bytes
    public_key: bytes  # 32 bytes
    certificates: tuple[bytes, ...] = ()  # that name the key, DER; where a stream begins


@dataclass(frozen=True, slots=True)
class Batch:
    """Part of a sender's log: complete transactions in order, and the position after them."""

    lane: Lane
    incarnation: int  # whose log positions these are
    after: int
    upto: int
    entries: tuple[bytes, ...] = ()  # serialized entries
    positions: tuple[int, ...] = ()  # the sender's log position of each
    signatures: tuple[Signature, ...] = ()
    log_signature: bytes = b""  # the sender's: its log has the last entry at the last position
