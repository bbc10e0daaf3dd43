"""Shorthand for tests: write events by name, one after another or at the same time."""

from __future__ import annotations

from node.domain.assignment import AssignmentState, Duty, Event, EventKind, Writer, fold, write
from node.domain.assignment_rules import ASSIGNEE_KINDS

ID = b"assignment-00001"
DUE_MS = 1_000_000
UNITS = {"issuer": 10, "assignee": 20}


def writer_of(kind: EventKind) -> Writer:
    return "assignee" if kind in ASSIGNEE_KINDS else "issuer"


def event_after(
    view: AssignmentState,
    kind: EventKind,
    *,
    at_ms: int = 0,
    actor: str | None = None,
    duty: Duty = Duty.UNDERTAKES,
    percent: int = 40,
    due_ms: int | None = None,
) -> Event:
    """Write one event with everything that its kind needs, on top of what its writer has read."""
    by = writer_of(kind)
    if kind is EventKind.DRAFT:
        due_ms = due_ms or DUE_MS
    if kind is EventKind.EXTEND:
        due_ms = due_ms or (view.due_ms or DUE_MS) + 1_000
    return write(
        view,
        kind,
        by,
        assignment=ID,
        at_ms=at_ms,
        actor=actor or f"{by}-clerk",
        unit_id=UNITS[by],
        reason="because",
        percent=percent,
        due_ms=due_ms,
        duty=duty,
        to_community=duty is not Duty.OFFICE,
    )


def script(kinds: str, duty: Duty = Duty.UNDERTAKES) -> list[Event]:
    """Return the events named, each written after reading all before it."""
    return extend([], kinds, duty)


def extend(events: list[Event], kinds: str, duty: Duty = Duty.UNDERTAKES) -> list[Event]:
    for name in kinds.split():
        events = [*events, event_after(fold(events), EventKind(name), duty=duty)]
    return events


def at_once(base: list[Event], issuer: str, assignee: str) -> list[Event]:
    """Return `base` with what each office then wrote without having read the other."""
    ours = extend(base, issuer)[len(base) :]
    theirs = extend(base, assignee)[len(base) :]
    return [*base, *ours, *theirs]


DRAFTED = "draft"
READY = "draft submit"
DISPATCHED = f"{READY} dispatch"
DELIVERED = f"{DISPATCHED} receipt"
ACCEPTED = f"{DELIVERED} accept"
CONSENTED = f"{DELIVERED} consent"
IN_PROGRESS = f"{ACCEPTED} progress"
CLAIMED = f"{IN_PROGRESS} claim"
VERIFIED = f"{CLAIMED} verify"
