"""Outcome of a transaction, for the caller and for those who wait for its entries."""

from __future__ import annotations

from dataclasses import dataclass, field

from sync.log.recent import RecentCommit
from sync.model.schema import Lane
from sync.model.version import Version


@dataclass(slots=True)
class Waiters:
    """The links that new log entries are for; notified after the commit."""

    up: set[Lane] = field(default_factory=set)
    down: set[tuple[int, Lane]] = field(default_factory=set)  # (child, or 0 for every child)
    recent_commit: RecentCommit = field(default_factory=RecentCommit)

    def join(self, other: Waiters) -> None:
        self.up |= other.up
        self.down |= other.down
        self.recent_commit.join(other.recent_commit)


@dataclass(slots=True)
class Received:
    """What a batch did here."""

    position: int = 0  # durable once the caller commits
    entries: int = 0  # new to this store
    changes: int = 0
    quarantined: int = 0
    waiters: Waiters = field(default_factory=Waiters)
    registers: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Applied:
    """What a local transaction did."""

    version: Version
    changes: int = 0
    waiters: Waiters = field(default_factory=Waiters)
    registers: set[str] = field(default_factory=set)
