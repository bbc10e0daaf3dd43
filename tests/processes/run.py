"""One run: a city is started, used and broken for a while, restored, and checked."""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hub.client.client import OfficeClient
from tests.processes.checker import check_outcome
from tests.processes.city import CITY, DISTRICT, GARDEN, ORCHID, STREET, City
from tests.processes.clients import (
    Community,
    Editor,
    Observations,
    OfficeUser,
    Payer,
    Street,
    prepare,
)
from tests.processes.plan import Step
from tests.processes.watermarks import WatermarkMonitor

END_S = 70.0  # a call under way ends by its own deadline


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run. `faults`: everything that is not as promised; none is what is hoped."""

    faults: tuple[str, ...]
    broken: dict[str, int]
    transactions: int
    unconfirmed: int
    releases: int
    texts: int

    def __str__(self) -> str:
        broken = ", ".join(f"{kind} {count}" for kind, count in sorted(self.broken.items()))
        return (
            f"{self.transactions} transactions and reads, {self.unconfirmed} in doubt, "
            f"{self.texts} texts, {self.releases} releases; broken: {broken}"
        )


def run(base: Path, seed: int, plan: Sequence[Step], city_of: type[City] = City) -> Outcome:
    """Run a city under the faults of a plan. `seed`: of what its people do. Raises: NotQuiet."""
    seconds = max((step.at_ms + step.for_ms for step in plan), default=0) / 1_000
    rng = random.Random(f"run {seed}")
    city = city_of(base, rng)
    observed, stop = Observations(), threading.Event()
    people: list[threading.Thread] = []
    try:
        city.start()
        prepare(city)
        monitor = WatermarkMonitor()
        people = [
            threading.Thread(target=user.run, args=(turn,), name=name)
            for name, user, turn in _people(city, observed, stop, monitor, seed, seconds)
        ]
        for person in people:
            person.start()
        city.run_plan(list(plan))
        city.clear_faults()
        stop.set()
        for person in people:
            person.join(END_S)
        assert not any(person.is_alive() for person in people), "somebody waits for ever"
        city.wait_quiet()
        faults = [*check_outcome(city, observed), *monitor.went_back]
    finally:
        stop.set()
        city.close()
        for person in people:
            person.join(END_S)
    return Outcome(
        tuple(faults), dict(city.broken), len(observed.history), observed.unconfirmed,
        len(observed.transfers), len(observed.texts),
    )  # fmt: skip


def _people(  # type: ignore[no-untyped-def]
    city: City,
    observed: Observations,
    stop: threading.Event,
    monitor: WatermarkMonitor,
    seed: int,
    seconds: float,
):
    """Yield who works where: a name, a desk, and what is done in one turn."""
    pace_s = max(0.15, seconds / 800)

    def user(name: str, code: str, slower: float = 1.0) -> OfficeUser:
        return OfficeUser(
            city, code, random.Random(f"{name} {seed}"), observed, stop, pace_s * slower
        )

    for code in (GARDEN, ORCHID):
        yield code, (at := user(f"lists {code}", code)), Community(at).turn
        yield code, (at := user(f"texts {code}", code, 3)), Editor(at).turn
    yield "street", (at := user("lists street", STREET)), Street(at).turn
    yield "street", (at := user("texts street", STREET, 3)), Editor(at).turn
    yield "payer", (at := user("payer", CITY, 3)), Payer(at, DISTRICT).turn
    for code in (CITY, DISTRICT, STREET):
        at = user(f"reader {code}", code, 2)
        yield code, at, lambda at=at, code=code: _look(at, f"reader at {code}")
        at = user(f"watcher {code}", code, 6)
        yield code, at, lambda at=at: _watch(at, monitor)


def _watch(at: OfficeUser, monitor: WatermarkMonitor) -> None:
    pid = at.city.processes.pid(at.code)
    status = at.ask(_status)
    if at.city.processes.pid(at.code) == pid:
        monitor.observe(at.code, status, pid)


def _look(at: OfficeUser, session: str) -> None:
    at.observe(session)


def _status(office: OfficeClient):  # type: ignore[no-untyped-def]
    return office.get_status(tree=True)
