"""Correction requests: what two offices said about a foreign field, and what it comes to. Pure.

The asker writes the ask and a withdrawal, the owner of the fields the answer; each writes records
of its own unit only, so nothing can meet in a conflict. The state is a function of what was said,
in whatever order it was heard.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from node.domain.units import Level
from sync.model import audience

REGISTER = "correction"
FIELDS_MAX = 20  # of one request
TEXT_MAX = 4_000  # characters of its wishes as they are stored
REASON_MAX = 500


class Kind(StrEnum):
    """What can be said, in the order in which it is folded."""

    ASK = "ask"
    WITHDRAW = "withdraw"
    ACCEPT = "accept"
    SUPERSEDE = "supersede"  # nothing was left to change: it is so already, or the record ended
    REFUSE = "refuse"


class State(StrEnum):
    """How a request stands."""

    NONE = "none"  # what was said of it is here and the ask is not
    OPEN = "open"
    WITHDRAWN = "withdrawn"
    ACCEPTED = "accepted"
    SUPERSEDED = "superseded"
    REFUSED = "refused"


ASKERS = frozenset({Kind.ASK, Kind.WITHDRAW})
ANSWERS = {
    Kind.ACCEPT: State.ACCEPTED, Kind.SUPERSEDE: State.SUPERSEDED, Kind.REFUSE: State.REFUSED
}  # fmt: skip
# What somebody who knows the state may say.
MAY: dict[tuple[State, Kind], State] = {
    (State.NONE, Kind.ASK): State.OPEN,
    (State.OPEN, Kind.WITHDRAW): State.WITHDRAWN,
    **{(State.OPEN, kind): state for kind, state in ANSWERS.items()},
}
# What counts when it is heard: an answer crosses a withdrawal on the wire, and the answer stands.
TRANSITIONS: dict[tuple[State, Kind], State] = {
    **MAY,
    **{(State.WITHDRAWN, kind): state for kind, state in ANSWERS.items()},
}
_ORDER = {kind: place for place, kind in enumerate(Kind)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that one of the two offices said; it is never edited."""

    kind: Kind
    at_ms: int  # the writer's corrected clock; shown, never used for order between offices
    actor: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a request stands; `last`: what brought it there, `history`: all that counted."""

    state: State = State.NONE
    last: Step | None = None
    history: tuple[Step, ...] = ()


def fold(steps: Iterable[Step]) -> Outcome:
    """Return what all that was said comes to; order and repetition do not matter."""
    state, counted = State.NONE, []
    for one in sorted(steps, key=lambda s: (_ORDER[s.kind], s.at_ms, s.actor, s.reason)):
        after = TRANSITIONS.get((state, one.kind))
        if after is not None:
            state = after
            counted.append(one)
    return Outcome(state=state, last=counted[-1] if counted else None, history=tuple(counted))


def answering_level(owners: Iterable[Iterable[Level]], asker: Level) -> Level | None:
    """Return the level that owns all of the fields and is nearest to the asker's, else None.

    Of two that are as near it is the lower: it is nearer to the fact.
    """
    sets = [set(each) for each in owners]
    both = set.intersection(*sets) if sets else set()
    return min(both, key=lambda level: (abs(level - asker), -level)) if both else None


def receives(register_audience: str, level: Level) -> bool:
    """Say whether offices of a level, other than the record's own, hear a register's records."""
    if register_audience == audience.LOCAL:
        return False
    parsed = audience.parse(register_audience)
    return parsed.up_to is None or level >= parsed.up_to
