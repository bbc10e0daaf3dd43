"""The proxy breaks what it is set to break, and nothing else."""

from __future__ import annotations

import random
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.support.proxy import Direction, Proxy

PATIENCE_S = 10.0


class MirrorServer:
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
            threading.Thread(target=self._send_back, args=(one,), daemon=True).start()

    def _send_back(self, one: socket.socket) -> None:
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
    mirror = MirrorServer()
    proxy = Proxy(mirror.address, random.Random(7))
    yield proxy
    proxy.close()
    mirror.close()


@pytest.fixture
def line(proxy: Proxy) -> Iterator[socket.socket]:
    host, _, port = proxy.address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE_S) as line:
        assert reply_to(line, b"hello") == b"hello"
        yield line


def read_exactly(line: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count and (piece := line.recv(65_536)):
        found += piece
    return found


def reply_to(line: socket.socket, what: bytes) -> bytes:
    line.sendall(what)
    return read_exactly(line, len(what))


def assert_nothing_arrives(line: socket.socket, within_s: float = 0.2) -> bool:
    line.settimeout(within_s)
    try:
        return line.recv(1) is None
    except TimeoutError:
        return True
    finally:
        line.settimeout(PATIENCE_S)


def assert_refused(proxy: Proxy) -> None:
    """The reset is noticed at once, or with the first read."""
    host, _, port = proxy.address.rpartition(":")
    with socket.socket() as dialled:
        dialled.settimeout(PATIENCE_S)
        with pytest.raises(ConnectionResetError):  # noqa: PT012 - either call may notice it
            dialled.connect((host, int(port)))
            dialled.recv(1)


def test_a_proxy_without_faults_forwards_every_byte_unchanged(
    proxy: Proxy, line: socket.socket
) -> None:
    sent = random.Random(1).randbytes(300_000)
    threading.Thread(target=line.sendall, args=(sent,), daemon=True).start()
    assert read_exactly(line, len(sent)) == sent
    assert proxy.carried == dict.fromkeys(Direction, len(sent) + 5)


def test_stalled_bytes_are_forwarded_afterwards(proxy: Proxy, line: socket.socket) -> None:
    proxy.faults[Direction.DOWN].stalled = True
    line.sendall(b"late")
    assert assert_nothing_arrives(line)
    proxy.clear_faults()
    assert read_exactly(line, 4) == b"late"


def test_lost_bytes_stay_lost_while_the_connection_looks_healthy(
    proxy: Proxy, line: socket.socket
) -> None:
    proxy.faults[Direction.UP].lost = True
    line.sendall(b"never")
    assert assert_nothing_arrives(line)
    proxy.clear_faults()
    assert reply_to(line, b"after") == b"after"


def test_each_direction_fails_independently(proxy: Proxy, line: socket.socket) -> None:
    proxy.faults[Direction.DOWN].lost = True
    line.sendall(b"unheard")
    assert assert_nothing_arrives(line)
    assert proxy.carried[Direction.UP] == len(b"hello") + len(b"unheard")
    assert proxy.carried[Direction.DOWN] == len(b"hello")


def test_the_connection_is_reset_after_a_number_of_bytes(proxy: Proxy, line: socket.socket) -> None:
    proxy.faults[Direction.UP].reset_after = 3
    line.sendall(b"four")
    with pytest.raises(ConnectionResetError):
        read_exactly(line, 4)
    assert proxy.carried[Direction.UP] == len(b"hello") + 3


def test_a_reset_closes_open_connections_and_accepts_the_next(
    proxy: Proxy, line: socket.socket
) -> None:
    proxy.reset()
    with pytest.raises(ConnectionResetError):
        line.recv(1)
    host, _, port = proxy.address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE_S) as other:
        assert reply_to(other, b"again") == b"again"


def test_a_refused_client_is_accepted_once_the_fault_is_removed(
    proxy: Proxy, line: socket.socket
) -> None:
    proxy.refuse()
    assert_refused(proxy)
    proxy.clear_faults()
    host, _, port = proxy.address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE_S) as other:
        assert reply_to(other, b"in") == b"in"


def test_a_half_closed_connection_still_carries_the_other_direction(
    proxy: Proxy, line: socket.socket
) -> None:
    proxy.half_close(Direction.UP)
    assert line.recv(1) == b""  # the far end saw the end, and closed its own way
    assert proxy.carried[Direction.UP] == 5


def test_bits_are_flipped_in_as_many_bytes_as_configured(proxy: Proxy, line: socket.socket) -> None:
    proxy.faults[Direction.UP].flip_one_in = 10
    sent = bytes(10_000)
    back = reply_to(line, sent)
    wrong = sum(byte != 0 for byte in back)
    assert wrong == proxy.flipped
    assert 700 < wrong < 1_300


@pytest.mark.parametrize("slow", [{"latency_ms": 120}, {"bytes_per_s": 50_000}])
def test_a_slow_connection_delays_its_bytes(
    proxy: Proxy, line: socket.socket, slow: dict[str, int]
) -> None:
    for name, value in slow.items():
        setattr(proxy.faults[Direction.UP], name, value)
    before = time.monotonic()
    assert reply_to(line, bytes(6_000)) == bytes(6_000)
    assert time.monotonic() - before >= 0.11


def test_a_client_is_refused_when_no_server_is_behind_the_proxy() -> None:
    proxy = Proxy()
    assert_refused(proxy)
    proxy.close()
