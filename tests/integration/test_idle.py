"""An idle city is idle: ticks write nothing that did not change."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from hub.serve.maintenance import PERIODIC
from hub.serve.process import Process, Served
from node.config import OfficeConfig
from node.jobs import Jobs
from node.peers.status import MOMENTS_KEPT_MS
from node.setup import init_office
from tests.support.edits import outlet
from tests.support.tier import eventually
from tests.unit.node.offices import CATALOGUE, COMMUNITY, DISTRICT, OTHER, STREET, TREE, Clock

LONG_S = 60.0
BEGINNING_TICKS_MIN, BEGINNING_TICKS_MAX = 3, 12
MINUTE_MS = 60_000
PATH = ((DISTRICT, ""), (STREET, DISTRICT), (COMMUNITY, STREET), (OTHER, STREET))


class City:
    """Offices that are served, each in a process of its own, and tick when the test says so."""

    def __init__(self, base: Path, closing: ExitStack) -> None:
        self.clock = Clock()
        self.served: dict[str, Served] = {}
        self.folders: dict[str, Path] = {}
        self._jobs: dict[str, Jobs] = {}
        self._base, self._closing = base, closing
        for code, parent in PATH:
            self.start(code, parent)

    def start(self, code: str, parent: str) -> None:
        folder = self.folders[code] = self._base / code
        address = self.served[parent]._process.server.address if parent else ""
        if not folder.exists():
            config = OfficeConfig(
                unit=code, parent=address, sync_interval_s=86_400, connect_spread_s=0
            )
            init_office(folder, config, CATALOGUE, rng=random.Random(code), tree_csv=TREE.encode())
        process = Process(
            [folder], wall_ms=self.clock, rng=random.Random(code + "run"), synchronous="OFF"
        )
        self._closing.callback(process.stop)
        process.start()
        (self.served[code],) = process.served.values()
        self._jobs[code] = process.jobs

    def tick(self) -> None:
        """Let a minute pass: every office ticks, checks whether a job is due, makes a handshake."""
        self.clock.forward(MINUTE_MS)
        for code, each in self.served.items():
            each.tick()
            for job in PERIODIC:
                self._jobs[code].run_due(each.office, job)
        self.settle()

    def settle(self) -> None:
        def quiet() -> bool:
            lines = [each.dialer for each in self.served.values() if each.dialer]
            soon = any(each._heartbeat_due.is_set() for each in self.served.values())
            return not soon and all(line.connected and line.wait_idle(LONG_S) for line in lines)

        eventually(quiet)

    def files(self) -> dict[Path, str]:
        """Return what is on the disk of every office, as one sum a file."""
        return {
            path: hashlib.sha256(path.read_bytes()).hexdigest()
            for folder in self.folders.values()
            for path in folder.iterdir()
            if not path.name.endswith("-shm")  # shared memory: no disk has it
        }


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    with ExitStack() as closing:
        city = City(tmp_path, closing)
        city.settle()
        outlet(city.served[COMMUNITY].office, "网点")
        # The first comparison, the month that has ended, the status of all that: what a busy
        # machine leaves to the next tick still belongs to the beginning.
        writes = counting_writes(city)
        for number in range(BEGINNING_TICKS_MAX):
            writes.clear()
            city.tick()
            if number >= BEGINNING_TICKS_MIN and not writes:
                break
        else:
            pytest.fail(f"still written to after {BEGINNING_TICKS_MAX} ticks: {writes}")
        yield city


def counting_writes(city: City) -> list[str]:
    """Note who opens a transaction that writes from now on."""
    found: list[str] = []

    def counted(code: str, write: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            found.append(code)
            return write(*args, **options)

        return call

    for code, each in city.served.items():
        store = each.office.store
        store.write = counted(code, store.write)  # type: ignore[method-assign]
    return found


def test_the_ticks_of_an_idle_city_change_no_byte_of_any_store_and_open_no_transaction_to_write(
    city: City,
) -> None:
    before, writes = city.files(), counting_writes(city)
    for _ in range(10):
        city.tick()
    assert writes == []
    assert city.files() == before


def test_an_idle_hub_still_receives_every_minute_how_far_each_office_is_known(city: City) -> None:
    hub = city.served[STREET].office
    for _ in range(3):
        city.tick()
        with hub.store.read() as tx:
            marks = hub.peer_status.watermarks(tx)
        for code in (COMMUNITY, OTHER):
            unit = hub.tree.find(code).unit_id
            assert marks[unit].at_ms == city.clock.ms - 1
            assert hub.peer_status.known()[unit].last_contact_ms == city.clock.ms


def test_what_changes_is_written_by_the_next_tick_and_by_that_one_alone(city: City) -> None:
    writes = counting_writes(city)
    outlet(city.served[OTHER].office, "另一网点")
    city.settle()
    city.tick()
    assert {OTHER, STREET, DISTRICT} <= set(writes)

    def is_quiet() -> bool:  # what neighbours answer to that tick is written by one after it
        writes.clear()
        city.tick()
        return not writes

    eventually(is_quiet)
    assert is_quiet()


def test_a_watermark_that_was_shown_is_written_and_one_that_nobody_asked_for_once_an_hour(
    city: City,
) -> None:
    hub = city.served[STREET].office
    writes = counting_writes(city)
    city.tick()
    with hub.store.read() as tx:
        shown = hub.peer_status.watermarks(tx)
    city.tick()
    assert set(writes) == {STREET}
    writes.clear()
    kept = {unit: hub.peer_status._saved[unit].at_ms for unit in hub.peer_status.known()}
    assert all(at_ms - 1 >= shown[unit].at_ms for unit, at_ms in kept.items())
    while city.clock.ms < max(kept.values()) + MOMENTS_KEPT_MS:
        assert STREET not in writes
        city.tick()
    city.tick()
    assert STREET in writes


def test_a_store_put_back_from_before_an_edit_is_still_distinguished_from_the_one_that_went_on(
    city: City,
) -> None:
    """Handshakes that change nothing issue no fresh token; one after an edit does."""
    child, hub = city.served[COMMUNITY].office, city.served[STREET].office

    def given() -> str:
        with hub.store.read() as tx:
            statement = f"SELECT token_issued FROM peer WHERE unit={child.identity.unit}"
            return str(tx.exec_driver_sql(statement).scalar_one())

    before = given()
    city.tick()
    assert given() == before
    outlet(child, "之后")
    city.settle()
    city.tick()
    assert given() != before
