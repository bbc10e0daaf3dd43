"""Priorities of writers that wait for one store. Pure."""

from __future__ import annotations

from enum import IntEnum

from sync.model.schema import Lane


class Priority(IntEnum):
    """The kind of writer; the smaller number goes first."""

    LOCAL = 0  # a person waits at a screen, or a short write of the program itself
    CONTROL = 1  # work and money of a peer
    BULK = 2  # registers and cells of a peer, a part of an import


def priority_of(lane: Lane) -> Priority:
    """Return the priority of a peer's batch."""
    return Priority.CONTROL if lane is Lane.CONTROL else Priority.BULK
