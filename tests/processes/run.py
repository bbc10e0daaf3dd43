"""One run: a city is started, used and broken for a while, healed, and judged."""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hub.client import OfficeClient
from tests.processes.city import CITY, DISTRICT, GARDEN, ORCHID, STREET, City
from tests.processes.clients import Community, Desk, Editor, Payer, Street, Told, prepare
from tests.processes.judge import judge
from tests.processes.plan import Step
from tests.processes.watching import Watching

END_S = 70.0  # a call under way ends by its own deadline


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run. `faults`: everything that is not as promised; none is what is hoped."""

    faults: tuple[str, ...]
    broken: dict[str, int]
    transactions: int
    doubtful: int
    releases: int
    texts: int

    def __str__(self) -> str:
        broken = ", ".join(f"{kind} {count}" for kind, count in sorted(self.broken.items()))
        return (
            f"{self.transactions} transactions and reads, {self.doubtful} in doubt, "
            f"{self.texts} texts, {self.releases} releases; broken: {broken}"
        )


def run(base: Path, seed: int, plan: Sequence[Step], city_of: type[City] = City) -> Outcome:
    """Run a city under the faults of a plan. `seed`: of what its people do. Raises: NotQuiet."""
    seconds = max((step.at_ms + step.for_ms for step in plan), default=0) / 1_000
    rng = random.Random(f"run {seed}")
    city = city_of(base, rng)
    told, stop = Told(), threading.Event()
    people: list[threading.Thread] = []
    try:
        city.start()
        prepare(city)
        watching = Watching()
        people = [
            threading.Thread(target=desk.run, args=(turn,), name=name)
            for name, desk, turn in _people(city, told, stop, watching, seed, seconds)
        ]
        for person in people:
            person.start()
        city.carry_out(list(plan))
        city.heal()
        stop.set()
        for person in people:
            person.join(END_S)
        assert not any(person.is_alive() for person in people), "somebody waits for ever"
        city.wait_quiet()
        faults = [*judge(city, told), *watching.went_back]
    finally:
        stop.set()
        city.close()
        for person in people:
            person.join(END_S)
    return Outcome(
        tuple(faults), dict(city.broken), len(told.history), told.doubtful, len(told.transfers),
        len(told.texts),
    )  # fmt: skip


def _people(  # type: ignore[no-untyped-def]
    city: City, told: Told, stop: threading.Event, watching: Watching, seed: int, seconds: float
):
    """Yield who works where: a name, a desk, and what is done in one turn."""
    pace_s = max(0.15, seconds / 800)

    def desk(name: str, code: str, slower: float = 1.0) -> Desk:
        return Desk(city, code, random.Random(f"{name} {seed}"), told, stop, pace_s * slower)

    for code in (GARDEN, ORCHID):
        yield code, (at := desk(f"lists {code}", code)), Community(at).turn
        yield code, (at := desk(f"texts {code}", code, 3)), Editor(at).turn
    yield "street", (at := desk("lists street", STREET)), Street(at).turn
    yield "street", (at := desk("texts street", STREET, 3)), Editor(at).turn
    yield "payer", (at := desk("payer", CITY, 3)), Payer(at, DISTRICT).turn
    for code in (CITY, DISTRICT, STREET):
        at = desk(f"reader {code}", code, 2)
        yield code, at, lambda at=at, code=code: _look(at, f"reader at {code}")
        at = desk(f"watcher {code}", code, 6)
        yield code, at, lambda at=at: _watch(at, watching)


def _watch(at: Desk, watching: Watching) -> None:
    life = at.city.processes.pid(at.code)
    status = at.ask(_status)
    if at.city.processes.pid(at.code) == life:
        watching.look(at.code, status, life)


def _look(at: Desk, session: str) -> None:
    at.look(session)


def _status(office: OfficeClient):  # type: ignore[no-untyped-def]
    return office.status(tree=True)
