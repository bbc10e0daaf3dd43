"""The command line for tests: verbs in this process, `silian serve` in one of its own."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import pty
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import structlog
from typer.main import get_command
from typer.testing import CliRunner

from hub.cli.main import app

START_S_MAX = 60
STOP_S_MAX = 30
STREET = "330102013000"  # 闸弄口街道
COMMUNITY = "330102013009"  # 万家花园社区
SERVE = "from hub.cli.main import main; main()"


@dataclass(frozen=True, slots=True)
class Ran:
    """What a verb did."""

    exit: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON document on standard output."""
        return json.loads(self.out)

    @property
    def error(self) -> dict[str, Any]:
        """The envelope on standard error."""
        found: dict[str, Any] = json.loads(self.err.strip().splitlines()[-1])
        return found


FAULT = ("the program failed", "程序出错")


def free_ports(host: str) -> int:
    """Return a port of a host that is free, and so is the next one."""
    while True:
        with socket.create_server((host, 0)) as one:
            port = int(one.getsockname()[1])
            with suppress(OSError), socket.create_server((host, port + 1)):
                return port


def silian(
    *arguments: object, lang: str = "en", env: dict[str, str] | None = None, faults: bool = False
) -> Ran:
    """Run one verb in this process; a fault of the program fails the test unless it is meant."""
    variables = {"LANG": f"{lang}_XX.UTF-8", "LC_ALL": "", "SILIAN_LANG": "", **(env or {})}
    stated = [str(each) for each in arguments]
    tree = _tree(*languages(stated, variables))
    with _logs_as_before(), mock.patch("typer.testing._get_command", return_value=tree):
        result = CliRunner().invoke(app, stated, env=variables)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    ran = Ran(result.exit_code, result.stdout, result.stderr)
    assert faults or not any(stated in ran.err for stated in FAULT), ran.err
    return ran


def languages(stated: Sequence[str], variables: Mapping[str, str]) -> Iterator[str]:
    """Yield all that may say in which language a verb answers."""
    yield from (variables[name] for name in ("LANG", "LC_ALL", "SILIAN_LANG"))
    for at, each in enumerate(stated):
        if each.startswith("--lang"):
            yield from stated[at : at + 2]


@cache
def _tree(*_languages: str) -> Any:
    """Return the tree of verbs for a language; typer takes longer to build it than a verb takes."""
    return get_command(app)


def _is_closed(handler: logging.Handler) -> bool:
    return bool(getattr(getattr(handler, "stream", None), "closed", False))


@contextmanager
def _logs_as_before() -> Iterator[None]:
    """Undo what a verb does to this process's logs: they would go to its standard error for ever.

    Threads of an office that this process serves log whenever they like. A line of theirs in the
    output of the next verb would be taken for its error.
    """
    root = logging.getLogger()
    # One that an earlier test left behind may write to a stream that is closed by now.
    root.handlers[:] = [h for h in root.handlers if not _is_closed(h)]
    handlers, level, configured = root.handlers[:], root.level, structlog.get_config()
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.configure(**configured)


def answering(*arguments: object, answers: Sequence[str]) -> str:
    """Run one verb on a terminal, and type these lines; return all that was shown there."""
    return on_terminal(*arguments, typed="".join(f"{answer}\n" for answer in answers))


def on_terminal(*arguments: object, columns: int = 100, typed: str = "") -> str:
    """Run one verb on a terminal of its own; return all that it showed there."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    os.write(ours, typed.encode())
    command = [sys.executable, "-c", SERVE, *(str(each) for each in arguments)]
    with os.fdopen(ours, "rb", buffering=0) as screen:
        process = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs,
            env={**os.environ, "TERM": "xterm", "COLUMNS": str(columns)},
        )  # fmt: skip
        os.close(theirs)
        shown = bytearray()
        with suppress(OSError):  # how Linux says that the other end is closed
            while piece := screen.read(65_536):
                shown += piece
        process.wait()
    return shown.decode()


def on_screen(*arguments: object, columns: int = 100) -> str:
    """Run one verb in this process with a terminal as its output; return all that it showed."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    shown = bytearray()

    def read() -> None:
        with suppress(OSError):  # how Linux says that the other end is closed
            while piece := os.read(ours, 65_536):
                shown.extend(piece)

    reader = threading.Thread(target=read)
    reader.start()
    variables = {"TERM": "xterm", "COLUMNS": str(columns)}
    try:
        with (
            mock.patch.dict(os.environ, variables),
            open(theirs, "w", encoding="utf-8") as screen,
            redirect_stdout(screen),
            redirect_stderr(screen),
            suppress(SystemExit),
        ):
            app([str(each) for each in arguments], prog_name="silian")
    finally:
        reader.join()
        os.close(ours)
    return shown.decode()


@contextmanager
def serving(*folders: Path) -> Iterator[str]:
    """Serve offices in a process of their own; yield the address; stop it gracefully."""
    dirs = [text for folder in folders for text in ("--dir", str(folder))]
    with subprocess.Popen(
        [sys.executable, "-c", SERVE, "serve", "--json", *dirs],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"SILIAN_LOG": "ERROR"},
    ) as process:
        assert process.stdout is not None
        try:
            ready, _, _ = select.select([process.stdout], [], [], START_S_MAX)
            assert ready, "silian serve did not say its address"
            yield str(json.loads(process.stdout.readline())["address"])
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                ended = process.wait(STOP_S_MAX)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        assert ended == 0, f"silian serve ended with {ended}"
