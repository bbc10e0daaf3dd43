"""Hosts of the demonstration: real namespaces where the kernel lets us, real sockets everywhere."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.demo import hosts as module
from hub.demo.hosts import Loopback, Namespaces, enter, lay, remove_stale
from hub.demo.processes import DemoFailed

UPPER = {"city": "", "district": "city", "one": "district", "two": "district"}
NOBODY = 4_194_304 + 1  # no process has so high a number


def listed() -> str:
    return subprocess.check_output(["ip", "netns", "list"], text=True)


def why_not() -> str:
    if os.geteuid() != 0 or shutil.which("ip") is None:
        return "needs root and iproute2"
    name = f"silian-try-{os.getpid()}"
    tried = subprocess.run(
        ["ip", "netns", "add", name], capture_output=True, text=True, check=False
    )
    if tried.returncode == 0:
        subprocess.run(["ip", "netns", "delete", name], check=True)
    return tried.stderr


needs_namespaces = pytest.mark.skipif(bool(why_not()), reason=why_not() or "-")


@pytest.fixture
def namespaces() -> Iterator[Namespaces]:
    made = Namespaces(UPPER)
    try:
        made.lay()
        yield made
    finally:
        made.close()


def serve(name: str, address: str) -> None:
    """Serve one port inside of a namespace, for as long as the test runs."""
    ready = threading.Event()

    def run() -> None:
        enter(name)
        host, _, port = address.rpartition(":")
        with socket.create_server((host, int(port))) as server:
            ready.set()
            while True:
                end, _ = server.accept()
                end.sendall(b"here")
                end.close()

    threading.Thread(target=run, daemon=True).start()
    assert ready.wait(10)


def answers(name: str, address: str) -> bool:
    """Whether somebody in a namespace reaches an address."""
    found: list[bytes] = []

    def run() -> None:
        enter(name)
        host, _, port = address.rpartition(":")
        try:
            with socket.create_connection((host, int(port)), timeout=1.0) as end:
                found.append(end.recv(4))
        except OSError:
            found.append(b"")

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return found == [b"here"]


@needs_namespaces
def test_a_host_reaches_its_parent_and_nobody_else(namespaces: Namespaces) -> None:
    name = {host: namespaces.inside(host)[-1] for host in UPPER}
    for parent in ("city", "district"):
        serve(name[parent], namespaces.listen(parent))
    assert answers(name["district"], namespaces.listen("city"))
    assert answers(name["one"], namespaces.listen("district"))
    assert answers(name["two"], namespaces.listen("district"))
    assert not answers(name["one"], namespaces.listen("city")), "the city is two levels above"


@needs_namespaces
def test_a_cut_takes_the_interfaces_of_that_level_down_and_a_restore_up(
    namespaces: Namespaces,
) -> None:
    name = {host: namespaces.inside(host)[-1] for host in UPPER}
    for parent in ("city", "district"):
        serve(name[parent], namespaces.listen(parent))
    link = namespaces.above("one")
    assert answers(name["one"], namespaces.listen("district"))
    assert link.carried > 0
    link.cut()
    assert not answers(name["one"], namespaces.listen("district"))
    assert not answers(name["two"], namespaces.listen("district"))
    assert answers(name["district"], namespaces.listen("city"))
    link.restore()
    assert answers(name["two"], namespaces.listen("district"))


@needs_namespaces
def test_we_reach_the_port_for_programs_of_a_host(namespaces: Namespaces) -> None:
    serve(namespaces.inside("two")[-1], "127.0.0.1:7499")
    host, _, port = namespaces.local_port("two", "127.0.0.1:7499").rpartition(":")
    with socket.create_connection((host, int(port)), timeout=5.0) as end:
        assert end.recv(4) == b"here"


@needs_namespaces
def test_what_a_killed_process_left_is_removed_and_what_another_uses_is_not() -> None:
    # Nothing in its command line shows what it does: a test's worker has namespaces, too.
    code = (
        "import time; from hub.demo.hosts import Namespaces; made = Namespaces({'city': ''}); "
        "made.lay(); print(flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as running:
        lock = module.LOCKS / f"{module.PREFIX}{running.pid}.lock"
        left = f"{module.PREFIX}{NOBODY}-city"
        used = f"{module.PREFIX}{running.pid}-city"
        foreign = f"other-{os.getpid()}"
        try:
            assert running.stdout is not None
            running.stdout.readline()
            for name in (left, foreign):
                subprocess.run(["ip", "netns", "add", name], check=True)
            remove_stale()
            names = listed().split()
            assert left not in names
            assert used in names
            assert foreign in names
            running.kill()
            running.wait()
            assert used in listed().split()
            remove_stale()
            assert used not in listed().split()
            assert not lock.exists()
        finally:
            running.kill()
            running.wait()
            remove_stale()
            subprocess.run(["ip", "netns", "delete", foreign], check=True)


@needs_namespaces
def test_the_number_of_a_killed_demonstration_may_be_another_programs_by_now() -> None:
    other = [sys.executable, "-c", "import time; print(flush=True); time.sleep(60)", "demo"]
    with subprocess.Popen(other, stdout=subprocess.PIPE) as running:
        try:
            left = f"{module.PREFIX}{running.pid}-city"
            subprocess.run(["ip", "netns", "add", left], check=True)
            remove_stale()
            assert left not in listed().split()
        finally:
            running.kill()


@needs_namespaces
def test_a_network_that_is_closed_leaves_no_namespace_and_no_lock() -> None:
    made = lay(UPPER)
    assert made.kind == "namespaces"
    made.close()
    assert f"{module.PREFIX}{os.getpid()}-" not in listed()
    assert not (module.LOCKS / f"{module.PREFIX}{os.getpid()}.lock").exists()


def test_a_program_ip_that_knows_no_namespaces_means_the_loopback(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # As the one of busybox.
    (tmp_path / "ip").write_text("#!/bin/sh\necho 'unknown command: netns' >&2\nexit 1\n")
    (tmp_path / "ip").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    made = lay(UPPER)
    made.close()
    assert made.kind == "loopback"
    assert "unknown command: netns" in made.why[1]


@needs_namespaces
def test_hosts_that_cannot_be_made_leave_nothing_and_the_loopback_is_taken_with_the_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "DOWNWARD", "a-name-that-is-too-long-for-an-interface")
    with_reason = lay(UPPER)
    assert with_reason.kind == "loopback"
    assert "link add" in with_reason.why[1]
    assert f"{module.PREFIX}{os.getpid()}-" not in listed()
    with_reason.close()


def test_who_may_make_no_namespaces_gets_the_loopback_and_reads_what_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    made = lay(UPPER)
    assert (made.kind, made.why[1]) == ("loopback", "iproute2 is not installed")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert lay(UPPER).why[1] == "only root may make network namespaces"


def test_hosts_of_one_parent_share_the_line_that_is_cut() -> None:
    made = Loopback(UPPER, ("", ""))
    try:
        assert made.above("one") is made.above("two")
        assert made.above("one") is not made.above("district")
        assert made.listen("district") != made.listen("city") != ""
        assert made.listen("one") == ""
        assert made.parent("one", made.listen("district")) != made.listen("district")
    finally:
        made.close()


def test_an_interface_that_cannot_be_set_is_an_error_that_names_the_command() -> None:
    with pytest.raises(DemoFailed, match=r"ip .*link set upward down"):
        module.Wires(["no-such-namespace"]).cut()
