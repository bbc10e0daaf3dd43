"""The proxy breaks what it is told to break, and nothing else."""

from __future__ import annotations

import random
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.support.proxy import Proxy, Way

PATIENCE_S = 10.0


class Echo:
    """A server that says everything back."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._open: list[socket.socket] = []
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                one, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(one)
            threading.Thread(target=self._say_back, args=(one,), daemon=True).start()

    def _say_back(self, one: socket.socket) -> None:
        try:
            while data := one.recv(65_536):
                one.sendall(data)
            one.shutdown(socket.SHUT_WR)
        except OSError:
            return

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in self._open:
            one.close()


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    echo = Echo()
    proxy = Proxy(echo.address, random.Random(7))
    yield proxy
    proxy.close()
    echo.close()


@pytest.fixture
def line(proxy: Proxy) -> Iterator[socket.socket]:
    host, _, port = proxy.address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE_S) as line:
        assert said_back(line, b"hello") == b"hello"
        yield line


def heard(line: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count and (piece := line.recv(65_536)):
        found += piece
    return found


def said_back(line: socket.socket, what: bytes) -> bytes:
    line.sendall(what)
    return heard(line, len(what))


def nothing_comes(line: socket.socket, within_s: float = 0.2) -> bool:
    line.settimeout(within_s)
    try:
        return line.recv(1) is None
    except TimeoutError:
        return True
    finally:
        line.settimeout(PATIENCE_S)


def assert_turned_away(proxy: Proxy) -> None:
    """The reset is heard at once, or with the first read."""
    host, _, port = proxy.address.rpartition(":")
    with socket.socket() as dialled:
        dialled.settimeout(PATIENCE_S)
        with pytest.raises(ConnectionResetError):  # noqa: PT012 - either call may hear of it
            dialled.connect((host, int(port)))
            dialled.recv(1)


def test_whole_it_carries_every_byte_as_it_is(proxy: Proxy, line: socket.socket) -> None:
    sent = random.Random(1).randbytes(300_000)
    threading.Thread(target=line.sendall, args=(sent,), daemon=True).start()
    assert heard(line, len(sent)) == sent
    assert proxy.carried == dict.fromkeys(Way, len(sent) + 5)


def test_what_is_stalled_goes_on_after(proxy: Proxy, line: socket.socket) -> None:
    proxy.faults[Way.DOWN].stalled = True
    line.sendall(b"late")
    assert nothing_comes(line)
    proxy.heal()
    assert heard(line, 4) == b"late"


def test_what_is_lost_stays_lost_and_the_line_looks_whole(
    proxy: Proxy, line: socket.socket
) -> None:
    proxy.faults[Way.UP].lost = True
    line.sendall(b"never")
    assert nothing_comes(line)
    proxy.heal()
    assert said_back(line, b"after") == b"after"


def test_a_way_is_broken_by_itself(proxy: Proxy, line: socket.socket) -> None:
    proxy.faults[Way.DOWN].lost = True
    line.sendall(b"unheard")
    assert nothing_comes(line)
    assert proxy.carried[Way.UP] == len(b"hello") + len(b"unheard")
    assert proxy.carried[Way.DOWN] == len(b"hello")


def test_after_so_many_bytes_the_connection_is_reset(proxy: Proxy, line: socket.socket) -> None:
    proxy.faults[Way.UP].cut_after = 3
    line.sendall(b"four")
    with pytest.raises(ConnectionResetError):
        heard(line, 4)
    assert proxy.carried[Way.UP] == len(b"hello") + 3


def test_a_reset_ends_what_is_open_and_lets_the_next_in(proxy: Proxy, line: socket.socket) -> None:
    proxy.reset()
    with pytest.raises(ConnectionResetError):
        line.recv(1)
    host, _, port = proxy.address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE_S) as other:
        assert said_back(other, b"again") == b"again"


def test_who_is_refused_is_let_in_after_it_is_healed(proxy: Proxy, line: socket.socket) -> None:
    proxy.refuse()
    assert_turned_away(proxy)
    proxy.heal()
    host, _, port = proxy.address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE_S) as other:
        assert said_back(other, b"in") == b"in"


def test_a_half_closed_line_still_carries_the_other_way(proxy: Proxy, line: socket.socket) -> None:
    proxy.half_close(Way.UP)
    assert line.recv(1) == b""  # the far end heard the end, and ended its own way
    assert proxy.carried[Way.UP] == 5


def test_bits_are_flipped_in_as_many_bytes_as_was_said(proxy: Proxy, line: socket.socket) -> None:
    proxy.faults[Way.UP].flip_one_in = 10
    sent = bytes(10_000)
    back = said_back(line, sent)
    wrong = sum(byte != 0 for byte in back)
    assert wrong == proxy.flipped
    assert 700 < wrong < 1_300


@pytest.mark.parametrize("slow", [{"latency_ms": 120}, {"bytes_per_s": 50_000}])
def test_a_slow_line_takes_its_time(
    proxy: Proxy, line: socket.socket, slow: dict[str, int]
) -> None:
    for name, value in slow.items():
        setattr(proxy.faults[Way.UP], name, value)
    before = time.monotonic()
    assert said_back(line, bytes(6_000)) == bytes(6_000)
    assert time.monotonic() - before >= 0.11


def test_who_dials_when_nobody_is_behind_it_is_turned_away() -> None:
    proxy = Proxy()
    assert_turned_away(proxy)
    proxy.close()
