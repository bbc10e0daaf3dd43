"""Bit rot: what a bad page does to a store, and the comparison that must find it."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from sqlalchemy import Connection, text

from sync.limits import DIGEST_BUCKETS
from sync.narrowing import Wish
from tests.simulation.plan import CALM_MS

if TYPE_CHECKING:
    from tests.simulation.process import Process
    from tests.simulation.world import World

ALL = Wish(read=frozenset(range(DIGEST_BUCKETS)))
# Fields that nothing is counted by: a clerk who edits a damaged one would count what was not there.
FIELDS = {"premises": "name", "service_outlet": "name", "party_organisation": "name"}


def rot(process: Process, rng: random.Random) -> bool:
    """Change a value, or a sum, behind the program's back; say whether there was one."""
    register = rng.choice(sorted(FIELDS))
    if rng.random() < 0.5:
        return _spoil(
            process, f"SELECT unit, bucket FROM digest WHERE register='{register}' AND count>0",
            f"UPDATE digest SET sum=(sum+1)%1000003 WHERE register='{register}' "
            "AND unit=:a AND bucket=:b", rng,
        )  # fmt: skip
    field = FIELDS[register]
    return _spoil(
        process, f"SELECT unit, id FROM r_{register} WHERE f_{field} IS NOT NULL",
        f"UPDATE r_{register} SET f_{field}='\N{REPLACEMENT CHARACTER}' WHERE unit=:a AND id=:b",
        rng,
    )  # fmt: skip


def _spoil(process: Process, where: str, statement: str, rng: random.Random) -> bool:
    def work(tx: Connection) -> bool:
        found = tx.execute(text(f"{where} ORDER BY 1, 2")).all()
        if not found:
            return False
        a, b = rng.choice(found)
        tx.execute(text(statement), {"a": a, "b": b})
        return True

    return process.office.store.write(work)


def compare_everywhere(world: World) -> None:
    """Have every office compare every record with its parent, once it is quiet."""
    for n, index in enumerate(i for i in world.present if i):
        world.clockwork.later(
            CALM_MS // 2 + n * 1_000, f"compare {index}", lambda index=index: _compare(world, index)
        )


def _compare(world: World, index: int) -> None:
    process = world.processes.get(index)
    if process is not None and process.dialer is not None:
        process.when_awake(lambda: process.dialer.compare(ALL))  # type: ignore[union-attr]
