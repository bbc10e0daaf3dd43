"""The hosts of the demonstration: network namespaces with wires, or the loopback where none are.

Everything that is made lies inside of namespaces named silian-demo-PID-HOST, with addresses of
198.18.0.0/15 (RFC 2544, for tests of networks). The machine's own interfaces, routes and firewall
are left as they are.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Protocol

from hub.demo.line import LOOPBACK, Line
from hub.demo.processes import DemoFailed

PREFIX = "silian-demo-"
PORT = 7410
UPWARD, DOWNWARD = "upward", "downward"  # a child's interface; a parent's bridge
NAMESPACES = Path("/run/netns")
LOCKS = Path("/run")  # with a lock for each process that has namespaces
CLONE_NEWNET = 0x40000000

Upper = Mapping[str, str]  # each host and the one above it; "" for the city's


class Link(Protocol):
    """What joins one level to the level above, and can be cut. `carried`: bytes, both ways."""

    @property
    def carried(self) -> int: ...

    def cut(self) -> None: ...

    def restore(self) -> None: ...


class Hosts(Protocol):
    """Where the processes run, and how they and we reach each other."""

    kind: str  # "namespaces" or "loopback"
    why: tuple[str, str]  # in Chinese and English

    def inside(self, host: str) -> list[str]:
        """Return what to write before a command so that it runs on a host."""
        ...

    def listen(self, host: str) -> str:
        """Return where a host listens for the level below; "" if there is none."""
        ...

    def parent(self, host: str, address: str) -> str:
        """Return the address by which a host dials its parent, which listens at `address`."""
        ...

    def local_port(self, host: str, address: str) -> str:
        """Return where we reach the port for programs that a host has on its own loopback."""
        ...

    def above(self, host: str) -> Link:
        """Return the link from a host to the level above."""
        ...

    def close(self) -> None:
        """Remove all that was made."""
        ...


def lay(upper: Upper) -> Hosts:
    """Make a network namespace for each host; where that cannot be, take the loopback and say why.

    Removes first what a demonstration that was killed has left.
    """
    why = _why_not()
    if why is None:
        made = Namespaces(upper)
        try:
            remove_stale()
            made.lay()
        except DemoFailed as error:
            made.close()
            why = (f"无法建立网络命名空间（{error.zh}）", f"no namespaces can be made ({error.en})")
        except BaseException:
            made.close()
            raise
        else:
            return made
    return Loopback(upper, why)


def _why_not() -> tuple[str, str] | None:
    if sys.platform != "linux":
        return "本系统不支持网络命名空间", "this system has no network namespaces"
    if os.geteuid() != 0:
        return "建立网络命名空间需要超级用户权限", "only root may make network namespaces"
    if shutil.which("ip") is None:
        return "未安装管理网络命名空间的系统工具", "iproute2 is not installed"
    return None


class Loopback:
    """All hosts on this machine's loopback; a link is a line that carries bytes between ports."""

    kind = "loopback"

    def __init__(self, upper: Upper, why: tuple[str, str]) -> None:
        self.why = why
        self._upper = upper
        self._listen = {
            parent: f"{LOOPBACK}:{free_ports()}" for parent in set(upper.values()) if parent
        }
        self._lines: dict[str, Line] = {}

    def inside(self, host: str) -> list[str]:
        return []

    def listen(self, host: str) -> str:
        return self._listen.get(host, "")

    def parent(self, host: str, address: str) -> str:
        line = self._line(host)
        line.to = address
        return line.address

    def local_port(self, host: str, address: str) -> str:
        return address

    def above(self, host: str) -> Link:
        return self._line(host)

    def close(self) -> None:
        for line in self._lines.values():
            line.close()

    def _line(self, host: str) -> Line:
        """Return the line upwards; hosts with the same parent share it."""
        return self._lines.setdefault(self._upper[host], Line())


class Namespaces:
    """A network namespace for each host; a parent's bridge joins it to the hosts below."""

    kind = "namespaces"

    def __init__(self, upper: Upper) -> None:
        self.why = (
            "本机允许建立网络命名空间：每台主机有自己的网络和地址",
            "this machine lets us make network namespaces: each host has a network of its own",
        )
        self._upper = upper
        self._names = {host: f"{PREFIX}{os.getpid()}-{host}" for host in upper}
        parents = [host for host in upper if host in upper.values()]
        self._net = {parent: f"198.18.{number}" for number, parent in enumerate(parents, 1)}
        self._local_ports: dict[str, Line] = {}
        self._lock: IO[bytes] | None = None

    def lay(self) -> None:
        """Make the namespaces and join them. Raises: DemoFailed."""
        self._lock = _lock(os.getpid())
        if self._lock is None:
            raise DemoFailed("this process has namespaces already", "本进程已建立网络命名空间")
        for name in self._names.values():
            _ip("netns", "add", name)
            _ip("link", "set", "lo", "up", at=name)
        for parent, net in self._net.items():
            at = self._names[parent]
            _ip("link", "add", DOWNWARD, "type", "bridge", at=at)
            _ip("address", "add", f"{net}.1/24", "dev", DOWNWARD, at=at)
            _ip("link", "set", DOWNWARD, "up", at=at)
            below = [host for host, above in self._upper.items() if above == parent]
            for number, host in enumerate(below, 2):
                self._join(host, at, f"port{number}", f"{net}.{number}/24")

    def _join(self, host: str, parent: str, port: str, address: str) -> None:
        at = self._names[host]
        _ip("link", "add", UPWARD, "type", "veth", "peer", "name", port, "netns", parent, at=at)
        _ip("link", "set", port, "master", DOWNWARD, "up", at=parent)
        _ip("address", "add", address, "dev", UPWARD, at=at)
        _ip("link", "set", UPWARD, "up", at=at)

    def inside(self, host: str) -> list[str]:
        return ["ip", "netns", "exec", self._names[host]]

    def listen(self, host: str) -> str:
        return f"{self._net[host]}.1:{PORT}" if host in self._net else ""

    def parent(self, host: str, address: str) -> str:
        return address

    def local_port(self, host: str, address: str) -> str:
        """A port of our own loopback carries to the port for programs inside."""
        if host not in self._local_ports:
            self._local_ports[host] = Line(lambda: enter(self._names[host]))
        self._local_ports[host].to = address
        return self._local_ports[host].address

    def above(self, host: str) -> Link:
        parent = self._upper[host]
        return Wires([name for at, name in self._names.items() if self._upper[at] == parent])

    def close(self) -> None:
        for port in self._local_ports.values():
            port.close()
        if self._lock is not None:
            _remove(os.getpid(), self._lock)
            self._lock = None


class Wires:
    """The interfaces by which one level reaches the level above."""

    def __init__(self, names: list[str]) -> None:
        self._names = names

    def cut(self) -> None:
        """Take the interfaces down: packets are lost silently."""
        self._set("down")

    def restore(self) -> None:
        self._set("up")

    def _set(self, state: str) -> None:
        for name in self._names:
            _ip("link", "set", UPWARD, state, at=name)

    @property
    def carried(self) -> int:
        total = 0
        for name in self._names:
            (link,) = json.loads(_ip("-json", "-statistics", "link", "show", UPWARD, at=name))
            total += link["stats64"]["rx"]["bytes"] + link["stats64"]["tx"]["bytes"]
        return total


def enter(name: str) -> None:
    """Have this thread be in a namespace: the sockets that it opens from now on are there."""
    libc = ctypes.CDLL(None, use_errno=True)
    handle = os.open(NAMESPACES / name, os.O_RDONLY)
    try:
        if libc.setns(handle, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), name)
    finally:
        os.close(handle)


def remove_stale() -> None:
    """Remove the namespaces of processes that have ended without removing them: they were killed.

    Raises: DemoFailed.
    """
    for pid in {pid for pid, _ in _ours()}:
        lock = _lock(pid)
        if lock is not None:
            _remove(pid, lock)


def _lock(pid: int) -> IO[bytes] | None:
    """Lock the namespaces of a process; None if another has them locked. Raises: DemoFailed.

    The kernel releases a lock when its process ends, however it ends. The number alone would not
    do: it may be another program's by now.
    """
    path = LOCKS / f"{PREFIX}{pid}.lock"
    try:
        file = path.open("wb")
    except OSError as error:
        raise DemoFailed(f"{path}: {error.strerror}", f"{path}：{error.strerror}") from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def _remove(pid: int, lock: IO[bytes]) -> None:
    """Remove the namespaces of a process, and then its lock. Raises: DemoFailed."""
    with lock:
        for owner, name in _ours():
            if owner == pid:
                _ip("netns", "delete", name)
        (LOCKS / f"{PREFIX}{pid}.lock").unlink(missing_ok=True)


def _ours() -> list[tuple[int, str]]:
    """Return each namespace that has our prefix, with the number of the process that made it."""
    found = ((re.match(rf"{PREFIX}(\d+)-", name), name) for name in _listed())
    return [(int(owner[1]), name) for owner, name in found if owner]


def _listed() -> list[str]:
    return [line.split()[0] for line in _ip("netns", "list").splitlines() if line]


def _ip(*arguments: str, at: str = "") -> str:
    """Run `ip`, in a namespace if one is named; return what it prints. Raises: DemoFailed."""
    command = ["ip", *(("-netns", at) if at else ()), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise DemoFailed(f"{command[0]}: {error}", f"{command[0]}：{error}") from None
    if done.returncode:
        why = done.stderr.strip()[:200]
        raise DemoFailed(f"{' '.join(command)}: {why}", f"{' '.join(command)}：{why}")
    return done.stdout


def free_ports() -> int:
    """Return a port of the loopback that is free, and so is the next one."""
    while True:
        with socket.create_server((LOOPBACK, 0)) as one:
            port = int(one.getsockname()[1])
            with suppress(OSError), socket.create_server((LOOPBACK, port + 1)):
                return port
