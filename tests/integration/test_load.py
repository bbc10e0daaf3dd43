"""Load and lost answers over real gRPC: who waits for whom, who is sent away, what is held.

Order, counts and bounds are asserted; no times.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from hub.link.servicer import LinkServicer, handlers
from hub.serve.capacity import Capacity
from hub.serve.server import Server
from node.audiences import audiences_of
from node.ids import uuid7
from node.office import Office
from sync.apply.receive import receive_batch
from sync.codec import entry as codec
from sync.link import lines as sync_lines
from sync.link.admission import BULK_WAITING_MAX, OVERLOADED_WAIT_MS
from sync.link.child import ChildEnd
from sync.link.dialer import Dialer
from sync.link.handshake import Hello
from sync.link.lines import Lines
from sync.link.messages import Verdict
from sync.link.parent import DURABLE_EVERY_MS, Parent
from sync.link.possession import CHILD, Sides, sign
from sync.link.session import State
from sync.log import entries as log
from sync.model.change import Edit, Operation, RecordKey
from sync.model.limits import BATCH_BYTES_MAX
from sync.model.report import DurableAt
from sync.model.schema import Lane
from sync.store.priority import Priority
from sync.store.sql import execute
from tests.unit.node.offices import CATALOGUE, COMMUNITY, OTHER, STREET, Clock, new_office

LONG_S = 60.0
KIND = next(iter(CATALOGUE.registers["service_outlet"].fields["kind"].choices))


class Later:
    """Waits that pass when the test says so."""

    def __init__(self) -> None:
        self.delays_ms: list[int] = []
        self._works: list[Callable[[], None]] = []
        self._changed = threading.Condition()

    def __call__(self, delay_ms: int, work: Callable[[], None]) -> None:
        with self._changed:
            self.delays_ms.append(delay_ms)
            self._works.append(work)
            self._changed.notify_all()

    def wait(self, count: int) -> None:
        """Wait until so many rests were asked for in all."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.delays_ms) >= count, LONG_S)

    def pass_over(self) -> None:
        """Let every wait end."""
        with self._changed:
            works, self._works = self._works, []
        for work in works:
            work()


class Town:
    """A street that is served, and communities that dial it."""

    def __init__(self, folder: Path, closing: ExitStack, capacity: Capacity | None = None) -> None:
        self._folder = folder
        self._closing = closing
        self.clock = Clock()
        self.street = self.open(STREET)
        self.parent = Parent(self.street)
        closing.callback(self.parent.close)
        self.servicer = LinkServicer(lambda _unit: self.parent)
        self.server = Server("127.0.0.1:0", capacity=capacity)
        self.server.add(handlers(self.servicer))
        self.address = self.server.start()
        self.lines = Lines()
        closing.callback(self.server.stop, 1.0)

    def open(self, code: str) -> Office:
        office = new_office(self._folder / code, code, self.clock, seed=int(code))
        self._closing.callback(office.close)
        return office

    def line(self, office: Office, later: Later) -> Dialer:
        workers = ThreadPoolExecutor(2)
        self._closing.callback(workers.shutdown)
        line = Dialer(
            ChildEnd(office, self.street.identity.unit),
            connect=lambda: self.lines.connect(self.address),
            workers=workers, later=later, rng=random.Random(1),
        )  # fmt: skip
        office.on_wake(
            lambda waiters: line.notify(
                up=frozenset(waiters.up), recent_commit=waiters.recent_commit
            )
        )
        self._closing.callback(line.close)
        return line

    def arrivals(self, office: Office) -> list[int]:
        """Return the positions at the street of what came from an office, in order."""
        with self.street.store.read() as tx:
            rows = execute(
                tx, "SELECT arrival FROM entry WHERE incarnation=? ORDER BY arrival",
                (office.identity.incarnation,),
            )  # fmt: skip
            return [row[0] for row in rows]


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    with ExitStack() as closing:
        yield Town(tmp_path, closing)


def create(office: Office, count: int = 1, *, down_to: int = 0) -> None:
    """Create records in one transaction, received above or by one child."""
    unit, register = office.identity.unit, office.catalogue.registers["service_outlet"]
    audiences: tuple[str, ...] = (f"down:{down_to}",)
    if not down_to:
        audiences = audiences_of(register, unit=unit, writer=unit, level=office.level)
    edits = [
        Edit(
            key=RecordKey(register.name, unit, uuid7(office.clock.now_ms(), office.rng)),
            operation=Operation.CREATE,
            values={"name": f"点{n}", "kind": KIND},
            audiences=audiences,
        )
        for n in range(count)
    ]
    office.commit(lambda _tx: edits)


def outlets(office: Office) -> list[bytes]:
    with office.store.read() as tx:
        return sorted(bytes(row[0]) for row in execute(tx, "SELECT id FROM r_service_outlet"))


# -- who waits for whom ---------------------------------------------------------------------------


def test_a_local_edit_is_written_between_two_portions_of_a_batch(town: Town) -> None:
    child = town.open(COMMUNITY)
    for _ in range(8):  # more than one portion holds
        create(child, 600)
    with child.store.read() as tx:
        batch = log.read_up(tx, lane=Lane.BULK, incarnation=child.identity.incarnation, after=0)
    assert len(batch.entries) == 8
    wrote: list[int] = []

    def clerk(_wake: object) -> None:
        if not wrote:
            wrote.append(1)
            create(town.street)

    town.street.on_wake(clerk)
    receive_batch(town.street, batch, peer=child.identity.unit, upward=True)
    theirs = town.arrivals(child)
    (own,) = (a for a in town.arrivals(town.street) if a)
    assert theirs[0] < own < theirs[-1]


def test_a_childs_edits_arrive_while_anothers_backlog_is_received(town: Town) -> None:
    heavy, light = town.open(COMMUNITY), town.open(OTHER)
    for _ in range(20):
        create(heavy, 1_000)
    flowing = threading.Event()
    town.street.on_wake(lambda _wake: flowing.set())
    lines = [town.line(office, Later()) for office in (heavy, light)]
    for line in lines:
        line.start()
    assert flowing.wait(LONG_S)
    create(light)
    for line in lines:
        assert line.wait_idle(LONG_S)
    assert len(town.arrivals(heavy)) == 20
    (edit,) = town.arrivals(light)
    assert edit < town.arrivals(heavy)[-1]


# -- who is sent away -----------------------------------------------------------------------------


def test_bulk_batches_over_the_admission_limit_are_postponed_and_the_child_waits(
    town: Town,
) -> None:
    child, later = town.open(COMMUNITY), Later()
    line = town.line(child, later)
    create(child)
    write_queue = town.street.store.write_queue
    with ThreadPoolExecutor(BULK_WAITING_MAX) as pool:

        def wait_for_the_store() -> None:
            with write_queue.acquire(Priority.BULK, LONG_S):
                pass

        line.start()
        assert line.wait_idle(LONG_S)
        with write_queue.acquire(Priority.LOCAL, LONG_S):
            for _ in range(BULK_WAITING_MAX):
                pool.submit(wait_for_the_store)
            while write_queue.waiting(Priority.BULK) < BULK_WAITING_MAX:
                threading.Event().wait(0.001)
            create(child)
            later.wait(1)
            assert line.state is State.RESTING
            assert "busy" in line.reason
            assert OVERLOADED_WAIT_MS // 2 <= later.delays_ms[0] < OVERLOADED_WAIT_MS
            assert write_queue.waiting(Priority.BULK) == BULK_WAITING_MAX  # it does not wait inside
    later.pass_over()
    assert line.wait_idle(LONG_S)
    assert outlets(town.street) == outlets(child)


def test_calls_over_the_servers_limit_are_refused_at_once_and_retried(
    tmp_path: Path,
) -> None:
    with ExitStack() as closing:
        town = Town(tmp_path, closing, Capacity(calls=1))
        plain, inside, go_on = town.parent.hello, threading.Event(), threading.Event()

        def hello(handshake: Hello) -> Any:
            inside.set()
            assert go_on.wait(LONG_S)
            return plain(handshake)

        closing.enter_context(mock.patch.object(town.parent, "hello", hello))
        later = Later()
        line, other = town.line(town.open(COMMUNITY), Later()), town.line(town.open(OTHER), later)
        line.start()
        assert inside.wait(LONG_S)
        other.start()
        later.wait(1)
        assert "the other side is busy" in other.reason
        go_on.set()
        assert line.wait_idle(LONG_S)  # an open Watch is no call that is counted
        for _ in range(int(LONG_S)):  # the first line's Watch may come in between, once or twice
            later.pass_over()
            if other.wait_idle(1.0):
                break
        assert other.wait_idle(0.0)


# -- what is held for whom does not listen --------------------------------------------------------


def test_a_child_that_reads_nothing_costs_its_hub_one_pending_notification_per_lane(
    town: Town,
) -> None:
    child = town.open(COMMUNITY)
    signer, me, above = child.replica.signer, child.identity, town.street.identity
    hello = Hello(
        unit=me.unit, level=int(child.level), incarnation=me.incarnation, protocol_min=1,
        protocol_max=1, log_position=0, heads={}, process=1, public_key=signer.public_key,
        challenge=bytes(16),
    )  # fmt: skip
    given = town.parent.hello(hello).challenge
    sides = Sides(me.unit, above.unit, me.incarnation, above.incarnation)
    hello_answer = town.parent.hello(
        replace(hello, signed_challenge=given, signature=sign(signer, CHILD, sides, given))
    )
    assert hello_answer.verdict is Verdict.ACCEPTED
    notifications: list[object] = []
    town.parent.watch(child.identity.unit, hello_answer.session, notifications.append)
    for _ in range(300):
        create(town.street, 20, down_to=child.identity.unit)
    child_session = town.parent.sessions._children[child.identity.unit]
    assert child_session.pending == {Lane.BULK}
    assert child_session.watch_reply is None
    assert notifications == [{Lane.BULK}]  # notified once, and nothing queued behind it
    assert not child_session.acked
    batch = town.parent.pull(child.identity.unit, hello_answer.session, Lane.BULK, 0, 1 << 30)
    assert batch.entries
    assert sum(map(len, batch.entries)) <= BATCH_BYTES_MAX


# -- an answer that is lost -----------------------------------------------------------------------


@pytest.mark.parametrize("applied", [True, False])
def test_a_push_whose_reply_is_lost_is_neither_lost_nor_applied_twice(
    town: Town, *, applied: bool
) -> None:
    child, later = town.open(COMMUNITY), Later()
    line = town.line(child, later)
    line.start()
    assert line.wait_idle(LONG_S)
    plain, pushes = town.parent.push, []

    def push(*arguments: Any) -> Any:
        pushes.append(arguments)
        if len(pushes) > 1:
            return plain(*arguments)
        if applied:
            plain(*arguments)
        raise RuntimeError("the line breaks")

    with mock.patch.object(town.parent, "push", push):
        create(child, 3)
        later.wait(1)
        assert line.state is State.RESTING
        later.pass_over()
        assert line.wait_idle(LONG_S)
    assert outlets(town.street) == outlets(child)
    with child.store.read() as tx:
        mine = execute(tx, "SELECT count(*) FROM entry WHERE up_to IS NOT NULL").fetchone()[0]
    assert len(town.arrivals(child)) == mine
    assert line.acked_by_parent[Lane.BULK] == log_position(town, child)


def log_position(town: Town, child: Office) -> int:
    with town.street.store.read() as tx:
        return log.cursor_of(tx, child.identity.unit, "in", Lane.BULK)[1]


def test_the_next_handshake_shows_whether_a_push_past_its_deadline_was_applied(town: Town) -> None:
    child, later = town.open(COMMUNITY), Later()
    line = town.line(child, later)
    line.start()
    assert line.wait_idle(LONG_S)
    plain, pushes, over = town.parent.push, [], threading.Event()

    def push(unit: int, session: int, batch: Any) -> Any:
        pushes.append(codec.entry_from_wire(batch.entries[0]).seq)
        answer = plain(unit, session, batch)
        if len(pushes) == 1:
            assert over.wait(LONG_S)  # done, and the child has long hung up
        return answer

    with mock.patch.object(town.parent, "push", push):
        with mock.patch.object(sync_lines, "CALL_TIMEOUT_S", 0.5):
            create(child, 3)
            later.wait(1)
        over.set()
        later.pass_over()
        assert line.wait_idle(LONG_S)
    assert pushes == [1]  # the handshake said that it is there: it was not sent again
    assert outlets(town.street) == outlets(child)


def test_a_push_reply_reports_from_time_to_time_what_is_durable_above_the_parent(
    town: Town,
) -> None:
    community = town.open(COMMUNITY)
    line = town.line(community, Later())
    line.start()
    reported, written = [], []
    for passes_ms in (0, DURABLE_EVERY_MS - 1, 1):
        create(community)
        assert line.wait_idle(LONG_S)
        at = town.arrivals(community)[-1]
        town.street.peer_status.on_parent_contact(0, [DurableAt(1, Lane.BULK, at)])
        town.clock.ms += passes_ms
        create(community)  # its answer may tell that the one before is safe at the district
        assert line.wait_idle(LONG_S)
        written.append(town.arrivals(community)[-1])
        reported.append(
            {
                s.level: s.position
                for s in community.peer_status.durable_above()
                if s.lane is Lane.BULK
            }
        )
    assert [levels[2] for levels in reported] == written
    first, *_, last = town.arrivals(community)[:5]
    assert [levels[1] for levels in reported] == [first, first, last]
