"""Reports that are no changes: the status of offices, durability, comparisons. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from sync.model.change import RecordKey
from sync.model.schema import Lane


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStatus:
    """What is known of one office at a moment. Of two, the one with the later `at_ms` is kept."""

    unit: int
    at_ms: int  # corrected clock, milliseconds since 1970 UTC
    last_contact_ms: int = 0  # its last contact with its parent; 0 never
    connected: bool = False
    waiting_up: int = 0  # entries
    waiting_age_ms: int = 0  # of the oldest of them
    waiting_down: int = 0  # entries at its parent
    conflicts: int = 0
    quarantined: int = 0
    incarnation: int = 0
    bulk_seq: int = 0  # who has its upward bulk stream up to here is exact to just before `at_ms`
    program: str = ""
    signed: bytes = b""  # what of this the office itself says, with its signature


@dataclass(frozen=True, slots=True)
class DurableAt:
    """Our log is durable up to `position` at `level` (0 city, 1 district, 2 street)."""

    level: int
    lane: Lane
    position: int


class UnitKey(NamedTuple):
    """The records of one unit in one register."""

    register: str
    unit: int


class BucketKey(NamedTuple):
    """One bucket of them."""

    register: str
    unit: int
    bucket: int

    @property
    def of(self) -> UnitKey:
        return UnitKey(self.register, self.unit)


@dataclass(frozen=True, slots=True)
class CompareOptions:
    """Options of a comparison: see `DrillDown`."""

    repair: bool = True
    read: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The result of a comparison with the parent."""

    at_ms: int
    peer: int
    comparable: bool = True  # False: the two logs were never at the same point
    units: int = 0  # (register, unit) pairs compared
    other_catalogue: tuple[str, ...] = ()  # registers left out: the catalogues differ in them
    found: tuple[RecordKey, ...] = ()  # records that differed
    left: tuple[tuple[RecordKey, str], ...] = ()  # of these, what still differs, and why
    fixed_here: tuple[BucketKey, ...] = ()  # kept sums that did not match the records
    fixed_there: tuple[BucketKey, ...] = ()

    @property
    def equal(self) -> bool:
        """Whether nothing differed."""
        return self.comparable and not (self.found or self.fixed_here or self.fixed_there)

    @property
    def outcome(self) -> str:
        """The result in one word, for programs and for the table of jobs."""
        if not self.comparable:
            return "not_comparable"
        if self.equal:
            return "equal"
        return "different" if self.left else "repaired"
