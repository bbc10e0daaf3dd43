"""Readings of offices: bounded time for whoever asks, and one office's trouble is its own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from hub.serve.readings import FRESH_S, STALE_S, Readings
from node.bad_config import BadConfig

SHORT_S, LONG_S = 0.01, 30.0


class Log:
    """Keeps the events that were logged."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str]] = []

    def warning(self, event: str, **facts: Any) -> None:
        self.events.append((event, facts["office"]))

    error = warning


class Source:
    """An office that can be read, hang, or fail."""

    def __init__(self) -> None:
        self.reads = 0
        self.error: Exception | None = None
        self.goes_on = threading.Event()
        self.goes_on.set()

    def __call__(self) -> int:
        self.goes_on.wait(LONG_S)
        if self.error is not None:
            raise self.error
        self.reads += 1
        return self.reads


class Now:
    def __init__(self) -> None:
        self.s = 1_000.0

    def __call__(self) -> float:
        return self.s


@contextmanager
def readings(wait_s: float, **sources: Source) -> Iterator[tuple[Readings[int], Now, Log]]:
    now, log = Now(), Log()
    made = Readings(sources, log=log, now_s=now, wait_s=wait_s)
    try:
        yield made, now, log
    finally:
        for source in sources.values():
            source.goes_on.set()
        made.close()


def test_however_often_somebody_asks_an_office_is_read_once_in_a_while() -> None:
    a = Source()
    with readings(LONG_S, a=a) as (made, now, _):
        assert [made.latest() for _ in range(3)] == [[("a", 1)]] * 3
        now.s += FRESH_S
        assert made.latest() == [("a", 2)]


def test_an_office_that_hangs_keeps_nobody_from_the_readings_of_the_others() -> None:
    a, b = Source(), Source()
    with readings(LONG_S, a=a, b=b) as (made, now, _):
        assert made.latest() == [("a", 1), ("b", 1)]
        a.goes_on.clear()
        made._wait_s = SHORT_S
        now.s += FRESH_S
        until(lambda: made.latest() == [("a", 1), ("b", 2)])
        now.s += STALE_S
        until(lambda: dict(made.latest())["b"] == 3)
        assert made.latest()[0] == ("a", None)  # what it was two minutes ago is not what it is
        a.goes_on.set()
        made._wait_s = LONG_S
        made.latest()
        assert dict(made.latest())["a"] is not None


def test_an_office_that_hangs_is_asked_once_and_not_by_each_who_comes() -> None:
    a = Source()
    a.goes_on.clear()
    with readings(SHORT_S, a=a) as (made, _, _log):
        assert [made.latest() for _ in range(50)] == [[("a", None)]] * 50
        a.goes_on.set()
        made._wait_s = LONG_S
        made.latest()
        assert a.reads == 1


@pytest.mark.parametrize("error", [RuntimeError("x"), BadConfig("a", "b", "c", "d", "e")])
def test_an_office_that_cannot_be_read_is_unknown_at_once_and_logged_once(
    error: Exception,
) -> None:
    a, b = Source(), Source()
    with readings(LONG_S, a=a, b=b) as (made, now, log):
        made.latest()
        a.error = error
        for _ in range(3):
            now.s += FRESH_S
            assert made.latest()[0] == ("a", None)
        assert log.events == [("reading_failed", "a")]
        a.error = None
        now.s += FRESH_S
        assert dict(made.latest()) == {"a": 2, "b": 5}


def test_after_its_end_nobody_is_read_and_nothing_logged() -> None:
    a = Source()
    with readings(LONG_S, a=a) as (made, _, log):
        made.close()
        assert (made.latest(), a.reads, log.events) == ([("a", None)], 0, [])


def until(happened: Any) -> None:
    for _ in range(3_000):
        if happened():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it did not happen")
