"""Outcomes: what a transaction did, for the caller and for whoever waits for its entries."""

from __future__ import annotations

from dataclasses import dataclass, field

from sync.schema import Lane
from sync.tail import Tail
from sync.version import Version


@dataclass(slots=True)
class Wake:
    """Whom new log entries wait for, once they are committed."""

    up: set[Lane] = field(default_factory=set)
    down: set[tuple[int, Lane]] = field(default_factory=set)  # (child, or 0 for every child)
    tail: Tail = field(default_factory=Tail)

    def join(self, other: Wake) -> None:
        self.up |= other.up
        self.down |= other.down
        self.tail.join(other.tail)


@dataclass(slots=True)
class Received:
    """What a batch did here."""

    position: int = 0  # now durable, once the caller commits
    entries: int = 0  # new to this store
    changes: int = 0
    holes: int = 0
    wake: Wake = field(default_factory=Wake)
    registers: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Applied:
    """What a local transaction did."""

    version: Version
    changes: int = 0
    wake: Wake = field(default_factory=Wake)
    registers: set[str] = field(default_factory=set)
