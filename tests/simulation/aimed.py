"""Plans aimed at what chance brings too seldom; with the drawn stages everything must occur.

In one each process dies at each deed, at each point of a transaction; in the other a hub, and then
the city, goes on with an old backup while its children hold what it has said since.
"""

from __future__ import annotations

import random
from itertools import product

from tests.simulation.ledger import DEATHS
from tests.simulation.plan import (
    DRAW,
    HOUR_MS,
    STAGED_MS,
    STAGES,
    Fault,
    Mode,
    Noise,
    Op,
    Plan,
    staged,
)

MINUTE_MS = 60_000
PARENTS, LEVELS = (0, 0, 1, 2, 2, 1, 5), (0, 1, 2, 3, 3, 2, 3)  # two streets of one district
PERSONS = (3, 4, 6)  # communities of both: some case is the district's, and raised to it
# deed -> the office that dies at it; what brings the deed about, and where: "": time does
AIMS: dict[str, tuple[int, str, int]] = {
    "tick": (6, "", 6),  # alone at its office: it waits for an hour
    "serve Hello": (2, "herd", 0),
    "serve Push": (2, "create", 3),
    "apply": (1, "rename", 0),
    "hear Hello": (4, "herd", 0),
    "registers": (3, "create", 3),
    "work": (1, "issue", 1),
    "money": (0, "appropriate", 0),
}
APART_MS = STAGED_MS // (len(DEATHS) * len(AIMS) + 3)
TRIES = 2  # what brings the deed about is done again a minute later, should nothing have come of it
# What is done meanwhile: operation -> where.
BACKGROUND: dict[str, tuple[int, ...]] = {
    "register_person": PERSONS, "close_case": (1, 2), "clash": (3, 4), "resolve": (2, 3, 4),
    "resolve_alike": (2, 3, 4), "ask_correction": (2,), "answer_correction": (3, 4),
    "issue": (0, 1), "step": (2, 3, 4, 6), "repeat": (0,), "reverse": (0,), "compare": (2, 3),
    "relay_policy": (1,), "next_create": (4,), "next_change": (4,),
}  # fmt: skip
CLONED = 6  # the stage of clones
AT_ONCE = 7  # of these, during each death
# What one thing makes possible and another needs, a minute apart: operation, where.
ROUND = (("release", 0), ("answer", 1), ("give_back", 1), ("reverse", 0), ("rule", 0), ("rule", 1))


def stages(mode: Mode = "fast", draw: int = DRAW) -> tuple[Plan, ...]:
    """Return the staged plans and the aimed ones: between them they meet the whole ledger.

    With them is one of another draw in which stores keep their keys: without them a clone is
    refused for its key, and not as a clone. There a parent restarts between two calls of its child.
    """
    drawn = (staged(number, STAGES, mode, draw) for number in range(STAGES + 1))
    cloned = staged(CLONED, STAGES, mode, draw + 2).without(keys=True)
    return (*drawn, cloned, deaths(mode), shown(mode))


def deaths(mode: Mode = "fast") -> Plan:
    """Return a plan in which each deed of `AIMS` ends in a death at each point."""
    rng = random.Random(f"deaths:{mode}")
    faults: list[Fault] = []
    ops = [Op(rng.randrange(MINUTE_MS), office, "create", rng.getrandbits(32))
           for office in (3, 4, 6) for _ in range(4)]  # fmt: skip
    ops += [Op(MINUTE_MS, office, kind, rng.getrandbits(32))
            for office, kind in ((0, "appropriate"), (3, "import"), (4, "import"))]  # fmt: skip
    for n, (point, (operation, (office, cause, where))) in enumerate(product(DEATHS, AIMS.items())):
        at_ms = (n + 1) * APART_MS
        faults.append(Fault(at_ms, at_ms, office, f"crash_{point}", rng.getrandbits(32), operation))
        for _ in range(TRIES if cause else 0):
            at_ms += MINUTE_MS
            if cause == "herd":
                faults.append(Fault(at_ms, at_ms, where, cause, rng.getrandbits(32)))
            else:
                ops.append(Op(at_ms, where, cause, rng.getrandbits(32)))
        for kind in rng.sample(list(BACKGROUND), AT_ONCE):
            at_ms = (n + 1) * APART_MS + rng.randrange(APART_MS)
            ops.append(Op(at_ms, rng.choice(BACKGROUND[kind]), kind, rng.getrandbits(32)))
        for minute, (kind, where) in enumerate(ROUND if n % 2 else ()):
            at_ms = (n + 1) * APART_MS + minute * MINUTE_MS
            ops.append(Op(at_ms, where, kind, rng.getrandbits(32)))
    end_ms = STAGED_MS - HOUR_MS // 2
    ops += [Op(end_ms + n * MINUTE_MS, office, "register_person", rng.getrandbits(32))
            for n in range(6) for office in PERSONS]  # fmt: skip
    return _plan(mode, STAGES + 1, STAGED_MS, ops, faults, newer=(1, 4))


def shown(mode: Mode = "fast") -> Plan:
    """Return a plan in which children show a street, and a district its city, what it has lost.

    The street's line upward is cut meanwhile: else its own parent would say so first.
    """
    rng = random.Random(f"shown:{mode}")
    ops = [Op(at_ms, 0, "rename", rng.getrandbits(32))
           for at_ms in range(10 * MINUTE_MS, 4 * HOUR_MS, 10 * MINUTE_MS)]  # fmt: skip
    ops += [Op(at_ms, office, "create", rng.getrandbits(32))
            for office in (3, 4, 6) for at_ms in range(0, 4 * HOUR_MS, HOUR_MS // 2)]  # fmt: skip
    hour = HOUR_MS
    faults = [
        Fault(hour // 2, hour, 2, "put_back", rng.getrandbits(32)),
        Fault(hour - MINUTE_MS, hour + 15 * MINUTE_MS, 2, "cut", rng.getrandbits(32)),
        Fault(5 * hour // 2, 3 * hour, 0, "put_back", rng.getrandbits(32)),
    ]
    return _plan(mode, STAGES + 2, 5 * hour, ops, faults)


def _plan(
    mode: Mode, seed: int, horizon_ms: int, ops: list[Op], faults: list[Fault],
    newer: tuple[int, ...] = (),
) -> Plan:  # fmt: skip
    return Plan(
        seed=seed, mode=mode, parents=PARENTS, levels=LEVELS, horizon_ms=horizon_ms,
        tick_ms=HOUR_MS, news_ms=60_000, noise=Noise(),
        ops=tuple(sorted(ops, key=lambda op: (op.at_ms, op.seed))),
        faults=tuple(sorted(faults, key=lambda fault: (fault.at_ms, fault.seed))), newer=newer,
    )  # fmt: skip
