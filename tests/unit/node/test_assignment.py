"""Assignments step by step: the usual course, every refusal, every pair said at the same time."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest

from node.domain.assignment import (
    AssignmentState,
    Duty,
    Event,
    EventKind,
    IllegalEvent,
    State,
    Writer,
    fold,
    guard,
)
from node.domain.assignment_rules import (
    ASSIGNEE_KINDS,
    ISSUER_KINDS,
    PRECEDENCE,
    TERMINAL,
    TRANSITIONS,
)
from node.domain.assignment_texts import KIND_ZH, REASONS, STATE_ZH
from tests.unit.node.assignment_scripts import (
    ACCEPTED,
    CLAIMED,
    CONSENTED,
    DELIVERED,
    DISPATCHED,
    DRAFTED,
    DUE_MS,
    IN_PROGRESS,
    READY,
    VERIFIED,
    at_once,
    event_after,
    extend,
    script,
)

COURSE = {
    "draft": State.DRAFT,
    "submit": State.READY,
    "dispatch": State.DISPATCHED,
    "receipt": State.DELIVERED,
    "accept": State.ACCEPTED,
    "progress": State.IN_PROGRESS,
    "claim": State.CLAIMED,
    "verify": State.VERIFIED,
    "close": State.CLOSED,
}


def test_without_events_there_is_no_assignment() -> None:
    assert fold([]).state is State.NONE


def test_the_usual_course_goes_from_draft_to_closed() -> None:
    events: list[Event] = []
    for kind, expected in COURSE.items():
        events = extend(events, kind)
        assert fold(events).state is expected
    state = fold(events)
    assert state.terminal
    assert (state.percent, state.ignored, state.waiting) == (100, (), ())
    assert [step.event.kind for step in state.history] == list(COURSE)


def test_every_milestone_keeps_the_time_when_it_was_last_reached() -> None:
    events = script(IN_PROGRESS)
    events.append(event_after(fold(events), EventKind.CLAIM, at_ms=70))
    events.append(event_after(fold(events), EventKind.REWORK, at_ms=80))
    events.append(event_after(fold(events), EventKind.CLAIM, at_ms=90))
    state = fold(events)
    assert state.milestones[State.CLAIMED] == 90
    assert state.milestones[State.IN_PROGRESS] == 80
    assert [s.event.at_ms for s in state.history if s.after is State.CLAIMED] == [70, 90]


def test_rework_goes_back_to_the_progress_reported_before_the_claim() -> None:
    state = fold(script(f"{CLAIMED} rework"))
    assert (state.state, state.percent, state.reworks) == (State.IN_PROGRESS, 40, 1)


def test_progress_after_a_claim_is_a_note_and_the_claim_remains() -> None:
    state = fold(script(f"{CLAIMED} progress"))
    assert (state.state, state.percent, state.ignored) == (State.CLAIMED, 100, ())


def test_a_department_may_not_pass_its_own_duty_to_a_community() -> None:
    drafted = script(DRAFTED, Duty.DEPARTMENT)
    with pytest.raises(IllegalEvent) as refused:
        guard(fold(drafted), EventKind.SUBMIT, "issuer")
    assert refused.value.reason == "department_duty"
    assert "不得转嫁" in refused.value.text("zh")


def test_a_departments_duty_that_arrives_anyway_never_becomes_work() -> None:
    honest = script(f"{DISPATCHED} receipt")
    forged = [
        replace(event, duty=Duty.DEPARTMENT) if event.kind is EventKind.DRAFT else event
        for event in honest
    ]
    state = fold(forged)
    assert state.state is State.REFUSED
    assert [ignored.code for ignored in state.ignored] == ["department_duty", "department_duty"]


def test_unlisted_work_passes_the_gate_and_then_needs_consent() -> None:
    assert fold(script(READY, Duty.UNLISTED)).state is State.SCREENING
    assert fold(script(f"{READY} refuse", Duty.UNLISTED)).state is State.REFUSED
    assert fold(script(f"{READY} send_back", Duty.UNLISTED)).state is State.DRAFT
    admitted = fold(script(f"{READY} admit dispatch receipt", Duty.UNLISTED))
    assert admitted.needs_consent
    with pytest.raises(IllegalEvent, match="consent"):
        guard(admitted, EventKind.ACCEPT, "assignee")


def test_a_community_assists_only_after_it_consented() -> None:
    asked = fold(script(DELIVERED, Duty.ASSISTS))
    with pytest.raises(IllegalEvent) as refused:
        guard(asked, EventKind.ACCEPT, "assignee")
    assert refused.value.reason == "needs_consent"
    assert fold(script(f"{CONSENTED} accept", Duty.ASSISTS)).state is State.ACCEPTED
    declined = fold(script(f"{DELIVERED} decline", Duty.ASSISTS))
    assert (declined.state, declined.reason) == (State.DECLINED, "because")


def test_silence_is_never_consent() -> None:
    expired = script(f"{DELIVERED} expire_consent", Duty.ASSISTS)
    assert fold(expired).state is State.CONSENT_EXPIRED
    for kind in (EventKind.CONSENT, EventKind.ACCEPT):
        with pytest.raises(IllegalEvent):
            guard(fold(expired), kind, "assignee")
    assert fold(extend(expired, "dispatch receipt")).state is State.DELIVERED


@pytest.mark.parametrize("duty", [Duty.UNDERTAKES, Duty.OFFICE])
@pytest.mark.parametrize("kind", [EventKind.CONSENT, EventKind.DECLINE])
def test_a_duty_of_its_own_is_not_declined_but_returned_with_a_reason(
    duty: Duty, kind: EventKind
) -> None:
    delivered = fold(script(DELIVERED, duty))
    with pytest.raises(IllegalEvent) as refused:
        guard(delivered, kind, "assignee")
    assert refused.value.reason == "no_consent_asked"
    assert fold(script(f"{DELIVERED} return", duty)).state is State.RETURNED


def test_after_two_returns_only_a_ruling_dispatches_and_it_is_binding() -> None:
    twice = script(f"{DELIVERED} return dispatch receipt return")
    with pytest.raises(IllegalEvent) as refused:
        guard(fold(twice), EventKind.DISPATCH, "issuer", returns_max=2)
    assert refused.value.reason == "returned_too_often"
    ruled = extend(twice, "adjudicate receipt")
    with pytest.raises(IllegalEvent) as bound:
        guard(fold(ruled), EventKind.RETURN, "assignee")
    assert bound.value.reason == "binding"


def test_accepted_work_is_returned_only_when_both_offices_agree() -> None:
    with pytest.raises(IllegalEvent) as refused:
        guard(fold(script(IN_PROGRESS)), EventKind.TAKE_BACK, "issuer")
    assert refused.value.reason == "not_asked"
    assert fold(script(f"{IN_PROGRESS} hand_back take_back")).state is State.RETURNED


def test_a_return_requested_before_a_claim_cannot_be_agreed_to_after_it() -> None:
    reworked = fold(script(f"{IN_PROGRESS} hand_back claim rework"))
    with pytest.raises(IllegalEvent) as refused:
        guard(reworked, EventKind.TAKE_BACK, "issuer")
    assert refused.value.reason == "not_asked"


def test_who_claimed_the_work_may_not_verify_it() -> None:
    claimed = script(IN_PROGRESS)
    claimed.append(event_after(fold(claimed), EventKind.CLAIM, actor="330102:li"))
    with pytest.raises(IllegalEvent) as refused:
        guard(fold(claimed), EventKind.VERIFY, "issuer", actor="330102:li")
    assert refused.value.reason == "same_person"
    other = event_after(fold(claimed), EventKind.VERIFY, actor="330102:wang")
    assert fold([*claimed, replace(other, actor="330102:li")]).state is State.CLAIMED
    assert fold([*claimed, other]).state is State.VERIFIED


def test_a_community_does_not_relay_and_an_office_does() -> None:
    with pytest.raises(IllegalEvent) as refused:
        guard(fold(script(ACCEPTED)), EventKind.RELAY, "assignee")
    assert refused.value.reason == "not_relayable"
    assert fold(script(f"{ACCEPTED} relay", Duty.OFFICE)).state is State.RELAYED


def test_relayed_work_is_claimed_only_when_every_part_has_ended() -> None:
    own = fold(script(f"{ACCEPTED} relay progress", Duty.OFFICE))
    closed, verified = fold(script(f"{VERIFIED} close")), fold(script(VERIFIED))
    guard(own, EventKind.CLAIM, "assignee", children=[closed, closed])
    with pytest.raises(IllegalEvent) as refused:
        guard(own, EventKind.CLAIM, "assignee", children=[closed, verified])
    assert refused.value.reason == "children_open"


@pytest.mark.parametrize(("before", "kind"), [(READY, "dispatch"), (DELIVERED, "accept")])
def test_work_waits_for_the_fee_that_goes_with_it(before: str, kind: str) -> None:
    state = fold(script(before))
    by: Writer = "issuer" if kind == "dispatch" else "assignee"
    guard(state, EventKind(kind), by, fee_ready=True)
    with pytest.raises(IllegalEvent) as refused:
        guard(state, EventKind(kind), by, fee_ready=False)
    assert refused.value.reason == "fee_not_released"


def test_an_extension_names_a_later_deadline() -> None:
    events = script(ACCEPTED)
    later = event_after(fold(events), EventKind.EXTEND, due_ms=DUE_MS + 1)
    assert fold([*events, later]).due_ms == DUE_MS + 1
    with pytest.raises(IllegalEvent) as refused:
        event_after(fold(events), EventKind.EXTEND, due_ms=DUE_MS)
    assert refused.value.reason == "not_later"


@pytest.mark.parametrize(
    ("before", "kind", "broken"),
    [
        (ACCEPTED, "progress", {"percent": 101}),
        (ACCEPTED, "progress", {"percent": None}),
        (DELIVERED, "return", {"reason": "  "}),
        (CLAIMED, "rework", {"reason": ""}),
        (ACCEPTED, "extend", {"due_ms": None}),
        ("", "draft", {"duty": None}),
    ],
)
def test_an_event_without_what_it_needs_is_kept_and_changes_nothing(
    before: str, kind: str, broken: dict[str, Any]
) -> None:
    events = script(before)
    event = replace(event_after(fold(events), EventKind(kind)), **broken)
    state = fold([*events, event])
    assert state.state is fold(events).state
    assert [(ignored.event, ignored.code) for ignored in state.ignored] == [(event, "incomplete")]


@pytest.mark.parametrize(
    ("state", "kind"),
    [step for step in itertools.product(State, EventKind) if step not in TRANSITIONS],
)
def test_a_step_outside_the_table_is_refused_with_both_names(state: State, kind: EventKind) -> None:
    by: Writer = "assignee" if kind in ASSIGNEE_KINDS else "issuer"
    with pytest.raises(IllegalEvent) as refused:
        guard(replace(fold([]), state=state), kind, by)
    error = refused.value
    assert error.code == "illegal_event"
    assert state.value in error.text("en")
    assert kind.value in error.text("en")
    assert STATE_ZH[state] in error.text("zh")
    assert KIND_ZH[kind] in error.text("zh")


@pytest.mark.parametrize("kind", list(EventKind))
def test_no_office_takes_the_steps_of_the_other_one(kind: EventKind) -> None:
    wrong: Writer = "issuer" if kind in ASSIGNEE_KINDS else "assignee"
    with pytest.raises(IllegalEvent) as refused:
        guard(fold(script(ACCEPTED)), kind, wrong)
    assert refused.value.reason == "wrong_writer"


def test_the_tables_name_every_state_kind_and_reason() -> None:
    assert set(STATE_ZH) == set(State)
    assert set(KIND_ZH) == set(EventKind)
    assert all(all(texts) for texts in REASONS.values())
    assert set(PRECEDENCE) == {(ours, theirs) for ours in ISSUER_KINDS for theirs in ASSIGNEE_KINDS}
    assert {kind for _, kind in TRANSITIONS} == set(EventKind)
    assert not [step for step in TRANSITIONS if step[0] in TERMINAL]
    assert set(TRANSITIONS.values()) | {State.NONE, State.SCREENING} == set(State)


def test_an_event_waits_for_what_its_writer_had_read() -> None:
    events = script(ACCEPTED)
    accept = events[-1]
    assert fold([accept]).waiting == (accept,)
    without_dispatch = [event for event in events if event.kind is not EventKind.DISPATCH]
    early = fold(without_dispatch)
    assert early.state is State.READY
    assert [event.kind for event in early.waiting] == [EventKind.RECEIPT, EventKind.ACCEPT]
    assert fold(events).waiting == ()


def test_two_events_with_one_number_are_both_kept_and_the_same_one_counts_everywhere() -> None:
    events = script(IN_PROGRESS)
    other = replace(events[-1], percent=90)
    state = fold([*events, other])
    assert state == fold([other, *events])
    assert [ignored.code for ignored in state.ignored] == ["forked"]
    assert len(state.history) == len(events)


def test_an_event_numbered_below_one_is_kept_and_counts_nowhere() -> None:
    events = script(ACCEPTED)
    state = fold([*events, replace(events[-1], seq=0)])
    assert state.state is State.ACCEPTED
    assert len(state.ignored) == 1


# What both offices could lawfully say at the same time, where that ends, and which event, if any,
# is kept without counting. Every lawful pair is here: the test after it proves that.
BASES = {
    "dispatched": (DISPATCHED, Duty.UNDERTAKES),
    "delivered": (DELIVERED, Duty.UNDERTAKES),
    "delivered?": (DELIVERED, Duty.ASSISTS),
    "consented": (CONSENTED, Duty.ASSISTS),
    "consent_expired": (f"{DELIVERED} expire_consent", Duty.ASSISTS),
    "accepted": (ACCEPTED, Duty.OFFICE),
    "relayed": (f"{ACCEPTED} relay", Duty.OFFICE),
    "in_progress": (IN_PROGRESS, Duty.UNDERTAKES),
    "hand_back": (f"{IN_PROGRESS} hand_back", Duty.UNDERTAKES),
    "claimed": (CLAIMED, Duty.UNDERTAKES),
    "verified": (VERIFIED, Duty.UNDERTAKES),
    "appraised": (f"{VERIFIED} appraise_order", Duty.UNDERTAKES),
    "returned": (f"{DELIVERED} return", Duty.UNDERTAKES),
    "drafted": (DRAFTED, Duty.UNDERTAKES),
    "screening": (READY, Duty.UNLISTED),
    "ready": (READY, Duty.UNDERTAKES),
}
AT_ONCE = [
    ("dispatched", "extend | receipt", "delivered", ""),
    ("dispatched", "recall | receipt", "recalled", ""),
    ("delivered", "extend | accept", "accepted", ""),
    ("delivered", "extend | return", "returned", ""),
    ("delivered", "recall | accept", "recalled", ""),
    ("delivered", "recall | return", "recalled", "return"),
    ("delivered?", "expire_consent | consent", "consented", "expire_consent"),
    ("delivered?", "expire_consent | decline", "declined", ""),
    ("delivered?", "expire_consent | return", "returned", ""),
    ("delivered?", "extend | consent", "consented", ""),
    ("delivered?", "extend | decline", "declined", ""),
    ("delivered?", "extend | return", "returned", ""),
    ("delivered?", "recall | consent", "recalled", ""),
    ("delivered?", "recall | decline", "recalled", "decline"),
    ("delivered?", "recall | return", "recalled", "return"),
    ("consented", "extend | accept", "accepted", ""),
    ("consented", "recall | accept", "recalled", ""),
    ("consent_expired", "dispatch | decline", "dispatched", "decline"),
    ("consent_expired", "dispatch | return", "dispatched", "return"),
    ("consent_expired", "extend | decline", "declined", ""),
    ("consent_expired", "extend | return", "returned", ""),
    ("consent_expired", "recall | decline", "recalled", "decline"),
    ("consent_expired", "recall | return", "recalled", "return"),
    ("accepted", "extend | hand_back", "accepted", ""),
    ("accepted", "extend | progress", "in_progress", ""),
    ("accepted", "extend | relay", "relayed", ""),
    ("accepted", "recall | hand_back", "recalled", ""),
    ("accepted", "recall | progress", "recalled", ""),
    ("accepted", "recall | relay", "recalled", ""),
    ("relayed", "extend | claim", "claimed", ""),
    ("relayed", "extend | hand_back", "relayed", ""),
    ("relayed", "extend | progress", "in_progress", ""),
    ("relayed", "extend | relay", "relayed", ""),
    ("relayed", "recall | claim", "claimed", "recall"),
    ("relayed", "recall | hand_back", "recalled", ""),
    ("relayed", "recall | progress", "recalled", ""),
    ("relayed", "recall | relay", "recalled", ""),
    ("in_progress", "extend | claim", "claimed", ""),
    ("in_progress", "extend | hand_back", "in_progress", ""),
    ("in_progress", "extend | progress", "in_progress", ""),
    ("in_progress", "recall | claim", "claimed", "recall"),
    ("in_progress", "recall | hand_back", "recalled", ""),
    ("in_progress", "recall | progress", "recalled", ""),
    ("hand_back", "extend | claim", "claimed", ""),
    ("hand_back", "extend | hand_back", "in_progress", ""),
    ("hand_back", "extend | progress", "in_progress", ""),
    ("hand_back", "recall | claim", "claimed", "recall"),
    ("hand_back", "recall | hand_back", "recalled", ""),
    ("hand_back", "recall | progress", "recalled", ""),
    ("hand_back", "take_back | claim", "claimed", "take_back"),
    ("hand_back", "take_back | hand_back", "returned", ""),
    ("hand_back", "take_back | progress", "returned", ""),
    ("claimed", "rework | progress", "in_progress", ""),
    ("claimed", "verify | progress", "verified", "progress"),
    ("verified", "appraise_result | appraise_order", "appraised", ""),
    ("verified", "close | appraise_order", "closed", ""),
    ("appraised", "appraise_result | appraise_order", "appraised", ""),
    ("appraised", "close | appraise_order", "closed", ""),
]


@pytest.mark.parametrize(("base", "pair", "ends", "ignored"), AT_ONCE)
def test_concurrent_steps_end_as_the_precedence_table_defines(
    base: str, pair: str, ends: str, ignored: str
) -> None:
    ours, theirs = pair.split(" | ")
    kinds, duty = BASES[base]
    events = at_once(script(kinds, duty), ours, theirs)
    state = fold(events)
    assert state.state == ends
    assert [(entry.event.kind.value, entry.code) for entry in state.ignored] == (
        [(ignored, "overtaken")] if ignored else []
    )
    assert state == fold(reversed(events))


def test_every_valid_pair_of_steps_is_in_the_precedence_table() -> None:
    lawful = set()
    for base, (kinds, duty) in BASES.items():
        state = fold(script(kinds, duty))
        for ours in _possible(state, ISSUER_KINDS):
            for theirs in _possible(state, ASSIGNEE_KINDS):
                lawful.add((base, f"{ours} | {theirs}"))
    assert lawful == {(base, pair) for base, pair, _, _ in AT_ONCE}


def _possible(state: AssignmentState, kinds: frozenset[EventKind]) -> list[EventKind]:
    possible = []
    for kind in kinds:
        try:
            event_after(state, kind)
        except IllegalEvent:
            continue
        possible.append(kind)
    return possible


@pytest.mark.parametrize(
    ("base", "duty", "issuer", "assignee", "ends"),
    [
        (DISPATCHED, Duty.UNDERTAKES, "recall", "receipt accept progress claim", "claimed"),
        (DISPATCHED, Duty.UNDERTAKES, "recall", "receipt accept progress", "recalled"),
        (DISPATCHED, Duty.UNDERTAKES, "recall", "receipt return", "recalled"),
        (DISPATCHED, Duty.ASSISTS, "extend recall", "receipt decline", "recalled"),
        (DELIVERED, Duty.ASSISTS, "expire_consent recall", "decline", "recalled"),
        (DELIVERED, Duty.ASSISTS, "expire_consent recall", "consent accept", "recalled"),
        (DELIVERED, Duty.ASSISTS, "expire_consent dispatch", "consent accept", "accepted"),
        (f"{IN_PROGRESS} hand_back", Duty.OFFICE, "take_back dispatch", "claim", "claimed"),
        (f"{IN_PROGRESS} hand_back", Duty.OFFICE, "take_back recall", "progress", "recalled"),
        (CLAIMED, Duty.UNDERTAKES, "verify close", "progress", "closed"),
    ],
)
def test_runs_of_concurrent_steps_keep_the_promises_of_the_pairs(
    base: str, duty: Duty, issuer: str, assignee: str, ends: str
) -> None:
    ours = extend(script(base, duty), issuer, duty)
    theirs = extend(script(base, duty), assignee, duty)
    assert fold([*ours, *theirs]).state == ends


def test_each_relay_opens_parts_of_a_round_of_its_own_and_a_return_ends_the_rounds_before() -> None:
    relayed = script("draft submit dispatch receipt accept relay", Duty.OFFICE)
    again = extend(relayed, "relay progress relay", Duty.OFFICE)
    assert [fold(events).round for events in (relayed, again)] == [0, 2]
    assert [fold(events).first_round for events in (relayed, again)] == [0, 0]
    back = extend(again, "hand_back take_back dispatch receipt accept relay", Duty.OFFICE)
    state = fold(back)
    assert (state.round, state.first_round) == (4, 4)
    assert fold(again).round < state.first_round


def test_a_recall_that_crossed_a_claim_is_noted_and_the_issuer_can_verify() -> None:
    met = at_once(script(IN_PROGRESS), "recall", "claim")
    assert [entry.event.kind for entry in fold(met).ignored] == [EventKind.RECALL]
    assert fold(extend(met, "verify")).state is State.VERIFIED


def test_a_claim_that_crossed_an_extension_is_measured_by_the_later_deadline() -> None:
    state = fold(at_once(script(IN_PROGRESS), "extend", "claim"))
    assert state.state is State.CLAIMED
    assert state.due_ms == DUE_MS + 1_000
