"""Whose turn it is to write: people first, nobody for ever last, and nobody waits without end."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.store.write_queue import PASSED_OVER_MAX, QueueTimeout, WriteQueue, next_writer
from sync.store.priority import Priority

LONG_S = 30.0


def order_of(*priorities: Priority) -> list[int]:
    """Let writers come in this order while another holds the turn; return in which they write."""
    turn = WriteQueue()
    written: list[int] = []
    with ThreadPoolExecutor(len(priorities)) as pool:

        def write(number: int, priority: Priority) -> None:
            with turn.acquire(priority, LONG_S):
                written.append(number)

        with turn.acquire(Priority.LOCAL, LONG_S):
            for number, priority in enumerate(priorities):
                before = turn.waiting(priority)
                pool.submit(write, number, priority)
                while turn.waiting(priority) == before:
                    threading.Event().wait(0.001)
    return written


def test_a_persons_edit_is_written_before_control_and_control_before_bulk() -> None:
    order = order_of(Priority.BULK, Priority.BULK, Priority.CONTROL, Priority.LOCAL)
    assert order == [3, 2, 0, 1]


def test_writers_of_equal_priority_write_in_their_order_of_arrival() -> None:
    assert order_of(*[Priority.BULK] * 6) == list(range(6))


def test_bulk_gets_its_share_although_higher_priorities_never_end() -> None:
    order = order_of(Priority.BULK, *[Priority.CONTROL] * 12)
    assert order.index(0) == PASSED_OVER_MAX


@given(st.lists(st.lists(st.booleans(), min_size=3, max_size=3), max_size=80))
def test_a_waiting_writer_is_overtaken_a_bounded_number_of_times(
    arrivals: list[list[bool]],
) -> None:
    """Writers of each kind come at any moments; one is served between two moments."""
    waiting, passed_over = [0, 0, 0], [0, 0, 0]
    for came in arrivals:
        for priority, one in enumerate(came):
            waiting[priority] += one
        chosen = next_writer(waiting, passed_over)
        if chosen is None:
            assert not any(waiting)
            continue
        assert waiting[chosen]
        waiting[chosen] -= 1
        for priority in range(3):
            late = priority > chosen and waiting[priority] > 0
            passed_over[priority] = passed_over[priority] + 1 if late else 0
            assert passed_over[priority] <= PASSED_OVER_MAX + 1


def test_a_writer_that_times_out_gives_up_and_blocks_nobody() -> None:
    turn = WriteQueue()
    with turn.acquire(Priority.BULK, LONG_S):
        with pytest.raises(QueueTimeout), turn.acquire(Priority.LOCAL, 0.01):
            pass
        assert turn.waiting(Priority.LOCAL) == 0
    with turn.acquire(Priority.BULK, LONG_S):
        pass


def test_a_writer_that_fails_releases_the_queue() -> None:
    turn = WriteQueue()
    with pytest.raises(RuntimeError), turn.acquire(Priority.LOCAL, LONG_S):
        raise RuntimeError
    with turn.acquire(Priority.LOCAL, 0.01):
        pass
