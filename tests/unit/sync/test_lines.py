"""Lines: one channel for each address, counted; calls wait their turn; none after the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
import pytest

from sync.link.lines import Answer, LineClosed, Lines
from sync.wire.link.v1 import link_pb2 as pb

HERE, THERE = "127.0.0.1:1", "127.0.0.1:2"
HELLO = pb.HelloRequest(unit=1)


class Call:
    """A call under way, which the test ends."""

    def __init__(self, method: str) -> None:
        self.method = method.rpartition("/")[2]
        self.cancelled = False
        self._done: list[Callable[[Any], None]] = []

    def add_done_callback(self, done: Callable[[Any], None]) -> None:
        self._done.append(done)

    def result(self) -> str:
        if self.cancelled:
            raise grpc.FutureCancelledError
        return self.method

    def end(self) -> None:
        for done in self._done:
            done(self)

    def cancel(self) -> None:
        self.cancelled = True
        self.end()


class Channel:
    """A channel that makes no call by itself; `refuses`: nor takes one."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.closed = False
        self.refuses = False
        self.calls: list[Call] = []

    def unary_unary(self, method: str, *_: object, **__: object) -> Any:
        return Method(self, method)

    def close(self) -> None:
        self.closed = True


class Method:
    def __init__(self, channel: Channel, method: str) -> None:
        self._channel, self._method = channel, method

    def future(self, *_: object, **__: object) -> Call:
        assert not self._channel.closed, "a call on a closed channel"
        if self._channel.refuses:
            raise grpc.RpcError
        self._channel.calls.append(Call(self._method))
        return self._channel.calls[-1]


class Dialled:
    """Channels as they were opened, and what callers received."""

    def __init__(self) -> None:
        self.channels: list[Channel] = []
        self.notified: list[tuple[int, object]] = []

    def __call__(self, address: str) -> Any:
        self.channels.append(Channel(address))
        return self.channels[-1]

    def teller(self, caller: int) -> Callable[[Answer], None]:
        def tell(answer: Answer) -> None:
            try:
                self.notified.append((caller, answer()))
            except (grpc.RpcError, grpc.FutureCancelledError, LineClosed) as error:
                self.notified.append((caller, type(error)))

        return tell


@pytest.fixture
def dialled() -> Dialled:
    return Dialled()


def test_lines_to_one_address_share_a_channel_that_the_last_of_them_closes(
    dialled: Dialled,
) -> None:
    lines = Lines(dialled)
    first, second, other = lines.connect(HERE), lines.connect(HERE), lines.connect(THERE)
    assert lines.counts() == {HERE: 2, THERE: 1}
    assert [channel.address for channel in dialled.channels] == [HERE, THERE]
    first.close()
    first.close()  # twice is once
    assert lines.counts() == {HERE: 1, THERE: 1}
    assert not dialled.channels[0].closed
    second.close()
    assert dialled.channels[0].closed
    assert not dialled.channels[1].closed
    lines.connect(HERE)
    assert [channel.address for channel in dialled.channels] == [HERE, THERE, HERE]
    other.close()
    assert lines.counts() == {HERE: 1}


def test_calls_beyond_the_limit_of_an_address_are_made_in_turn_as_others_end(
    dialled: Dialled,
) -> None:
    lines = Lines(dialled, calls_max=2)
    for caller in range(4):
        lines.connect(HERE).call("Hello", HELLO, dialled.teller(caller))
    lines.connect(THERE).call("Hello", HELLO, dialled.teller(9))
    here, there = dialled.channels
    assert (len(here.calls), len(there.calls)) == (2, 1)
    here.calls[1].end()
    assert dialled.notified == [(1, "Hello")]
    assert len(here.calls) == 3
    here.calls[0].end()
    here.calls[2].end()
    here.calls[3].end()
    assert dialled.notified == [(1, "Hello"), (0, "Hello"), (2, "Hello"), (3, "Hello")]
    lines.connect(HERE).call("Hello", HELLO, dialled.teller(5))
    lines.connect(HERE).call("Hello", HELLO, dialled.teller(6))
    assert len(here.calls) == 6  # every place is free again


def test_a_watch_takes_no_place_of_a_call(dialled: Dialled) -> None:
    lines = Lines(dialled, calls_max=1)
    for caller in range(50):
        lines.connect(HERE).watch(pb.WatchRequest(), dialled.teller(caller))
    lines.connect(HERE).call("Hello", HELLO, dialled.teller(99))
    (channel,) = dialled.channels
    assert [call.method for call in channel.calls] == ["Watch"] * 50 + ["Hello"]
    channel.calls[0].end()
    lines.connect(HERE).call("Hello", HELLO, dialled.teller(100))
    assert len(channel.calls) == 51  # the end of a Watch leaves no place either


def test_a_line_that_is_closed_cancels_its_call_and_makes_none_that_waits(
    dialled: Dialled,
) -> None:
    lines = Lines(dialled, calls_max=1)
    busy, waits, last = (lines.connect(HERE) for _ in range(3))
    busy.call("Hello", HELLO, dialled.teller(0))
    busy.watch(pb.WatchRequest(), dialled.teller(10))
    waits.call("Hello", HELLO, dialled.teller(1))
    last.call("Hello", HELLO, dialled.teller(2))
    waits.close()
    assert dialled.notified == [(1, LineClosed)]
    busy.close()
    cancelled = {caller for caller, what in dialled.notified if what is grpc.FutureCancelledError}
    assert cancelled == {0, 10}
    (channel,) = dialled.channels
    assert [call.method for call in channel.calls] == ["Hello", "Watch", "Hello"]
    channel.calls[2].end()
    assert dialled.notified[-1] == (2, "Hello")
    waits.call("Hello", HELLO, dialled.teller(3))
    assert dialled.notified[-1] == (3, LineClosed)


def test_a_call_that_cannot_be_made_tells_its_caller_and_leaves_its_place_to_the_next(
    dialled: Dialled,
) -> None:
    lines = Lines(dialled, calls_max=1)
    lines.connect(HERE).call("Hello", HELLO, dialled.teller(0))
    (channel,) = dialled.channels
    for caller in range(1, 2_000):  # more than the interpreter goes into itself
        lines.connect(HERE).call("Hello", HELLO, dialled.teller(caller))
    channel.refuses = True
    channel.calls[0].end()
    refused = [caller for caller, what in dialled.notified if what is grpc.RpcError]
    assert refused == list(range(1, 2_000))
    channel.refuses = False
    lines.connect(HERE).call("Hello", HELLO, dialled.teller(2_000))
    assert len(channel.calls) == 2
