"""Schema of a register as the engine knows it: names, kinds, merge policies; not its meaning."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from functools import cached_property

from sync.model.values import ANY, Limits, NaturalId


class Lane(IntEnum):
    """The two queues of a link; the numbers are those of the wire."""

    CONTROL = 1
    BULK = 2


class Kind(Enum):
    """How a field's values are stored and sent."""

    TEXT = "text"
    INT = "int"

    @property
    def type(self) -> type[int] | type[str]:
        return int if self is Kind.INT else str


class Policy(Enum):
    """Which of several concurrent values of a field is shown, and whether a person must look."""

    LATEST = "latest"  # the later version; the other is kept and listed
    OWNER = "owner"  # the value of the field's owning level
    HIGHER = "higher"  # the value written at the higher level
    MAX = "max"  # the greater value; no conflict
    MIN = "min"  # the smaller value; no conflict
    UNION = "union"  # a set: all members; no conflict
    MANUAL = "manual"  # the later version for now; a person must decide
    FIRST = "first"  # the earliest version, of records that are only appended


AUTO_RESOLVED = frozenset({Policy.MAX, Policy.MIN, Policy.UNION})  # no person has to decide


@dataclass(frozen=True, slots=True)
class FieldSchema:
    """One field: its kind, its merge policy, the levels that may write it, what it may hold."""

    name: str
    kind: Kind = Kind.TEXT
    policy: Policy = Policy.LATEST
    owners: tuple[int, ...] = (0, 1, 2, 3)
    limits: Limits = ANY


@dataclass(frozen=True)
class RegisterSchema:
    """One register as the engine sees it; its table is built from this."""

    name: str
    lane: Lane
    fields: tuple[FieldSchema, ...]
    # Fields, or id, or "unit+field", that have an index; at most two.
    indexes: tuple[str, ...] = ()
    own: bool = False  # each office writes records of its own unit only, and none of those below
    append_only: bool = False  # a record is never changed or ended, by its owner neither
    natural_id: NaturalId | None = None
    audience: str = ""  # of every change; empty: decided for each record by its writer

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(f.name for f in self.fields)

    @cached_property
    def by_name(self) -> Mapping[str, FieldSchema]:
        return {f.name: f for f in self.fields}


@dataclass(frozen=True)
class Schema:
    """All registers of a catalogue version."""

    registers: Mapping[str, RegisterSchema] = field(default_factory=dict)

    @classmethod
    def of(cls, registers: Iterable[RegisterSchema]) -> Schema:
        return cls({r.name: r for r in registers})


Shared = Mapping[str, Sequence[int]]  # register -> units that both sides may receive completely
