"""Deadlines: whether work is late, how far up that is shown, the progress of relayed work. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from node.domain.assignment_rules import BACK_WITH_ISSUER, DONE, WITH_ASSIGNEE, State
from node.domain.assignment_state import AssignmentState


class Lateness(StrEnum):
    """What an office knows about a deadline from what it has received so far."""

    ON_TIME = "on_time"
    OVERDUE = "overdue"
    OVERDUE_UNCONFIRMED = "overdue_unconfirmed"  # counted as not synchronised, not as overdue


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayedProgress:
    """The common progress of the parts of relayed work."""

    percent: int
    complete: bool  # only then may the relaying office claim completion


def overdue(state: AssignmentState, now_ms: int, assignee_watermark_ms: int | None) -> Lateness:
    """Return whether work is late, as far as this office can know.

    For claimed work the time of the claim counts, not its arrival here. Work still with the
    assignee is late only if we have received everything that it wrote up to the deadline: otherwise
    a claim in time may still be on its way. `assignee_watermark_ms`: received up to then; None:
    never. Source: the concurrency rule OVERDUE with CLAIM; transport delay is not handling delay.
    """
    if state.due_ms is None or now_ms <= state.due_ms:
        return Lateness.ON_TIME
    if state.state in DONE:
        late = state.milestones[State.CLAIMED] > state.due_ms
        return Lateness.OVERDUE if late else Lateness.ON_TIME
    if state.state in BACK_WITH_ISSUER:
        return Lateness.OVERDUE
    if state.state not in WITH_ASSIGNEE:
        return Lateness.ON_TIME
    if assignee_watermark_ms is None or assignee_watermark_ms < state.due_ms:
        return Lateness.OVERDUE_UNCONFIRMED
    return Lateness.OVERDUE


def escalation(
    state: AssignmentState,
    now_ms: int,
    assignee_watermark_ms: int | None,
    *,
    escalate_after_ms: int,
    levels_above: int,
) -> int:
    """Return how many levels above the issuer should see open late work; 0 if it is not late.

    One more level each `escalate_after_ms` past the deadline, up to the city (`levels_above`).
    """
    assert escalate_after_ms > 0
    late = overdue(state, now_ms, assignee_watermark_ms) is Lateness.OVERDUE
    if not late or state.state in DONE or state.due_ms is None:
        return 0
    return min(levels_above, (now_ms - state.due_ms) // escalate_after_ms)


def relayed_progress(
    children: Sequence[AssignmentState], weights: Sequence[int] | None = None
) -> RelayedProgress:
    """Return the weighted mean progress of relayed parts, rounded down, and whether all ended.

    Parts that ended without work (refused, declined, recalled) have no weight. Without `weights`
    all parts weigh the same.
    """
    weights = [1] * len(children) if weights is None else weights
    assert len(weights) == len(children)
    dropped = {State.REFUSED, State.DECLINED, State.RECALLED}
    counted = [
        (child.percent, weight)
        for child, weight in zip(children, weights, strict=True)
        if child.state not in dropped
    ]
    whole = sum(weight for _, weight in counted)
    done = sum(percent * weight for percent, weight in counted)
    return RelayedProgress(
        percent=done // whole if whole else 0,
        complete=all(child.terminal for child in children),
    )
