"""Who supervises a served office learns that it is ready, alive or stopping, and nothing else."""

from __future__ import annotations

import http.client
import os
import random
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from hub.serve.health_port import ALIVE_S, Pulse, health_pages
from hub.serve.plain_port import REQUESTS_MAX, PlainPort
from hub.serve.supervisor import Supervisor
from node.address import Address
from node.config import OfficeConfig
from node.jobs import Jobs
from tests.support.silian import SERVE, START_S_MAX, STOP_S_MAX, STREET, free_ports, silian

PATIENCE_US = 300_000


@pytest.fixture
def office(tmp_path: Path) -> Path:
    folder = tmp_path / "street"
    assert silian("init", "--dir", folder, "--unit", STREET).exit == 0
    return folder


@contextmanager
def served(folder: Path, **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    environment = os.environ | {"SILIAN_LOG": "ERROR"} | variables
    command = [sys.executable, "-c", SERVE, "serve", "--dir", str(folder)]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def stopped(process: subprocess.Popen[bytes]) -> int:
    process.send_signal(signal.SIGTERM)
    return process.wait(STOP_S_MAX)


def answer(address: str, path: str, method: str = "GET") -> tuple[int, bytes]:
    with closing(http.client.HTTPConnection(address, timeout=START_S_MAX)) as line:
        line.request(method, path)
        got = line.getresponse()
        return got.status, got.read()


# -- systemd --------------------------------------------------------------------------------------


def test_systemd_is_notified_when_an_office_is_ready_alive_and_stopping(
    office: Path, tmp_path: Path
) -> None:
    name = str(tmp_path / "notify")
    with listening(name) as systemd:
        with served(office, NOTIFY_SOCKET=name, WATCHDOG_USEC=str(PATIENCE_US)) as process:
            states = [systemd.recv(4_096).decode() for _ in range(5)]
            (ready,) = (state for state in states if state.startswith("READY=1\nSTATUS="))
            assert "serves 1 offices at 127.0.0.1:" in ready
            assert set(states) == {ready, "WATCHDOG=1"}  # again and again
            assert process.stdout is not None
            assert STREET.encode() in process.stdout.readline()
            assert stopped(process) == 0
        states = []
        while "STOPPING=1" not in states:
            states.append(systemd.recv(4_096).decode())
        assert set(states) <= {"WATCHDOG=1", "STOPPING=1"}


@contextmanager
def listening(name: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind("\0" + name[1:] if name.startswith("@") else name)
        systemd.settimeout(START_S_MAX)
        yield systemd


def test_systemd_is_notified_at_an_abstract_name() -> None:
    name = f"@silian-{os.getpid()}-{random.random()}"
    with listening(name) as systemd:
        supervisor = Supervisor({"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "6000000"}, 7)
        assert supervisor.patience_s == 6
        supervisor.alive()
        assert systemd.recv(4_096) == b"WATCHDOG=1"


def test_a_watchdog_of_another_process_is_not_answered(tmp_path: Path) -> None:
    name = str(tmp_path / "notify")
    with listening(name) as systemd:
        variables = {"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "6000000", "WATCHDOG_PID": "8"}
        supervisor = Supervisor(variables, 7)
        assert not supervisor.patience_s
        supervisor.alive()
        supervisor.stopping()
        assert systemd.recv(4_096) == b"STOPPING=1"


def test_an_office_works_on_if_systemd_cannot_be_notified(tmp_path: Path) -> None:
    supervisor = Supervisor({"NOTIFY_SOCKET": str(tmp_path / "gone")}, 7)
    with capture_logs() as logs:
        supervisor.ready("serves")
    assert [each["event"] for each in logs] == ["supervisor_not_notified"]


# -- the health port ------------------------------------------------------------------------------


def test_there_is_no_health_port_unless_it_is_set() -> None:
    assert OfficeConfig(unit=STREET).health == ""


def test_the_health_port_says_ok_and_nothing_of_the_office(office: Path) -> None:
    address = f"127.0.0.1:{free_ports('127.0.0.1')}"
    with served(office, SILIAN_HEALTH=address) as process:
        assert process.stdout is not None
        assert STREET.encode() in process.stdout.readline()
        assert answer(address, "/livez") == (200, b"ok\n")
        assert answer(address, "/readyz?verbose") == (200, b"ok\n")
        assert answer(address, "/readyz", "HEAD") == (200, b"")
        assert answer(address, "/" + STREET) == (404, b"not found\n")
        assert answer(address, "/livez", "POST")[0] == 501
        assert stopped(process) == 0


def test_a_health_port_that_is_taken_is_refused_with_its_address(office: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with served(office, SILIAN_HEALTH=address) as process:
            assert process.wait(START_S_MAX) == 7
            assert process.stderr is not None
            assert address.encode() in process.stderr.read()


def test_a_process_is_ready_between_its_start_and_its_stop_and_alive_while_it_beats() -> None:
    now = 0.0
    pulse = Pulse(lambda: now)
    pages = health_pages(pulse)

    def both() -> tuple[int, int]:
        return pages["/livez"]().status, pages["/readyz"]().status

    assert both() == (200, 503)
    pulse.set_ready(True)
    assert both() == (200, 200)
    now += ALIVE_S
    assert both() == (503, 503)
    pulse.beat()
    assert both() == (200, 200)
    pulse.set_ready(False)
    assert both() == (200, 503)


def test_long_work_does_not_make_a_process_look_stuck() -> None:
    jobs, over, beats = Jobs(random.Random(1), threads=1), threading.Event(), threading.Semaphore(0)
    began = threading.Event()

    def long() -> None:
        began.set()
        over.wait(START_S_MAX)

    jobs.later(0, long)
    jobs.beat(0.05, lambda: beats.release() if began.is_set() else None)
    jobs.start()
    try:
        assert all(beats.acquire(timeout=START_S_MAX) for _ in range(3))
    finally:
        over.set()
        jobs.close()


def test_callers_that_send_nothing_are_cut_off_and_keep_nobody_out() -> None:
    port = PlainPort(Address("127.0.0.1", 0), health_pages(Pulse()), request_s=0.3)
    port.start()
    host, number = port.address.split(":")
    try:
        silent = [socket.create_connection((host, int(number))) for _ in range(2 * REQUESTS_MAX)]
        for each in silent:
            with each:
                each.settimeout(START_S_MAX)
                assert each.recv(1) == b""
        assert answer(port.address, "/livez") == (200, b"ok\n")
    finally:
        port.close()


def test_the_health_port_listens_on_ipv6() -> None:
    try:
        port = PlainPort(Address("::1", 0), health_pages(Pulse()))
    except OSError as error:  # CannotListen: this machine has no IPv6
        pytest.skip(f"platform: no IPv6 here: {error}")
    port.start()
    assert answer(port.address, "/livez") == (200, b"ok\n")
    port.close()
