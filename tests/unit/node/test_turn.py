"""Whose turn it is to write: people first, nobody for ever last, and nobody waits without end."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.store.turn import PASSED_OVER_MAX, Turn, TurnTimeout, next_turn
from sync.urgency import Urgency

LONG_S = 30.0


def order_of(*urgencies: Urgency) -> list[int]:
    """Let writers come in this order while another holds the turn; return in which they write."""
    turn = Turn()
    written: list[int] = []
    with ThreadPoolExecutor(len(urgencies)) as pool:

        def write(number: int, urgency: Urgency) -> None:
            with turn.taken(urgency, LONG_S):
                written.append(number)

        with turn.taken(Urgency.LOCAL, LONG_S):
            for number, urgency in enumerate(urgencies):
                before = turn.waiting(urgency)
                pool.submit(write, number, urgency)
                while turn.waiting(urgency) == before:
                    threading.Event().wait(0.001)
    return written


def test_a_persons_edit_goes_before_control_and_control_before_bulk() -> None:
    order = order_of(Urgency.BULK, Urgency.BULK, Urgency.CONTROL, Urgency.LOCAL)
    assert order == [3, 2, 0, 1]


def test_those_equally_urgent_write_in_the_order_in_which_they_came() -> None:
    assert order_of(*[Urgency.BULK] * 6) == list(range(6))


def test_bulk_gets_its_share_though_more_urgent_writers_never_end() -> None:
    order = order_of(Urgency.BULK, *[Urgency.CONTROL] * 12)
    assert order.index(0) == PASSED_OVER_MAX


@given(st.lists(st.lists(st.booleans(), min_size=3, max_size=3), max_size=80))
def test_whoever_waits_is_passed_over_a_bounded_number_of_times(arrivals: list[list[bool]]) -> None:
    """Writers of each kind come at any moments; one is served between two moments."""
    waiting, passed_over = [0, 0, 0], [0, 0, 0]
    for came in arrivals:
        for urgency, one in enumerate(came):
            waiting[urgency] += one
        chosen = next_turn(waiting, passed_over)
        if chosen is None:
            assert not any(waiting)
            continue
        assert waiting[chosen]
        waiting[chosen] -= 1
        for urgency in range(3):
            late = urgency > chosen and waiting[urgency] > 0
            passed_over[urgency] = passed_over[urgency] + 1 if late else 0
            assert passed_over[urgency] <= PASSED_OVER_MAX + 1


def test_who_waits_too_long_gives_up_and_nobody_waits_for_who_gave_up() -> None:
    turn = Turn()
    with turn.taken(Urgency.BULK, LONG_S):
        with pytest.raises(TurnTimeout), turn.taken(Urgency.LOCAL, 0.01):
            pass
        assert turn.waiting(Urgency.LOCAL) == 0
    with turn.taken(Urgency.BULK, LONG_S):
        pass


def test_a_writer_that_fails_hands_the_turn_on() -> None:
    turn = Turn()
    with pytest.raises(RuntimeError), turn.taken(Urgency.LOCAL, LONG_S):
        raise RuntimeError
    with turn.taken(Urgency.LOCAL, 0.01):
        pass
