"""What people do about fields of other offices: ask, answer, withdraw; and what it must come to."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from node.domain.correction import REGISTER, State
from node.services.corrections import requests, views
from node.services.records import edits
from node.store import corrections as store
from tests.simulation.clockwork import Violation

if TYPE_CHECKING:
    from tests.simulation.process import Process
    from tests.simulation.workload import People


def ask(people: People, process: Process, rng: random.Random) -> None:
    """Ask the owner of a foreign field of a record that is held here."""
    office = process.office
    name, unit, record = people._pick(process, rng)
    register = office.catalogue.registers[name]
    foreign = [
        n for n, f in register.fields.items()
        if office.level not in f.owners and n not in register.key
    ]  # fmt: skip
    if not foreign:
        raise people.nothing
    chosen = rng.choice(foreign)
    proposed = {chosen: people._value(process, name, chosen, rng)}
    view = requests.ask(office, name, unit, record, proposed, reason="核对", actor="甲")
    if view.state is not State.OPEN:
        raise Violation("INV-11 read your writes", f"request {view.id.hex()}: {view.state}")


def answer(people: People, process: Process, rng: random.Random) -> None:
    """Accept or refuse what waits for this office, or withdraw what it asked."""
    office = process.office
    page = views.list_corrections(office, "all", open_only=True)
    mine = [c for c in page.corrections if c.may_answer or c.may_withdraw]
    if not mine:
        raise people.nothing
    view = rng.choice(mine)
    if view.may_withdraw:
        if rng.random() < 0.5:
            raise people.nothing  # most wait for their answer
        requests.withdraw(office, view.id, actor="甲")
        return
    if rng.random() < 0.3:
        requests.refuse(office, view.id, reason="无误", actor="乙")
        return
    done = requests.accept(office, view.id, actor="乙", force=rng.random() < 0.5)
    people._world.ledger.note("correction", done.state.value)
    if done.state is not State.ACCEPTED:
        return
    now: Any = edits.get(office, view.register, view.unit, view.record)
    for proposal in view.proposed:
        if (
            now.values[proposal.field] != proposal.proposed_value
            and proposal.field not in now.conflicts
        ):
            raise Violation("accepted and not written", f"{view.register}.{proposal.field}")


def same_outcomes(process: Process, parent: Process) -> None:
    """An office and its parent that both hold a request know the same of it."""
    found = []
    for each in (process, parent):
        table = each.office.tables[REGISTER]
        with each.office.store.read() as tx:
            found.append(store.load(tx, table, store.request_ids(tx, table, None)))
    ours, theirs = found
    for correction in ours.keys() & theirs.keys():
        if ours[correction] != theirs[correction]:
            raise Violation(
                "a request stands otherwise",
                f"offices {process.index} and {parent.index}: {ours[correction].state} "
                f"and {theirs[correction].state}",
            )
