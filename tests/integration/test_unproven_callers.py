"""Callers without a certificate: slow, gone or many, they keep no child waiting."""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import pytest

from hub.serve.process import Process
from tests.support.edits import premises
from tests.support.enrolled import Enrolled, enrolled, idle, served, until
from tests.support.tier import CITY, DISTRICT, GARDEN, STREET

GONE = struct.pack("ii", 1, 0)  # SO_LINGER: closing resets the connection
PATIENCE_S = 60.0


@pytest.fixture
def offices(tmp_path: Path) -> Iterator[Enrolled]:
    with enrolled(tmp_path) as made:
        made.make(CITY)
        made.make(DISTRICT, CITY)
        made.make(STREET, DISTRICT)
        made.make(GARDEN, STREET)
        yield made


def ports(process: Process) -> list[tuple[str, int]]:
    """Return where strangers can connect: the link and enrolment."""
    found = []
    for each in (*process.server.addresses, *process.server.enrolments):
        host, _, port = each.rpartition(":")
        found.append((host, int(port)))
    return found


def connect(at: tuple[str, int]) -> socket.socket:
    return socket.create_connection(at, PATIENCE_S)


def is_over(link: socket.socket) -> bool:
    """Return whether the office has closed a connection; wait until it does."""
    link.settimeout(PATIENCE_S)
    try:
        return link.recv(1) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


def reset(at: tuple[str, int]) -> None:
    with closing(connect(at)) as link:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, GONE)


def shake(at: tuple[str, int]) -> None:
    """Begin TLS as somebody without a certificate of the city."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    with suppress(OSError), connect(at) as link, context.wrap_socket(link):
        pass


def is_served(street: Process, garden: Process, name: str) -> None:
    """What a child writes goes up, and a child that comes again is let in."""
    premises(served(garden, GARDEN).office, name)

    def has() -> bool:
        with served(street, STREET).office.store.read() as tx:
            return name in [row[0] for row in tx.exec_driver_sql("SELECT f_name FROM r_premises")]

    until(has)
    served(garden, GARDEN).dialer.redial()  # type: ignore[union-attr]
    idle(garden, GARDEN)


def besieged(offices: Enrolled, *, silent: int, resets: int, handshakes: int) -> None:
    street, garden = offices.serve(STREET), offices.serve(GARDEN)
    idle(garden, GARDEN)
    with ExitStack() as stack:
        links = [
            stack.enter_context(closing(connect(at)))
            for at in ports(street)
            for _ in range(silent // 2)
        ]
        is_served(street, garden, "while strangers are silent")
        assert all(map(is_over, links))
    for kind, times in ((reset, resets), (shake, handshakes)):
        every: Callable[[tuple[str, int]], None] = kind
        for n in range(times):
            every(ports(street)[n % 2])
        is_served(street, garden, f"after each {kind.__name__}")


def test_callers_that_are_silent_reset_or_shake_hands_keep_no_child_waiting(
    offices: Enrolled,
) -> None:
    besieged(offices, silent=40, resets=200, handshakes=50)


@pytest.mark.soak
def test_500_silent_connections_10000_resets_and_a_flood_of_handshakes_keep_no_child_waiting(
    offices: Enrolled,
) -> None:
    besieged(offices, silent=500, resets=10_000, handshakes=3_000)


def test_a_port_has_no_more_connections_than_its_offices_need_and_frees_them_again(
    offices: Enrolled,
) -> None:
    street, garden = offices.serve(STREET), offices.serve(GARDEN)
    idle(garden, GARDEN)
    at, allowed = ports(street)[0], street.capacity.connections
    with ExitStack() as stack:
        links = [stack.enter_context(closing(connect(at))) for _ in range(allowed + 20)]
        assert is_over(links[-1])
        assert is_over(links[0])
    is_served(street, garden, "after all of them")
