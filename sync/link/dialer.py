"""The dialer: drives a session over a real connection. One worker at a time, no own thread.

Workers are borrowed from the process's pool while there is something to do here. None waits for the
parent: its answer starts the next one. In between, the office costs a connection and an open
`Watch` call that the parent answers when something new waits.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from typing import Any, NoReturn, Protocol

import grpc
import structlog

from sync.link.backoff import wait_ms
from sync.link.child import ChildEnd, method_of
from sync.link.failure import failed
from sync.link.lines import Answer, Line
from sync.link.messages import (
    Apply,
    Command,
    Compare,
    Event,
    Failed,
    FetchChunk,
    Handshake,
    HandshakeDone,
    Idle,
    Pull,
    Push,
    Pushed,
    Read,
    Recover,
    Rest,
    Upload,
    WorkAvailable,
)
from sync.link.session import Session, State
from sync.log.recent import RecentCommit
from sync.model.errors import SilianError
from sync.model.report import CompareOptions
from sync.model.schema import Lane
from sync.wire.link.v1 import link_pb2 as pb

CLOSE_AFTER_S = 1.0  # a call under way has so long to end before the connection is closed
END_S = 60.0  # so long a worker may need for the current command

REDIAL = Failed("redial", True, "dialling again", reason_zh="正在重新连接")

First = Callable[[], Command]  # what a worker begins with


class Later(Protocol):
    """Runs something after a while (`node.jobs`, on APScheduler)."""

    def __call__(self, delay_ms: int, work: Callable[[], None]) -> None: ...


class Dialer:
    """One office's connection to its parent."""

    def __init__(
        self,
        end: ChildEnd,
        *,
        connect: Callable[[], Line],
        workers: Executor,
        later: Later,
        rng: random.Random,
        log: Any = None,
        pushed: Callable[[], None] = lambda: None,
        addresses: int = 1,
    ) -> None:
        """`addresses`: how many `connect` goes through; it is called for each of them before the
        office waits. `pushed`: called, in any thread, when the parent has more of our log.
        """
        self._end = end
        self._connect = connect
        self._workers = workers
        self._later = later
        self._rng = rng
        self._log = log or structlog.get_logger()
        self._pushed = pushed
        self._addresses = addresses
        self._lock = threading.Lock()  # guards the session and the fields below
        self._session = Session()
        self._running = False
        self._closed = threading.Event()
        self._line: Line | None = None
        self._watching = False  # a `Watch` call is open
        self._lost: Failed | None = None  # a Watch failed while a conversation was ending
        self._generation = 0  # of the connection: a late Watch answer on an old one is ignored
        self._idle = threading.Condition(self._lock)

    @property
    def state(self) -> State:
        return self._session.state

    @property
    def idle(self) -> bool:
        """Whether the link is up and nothing is under way."""
        return self._session.state is State.IDLE

    @property
    def connected(self) -> bool:
        return self._session.connected

    @property
    def attempt(self) -> int:
        """How many connections in a row have led nowhere."""
        return self._session.attempt

    @property
    def reason(self) -> str:
        return self._session.reason

    @property
    def reason_zh(self) -> str:
        return self._session.reason_zh

    @property
    def acked_by_parent(self) -> dict[Lane, int]:
        """How far the parent has our log, by its last answer."""
        return dict(self._session.acked_by_parent)

    def start(self) -> None:
        """Dial; returns at once."""
        self._submit()

    def notify(
        self, *, up: frozenset[Lane] = frozenset(), down: frozenset[Lane] = frozenset(),
        recent_commit: RecentCommit | None = None,
    ) -> None:  # fmt: skip
        """Something may wait; `recent_commit`: what a commit has just added to the log to go up.

        Does not block, and does not end a wait before a retry. On an idle link the caller itself
        sends the first batch; a worker processes the answer. To start a worker first takes longer
        than that (docs/benchmarks.md).
        """
        with self._lock:
            self._session.notify(WorkAvailable(up, down))
            if up:
                self._end.recent_commit = recent_commit
            if self._session.state is not State.IDLE or self._running or self._closed.is_set():
                return
            self._running = True
        self._continue_on_worker(self._begun())

    def retry_now(self) -> None:
        """Dial now instead of after the wait before a retry or after a start: somebody asks."""
        with self._lock:
            resting = self._session.state in (State.OFFLINE, State.RESTING, State.HALTED)
        if resting:
            self._submit()

    def redial(self) -> bool:
        """Open a new connection, for certificates have changed; return whether that is done.

        An office that is busy with its parent goes on first: ask again.
        """
        with self._lock:
            if self._session.state is not State.IDLE or self._running or self._closed.is_set():
                return self._line is None
            rest = self._session.broken(REDIAL)
        self._rest(rest)
        return True

    def renew_handshake(self) -> None:
        """Send a heartbeat with the peer status, if the link is up and idle."""
        with self._lock:
            if self._session.state is State.IDLE:
                self._session.renew_handshake()
            elif self._session.state is not State.OFFLINE:
                return
        self._submit()

    @property
    def comparing(self) -> bool:
        """Whether a comparison is requested or under way."""
        return self._session.comparing

    def compare(self, options: CompareOptions | None = None) -> None:
        """Have both copies compared as soon as nothing waits; returns at once.

        One that is under way starts again, with these options.
        """
        with self._lock:
            self._end.options = options or CompareOptions()
            self._session.compare()
            if self._session.state is not State.IDLE:
                return
        self._submit()

    def wait_compared(self, timeout_s: float) -> bool:
        """Wait until no comparison is requested or under way; False when it took too long, or the
        office stops.
        """
        return self._wait_for(lambda: not self._session.comparing, timeout_s)

    def wait_idle(self, timeout_s: float) -> bool:
        """Wait until nothing is left to send; False when that did not happen in time, or the office
        stops.
        """
        return self._wait_for(
            lambda: self._session.state is State.IDLE and not self._running, timeout_s
        )

    def _wait_for(self, done: Callable[[], bool], timeout_s: float) -> bool:
        with self._idle:
            self._idle.wait_for(lambda: done() or self._closed.is_set(), timeout_s)
            return done()

    def close_soon(self) -> None:
        """Begin nothing more; what is under way goes on, and nobody waits for it any longer."""
        self._closed.set()
        with self._idle:
            self._idle.notify_all()

    def close(self, grace_s: float = CLOSE_AFTER_S) -> None:
        """Stop: the current command ends first, so its effects are complete.

        `grace_s`: so long the parent has to answer a call.
        """
        self._closed.set()
        with self._idle:
            self._idle.wait_for(lambda: not self._running, grace_s)
        self._hang_up()
        with self._idle:
            self._idle.wait_for(lambda: not self._running, END_S)

    # -- one worker at a time ------------------------------------------------------------------

    def _submit(self) -> None:
        with self._lock:
            if self._running or self._closed.is_set():
                return
            self._running = True
        self._continue_on_worker(self._start)

    def _continue_on_worker(self, first: First | None) -> None:
        """Have a worker go on with the command that `first` returns."""
        if first is None:
            return
        try:
            self._workers.submit(self._run, first)
        except RuntimeError:  # the pool is shutting down
            with self._idle:
                self._running = False
                self._idle.notify_all()

    def _start(self) -> Command:
        with self._lock:
            return self._session.start()

    def _begun(self) -> First | None:
        """Read and send what waits; return how a worker begins, None when the answer starts one."""
        try:
            command: Command | None = self._start()
            if isinstance(command, Read):
                command = self._step(command)
            if isinstance(command, Push):
                command = self._step(command)
        except Exception as error:
            return partial(_raise, error)
        return None if command is None else partial(_command, command)

    def _run(self, first: First) -> None:
        try:
            if not self._converse(first):
                return  # the parent's answer starts the next worker
        except Exception:
            # No error may end the link for good: log it and dial again later.
            self._log.exception("dialer_failed")
            with self._lock:
                self._session.state = State.RESTING
            self._hang_up()
            self._later(wait_ms(3, self._rng), self._submit)
        with self._idle:
            self._running = False
            self._idle.notify_all()
        self._resume_if_pending()

    def _resume_if_pending(self) -> None:
        """After a conversation, go on with what arrived while it was ending."""
        rest: Rest | None = None
        with self._lock:
            state = self._session.state
            lost, self._lost = self._lost, None
            unwatched = state is State.IDLE and not self._watching and not self._closed.is_set()
            if unwatched and lost is not None and not self._running:
                rest = self._session.broken(lost)
            waiting = state is State.OFFLINE or unwatched
            waiting = waiting or (state is State.IDLE and self._session.has_pending)
        if rest is not None:
            self._rest(rest)
        elif waiting:
            self._submit()

    def _converse(self, first: First) -> bool:
        """Go on until the parent is asked or nothing is left to do; return whether it was asked."""
        if self._closed.is_set():
            return True
        command: Command | None = first()
        while not self._closed.is_set():
            if command is None:
                return False
            if isinstance(command, Idle):
                self._listen()
                return True
            if isinstance(command, Rest):
                self._rest(command)
                return True
            command = self._step(command)
        return command is not None

    def _after(self, event: Event) -> Command:
        """Pass the session an event; return its next command."""
        with self._lock:
            command = self._session.on(event)
        if isinstance(event, HandshakeDone) and self._session.state is State.HALTED:
            verdict = event.verdict.name.lower()
            self._log.error("link_halted", verdict=verdict, reason=event.reason)
        if isinstance(event, Failed):
            self._log.warning(
                "link_failed",
                code=event.code,
                reason=event.reason,
                state=self._session.state.value,
                attempt=self._session.attempt,
            )
        return command

    def _step(self, command: Command) -> Command | None:
        """Carry out a command; return the next, or None when the parent's answer brings it."""
        if isinstance(command, Read | Apply):
            return self._after(self._as_event(lambda: self._end.perform(command)))
        assert isinstance(
            command, Handshake | Push | Pull | Recover | FetchChunk | Upload | Compare
        )
        try:
            request = self._end.request(command)
            line = self._dialled()
        except SilianError as error:
            return self._after(Failed(error.code, error.retryable, error.en, reason_zh=error.zh))
        # Nothing after this line: the answer may be there before it returns.
        line.call(
            method_of(command), request,
            lambda answer: self._continue_on_worker(lambda: self._answered(command, answer)),
        )  # fmt: skip
        return None

    def _answered(self, command: Command, answer: Answer) -> Command:
        """Process the parent's answer; return what comes next."""
        event = self._as_event(lambda: self._end.event(answer(), command))
        if isinstance(event, Pushed):
            self._pushed()
        return self._after(event)

    @staticmethod
    def _as_event(work: Callable[[], Event]) -> Event:
        """Return the event that some work ended with, or its failure."""
        try:
            return work()
        except grpc.RpcError as error:
            return failed(error)
        except SilianError as error:
            return Failed(error.code, error.retryable, error.en, reason_zh=error.zh)

    # -- the connection ------------------------------------------------------------------------

    def _dialled(self) -> Line:
        """Return the connection, dialling if there is none."""
        with self._lock:
            if self._line is None:
                self._line = self._connect()
            return self._line

    def _hang_up(self) -> None:
        with self._lock:
            self._generation += 1
            self._watching = False
            line, self._line = self._line, None
        if line is not None:
            line.close()

    def _rest(self, command: Rest) -> None:
        self._hang_up()
        delay_ms = command.wait_ms
        if delay_ms is None:
            rounds, further = divmod(command.attempt, self._addresses)
            delay_ms = 0 if further else wait_ms(rounds, self._rng)
        self._later(delay_ms, self._wake)

    def _wake(self) -> None:
        with self._lock:
            resting = self._session.state in (State.RESTING, State.HALTED)
        if resting:
            self._submit()

    def _listen(self) -> None:
        """Keep one `Watch` call open; its answer notifies the session."""
        with self._lock:
            line = self._line
            if self._watching or line is None or self._closed.is_set():
                return
            self._watching = True
            generation = self._generation
            request = self._end.watch_request(self._session.applied_from_parent)
        line.watch(request, lambda answer: self._on_watch_reply(answer, generation))

    def _on_watch_reply(self, answer: Answer, generation: int) -> None:
        rest: Rest | None = None
        with self._lock:
            if self._closed.is_set() or generation != self._generation:
                return
            self._watching = False
            try:
                reply: pb.WatchResponse = answer()
            except grpc.RpcError as error:
                event = failed(error)
                if self._session.state is State.IDLE and not self._running:
                    rest = self._session.broken(event)
                elif self._running:
                    self._lost = event
            else:
                # A lane that only a newer parent knows notifies nothing here.
                lanes = frozenset(lane for lane in Lane if lane.value in reply.lanes)
                self._session.notify(WorkAvailable(down=lanes))
        if rest is not None:
            self._rest(rest)
        else:
            self._submit()


def _raise(error: Exception) -> NoReturn:
    raise error


def _command(command: Command) -> Command:
    return command
