"""Work assignments: the events of two offices, and the state that both compute from them.

An assignment is one hop with two writers. Each writer numbers its own events 1, 2, 3, ... and
records how many of the other's events it had read (`seen`). This shows which event came first and
which are concurrent; `assignment_rules.PRECEDENCE` orders concurrent events. So `fold` depends only
on the set of events: not on arrival order, repeats or clocks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from node.domain.assignment_rules import (
    ASSIGNEE_KINDS,
    BEFORE_CLAIM,
    NEEDS_PERCENT,
    NEEDS_REASON,
    PRECEDENCE,
    SUBMITTED,
    TRANSITIONS,
    Duty,
    EventKind,
    State,
    Writer,
)
from node.domain.assignment_state import AssignmentState, Event, Ignored, IllegalEvent, Step
from node.domain.deadlines import Lateness, escalation, overdue, relayed_progress

__all__ = [
    "AssignmentState",
    "Duty",
    "Event",
    "EventKind",
    "Ignored",
    "IllegalEvent",
    "Lateness",
    "State",
    "Step",
    "Writer",
    "escalation",
    "fold",
    "guard",
    "overdue",
    "relayed_progress",
    "write",
]


def fold(events: Iterable[Event]) -> AssignmentState:
    """Return the state of one assignment after a set of events.

    Total and deterministic. An event is folded after all that its writer had read; the precedence
    table orders concurrent events. An event that the state then does not allow is kept in
    `ignored`; one whose causes are missing is kept in `waiting`.
    """
    unique = sorted(set(events), key=_canonical)
    assert len({event.assignment for event in unique}) <= 1, "one assignment at a time"
    issuer, issuer_stray = _chain(unique, "issuer")
    assignee, assignee_stray = _chain(unique, "assignee")
    state = AssignmentState(assignment=unique[0].assignment if unique else b"")
    while (event := _next(issuer, assignee, state)) is not None:
        state = _take(state, event)
    stray = tuple(
        Ignored(event=event, at=state.state, code="forked")
        for event in issuer_stray + assignee_stray
    )
    waiting = tuple(
        event
        for chain in (issuer, assignee)
        for seq, event in chain.items()
        if seq > state.folded(event.by)
    )
    return replace(state, ignored=state.ignored + stray, waiting=waiting)


def guard(
    state: AssignmentState,
    kind: EventKind,
    by: Writer,
    *,
    actor: str = "",
    fee_ready: bool = True,
    children: Iterable[AssignmentState] = (),
    returns_max: int | None = None,
) -> None:
    """Refuse a step that `state` does not allow; sender and receiver both call this.

    `fee_ready`: false while a fee that the work requires is not committed (at dispatch) or released
    (at acceptance). `children`: the parts that this office relayed. `returns_max`: after this many
    returns only a ruling dispatches it again.
    Raises: IllegalEvent, with the state, the step and the remedy.
    """
    code = _refusal(state, kind, by, actor)
    if code is None and kind is EventKind.SUBMIT and state.duty is Duty.DEPARTMENT:
        code = "department_duty"
    if code is None and kind in (EventKind.DISPATCH, EventKind.ACCEPT) and not fee_ready:
        code = "fee_not_released"
    ends_parts = kind in (EventKind.CLAIM, EventKind.RELAY)
    if code is None and ends_parts and not all(c.terminal for c in children):
        code = "children_open"
    if code is None and kind is EventKind.DISPATCH and returns_max is not None:
        code = "returned_too_often" if state.returns >= returns_max else None
    if code is not None:
        raise IllegalEvent(state.state, kind, code)


def write(
    state: AssignmentState,
    kind: EventKind,
    by: Writer,
    *,
    assignment: bytes,
    at_ms: int,
    actor: str,
    unit_id: int,
    reason: str = "",
    percent: int | None = None,
    due_ms: int | None = None,
    note: str = "",
    duty: Duty | None = None,
    to_community: bool = False,
) -> Event:
    """Return the next event of one writer, numbered after what it has folded.

    `state` must be the fold of all events that this office has. Call `guard` first where fees,
    relayed parts or the number of returns matter.
    Raises: IllegalEvent; also when a reason, percentage, later deadline or duty is missing.
    """
    other: Writer = "assignee" if by == "issuer" else "issuer"
    event = Event(
        assignment=assignment,
        kind=kind,
        by=by,
        seq=state.folded(by) + 1,
        seen=state.folded(other),
        at_ms=at_ms,
        actor=actor,
        unit_id=unit_id,
        reason=reason,
        percent=percent,
        due_ms=due_ms,
        note=note,
        duty=duty,
        to_community=to_community,
    )
    guard(state, kind, by, actor=actor)
    code = _fault(state, event)
    if code is not None:
        raise IllegalEvent(state.state, kind, code)
    return event


def _canonical(event: Event) -> tuple[str, int, str]:
    """Sort events in the same way at every office, independent of time and precedence."""
    return (event.by, event.seq, repr(event))


def _chain(unique: list[Event], by: Writer) -> tuple[dict[int, Event], list[Event]]:
    """Return one writer's events by number, and invalid ones: a number used twice, or below 1."""
    chain: dict[int, Event] = {}
    stray = []
    for event in unique:
        if event.by != by:
            continue
        if event.seq < 1 or event.seq in chain:
            stray.append(event)
        else:
            chain[event.seq] = event
    return chain, stray


def _next(
    issuer: Mapping[int, Event], assignee: Mapping[int, Event], state: AssignmentState
) -> Event | None:
    """Return the event to fold next: causes first, then by the precedence table."""
    ours = issuer.get(state.issuer_seq + 1)
    theirs = assignee.get(state.assignee_seq + 1)
    ours = ours if ours and ours.seen <= state.assignee_seq else None
    theirs = theirs if theirs and theirs.seen <= state.issuer_seq else None
    if ours and theirs:
        # A pair outside the table has a kind that is not its writer's; it will be ignored.
        first = PRECEDENCE.get((ours.kind, theirs.kind), "issuer")
        return ours if first == "issuer" else theirs
    return ours or theirs


def _refusal(state: AssignmentState, kind: EventKind, by: Writer, actor: str) -> str | None:
    """Return why the state does not allow the step, or None."""
    if (kind in ASSIGNEE_KINDS) != (by == "assignee"):
        return "wrong_writer"
    if (state.state, kind) not in TRANSITIONS:
        department = state.state is State.REFUSED and state.duty is Duty.DEPARTMENT
        return "department_duty" if department else "wrong_state"
    consent_open = state.needs_consent and state.state is State.DELIVERED
    match kind:
        case EventKind.ACCEPT if consent_open:
            return "needs_consent"
        case EventKind.CONSENT | EventKind.DECLINE | EventKind.EXPIRE_CONSENT:
            return None if state.needs_consent else "no_consent_asked"
        case EventKind.RETURN if state.bound_by_ruling:
            return "binding"
        case EventKind.RELAY if state.to_community:
            return "not_relayable"
        case EventKind.TAKE_BACK if not state.hand_back_asked:
            return "not_asked"
        case EventKind.VERIFY if actor and actor == state.claimer:
            return "same_person"
        case _:
            return None


def _fault(state: AssignmentState, event: Event) -> str | None:
    """Return what is wrong with the event's own content, or None."""
    percent_fits = event.percent is not None and 0 <= event.percent <= 100
    if event.kind in NEEDS_REASON and not event.reason.strip():
        return "incomplete"
    if event.kind in NEEDS_PERCENT and not percent_fits:
        return "incomplete"
    if event.kind is EventKind.DRAFT and event.duty is None:
        return "incomplete"
    if event.kind is EventKind.EXTEND:
        if event.due_ms is None:
            return "incomplete"
        if state.due_ms is not None and event.due_ms <= state.due_ms:
            return "not_later"
    return None


def _take(state: AssignmentState, event: Event) -> AssignmentState:
    """Return the state after one event in causal order, whether it counts or is ignored."""
    other_folded = state.assignee_seq if event.by == "issuer" else state.issuer_seq
    code = _refusal(state, event.kind, event.by, event.actor) or _fault(state, event)
    if event.by == "issuer":
        state = replace(state, issuer_seq=event.seq)
    else:
        state = replace(state, assignee_seq=event.seq)
    if code is not None:
        if code == "wrong_state" and event.seen < other_folded:
            code = "overtaken"
        ignored = Ignored(event=event, at=state.state, code=code)
        return replace(state, ignored=(*state.ignored, ignored))
    after = TRANSITIONS[state.state, event.kind]
    if event.kind is EventKind.SUBMIT:
        assert state.duty is not None
        after = SUBMITTED[state.duty]
    step = Step(event=event, before=state.state, after=after)
    state = _effects(state, event)
    reached = {after: event.at_ms} if after is not step.before else {}
    return replace(
        state,
        state=after,
        milestones={**state.milestones, **reached},
        history=(*state.history, step),
    )


def _effects(state: AssignmentState, event: Event) -> AssignmentState:
    """Return the state with the event's content, apart from the transition."""
    if event.reason:
        state = replace(state, reason=event.reason)
    match event.kind:
        case EventKind.DRAFT:
            return replace(
                state, duty=event.duty, to_community=event.to_community, due_ms=event.due_ms
            )
        case EventKind.ADMIT:
            return replace(state, duty=Duty.ASSISTS)
        case EventKind.DISPATCH | EventKind.ADJUDICATE:
            return replace(
                state,
                due_ms=state.due_ms if event.due_ms is None else event.due_ms,
                hand_back_asked=False,
                bound_by_ruling=event.kind is EventKind.ADJUDICATE,
            )
        case EventKind.EXTEND:
            return replace(state, due_ms=event.due_ms)
        case EventKind.RETURN | EventKind.TAKE_BACK:
            return replace(state, returns=state.returns + 1, relays_before=state.relays)
        case EventKind.RELAY:
            return replace(state, relays=state.relays + 1)
        case EventKind.HAND_BACK:
            return replace(state, hand_back_asked=True)
        case EventKind.PROGRESS if state.state in BEFORE_CLAIM:
            assert event.percent is not None
            return replace(state, percent=event.percent)
        case EventKind.CLAIM:
            # A claim of completion withdraws a request to hand the work back.
            return replace(state, percent=100, claimer=event.actor, hand_back_asked=False)
        case EventKind.REWORK:
            return replace(state, percent=_reported(state), reworks=state.reworks + 1)
        case _:
            return state


def _reported(state: AssignmentState) -> int:
    """Return the progress that the assignee last reported before it claimed completion."""
    reports = (
        step.event.percent
        for step in reversed(state.history)
        if step.event.kind is EventKind.PROGRESS and step.before in BEFORE_CLAIM
    )
    return next((percent for percent in reports if percent is not None), 0)
