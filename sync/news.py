"""News of offices: what travels beside the changes, and is not one. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from sync.schema import Lane


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficeNews:
    """What is known of one office at a moment. The newer of two, by `at_ms`, is the one to keep."""

    unit: int
    at_ms: int  # corrected clock, milliseconds since 1970 UTC
    last_contact_ms: int = 0  # when its parent last heard from it; 0 never
    connected: bool = False
    waiting_up: int = 0  # entries
    waiting_age_ms: int = 0  # of the oldest of them
    waiting_down: int = 0  # entries at its parent
    conflicts: int = 0
    holes: int = 0
    incarnation: int = 0
    bulk_seq: int = 0  # who holds its upward bulk stream to here is exact to just before `at_ms`
    program: str = ""


@dataclass(frozen=True, slots=True)
class SafeAt:
    """Our log is durable up to `position` at `level` (0 city, 1 district, 2 street)."""

    level: int
    lane: Lane
    position: int
