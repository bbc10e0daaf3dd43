"""Lateness with and without word from the assignee, escalation, progress of relayed parts."""

from __future__ import annotations

import pytest

from node.domain.assignment import (
    Event,
    EventKind,
    Lateness,
    escalation,
    fold,
    overdue,
    relayed_progress,
)
from tests.unit.node.assignment_scripts import (
    ACCEPTED,
    DELIVERED,
    DUE_MS,
    IN_PROGRESS,
    READY,
    VERIFIED,
    event_after,
    script,
)

LATE_MS = DUE_MS + 1
DAY_MS = 86_400_000


@pytest.mark.parametrize(
    ("now_ms", "received_ms", "expected"),
    [
        (DUE_MS, None, Lateness.ON_TIME),
        (LATE_MS, None, Lateness.OVERDUE_UNCONFIRMED),
        (LATE_MS, DUE_MS - 1, Lateness.OVERDUE_UNCONFIRMED),
        (LATE_MS, DUE_MS, Lateness.OVERDUE),
    ],
)
def test_work_is_late_only_when_its_office_has_reported_past_the_deadline(
    now_ms: int, received_ms: int | None, expected: Lateness
) -> None:
    assert overdue(fold(script(ACCEPTED)), now_ms, received_ms) is expected


def test_the_clock_runs_from_the_dispatch_and_not_from_the_acceptance() -> None:
    assert overdue(fold(script(READY)), LATE_MS, LATE_MS) is Lateness.ON_TIME
    assert overdue(fold(script(f"{READY} dispatch")), LATE_MS, LATE_MS) is Lateness.OVERDUE


def test_returned_work_is_late_whatever_the_assignee_still_reports() -> None:
    assert overdue(fold(script(f"{DELIVERED} return")), LATE_MS, None) is Lateness.OVERDUE


def test_a_claim_made_in_time_that_arrives_late_clears_the_flag() -> None:
    events = script(IN_PROGRESS)
    assert overdue(fold(events), LATE_MS, DUE_MS) is Lateness.OVERDUE
    events.append(event_after(fold(events), EventKind.CLAIM, at_ms=DUE_MS))
    assert overdue(fold(events), LATE_MS, DUE_MS) is Lateness.ON_TIME


def test_a_late_claim_stays_late_and_is_no_longer_escalated() -> None:
    events = script(IN_PROGRESS)
    events.append(event_after(fold(events), EventKind.CLAIM, at_ms=LATE_MS))
    assert overdue(fold(events), LATE_MS, LATE_MS) is Lateness.OVERDUE
    assert _levels(DUE_MS + 9 * DAY_MS, events=events) == 0


def test_recalled_work_is_never_late() -> None:
    assert overdue(fold(script(f"{ACCEPTED} recall")), LATE_MS, LATE_MS) is Lateness.ON_TIME


@pytest.mark.parametrize(("days", "levels"), [(0, 0), (1, 1), (2, 2), (9, 3)])
def test_late_work_is_shown_one_level_higher_each_day_up_to_the_city(
    days: int, levels: int
) -> None:
    assert _levels(DUE_MS + days * DAY_MS) == levels


def test_unconfirmed_lateness_is_not_escalated() -> None:
    assert _levels(DUE_MS + 9 * DAY_MS, received_ms=None) == 0


def _levels(
    now_ms: int, received_ms: int | None = DUE_MS, events: list[Event] | None = None
) -> int:
    state = fold(events or script(ACCEPTED))
    return escalation(state, now_ms, received_ms, escalate_after_ms=DAY_MS, levels_above=3)


def test_relayed_progress_is_the_weighted_mean_rounded_down() -> None:
    started, closed = fold(script(IN_PROGRESS)), fold(script(f"{VERIFIED} close"))
    assert relayed_progress([started, closed]).percent == 70
    assert relayed_progress([started, closed], [2, 1]).percent == 60
    assert relayed_progress([]).percent == 0


def test_relayed_work_is_complete_only_when_every_part_has_ended() -> None:
    verified, closed = fold(script(VERIFIED)), fold(script(f"{VERIFIED} close"))
    recalled = fold(script(f"{IN_PROGRESS} recall"))
    assert not relayed_progress([closed, verified]).complete
    together = relayed_progress([closed, recalled])
    assert together.complete
    assert together.percent == 100
