"""One person registered in two communities: marks, cases, and what they must come to."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from node.domain.cases import CLOSED, OPEN, RAISED, SETTLED
from node.domain.identity import check_digit
from node.folds.blind_index import current_key
from node.services.duplicates import cases
from node.services.records import edits
from tests.simulation.clockwork import Violation

if TYPE_CHECKING:
    from tests.simulation.process import Process
    from tests.simulation.workload import People
    from tests.simulation.world import World

RESIDENT, KIND = "resident", "resident.id_number"
ABSENT = ("moved_out", "deceased")
BIRTH_DATE = "1956-05-12"
NUMBERS = tuple(
    first + check_digit(first) for first in (f"33010219560512{n:03}" for n in range(4))
)  # few: most are met twice


def register(people: People, process: Process, rng: random.Random) -> None:
    """Somebody comes to live here, who may be registered elsewhere, or here."""
    number = rng.choice(NUMBERS)
    form = {"id_number": number, "name": people._name(process), "birth_date": BIRTH_DATE}
    edits.create(process.office, RESIDENT, form)


def leave(people: People, process: Process, rng: random.Random) -> None:
    """A resident moves away, comes back, or is taken out of the register."""
    rows = process.eye.execute(
        f"SELECT unit, id FROM r_{RESIDENT} WHERE causal_length % 2 = 1 ORDER BY id"
    ).fetchall()
    if not rows:
        raise people.nothing
    unit, record = rng.choice(rows)
    if rng.random() < 0.3:
        edits.end(process.office, RESIDENT, bytes(record), force=True)
        return
    status = rng.choice(("current", *ABSENT))
    edits.change(process.office, RESIDENT, unit, bytes(record), {"status": status})


def close(people: People, process: Process, rng: random.Random) -> None:
    """A person at the office over all concerned has found out."""
    me = process.office.identity.unit
    mine = [view for view in cases.list_cases(process.office) if view.owner == me]
    if not mine:
        raise people.nothing
    view = cases.close(process.office, rng.choice(mine).id, reason="核实", actor="丁")
    if view.state != CLOSED:
        raise Violation("INV-11 read your writes", f"case {view.id.hex()} is {view.state}")


def contains_a_number(value: object) -> bool:
    """Say whether a value that leaves its office has somebody's number in it (INV-32)."""
    return isinstance(value, str) and any(number in value for number in NUMBERS)


def check_quiet(world: World, processes: list[Process]) -> None:
    """Cases are what the registers of all communities say, added up by somebody who sees all."""
    city = processes[0]
    with city.office.store.read() as tx:
        key = current_key(tx)
    if key is None:
        return
    there: dict[bytes, Counter[int]] = defaultdict(Counter)
    for process in processes:
        rows = process.eye.execute(
            f"SELECT f_id_number, f_status FROM r_{RESIDENT} WHERE causal_length % 2 = 1"
        )
        for number, status in rows:
            if status not in ABSENT:
                there[key.mark(KIND, number.casefold())][process.index] += 1
    for process in processes:
        me = process.office.identity.unit
        own_cases = {
            view.id: view for view in cases.list_cases(process.office, every=True)
            if view.owner == me
        }  # fmt: skip
        for view in own_cases.values():
            world.ledger.note("case", view.state)
        for mark in there.keys() | own_cases.keys():
            wanted, states = _wanted(world, process.index, there[mark])
            line = own_cases.get(mark)
            found = (line.units, line.state) if line is not None else ({}, SETTLED)
            if found[1] not in states or (found[1] != SETTLED and found[0] != wanted):
                raise Violation(
                    "INV-20 cases",
                    f"office {process.index}: {mark.hex()} is {found}, not {states} {wanted}",
                )


def _wanted(
    world: World, index: int, where: Counter[int]
) -> tuple[dict[int, int], tuple[str, ...]]:
    """Return whom an office's case must name, and how it may stand."""
    concerned = {i: n for i, n in where.items() if i in world.below(index)}
    named = {world.units[i].unit_id: n for i, n in concerned.items()}
    if not _meets(world, index, concerned):
        return named, (SETTLED,)
    upper = index
    while upper:
        upper = world.plan.parents[upper]
        if _meets(world, upper, {i: n for i, n in where.items() if i in world.below(upper)}):
            return named, (RAISED,)
    return named, (OPEN, CLOSED)


def _meets(world: World, index: int, concerned: dict[int, int]) -> bool:
    """Say whether this is an office at which equal marks come together."""
    if sum(concerned.values()) < 2:
        return False
    branches = {
        next((c for c in world.children(index) if i in world.below(c)), index) for i in concerned
    }
    return len(branches) > 1 or index in concerned
