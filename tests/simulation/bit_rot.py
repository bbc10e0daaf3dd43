"""Bit rot: what a bad page does to a store, and the comparison that must find it."""

from __future__ import annotations

import contextlib
import random
from typing import TYPE_CHECKING

from sqlalchemy import Connection, text

from sync.model.errors import SilianError
from sync.model.limits import DIGEST_BUCKETS
from sync.model.report import CompareOptions

if TYPE_CHECKING:
    from tests.simulation.process import Process
    from tests.simulation.world import World

LEVEL_MS = 7 * 60_000  # in which the comparisons of one level end
ALL = CompareOptions(read=frozenset(range(DIGEST_BUCKETS)))
# Fields that nothing is counted by: a clerk who edits a damaged one would count what was not there.
FIELDS = {"premises": "name", "service_outlet": "name", "party_organisation": "name"}


def bit_rot(process: Process, rng: random.Random) -> None:
    """Change a value, or a sum, behind the program's back, if there is one."""
    register = rng.choice(sorted(FIELDS))
    if rng.random() < 0.5:
        where = f"SELECT unit, bucket FROM digest WHERE register='{register}' AND count>0"
        statement = "UPDATE digest SET sum=:c WHERE register=:r AND unit=:a AND bucket=:b"
        bad: object = rng.getrandbits(20)
    else:
        field = FIELDS[register]
        where = (
            f"SELECT unit, id FROM r_{register} "
            f"WHERE f_{field} IS NOT NULL AND causal_length % 2 = 1"
        )
        statement = f"UPDATE r_{register} SET f_{field}=:c WHERE unit=:a AND id=:b AND :r<>''"
        bad = f"\N{REPLACEMENT CHARACTER}{rng.getrandbits(32)}"

    def work(tx: Connection) -> None:
        found = tx.execute(text(f"{where} ORDER BY 1, 2")).all()
        if found:
            a, b = rng.choice(found)
            tx.execute(text(statement), {"a": a, "b": b, "c": bad, "r": register})
            process.world.ledger.note("fault", "bit_rot")

    def strike() -> None:
        with contextlib.suppress(SilianError):  # a full disk or a lock came first
            process._shipped_write(work)

    process.when_awake(strike)


def compare_everywhere(world: World) -> None:
    """Have every office compare every record with its parent: the lowest level first, and then, the
    next night, the highest first.

    What is repaired at a hub goes on upward by its own comparison, and downward by that of its
    child. A person has closed the quarantined changes before: their records are left alone.
    """
    for index in world.present:
        if index:
            up, down = 4 - world.plan.levels[index], 4 + world.plan.levels[index]
            for at in (up, down):
                world.clockwork.later(
                    at * LEVEL_MS, f"compare {index}", lambda index=index: _compare(world, index)
                )


def _compare(world: World, index: int) -> None:
    process = world.processes.get(index)
    if process is not None and process.dialer is not None:
        process.when_awake(lambda: process.dialer.compare(ALL))  # type: ignore[union-attr]
