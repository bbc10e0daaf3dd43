"""A TCP proxy that breaks what it carries: between two real offices, each way by itself."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
import threading
from collections.abc import Coroutine
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

T = TypeVar("T")
LOOPBACK = "127.0.0.1"
PIECE_BYTES = 1 << 14
POLL_S = 0.01  # how soon a held piece notices that it may go on
RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, no time: close() sends RST instead of FIN


class Direction(StrEnum):
    """A direction of the line: from who dials to who listens, and back."""

    UP = "up"
    DOWN = "down"


@dataclass(slots=True)
class Faults:
    """What happens to bytes that go one way; as it stands: nothing."""

    latency_ms: int = 0
    jitter_ms: int = 0  # a piece waits up to so much longer
    bytes_per_s: int = 0  # 0: as fast as it goes
    stalled: bool = False  # bytes wait, and go on after
    lost: bool = False  # bytes vanish, and the end of the stream too: the line is half open
    reset_after: int | None = None  # so many bytes more, then every connection is reset
    flip_one_in: int = 0  # of so many bytes one has a bit turned round; 0: none


Ends = tuple[asyncio.StreamWriter, asyncio.StreamWriter]


@dataclass(slots=True)
class Proxy:
    """Listens on a port of the loopback and carries every connection to `to`, as set.

    Any thread may set it. `to` may change; who dials before it is known is turned away.
    """

    to: str = ""
    rng: random.Random = field(default_factory=lambda: random.Random(0))
    faults: dict[Direction, Faults] = field(
        default_factory=lambda: {direction: Faults() for direction in Direction}
    )
    refusing: bool = False
    carried: dict[Direction, int] = field(default_factory=lambda: dict.fromkeys(Direction, 0))
    flipped: int = 0
    address: str = ""
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _ends: set[Ends] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _server: asyncio.Server = field(init=False)

    def __post_init__(self) -> None:
        threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True).start()
        self._server = self._do(asyncio.start_server(self._accepted, LOOPBACK, 0))
        self.address = "{}:{}".format(*self._server.sockets[0].getsockname()[:2])

    # -- what a test does to the line ------------------------------------------------------------

    @property
    def connections(self) -> int:
        return len(self._ends)

    def reset(self) -> None:
        """End every connection by RST, both ends at once."""
        self._do(self._reset())

    def half_close(self, direction: Direction) -> None:
        """End one way of every connection by FIN; the other way stays open."""
        self._do(self._half_close(direction))

    def refuse(self) -> None:
        """Reset what is open, and turn away whoever dials, until `clear_faults`."""
        self.refusing = True
        self.reset()

    def clear_faults(self) -> None:
        """Carry everything again. What was stalled goes on; what was lost stays lost."""
        self.refusing = False
        self.faults = {direction: Faults() for direction in Direction}

    def close(self) -> None:
        """End everything and give the port back."""
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        while self._loop.is_running():
            threading.Event().wait(POLL_S)
        self._loop.close()

    def _do(self, work: Coroutine[object, object, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    # -- in the loop's thread --------------------------------------------------------------------

    async def _accepted(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._joined(_, writer)
        except asyncio.CancelledError:
            pass  # the proxy is closing
        finally:
            self._tasks.discard(task)

    async def _joined(self, near_in: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        host, _, port = self.to.rpartition(":")
        if self.refusing or not port:
            _abort(near)
            return
        try:
            far_in, far = await asyncio.open_connection(host, int(port))
        except OSError:
            _abort(near)
            return
        ends = (near, far)
        self._ends.add(ends)
        try:
            await asyncio.gather(
                self._carry(Direction.UP, near_in, far), self._carry(Direction.DOWN, far_in, near)
            )
        finally:
            self._ends.discard(ends)
            for end in ends:
                end.close()

    async def _carry(
        self, direction: Direction, source: asyncio.StreamReader, target: asyncio.StreamWriter
    ) -> None:
        try:
            while piece := await source.read(PIECE_BYTES):
                if not await self._pass_on(direction, piece, target):
                    return
        except OSError:
            await self._until_found(direction)
            _abort(target)  # as its end was lost, so is the other's
            return
        await self._until_found(direction)
        with contextlib.suppress(OSError):
            target.write_eof()

    async def _pass_on(
        self, direction: Direction, piece: bytes, target: asyncio.StreamWriter
    ) -> bool:
        """Carry one piece; False when that ended the connections."""
        now = self.faults[direction]
        if now.latency_ms or now.jitter_ms:
            await asyncio.sleep((now.latency_ms + self.rng.uniform(0, now.jitter_ms)) / 1_000)
        while self.faults[direction].stalled:
            await asyncio.sleep(POLL_S)
        now = self.faults[direction]
        if now.lost:
            return True
        if now.bytes_per_s:
            await asyncio.sleep(len(piece) / now.bytes_per_s)
        if now.flip_one_in:
            piece = self._flip(piece, now.flip_one_in)
        if now.reset_after is not None:
            piece, now.reset_after = piece[: now.reset_after], max(0, now.reset_after - len(piece))
        self.carried[direction] += len(piece)  # before the receiver can look
        target.write(piece)
        await target.drain()
        if now.reset_after == 0:
            await self._reset()
            return False
        return True

    async def _until_found(self, direction: Direction) -> None:
        """On a line that stalls or loses, nobody notices that the other end is gone."""
        while self.faults[direction].stalled or self.faults[direction].lost:
            await asyncio.sleep(POLL_S)

    def _flip(self, piece: bytes, one_in: int) -> bytes:
        turned = bytearray(piece)
        for place in range(len(turned)):
            if self.rng.randrange(one_in) == 0:
                turned[place] ^= 1 << self.rng.randrange(8)
                self.flipped += 1
        return bytes(turned)

    async def _reset(self) -> None:
        for ends in list(self._ends):
            for end in ends:
                _abort(end)

    async def _half_close(self, direction: Direction) -> None:
        for near, far in list(self._ends):
            with contextlib.suppress(OSError):
                (far if direction is Direction.UP else near).write_eof()

    async def _close(self) -> None:
        self._server.close()
        await self._reset()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _abort(end: asyncio.StreamWriter) -> None:
    raw = end.get_extra_info("socket")
    with contextlib.suppress(OSError):
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    end.transport.abort()
