"""Virtual lines between children and parents: what can become of a message, by seed.

A message is bytes. It is lost, doubled, late, or damaged; a damaged one is found out, as under TLS,
and breaks the call. The parent's end runs the shipped servicer behind the shipped interceptor.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

import grpc

from hub.link.servicer import TO_KEY, LinkServicer, handlers
from hub.serve.call_pots import SilentCalls, WorkSlots
from hub.serve.interceptors import GuardCalls
from sync.model.limits import PEER_LIMITS
from tests.simulation.authorities import shown_pems
from tests.simulation.clockwork import Clockwork
from tests.simulation.ledger import Ledger
from tests.simulation.plan import HOUR_MS, Noise

if TYPE_CHECKING:
    from tests.simulation.process import Process

CALL_TIMEOUT_MS = 60_000  # sync.link.lines.CALL_TIMEOUT_S
KEEPALIVE_MS = 80_000  # after which both ends find out that a line is dead
SERVICE = "/silian.link.v1.LinkService/"
METHODS = (
    "Hello", "Push", "Pull", "Replay", "RestoreParent", "Watch", "Digest", "Snapshot",
    "UploadSnapshot",
)  # fmt: skip

Done = Callable[["bytes | grpc.RpcError"], None]
Shown = tuple[bytes, ...]  # certificates, DER, the office's first


class Broken(grpc.RpcError):
    """A failed call, as the child's library shows it."""

    def __init__(
        self, code: grpc.StatusCode, details: str, trailing: tuple[tuple[str, bytes], ...] = ()
    ) -> None:
        super().__init__(f"{code.name}: {details}")
        self._code, self._details, self._trailing = code, details, trailing

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return self._details

    def trailing_metadata(self) -> tuple[tuple[str, bytes], ...]:
        return self._trailing


class Context:
    """What a servicer is given with a call."""

    def __init__(self, to: int, shown: Shown = ()) -> None:
        self.owner: Process | None = None
        self.shown = shown  # by the host that calls
        self._to = to
        self._trailing: tuple[tuple[str, bytes], ...] = ()
        self._code: grpc.StatusCode | None = None
        self._details = ""
        self._active = True
        self._ended: list[Callable[[], None]] = []

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        return ((TO_KEY, str(self._to)),)

    def auth_context(self) -> dict[str, list[bytes]]:
        return shown_pems(self.shown)

    def set_trailing_metadata(self, trailing: tuple[tuple[str, bytes], ...]) -> None:
        self._trailing = trailing

    def set_code(self, code: grpc.StatusCode) -> None:
        self._code = code

    def set_details(self, details: str) -> None:
        self._details = details

    def abort(self, code: grpc.StatusCode, details: str) -> NoReturn:
        raise Broken(code, details, self._trailing)

    def abort_with_status(self, status: grpc.Status) -> NoReturn:
        raise Broken(status.code, status.details, tuple(status.trailing_metadata))

    def is_active(self) -> bool:
        return self._active

    def add_callback(self, ended: Callable[[], None]) -> bool:
        if self._active:
            self._ended.append(ended)
        return self._active

    def end(self) -> None:
        """The call is over for the parent: it was answered, or its line was found dead."""
        self._active = False
        ended, self._ended = self._ended, []
        if self.owner is not None and self.owner.alive:
            for callback in ended:
                callback()

    def failure(self) -> Broken | None:
        return Broken(self._code, self._details, self._trailing) if self._code else None


class Face:
    """A parent's end of all its lines: bytes in, bytes out, through the code that serves gRPC."""

    def __init__(self, process: Process) -> None:
        servicer = handlers(LinkServicer(lambda _unit: process.parent, process.callers))
        guard = GuardCalls(SilentCalls(PEER_LIMITS), WorkSlots())
        self._methods = {
            name: guard.intercept_service(servicer.service, _Details(SERVICE + name))
            for name in (
                "Hello",
                "Push",
                "Pull",
                "Replay",
                "RestoreParent",
                "Watch",
                "Digest",
                "Snapshot",
                "UploadSnapshot",
            )
        }

    def call(self, name: str, request: bytes, context: Context) -> bytes:
        """Raises: grpc.RpcError."""
        method: Any = self._methods[name]
        requests = iter([method.request_deserializer(request)])
        reply = method.stream_unary(requests, context)
        sent: bytes = method.response_serializer(reply)
        return sent

    def watch(self, request: bytes, context: Context, send: Callable[[bytes | None], None]) -> None:
        method: Any = self._methods["Watch"]

        def answer(reply: Any) -> None:
            send(None if reply is None else method.response_serializer(reply))

        method.stream_stream(iter([method.request_deserializer(request)]), context, answer)


@dataclass(frozen=True)
class _Details:
    method: str
    invocation_metadata: tuple[()] = ()


@dataclass
class Edge:
    """One child's line to its parent. `cuts`: reasons why nothing passes, by way."""

    up: set[object] = field(default_factory=set)
    down: set[object] = field(default_factory=set)
    noise: Noise = field(default_factory=Noise)
    watches: dict[int, tuple[Context, Done]] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        return not self.up and not self.down


class Network:
    """All lines of the city."""

    def __init__(
        self, clockwork: Clockwork, rng: random.Random, ledger: Ledger, noise: Noise, offices: int
    ) -> None:
        self._clock = clockwork
        self._rng = rng
        self._ledger = ledger
        self.quiet = noise
        self.edges = [Edge(noise=noise) for _ in range(offices)]
        self._numbers = 0

    # -- the state of lines ------------------------------------------------------------------

    def cut(self, child: int, why: object, *, up: bool = True, down: bool = True) -> None:
        """Let nothing pass until `restore_link` is called for the same reason."""
        edge = self.edges[child]
        if up:
            edge.up.add(why)
        if down:
            edge.down.add(why)
        self._clock.later(KEEPALIVE_MS, f"keepalive {child}", lambda: self._found_dead(child))

    def restore_link(self, child: int, why: object) -> None:
        self.edges[child].up.discard(why)
        self.edges[child].down.discard(why)

    def clear_faults(self) -> None:
        """Mend every line and make it quiet."""
        for edge in self.edges:
            edge.up.clear()
            edge.down.clear()
            edge.noise = Noise()

    def _found_dead(self, child: int) -> None:
        """Keepalive: both ends of an open Watch on a dead line find out."""
        edge = self.edges[child]
        if edge.whole:
            return
        watches, edge.watches = edge.watches, {}
        for context, done in watches.values():
            context.end()
            done(Broken(grpc.StatusCode.UNAVAILABLE, "keepalive"))

    def died(self, child: int) -> None:
        """An end of this line is gone with its process: open calls end at the other."""
        edge = self.edges[child]
        watches, edge.watches = edge.watches, {}
        for context, done in watches.values():
            self._clock.later(KEEPALIVE_MS, f"gone {child}", context.end)
            self._clock.later(
                5, f"reset {child}",
                lambda done=done: done(Broken(grpc.StatusCode.UNAVAILABLE, "reset")),
            )  # fmt: skip

    # -- calls -------------------------------------------------------------------------------

    def call(
        self, child: int, parent: Callable[[], Process | None], to: int, name: str,
        request: bytes, done: Done, shown: Shown = (),
    ) -> None:  # fmt: skip
        """Carry one call; `done` gets the reply or the failure, once, at its own time.

        `shown`: the certificates of the host that calls.
        """
        over = False

        def end(result: bytes | grpc.RpcError) -> None:
            nonlocal over
            if not over:
                over = True
                done(result)

        def timeout() -> None:
            if not over:
                self._ledger.note("network", "timeout")
            end(Broken(grpc.StatusCode.DEADLINE_EXCEEDED, "deadline"))

        self._clock.later(CALL_TIMEOUT_MS, f"deadline {child} {name}", timeout, idle=True)

        def arrive() -> None:
            process = parent()
            if process is None:
                self._ledger.note("network", "refused")
                self._back(child, name, end, Broken(grpc.StatusCode.UNAVAILABLE, "refused"))
                return
            process.when_awake(serve)

        def serve() -> None:
            process = parent()
            if process is None:
                return
            context = Context(to, shown)
            try:
                result: bytes | grpc.RpcError = process.serve(name, request, context)
            except grpc.RpcError as error:
                result = error
            context.end()
            self._back(child, name, end, result)

        self._send(child, name, "request", self.edges[child].up, arrive, end)

    def _back(self, child: int, name: str, end: Done, result: bytes | grpc.RpcError) -> None:
        down = self.edges[child].down
        self._send(child, name, "reply", down, lambda: end(result), end)

    def _send(
        self, child: int, name: str, what: str, cuts: set[object], arrive: Callable[[], None],
        end: Done,
    ) -> None:  # fmt: skip
        noise, rng = self.edges[child].noise, self._rng
        if cuts:
            self._ledger.note("network", f"cut {what}")
            return
        if rng.random() < noise.drop:
            self._ledger.note("network", f"drop {what}")
            return
        label = f"{what} {child} {name}"
        if rng.random() < noise.corrupt:
            self._ledger.note("network", f"corrupt {what}")
            self._clock.later(
                noise.delay_ms, f"bad record {label}",
                lambda: end(Broken(grpc.StatusCode.UNAVAILABLE, "decryption failed")),
            )  # fmt: skip
            return
        times = 2 if what == "request" and rng.random() < noise.duplicate else 1
        for n in range(times):
            delay_ms = 1 + int(rng.expovariate(1 / noise.delay_ms))
            if rng.random() < noise.tail or n:
                delay_ms += int(rng.random() ** 3 * HOUR_MS)
                self._ledger.note("network", "duplicate" if n else "late")

            def passes() -> None:
                # What is under way when a line is cut is lost with it.
                if not cuts:
                    arrive()

            self._clock.later(delay_ms, label, passes)

    def watch(
        self, child: int, parent: Callable[[], Process | None], to: int, request: bytes,
        done: Done, timeout_ms: int, shown: Shown = (),
    ) -> Callable[[], None]:  # fmt: skip
        """Open a Watch call; returns what hangs it up."""
        self._numbers += 1
        number, edge = self._numbers, self.edges[child]
        context = Context(to, shown)
        over = False

        def end(result: bytes | grpc.RpcError) -> None:
            nonlocal over
            edge.watches.pop(number, None)
            if not over:
                over = True
                done(result)

        def arrive() -> None:
            process = parent()
            if process is None:
                refused = Broken(grpc.StatusCode.UNAVAILABLE, "refused")
                self._back(child, "Watch", end, refused)
            elif not over:
                process.when_awake(serve)

        def serve() -> None:
            process = parent()
            if process is None or over:
                return
            edge.watches[number] = (context, end)

            def send(reply: bytes | None) -> None:
                if reply is not None:
                    self._back(child, "Watch", end, reply)
                    return
                if failure := context.failure():
                    self._back(child, "Watch", end, failure)
                self._clock.later(0, f"answered {child}", context.end)

            process.watch(request, context, send)

        def hang_up() -> None:
            nonlocal over
            over = True
            if edge.watches.pop(number, None) is not None:
                self._clock.later(KEEPALIVE_MS if edge.up else 5, f"hung up {child}", context.end)

        self._send(child, "Watch", "request", edge.up, arrive, end)
        self._clock.later(
            timeout_ms, f"watch deadline {child}",
            lambda: end(Broken(grpc.StatusCode.DEADLINE_EXCEEDED, "deadline")), idle=True,
        )  # fmt: skip
        return hang_up
