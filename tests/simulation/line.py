"""The child's driver in virtual time: does what `sync.link.dialer.Dialer` does, without threads."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import grpc

from sync.link.backoff import wait_ms
from sync.link.child import ChildEnd, method_of
from sync.link.dialer import REDIAL
from sync.link.failure import failed
from sync.link.messages import (
    Apply,
    Command,
    Event,
    Failed,
    Handshake,
    HandshakeDone,
    Idle,
    Pulled,
    Read,
    Rest,
    Verdict,
    WorkAvailable,
)
from sync.link.session import Session, State
from sync.log.recent import RecentCommit
from sync.model.errors import SilianError
from sync.model.limits import PROTOCOL_MAX, PROTOCOL_MIN, SNAPSHOT_ROWS
from sync.model.report import CompareOptions
from sync.model.schema import Lane
from sync.wire.link.v1 import link_pb2 as pb
from tests.simulation.plan import CHUNK_ROWS
from tests.simulation.poison import UNKNOWN_WIRE

if TYPE_CHECKING:
    from node.identity.files import Credentials
    from tests.simulation.process import Process
    from tests.simulation.roles import Sent

REPLIES = {
    "Hello": pb.HelloResponse, "Push": pb.PushResponse, "Pull": pb.PullResponse,
    "Replay": pb.ReplayResponse, "RestoreParent": pb.RestoreParentResponse,
    "Digest": pb.DigestResponse, "Snapshot": pb.SnapshotResponse,
    "UploadSnapshot": pb.UploadSnapshotResponse,
}  # fmt: skip


class Line:
    """One office's line to its parent, while its process lives."""

    def __init__(self, process: Process, parent_unit: int) -> None:
        self._process = process
        self._world = process.world
        self.session = Session()
        rows = CHUNK_ROWS if self._world.plan.copies else SNAPSHOT_ROWS
        self.end = ChildEnd(process.office, parent_unit, snapshot_rows=rows)
        self._world.oracle.restores.store_names[self.end._process] = process.store
        self._running = False
        self._generation = 0
        self._hang_up_watch: Callable[[], None] | None = None
        self.shown: Credentials | None = None  # on this connection; None: none is open
        self._false: Sent | None = None  # the lie that a pull has brought, until it is applied

    @property
    def acked_by_parent(self) -> dict[Lane, int]:
        return dict(self.session.acked_by_parent)

    @property
    def idle(self) -> bool:
        return self.session.state is State.IDLE

    @property
    def connected(self) -> bool:
        return self.session.connected

    @property
    def reason(self) -> str:
        return self.session.reason

    @property
    def reason_zh(self) -> str:
        return self.session.reason_zh

    def start(self) -> None:
        self._submit()

    def notify(
        self, *, up: frozenset[Lane] = frozenset(), down: frozenset[Lane] = frozenset(),
        recent_commit: RecentCommit | None = None,
    ) -> None:  # fmt: skip
        self.session.notify(WorkAvailable(up, down))
        if up:
            self.end.recent_commit = recent_commit
        if self.session.state is State.IDLE:
            self._submit()

    @property
    def comparing(self) -> bool:
        return self.session.comparing

    def compare(self, options: CompareOptions | None = None) -> None:
        self.end.options = options or CompareOptions()
        self.session.compare()
        if self.session.state is State.IDLE:
            self._submit()

    def renew_handshake(self) -> None:
        if self.session.state is State.IDLE:
            self.session.renew_handshake()
        elif self.session.state is not State.OFFLINE:
            return
        self._submit()

    def redial(self) -> None:
        """As the dialer does: open a new connection, if nothing is under way."""
        if self.session.state is State.IDLE and not self._running:
            self._rest(self.session.broken(REDIAL))

    def retry_now(self) -> None:
        if self.session.state in (State.RESTING, State.HALTED):
            self._submit()

    # -- one conversation at a time ------------------------------------------------------------

    def _submit(self) -> None:
        if self._running:
            return
        self._running = True
        self._later(1, "converse", self._begin)

    def _begin(self) -> None:
        self._go_on(self.session.start())

    def _go_on(self, command: Command) -> None:
        while True:
            if isinstance(command, Idle):
                self._listen()
                self._stop()
                return
            if isinstance(command, Rest):
                self._rest(command)
                self._stop()
                return
            if isinstance(command, Read | Apply):
                event = self._perform(command)
            elif not self._call(command):
                return
            else:
                event = Failed("unavailable", retryable=True, reason="no line")
            command = self._on(event)

    def _on(self, event: Event) -> Command:
        if isinstance(event, Failed):
            self._world.ledger.note("link failed", event.code)
            self._world.clockwork.note(f"office {self._process.index} link failed {event.code}")
        return self.session.on(event)

    def _perform(self, command: Read | Apply) -> Event:
        self._process.doing = "apply"
        try:
            event = self.end.perform(command)
        except SilianError as error:
            event = Failed(error.code, error.retryable, error.en)
        if isinstance(command, Apply) and self._false is not None:
            self._judge(self._false, event)
        return event

    def _call(self, command: Command) -> bool:
        """Say it, and go on when it was answered. True: there is no line at all, said nothing.

        During a long cut a handshake is tried now and then only: a hopeless call costs a real one.
        """
        world, process = self._world, self._process
        edge = world.network.edges[process.index]
        if isinstance(command, Handshake) and edge.up and process.rng.random() < 0.8:
            return True
        name = method_of(command)
        try:
            request = self._serialized(self.end.request(command))
        except SilianError as error:
            self._go_on(self._on(Failed(error.code, error.retryable, error.en)))
            return False

        def done(result: bytes | grpc.RpcError) -> None:
            if process.alive:
                process.when_awake(
                    lambda: self._go_on(self._on(self._event(result, name, command)))
                )

        world.network.call(
            process.index, world.parent_process(process.dials), self.end.parent_unit, name,
            request, done, self._process.shown(),
        )  # fmt: skip
        return False

    def _serialized(self, request: Any) -> bytes:
        """Return a message as the program of this office sends it, older or newer than ours."""
        index, world = self._process.index, self._world
        if isinstance(request, pb.HelloRequest):
            request.protocol_min, request.protocol_max = world.protocols.get(
                index, (PROTOCOL_MIN, PROTOCOL_MAX + self._process.newer)
            )
        sent: bytes = request.SerializeToString()
        return sent + UNKNOWN_WIRE if self._process.newer else sent

    def _event(self, result: bytes | grpc.RpcError, name: str, command: Command) -> Event:
        if isinstance(result, grpc.RpcError):
            return failed(result)
        reply = REPLIES[name].FromString(result)
        false = self._world.roles.reply_to(self._process, result)
        if false is None:
            self._note(reply)
        self._process.doing = f"hear {name}"
        try:
            event = self.end.event(reply, command)
        except SilianError as error:
            event = Failed(error.code, error.retryable, error.en)
        if isinstance(event, Pulled):
            self._false = false  # it is judged when it is applied
        elif false is not None:
            self._judge(false, event)
        if isinstance(event, HandshakeDone) and event.verdict is Verdict.RESTORED:
            self._world.oracle.restores.recovers(self._process)
        return event

    def _note(self, reply: Any) -> None:
        ledger = self._world.ledger
        if isinstance(reply, pb.HelloResponse):
            ledger.note("verdict", Verdict(reply.verdict).name)
            if reply.snapshot_follows:
                ledger.note("snapshot", "into a restored store")
        if isinstance(reply, pb.SnapshotResponse):
            ledger.note("snapshot", "chunk" if reply.next else "whole")
        if isinstance(reply, pb.UploadSnapshotResponse):
            ledger.note("snapshot", "handed up")
        self._world.oracle.answered(self._process, reply)

    def _judge(self, false: Sent, event: Event) -> None:
        self._false = None
        self._world.roles.replied(false, self._process, event)

    def _stop(self) -> None:
        self._running = False
        state = self.session.state
        if state is State.OFFLINE or (state is State.IDLE and self.session.has_pending):
            self._submit()

    # -- the line ------------------------------------------------------------------------------

    def _hang_up(self) -> None:
        self._generation += 1
        self.shown = None
        if self._hang_up_watch is not None:
            self._hang_up_watch()
            self._hang_up_watch = None

    def _rest(self, command: Rest) -> None:
        self._hang_up()
        delay_ms = command.wait_ms
        if delay_ms is None:
            delay_ms = wait_ms(command.attempt, self._process.office.rng)
        self._later(delay_ms, "wake", self._wake)

    def _wake(self) -> None:
        if self.session.state in (State.RESTING, State.HALTED):
            self._submit()

    def _listen(self) -> None:
        if self._hang_up_watch is not None:
            return
        process, world, generation = self._process, self._world, self._generation
        request = self.end.watch_request(self.session.applied_from_parent).SerializeToString()

        def done(result: bytes | grpc.RpcError) -> None:
            if process.alive:
                process.when_awake(lambda: self._on_watch_reply(result, generation))

        self._hang_up_watch = world.network.watch(
            process.index, world.parent_process(process.dials), self.end.parent_unit, request,
            done, world.watch_ms, self._process.shown(),
        )  # fmt: skip

    def _on_watch_reply(self, result: bytes | grpc.RpcError, generation: int) -> None:
        if generation != self._generation:
            return
        self._hang_up_watch = None
        if isinstance(result, grpc.RpcError):
            if self.session.state is State.IDLE and not self._running:
                self._rest(self.session.broken(failed(result)))
                return
        else:
            reply = pb.WatchResponse.FromString(result)
            false = self._world.roles.reply_to(self._process, result)
            lanes = frozenset(lane for lane in Lane if lane.value in reply.lanes)  # as the dialer
            self.session.notify(WorkAvailable(down=lanes))
            if false is not None:
                self._world.roles.replied(false, self._process, None)
        self._submit_if_may()

    def _submit_if_may(self) -> None:
        """As the dialer does: a ring starts a conversation unless one runs or rests."""
        if self.session.state in (State.IDLE, State.OFFLINE):
            self._submit()

    def _later(self, delay_ms: int, label: str, work: Callable[[], None]) -> None:
        process = self._process

        def run() -> None:
            if process.alive:
                process.when_awake(work)

        self._world.clockwork.later(delay_ms, f"{label} {process.index}", run)
