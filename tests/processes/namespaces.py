"""The city with a network namespace for each office: real interfaces go silent, narrow, one way.

Run it in a namespace of its own (`in_a_namespace`): all that it makes is gone with the process.
Offices listen on addresses of 127.0.0.0/8, as they must without TLS; `route_localnet` lets those go
over a wire. Needs iproute2 and the right to make namespaces.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import random
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.processes.city import CODES, NAMES, PARENT, City
from tests.processes.lines import directions_of
from tests.processes.plan import Step
from tests.support.proxy import Direction

UNSHARE = ("unshare", "--map-root-user", "--net", "--mount", "--propagation", "private")
CLONE_NEWNET = 0x40000000
PORT = 7410
UPWARD = "upward"  # the interface at the child's end
NOBODY = "02:00:00:00:00:01"  # a hardware address that no interface has: frames to it are lost
KINDS = {
    "kill": 1, "pause": 1, "pause both ends": 1, "lose": 3, "lose up": 3, "lose down": 3,
    "narrow": 3,
}  # fmt: skip


def why_not() -> str:
    """Return why no namespaces can be had here; "" when they can."""
    probe = [*UNSHARE, "ip", "link", "set", "lo", "up"]
    try:
        tried = subprocess.run(probe, capture_output=True, text=True, check=False)
    except OSError as error:
        return str(error)
    return tried.stderr.strip()


def in_a_namespace(arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run `python -m tests.processes` with these arguments in a network namespace of its own."""
    command = [*UNSHARE, sys.executable, "-m", "tests.processes", "--namespaces", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _ip(*arguments: str, at: str = "", may_fail: bool = False) -> None:
    command = ["ip", *(("-n", at) if at else ()), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert may_fail or done.returncode == 0, f"{' '.join(command)}: {done.stderr}"


def _tc(*arguments: str, at: str, may_fail: bool = False) -> None:
    command = ["ip", "netns", "exec", at, "tc", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert may_fail or done.returncode == 0, f"{' '.join(command)}: {done.stderr}"


def _localnet(at: str = "") -> None:
    """Let addresses of 127.0.0.0/8 go over wires; only 127.0.0.1 stays at home."""
    inside = ("ip", "netns", "exec", at) if at else ()
    for which in ("all", "default"):
        name = f"net.ipv4.conf.{which}.route_localnet=1"
        subprocess.run([*inside, "sysctl", "-qw", name], check=True, capture_output=True)
    _ip("link", "set", "lo", "up", at=at)
    _ip("route", "del", "local", "127.0.0.0/8", "dev", "lo", "table", "local", at=at)


def _wire(one: str, one_at: str, other: str, other_at: str, net: str) -> None:
    """Lay a wire between two namespaces: `net`.1 at the first end, `net`.2 at the other."""
    _ip("link", "add", one, "type", "veth", "peer", "name", other, "netns", other_at, at=one_at)
    for name, at, number in ((one, one_at, 1), (other, other_at, 2)):
        _ip("addr", "add", f"{net}.{number}/30", "dev", name, at=at)
        _ip("link", "set", name, "up", at=at)


@dataclass(slots=True)
class WireLine:
    """A wire between the namespaces of a child and of its parent."""

    child: str  # namespaces
    parent: str
    parents_address: str
    childs_address: str
    end_above: str  # the interface at the parent's end; at the child's it is UPWARD

    def begin(self, step: Step, rng: random.Random) -> None:
        directions = directions_of(step.kind)
        match step.kind.split()[0]:
            case "lose":
                if Direction.UP in directions:
                    _ip("neigh", "replace", self.parents_address, "lladdr", NOBODY, "dev", UPWARD,
                        "nud", "permanent", at=self.child)  # fmt: skip
                if Direction.DOWN in directions:
                    _ip("neigh", "replace", self.childs_address, "lladdr", NOBODY, "dev",
                        self.end_above, "nud", "permanent", at=self.parent)  # fmt: skip
                self._assert_dead()
            case "narrow":
                rate = f"{step.size * 8}bit"
                for at, name in ((self.child, UPWARD), (self.parent, self.end_above)):
                    # What does not fit into the short queue is dropped, as a bad line does.
                    _tc("qdisc", "replace", "dev", name, "root", "tbf", "rate", rate, "burst",
                        "4kb", "limit", "12kb", at=at)  # fmt: skip
            case _:
                raise AssertionError(step.kind)

    def _assert_dead(self) -> None:
        """See that nobody comes through: a fault that does not bite proves nothing."""
        with _inside(self.child), contextlib.suppress(OSError):
            socket.create_connection((self.parents_address, PORT), timeout=0.3).close()
            raise AssertionError(f"the wire of {self.child} still carries")

    def end(self, step: Step) -> None:
        self.clear_faults()

    def reset(self) -> None:
        raise AssertionError("a wire cannot reset a connection")

    def clear_faults(self) -> None:
        _ip("neigh", "del", self.parents_address, "dev", UPWARD, at=self.child, may_fail=True)
        _ip("neigh", "del", self.childs_address, "dev", self.end_above, at=self.parent,
            may_fail=True)  # fmt: skip
        for at, name in ((self.child, UPWARD), (self.parent, self.end_above)):
            _tc("qdisc", "del", "dev", name, "root", at=at, may_fail=True)

    def close(self) -> None:
        """It goes with the namespaces."""


@dataclass(slots=True)
class NamespacedCity(City):
    """Five offices, each in a network of its own, joined by wires. We are joined to each."""

    _ready: set[str] = field(default_factory=set)

    def lay(self, code: str) -> tuple[str, str]:
        if not self._ready:
            subprocess.run(["mount", "-t", "tmpfs", "none", "/run"], check=True)
            Path("/run/netns").mkdir()
            _localnet()
        here, number = NAMES[code], CODES.index(code) + 1
        listen = f"127.{100 + number}.0.1"
        _ip("netns", "add", here)
        _localnet(here)
        _ip("addr", "add", f"{listen}/32", "dev", "lo", at=here)
        _ip("link", "add", f"desk{number}", "type", "veth", "peer", "name", "desk", "netns", here)
        for name, at, end in ((f"desk{number}", "", 1), ("desk", here, 2)):
            _ip("addr", "add", f"127.50.{number}.{end}/30", "dev", name, at=at)
            _ip("link", "set", name, "up", at=at)
        _ip("route", "add", f"{listen}/32", "dev", f"desk{number}")
        self._ready.add(code)
        if code not in PARENT:
            return f"{listen}:{PORT}", ""
        above = PARENT[code]
        parents = f"127.{101 + CODES.index(above)}.0.1"
        _wire(UPWARD, here, f"down{number}", NAMES[above], f"127.60.{number}")
        _ip("route", "add", f"{parents}/32", "dev", UPWARD, at=here)
        self.lines[code] = WireLine(
            here, NAMES[above], parents, f"127.60.{number}.1", f"down{number}"
        )
        return f"{listen}:{PORT}", f"{parents}:{PORT}"

    def join(self) -> None:
        """The wires are laid already."""

    def launch(self, code: str) -> None:
        with _inside(NAMES[code]):
            self.processes.start(code, [self.folder(code)])


@contextlib.contextmanager
def _inside(name: str) -> Iterator[None]:
    """Have this thread, and what it starts, be in a namespace for a while."""
    libc = ctypes.CDLL(None, use_errno=True)

    def enter(path: str) -> None:
        handle = os.open(path, os.O_RDONLY)
        try:
            assert libc.setns(handle, CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
        finally:
            os.close(handle)

    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        enter(f"/run/netns/{name}")
        yield
    finally:
        assert libc.setns(home, CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
        os.close(home)


def missing_tools() -> list[str]:
    """Return the commands that are needed and not there; they come with iproute2 and procps."""
    return [name for name in ("ip", "tc", "sysctl", "unshare", "mount") if not shutil.which(name)]
