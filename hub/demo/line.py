"""A line between two offices that can be cut: it carries bytes between loopback ports."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable

LOOPBACK = "127.0.0.1"
PIECE_BYTES = 1 << 16


class Line:
    """Listens on a free port and carries every connection to `to`, until it is cut.

    A cut line ends open connections and refuses new ones, like a dead cable that was noticed; both
    offices go on running. `to`: empty until the upper end is known: no call comes through.
    `carried` counts the bytes that went through, both ways. `first` is what the thread that dials
    does before anything else: it may move into a network namespace.
    """

    def __init__(self, first: Callable[[], None] | None = None) -> None:
        self._first = first
        self.to = ""
        self._listener = socket.create_server((LOOPBACK, 0))
        self._lock = threading.Lock()
        self._ends: set[socket.socket] = set()
        self._connected = True
        self.carried = 0
        self.address = f"{LOOPBACK}:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, name="line", daemon=True).start()

    def cut(self) -> None:
        """End every connection and refuse new ones."""
        with self._lock:
            self._connected = False
            ends = list(self._ends)
        for end in ends:
            _shut(end)

    def restore(self) -> None:
        """Carry again; the offices notice when they next dial."""
        with self._lock:
            self._connected = True

    def close(self) -> None:
        """Cut for good and release the port."""
        self.cut()
        # A blocked accept() outlives close() on Linux; shutdown() wakes it.
        _shut(self._listener)
        self._listener.close()

    def _accept(self) -> None:
        if self._first is not None:
            self._first()
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            self._join(near)

    def _join(self, near: socket.socket) -> None:
        host, _, port = self.to.rpartition(":")
        try:
            far = socket.create_connection((host, int(port or 0)), timeout=5.0)
        except OSError:
            near.close()
            return
        far.settimeout(None)
        with self._lock:
            connected = self._connected
            if connected:
                self._ends |= {near, far}
        if not connected:
            near.close()
            far.close()
            return
        for source, target in ((near, far), (far, near)):
            # Small writes are many, and waiting for more of them would slow every call.
            source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(
                target=self._carry, args=(source, target), name="line", daemon=True
            ).start()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(PIECE_BYTES):
                target.sendall(data)
                with self._lock:
                    self.carried += len(data)
        except OSError:
            pass  # one side is gone: the other notices below
        _shut(source)
        _shut(target)
        with self._lock:
            self._ends.discard(source)
        source.close()


def _shut(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
