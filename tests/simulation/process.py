"""One office's process in the simulated city: opened, killed, frozen, opened again."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

from sqlalchemy import Connection, event

from hub.link.callers import Callers
from hub.serve.maintenance import tick
from hub.serve.restored import recover
from node.services.work.deadlines import run_timers
from node.setup import DATABASE
from node.store import engine
from sync.link.parent import Parent
from sync.log.outcome import Waiters
from sync.model.schema import Lane
from tests.simulation import sites, stores
from tests.simulation.clockwork import Crash
from tests.simulation.line import Line
from tests.simulation.network import Context, Face, Shown
from tests.simulation.plan import CHUNK_ROWS
from tests.simulation.poison import UNKNOWN_WIRE

if TYPE_CHECKING:
    from tests.simulation.world import World

T = TypeVar("T")


@dataclass(slots=True)
class Armed:
    """Where a process is to die next, and at what deed; "": at any."""

    where: str
    operation: str
    aimed: bool  # it waits until it has come about; else it has one chance
    statements: int = 0  # left to run, in the middle of a transaction


class Process:
    """What `hub.serve.process.Served` is in a real process; gone for good once it died."""

    def __init__(self, world: World, index: int, *, store: str = "") -> None:
        self.world = world
        self.index = index
        self.store = store or world.stores[index]
        self.clone = bool(store)  # a clone, running at the same time as the office's own process
        self.alive = True
        self.dials = world.dialled.get(index, world.plan.parents[index])
        self.paused_until_ms = 0
        self.newer = index in world.newer
        self.slow_ms = 0  # how long its disk takes for a commit, at most
        self.doing = "open"  # for which message, or which deed, it writes
        self.rng = random.Random(world.rng.getrandbits(64))
        folder = world.folder / self.store
        if world.authorities is not None and not self.clone:
            world.authorities.enrol(index, folder)
        self.office = sites.open_at(
            folder, world.units[index].code, wall_ms=world.wall_of(index),
            rng=random.Random(world.rng.getrandbits(64)), newer=self.newer,
            synchronous="FULL" if world.disk else "OFF",
        )  # fmt: skip
        world.keys[index].add(self.office.replica.signer.public_key)
        self.path = str(folder / DATABASE)
        self.eye: Any = engine.sqlite_driver.connect(
            self.path, isolation_level=None
        )  # the oracle's
        self.eye.execute("PRAGMA cache_size=-64")
        self.intruder: Any = None  # another program that holds the store's lock
        self.armed: Armed | None = None
        self._heartbeat_due = False
        self.callers = Callers()
        if world.authorities is not None:
            world.authorities.opened(self)
        self._shipped_write = self.office.store.write
        self.office.store.write = self._write  # type: ignore[method-assign]
        self.parent = Parent(self.office)
        if world.plan.copies:
            self.parent.snapshot_above, self.parent.snapshot_rows = world.plan.copies, CHUNK_ROWS
        self._face = Face(self)
        self.dialer: Line | None = None
        if index:
            self.dialer = Line(self, world.units[self.dials].unit_id)
            self.office.on_wake(self._wake_upward)
        self.office.on_restored(self._recover)
        world.oracle.opened(self)

    def start(self) -> None:
        """Dial and tick."""
        if self.dialer is not None:
            self.dialer.start()
        self._tick_later(self.rng.randrange(self.world.plan.tick_ms))

    def die(self) -> None:
        """Stop at once: nothing is closed, brought home or said."""
        self.alive = False
        world, store = self.world, cast(Any, self.office.store)
        if world.disk is not None:
            world.disk.kill(self.path)
            world.driver.drop(self.path)
        self.eye.close()
        if self.intruder is not None:
            self.intruder.close()
        for pool in (store._reader, store._writer):
            pool.dispose()
        world.network_died(self.index)

    def close(self) -> None:
        """Stop as an operator stops it."""
        self.parent.close()
        if self.intruder is not None:
            self.intruder.close()
            self.intruder = None
        self.office.peer_status.save(moments=True)
        self.alive = False  # it may die in what it writes last: then it is started again
        self.eye.close()
        self.office.close()
        self.world.network_died(self.index)

    def shown(self) -> Shown:
        """Return what this office shows on its connection; opens one, if none is open."""
        line = self.dialer
        if line is None:
            return ()
        if line.shown is None:
            line.shown = self.office.certificates.credentials
        return line.shown.ders if line.shown is not None else ()

    # -- running -------------------------------------------------------------------------------

    def when_awake(self, work: Callable[[], None]) -> None:
        """Run something in this process: now, or when it is no longer frozen, or never."""
        if not self.alive:
            return
        wait_ms = self.paused_until_ms - self.world.clockwork.now_ms
        if wait_ms > 0:
            self.world.clockwork.later(wait_ms, f"thaw {self.index}", lambda: self.when_awake(work))
            return
        try:
            work()
        except Crash:
            self.world.crashed(self)

    def serve(self, name: str, request: bytes, context: Context) -> bytes:
        """Answer a child's call. Raises: grpc.RpcError."""
        context.owner = self
        self.doing = f"serve {name}"
        reply, honest = self.world.roles.serve(self, name, request, context, self._answer)
        if honest:
            self.world.oracle.replied(self, name, request, reply)
        return reply

    def _answer(self, name: str, request: bytes, context: Context) -> bytes:
        reply = self._face.call(name, request, context)
        return reply + UNKNOWN_WIRE if self.newer else reply

    def watch(self, request: bytes, context: Context, send: Callable[[bytes | None], None]) -> None:
        context.owner = self

        def call(reply: bytes | None) -> None:
            send(reply and self.world.roles.called(self, request, reply))

        self._face.watch(request, context, call)

    def acked(self) -> dict[Lane, int]:
        return self.dialer.acked_by_parent if self.dialer is not None else {}

    def _recover(self) -> None:
        self.world.ledger.note("recovery", "a parent was shown what it had lost")
        self.doing = "recover"
        recover(self.office, self.dialer)  # type: ignore[arg-type]

    # -- timers --------------------------------------------------------------------------------

    def _tick_later(self, delay_ms: int) -> None:
        clockwork = self.world.clockwork
        clockwork.later(
            delay_ms, f"tick {self.index}", lambda: self.when_awake(self._tick), idle=True
        )

    def _tick(self) -> None:
        self._tick_later(self.world.plan.tick_ms)
        self.doing = "tick"
        self.world.attempt(self, "tick", lambda: tick(self))  # type: ignore[arg-type]
        stores.let_keys_in(self)
        if self.world.authorities is not None:
            self.doing = "certificates"
            self.world.attempt(self, "certificates", self._see_to_certificates)
        self.world.oracle.ticked(self)

    def _see_to_certificates(self) -> None:
        assert self.world.authorities is not None
        self.world.authorities.see_to(self)

    def time_passes(self) -> None:
        """What only waiting brings about, as a job would."""
        run_timers(self.office, self.office.clock.now_ms())

    def _wake_upward(self, waiters: Waiters) -> None:
        if self.dialer is None or not waiters.up:
            return
        self.dialer.notify(up=frozenset(waiters.up), recent_commit=waiters.recent_commit)
        if not self._heartbeat_due:
            self._heartbeat_due = True
            self.world.clockwork.later(
                self.world.plan.news_ms,
                f"news {self.index}",
                lambda: self.when_awake(self._send_heartbeat),
            )

    def _send_heartbeat(self) -> None:
        self._heartbeat_due = False
        if self.dialer is not None:
            self.office.peer_status.own_status(self.acked())
            self.dialer.renew_handshake()

    # -- writing -------------------------------------------------------------------------------

    def _write(self, work: Callable[[Connection], T], **how: Any) -> T:
        """The shipped `write`, with the places where a process may die and the oracle's look."""
        self.world.oracle.begins(self)
        armed = self.armed
        if armed is not None and armed.operation not in ("", self.doing):
            armed = None
        where = armed.where if armed is not None else ""
        if armed is not None and not armed.aimed:
            self.armed = None
        if armed is not None and where == "crash_in_transaction" and not armed.statements:
            armed.statements = self.rng.randrange(1, 12)
        store: Any = self.office.store

        def checked(tx: Connection) -> T:
            result = work(tx)
            if where == "crash_before_commit":
                self.world.died_at(self, where)
            return result

        def count(*_args: object) -> None:
            assert armed is not None
            armed.statements -= 1
            if armed.statements == 0:
                self.world.died_at(self, where)

        if where == "crash_in_transaction":
            event.listen(store._writer, "before_cursor_execute", count)
        try:
            result = self._shipped_write(checked, **how)
        finally:
            if where == "crash_in_transaction":
                event.remove(store._writer, "before_cursor_execute", count)
        self.world.oracle.committed(self)
        if where == "crash_after_commit":
            self.world.died_at(self, where)
        if self.slow_ms:
            now_ms = self.world.clockwork.now_ms
            self.paused_until_ms = now_ms + self.rng.randrange(1, self.slow_ms)
        return result
