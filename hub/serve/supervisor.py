"""Supervisor: systemd is notified that the process is ready, alive, or about to stop (sd_notify).

The protocol is a datagram to the socket that $NOTIFY_SOCKET names; without it nobody asked.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

import structlog


class Supervisor:
    """Who started this process, if it wants to be notified."""

    def __init__(self, environ: Mapping[str, str], pid: int) -> None:
        self._path = environ.get("NOTIFY_SOCKET", "")
        theirs = environ.get("WATCHDOG_PID", str(pid)) == str(pid)
        micros = environ.get("WATCHDOG_USEC", "") if theirs else ""
        # How long it waits for `alive` before it ends the process; 0: it does not.
        self.patience_s = int(micros) / 1e6 if micros.isdecimal() and self._path else 0.0

    @classmethod
    def of_this_process(cls) -> Supervisor:
        return cls(os.environ, os.getpid())

    def ready(self, status: str) -> None:
        self._notify(f"READY=1\nSTATUS={status}")

    def stopping(self) -> None:
        self._notify("STOPPING=1")

    def alive(self) -> None:
        if self.patience_s:
            self._notify("WATCHDOG=1")

    def _notify(self, state: str) -> None:
        if not self._path:
            return
        name = "\0" + self._path[1:] if self._path.startswith("@") else self._path
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as line:
                line.connect(name)
                line.sendall(state.encode())
        except OSError as error:
            # The office works all the same. systemd acts if it gets no notice in time.
            structlog.get_logger().warning("supervisor_not_notified", reason=str(error))
