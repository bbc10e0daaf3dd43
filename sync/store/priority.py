"""Urgency: who writes first where several wait for one store. Pure."""

from __future__ import annotations

from enum import IntEnum

from sync.model.schema import Lane


class Priority(IntEnum):
    """Who writes; the smaller goes first."""

    LOCAL = 0  # somebody sits before a screen, or a short note of the program's own
    CONTROL = 1  # work and money of a neighbour
    BULK = 2  # registers and cells of a neighbour, a piece of an import


def priority_of(lane: Lane) -> Priority:
    """Return how urgent a neighbour's batch is."""
    return Priority.CONTROL if lane is Lane.CONTROL else Priority.BULK
