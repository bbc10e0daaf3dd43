"""The demonstration's processes: `silian serve` started, killed, started again, none left over."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from sync.model.errors import ErrorKind, SilianError

# A process that runs is waited for this long: a busy machine needs minutes where a free one needs
# seconds. One that has ended is not waited for.
READY_S = 600.0
STOP_S = 20.0
LOG_TAIL_LINES = 3
# The same command as `silian`, by this interpreter. Where Linux offers it the kernel ends the
# server when the demonstration dies, however that happens: nothing is left behind.
_ENDS_WITH_US = """
import sys
if sys.platform == "linux":
    import ctypes
    ctypes.CDLL(None).prctl(1, 15)
"""
BOOT = f"{_ENDS_WITH_US}from hub.cli.main import main\nmain()\n"
# Several command lines, one after another, in one process: starting it is most of their work.
_SEVERAL = f"""{_ENDS_WITH_US}
import json
from typer.main import get_command
from hub.cli.main import app
verbs = get_command(app)
for words in json.loads(sys.argv[1]):
    try:
        verbs.main(words, prog_name="silian")
    except SystemExit as over:
        if over.code:
            raise
"""
SILIAN = (sys.executable, "-P", "-c", BOOT)


class DemoFailed(SilianError):
    """A step did not do what it promises; the text says which, and what was seen."""

    code = "demo_failed"
    kind = ErrorKind.INTERNAL

    def __init__(self, en: str, zh: str, remedy_en: str = "", remedy_zh: str = "") -> None:
        super().__init__(
            en, zh,
            remedy_en=remedy_en or "Run it again with --dir DIR and look at DIR/logs.",
            remedy_zh=remedy_zh or "请加 --dir 目录 重新运行，并查看该目录下的日志。",
        )  # fmt: skip


@dataclass(slots=True)
class Server:
    """One process that serves offices."""

    name: str
    log: Path
    child: subprocess.Popen[str]
    address: str = ""


def run_verbs(
    where: str, commands: Sequence[Sequence[str]], inside: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """Run commands of `silian` with --json until one fails; return the document of each.

    `where`: a name for the message. `inside`: what is written before the command.
    Raises: DemoFailed with what the one that failed printed.
    """
    lines = json.dumps([[*words, "--json"] for words in commands])
    done = subprocess.run(
        [*inside, sys.executable, "-P", "-c", _SEVERAL, lines],
        capture_output=True, text=True, encoding="utf-8", stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    if done.returncode:
        why = done.stderr.strip()[-400:]
        raise DemoFailed(f"a command failed at {where}: {why}", f"{where}的命令失败：{why}")
    decoder, rest, found = json.JSONDecoder(), done.stdout.lstrip(), []
    while rest:
        document, end = decoder.raw_decode(rest)
        found.append(document)
        rest = rest[end:].lstrip()
    return found


class Processes:
    """All servers by name. Start and stop them from one thread: the kernel watches that thread."""

    def __init__(self, logs: Path) -> None:
        logs.mkdir(parents=True, exist_ok=True)
        self._logs = logs
        self._servers: dict[str, Server] = {}

    def start(self, name: str, folders: Sequence[Path], inside: Sequence[str] = ()) -> None:
        """Start a server of some folders; `wait_ready` returns where it listens.

        `inside`: what is written before the command.
        """
        known = self._servers.get(name)
        assert known is None or known.child.poll() is not None, f"{name} runs already"
        log = self._logs / f"{name}.log"
        command = [*inside, *SILIAN, "serve", "--json"]
        for folder in folders:
            command += ["--dir", str(folder)]
        with log.open("a", encoding="utf-8") as file:
            child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=file,
                text=True, encoding="utf-8", start_new_session=True,
            )  # fmt: skip
        self._servers[name] = Server(name, log, child)

    def wait_ready(self, name: str, timeout_s: float = READY_S) -> str:
        """Return the address that a server reports. Raises: DemoFailed."""
        server = self._servers[name]
        assert server.child.stdout is not None
        line = _line_of(server.child.stdout, timeout_s)
        if line is None:
            raise DemoFailed(
                f"the process of {name} runs, but has not opened its offices "
                f"within {timeout_s:g} s: {_tail(server.log)}",
                f"进程 {name} 仍在运行，但 {timeout_s:g} 秒内未能打开单位：{_tail(server.log)}",
                "The machine is too busy. Stop other programs, or use a smaller --scale.",
                "本机负载过高。请停止其他程序后重新运行，或减小 --scale。",
            )
        try:
            server.address = str(json.loads(line)["address"])
        except (ValueError, KeyError, TypeError):
            raise DemoFailed(
                f"the process of {name} did not start: {_tail(server.log)}",
                f"进程 {name} 未能启动：{_tail(server.log)}",
            ) from None
        return server.address

    def address(self, name: str) -> str:
        return self._servers[name].address

    def pid(self, name: str) -> int:
        return self._servers[name].child.pid

    def names(self) -> list[str]:
        return list(self._servers)

    def kill(self, name: str) -> int:
        """Kill a server with -9, as a power cut does; return the process's number."""
        child = self._servers[name].child
        child.send_signal(signal.SIGKILL)
        child.wait()
        if child.stdout is not None:
            child.stdout.close()
        return child.pid

    def check_alive(self) -> None:
        """Raises: DemoFailed if a server has ended that nobody stopped."""
        for server in self._servers.values():
            code = server.child.poll()
            if code is not None:
                raise DemoFailed(
                    f"the process of {server.name} has ended ({code}): {_tail(server.log)}",
                    f"进程 {server.name} 意外退出（{code}）：{_tail(server.log)}",
                )

    def cpu_s(self) -> float:
        """Return the processor time of all servers that run, in seconds."""
        return sum(_cpu_s(s.child.pid) for s in self._servers.values() if s.child.poll() is None)

    def stop_all(self) -> None:
        """Stop every server: asked first, all at once, and killed if it does not."""
        running = [s.child for s in self._servers.values() if s.child.poll() is None]
        for child in running:
            with contextlib.suppress(ProcessLookupError):
                child.terminate()
        give_up = time.monotonic() + STOP_S
        for child in running:
            try:
                child.wait(max(0.1, give_up - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        for server in self._servers.values():
            if server.child.stdout is not None:
                server.child.stdout.close()
        self._servers.clear()


def _line_of(stream: IO[str], timeout_s: float) -> str | None:
    """Return the first line; "" when the stream ends, None when the time is over."""
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=lambda: lines.put(stream.readline()), daemon=True).start()
    try:
        return lines.get(timeout=timeout_s)
    except queue.Empty:
        return None


def _tail(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return " | ".join(line.strip()[:200] for line in lines[-LOG_TAIL_LINES:]) or "-"


def _cpu_s(pid: int) -> float:
    """Return a process's user and system time; 0 where the system does not report it."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
