"""Lines: one channel for each address that a process dials, shared by its offices and counted.

All offices of a process that dial one address share one connection. Each has a line of its own on
it. No thread waits for an answer: a callback receives it.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NoReturn

import grpc
from google.protobuf.message import Message

from sync.model.errors import ErrorKind, SilianError
from sync.rpc import channel
from sync.rpc.channel import Secure, open_channel
from sync.wire.link.v1 import link_pb2_grpc

CALLS_MAX = 8  # under way at one address at a time; those after them wait here, not at the parent
CALL_TIMEOUT_S = 60.0
WATCH_TIMEOUT_S = 330.0  # the parent answers at least every 300 s
OPTIONS = (
    *channel.OPTIONS,
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 5_000),
)

Answer = Callable[[], Any]
"""Returns the reply of a call that has ended. Raises: grpc.RpcError, LineClosed."""
Metadata = tuple[tuple[str, str], ...]


class LineClosed(SilianError):
    """The office closed the connection before the call was made."""

    code = "link_closed"
    kind = ErrorKind.UNREACHABLE

    def __init__(self) -> None:
        super().__init__(
            "the connection was closed before the call was made",
            "连接已关闭，请求未发出",
            remedy_en="This happens when an office stops. It connects again when it starts.",
            remedy_zh="单位停止服务时会出现此情况，重新启动后会自动连接。",
        )


def dial(address: str, secure: Secure | None = None) -> grpc.Channel:
    """Open a channel to an address."""
    return open_channel(address, secure, OPTIONS)


@dataclass(frozen=True, slots=True)
class _Call:
    """A call that waits, and its callback."""

    line: Line
    method: str
    request: Message
    timeout_s: float
    done: Callable[[Answer], None]


class _Shared:
    """A channel, how many lines use it, and the calls that wait for others on it to end."""

    def __init__(self, channel: grpc.Channel, calls_max: int) -> None:
        self.channel = channel
        self.stub: Any = link_pb2_grpc.LinkServiceStub(channel)
        self.lines = 0
        self._lock = threading.Lock()
        self._left = calls_max
        self._waiting: deque[_Call] = deque()

    def enter(self, call: _Call) -> bool:
        """Return whether a call may be made now; else it is made when its turn comes."""
        with self._lock:
            if self._left:
                self._left -= 1
                return True
            self._waiting.append(call)
            return False

    def leave(self) -> None:
        """A call has ended: make the one that has waited longest."""
        while True:
            with self._lock:
                if not self._waiting:
                    self._left += 1
                    return
                call = self._waiting.popleft()
            if call.line.begin(call):
                return

    def withdraw(self, line: Line) -> list[_Call]:
        """Remove the calls of a line that wait."""
        with self._lock:
            gone = [call for call in self._waiting if call.line is line]
            self._waiting = deque(call for call in self._waiting if call.line is not line)
            return gone


class Lines:
    """The channels of one process. The first line to an address opens its channel, the last one
    closes it. With other certificates a new channel is opened; lines on the former one stay on it.
    """

    def __init__(
        self, dial: Callable[..., grpc.Channel] = dial, *, calls_max: int = CALLS_MAX
    ) -> None:
        self._dial = dial
        self._calls_max = calls_max
        self._lock = threading.Lock()
        self._shared: dict[tuple[str, Secure | None], _Shared] = {}

    def connect(self, address: str, metadata: Metadata = (), secure: Secure | None = None) -> Line:
        """Return a new line to an address. `metadata`: of every call on it."""
        where = (address, secure)
        with self._lock:
            shared = self._shared.get(where)
            if shared is None:
                opened = self._dial(address) if secure is None else self._dial(address, secure)
                shared = self._shared[where] = _Shared(opened, self._calls_max)
            shared.lines += 1
        return Line(shared, metadata, partial(self._release, where, shared))

    def counts(self) -> dict[str, int]:
        """Return how many lines each address has."""
        with self._lock:
            return {address: shared.lines for (address, _), shared in self._shared.items()}

    def _release(self, where: tuple[str, Secure | None], shared: _Shared) -> None:
        with self._lock:
            shared.lines -= 1
            if shared.lines:
                return
            del self._shared[where]
        shared.channel.close()


class Line:
    """One office's share of a channel. Thread-safe."""

    def __init__(self, shared: _Shared, metadata: Metadata, release: Callable[[], None]) -> None:
        self._shared = shared
        self._metadata = metadata  # an interceptor would cost 0.1 ms a call
        self._release = release
        self._lock = threading.Lock()
        self._closed = False
        self._open: set[Any] = set()

    def call(self, method: str, request: Message, done: Callable[[Answer], None]) -> None:
        """Make a call once few enough are under way. `done` is called at its end, in any thread."""
        call = _Call(self, method, request, CALL_TIMEOUT_S, done)
        if self._shared.enter(call) and not self.begin(call):
            self._shared.leave()

    def watch(self, request: Message, done: Callable[[Answer], None]) -> None:
        """Keep a `Watch` call open: it may last for minutes, so it does not count as under way."""
        self.begin(_Call(self, "Watch", request, WATCH_TIMEOUT_S, done), counted=False)

    def begin(self, call: _Call, *, counted: bool = True) -> bool:
        """Make a call whose turn has come; return whether it is under way now."""
        # gRPC crashes the process when a call begins on a channel that is being closed. The channel
        # is closed after the last line, and each line after this lock: no call begins then.
        try:
            with self._lock:
                if self._closed:
                    raise LineClosed
                made = getattr(self._shared.stub, call.method).future(
                    call.request, timeout=call.timeout_s, metadata=self._metadata
                )
                self._open.add(made)
        except (SilianError, grpc.RpcError) as error:
            call.done(partial(_raise, error))
            return False
        made.add_done_callback(lambda ended: self._ended(ended, call, counted=counted))
        return True

    def close(self) -> None:
        """Close the line: calls under way are cancelled, waiting ones are not made."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            under_way = list(self._open)
        for call in self._shared.withdraw(self):
            call.done(partial(_raise, LineClosed()))
        for made in under_way:
            made.cancel()
        self._release()

    def _ended(self, ended: Any, call: _Call, *, counted: bool) -> None:
        with self._lock:
            self._open.discard(ended)
        if counted:
            self._shared.leave()
        call.done(ended.result)


def _raise(error: Exception) -> NoReturn:
    raise error
