"""Correction requests: the steps of two offices about a foreign field, and their state. Pure.

The applicant writes the request and its withdrawal, the owner of the fields writes the answer. Each
writes records of its own unit only, so there can be no conflict. The state is a function of the set
of steps, independent of their order.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from node.domain.units import Level
from sync.model import audience

REGISTER = "correction"
FIELDS_MAX = 20  # of one request
TEXT_MAX = 4_000  # characters of its requested values as stored
REASON_MAX = 500


class Kind(StrEnum):
    """The kinds of steps, in the order in which they are folded."""

    ASK = "ask"
    WITHDRAW = "withdraw"
    ACCEPT = "accept"
    SUPERSEDE = (
        "supersede"  # nothing was left to change: the values are so already, or the record ended
    )
    REFUSE = "refuse"


class State(StrEnum):
    """The state of a request."""

    NONE = "none"  # other steps are known, but not the request
    OPEN = "open"
    WITHDRAWN = "withdrawn"
    ACCEPTED = "accepted"
    SUPERSEDED = "superseded"
    REFUSED = "refused"


OF_APPLICANT = frozenset({Kind.ASK, Kind.WITHDRAW})
ANSWERS = {
    Kind.ACCEPT: State.ACCEPTED, Kind.SUPERSEDE: State.SUPERSEDED, Kind.REFUSE: State.REFUSED
}  # fmt: skip
# Steps that are allowed in a known state.
MAY: dict[tuple[State, Kind], State] = {
    (State.NONE, Kind.ASK): State.OPEN,
    (State.OPEN, Kind.WITHDRAW): State.WITHDRAWN,
    **{(State.OPEN, kind): state for kind, state in ANSWERS.items()},
}
# Steps that count when received: an answer may cross a withdrawal, and then the answer counts.
TRANSITIONS: dict[tuple[State, Kind], State] = {
    **MAY,
    **{(State.WITHDRAWN, kind): state for kind, state in ANSWERS.items()},
}
_ORDER = {kind: place for place, kind in enumerate(Kind)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of one of the two offices; it is never edited."""

    kind: Kind
    at_ms: int  # the writer's corrected clock; shown, never used for order between offices
    actor: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The state of a request; `last`: the step that made it, `history`: all steps that counted."""

    state: State = State.NONE
    last: Step | None = None
    history: tuple[Step, ...] = ()


def fold(steps: Iterable[Step]) -> Outcome:
    """Return the state after all steps; order and repetition do not matter."""
    state, counted = State.NONE, []
    for one in sorted(steps, key=lambda s: (_ORDER[s.kind], s.at_ms, s.actor, s.reason)):
        after = TRANSITIONS.get((state, one.kind))
        if after is not None:
            state = after
            counted.append(one)
    return Outcome(state=state, last=counted[-1] if counted else None, history=tuple(counted))


def answering_level(owners: Iterable[Iterable[Level]], applicant: Level) -> Level | None:
    """Return the level that owns all of the fields and is nearest to the applicant's, else None.

    Of two equally near levels it is the lower one: that office is nearer to the facts.
    """
    sets = [set(each) for each in owners]
    both = set.intersection(*sets) if sets else set()
    return min(both, key=lambda level: (abs(level - applicant), -level)) if both else None


def receives(register_audience: str, level: Level) -> bool:
    """Return whether offices of a level (not the record's own) receive a register's records."""
    if register_audience == audience.LOCAL:
        return False
    parsed = audience.parse(register_audience)
    return parsed.up_to is None or level >= parsed.up_to
