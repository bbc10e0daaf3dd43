"""Which lies a plan has: drawn from its seed, by a random source of their own, or all of them.

A drawn plan has one tampered child, one lying hub and strangers at a third office; its operations
and faults stay what they were.
"""

from __future__ import annotations

import random
from collections.abc import Mapping

from tests.simulation.aimed import LEVELS, MINUTE_MS, PARENTS, shown
from tests.simulation.lie import Lie, Role
from tests.simulation.plan import DAY_MS, HOUR_MS, Fault, Mode, Noise, Op, Plan
from tests.simulation.roles import CERTIFIED, KINDS, LIES

DRAWN = 24  # kinds in a drawn plan
CERTIFIED_DRAWN = 12  # more, in one with certificates
APART_MS = 6 * 60_000  # a child that was lied to waits for five minutes before it says Hello again
# Of the staged plans: who is the tampered child, and who the lying hub.
LIARS = ((3, 2), (2, 1), (6, 5), (5, 0))
# What is done meanwhile: how often, what, and where.
WORK = (
    (HOUR_MS // 2, "create", 3), (HOUR_MS // 2, "create", 4), (HOUR_MS // 2, "create", 6),
    (HOUR_MS // 2, "change", 3), (HOUR_MS, "rename", 0), (HOUR_MS, "issue", 1),
    (HOUR_MS, "appropriate", 0), (HOUR_MS, "release", 0),
)  # fmt: skip


def with_lies(plan: Plan) -> Plan:
    """Return a plan with lies beside its faults."""
    rng = random.Random(f"lies:{plan.mode}:{plan.seed}")
    offices = range(1, len(plan.parents))
    hubs = sorted({plan.parents[i] for i in offices})
    who = {
        Role.CHILD: rng.choice(offices), Role.HUB: rng.choice(hubs), Role.OUTSIDER: rng.choice(hubs)
    }  # fmt: skip
    return plan.without(lies=_drawn(rng, plan, who, rng.sample(list(LIES), DRAWN)))


def with_certificates(plan: Plan) -> Plan:
    """Return a plan in which every office is enrolled; one with lies has some about certificates.

    Else it is what it was.
    """
    if not plan.lies:
        return plan.without(certificates=True)
    rng = random.Random(f"lies about certificates:{plan.mode}:{plan.seed}")
    who = {KINDS[lie.kind].role: lie.office for lie in plan.lies}
    hubs = sorted({plan.parents[i] for i in range(1, len(plan.parents))})
    who = {role: who.get(role, rng.choice(hubs)) for role in Role}
    lies = _drawn(rng, plan, who, rng.sample(list(CERTIFIED), CERTIFIED_DRAWN))
    return plan.without(certificates=True, lies=_in_order([*plan.lies, *lies]))


def has_certificates(seed: int) -> bool:
    """Return whether a run of many seeds gives this one certificates: it does to half of them."""
    return random.Random(f"certificates:{seed}").random() < 0.5


def _drawn(
    rng: random.Random, plan: Plan, who: dict[Role, int], kinds: list[str]
) -> tuple[Fault, ...]:
    return _in_order(
        [_lie(rng, rng.randrange(plan.horizon_ms), who[KINDS[kind].role], kind) for kind in kinds]
    )


def staged_lies(mode: Mode = "fast") -> tuple[Plan, ...]:
    """Return plans in which, between them, every kind of lie occurs."""
    return (*(_staged(mode, number) for number in range(len(LIARS))), _recovering(mode))


def staged_certified(mode: Mode = "fast") -> Plan:
    """Return a plan with certificates in which every kind of lie about them occurs."""
    number = 1  # its hub is a district, so there are authorities above and at it
    return _staged(mode, number, dict(CERTIFIED)).without(certificates=True)


def _recovering(mode: Mode) -> Plan:
    """Return a plan in which a street and its city are restored, and those who help them lie."""
    rng = random.Random(f"recovering lies:{mode}")
    plan = shown(mode)
    returned, replayed = (
        "an entry that a restored parent never wrote", "an entry that a restored child never wrote"
    )  # fmt: skip
    lies = [
        _lie(rng, 20 * MINUTE_MS, 3, returned), _lie(rng, 2 * HOUR_MS, 1, returned),
        *(_lie(rng, 20 * MINUTE_MS, 1, replayed) for _ in range(4)),
    ]  # fmt: skip
    return plan.without(seed=len(LIARS), lies=_in_order(lies))


def _staged(mode: Mode, number: int, of: Mapping[str, Lie] = LIES) -> Plan:
    rng = random.Random(f"staged lies:{mode}:{number}")
    child, hub = LIARS[number]
    lies = []
    for role, office in ((Role.CHILD, child), (Role.HUB, hub), (Role.OUTSIDER, hub)):
        kinds = [name for name, lie in of.items() if lie.role is role]
        kinds += [kind for kind in kinds if of[kind].method == "Digest"]  # these may come too late
        rng.shuffle(kinds)
        lies += [
            _lie(rng, HOUR_MS // 2 + n * APART_MS + rng.randrange(60_000), office, kind)
            for n, kind in enumerate(kinds)
        ]
    horizon_ms = max(lie.at_ms for lie in lies) + HOUR_MS
    ops = [
        Op(at_ms + 1_000 * n, office, kind, rng.getrandbits(32))
        for n, (every_ms, kind, office) in enumerate((*WORK, (DAY_MS // 8, "restart", child)))
        for at_ms in range(0, horizon_ms, every_ms)
    ]
    return Plan(
        seed=number, mode=mode, parents=PARENTS, levels=LEVELS, horizon_ms=horizon_ms,
        tick_ms=HOUR_MS, news_ms=60_000, noise=Noise(),
        ops=tuple(sorted(ops, key=lambda op: (op.at_ms, op.seed))), faults=(), lies=_in_order(lies),
    )  # fmt: skip


def _lie(rng: random.Random, at_ms: int, office: int, kind: str) -> Fault:
    return Fault(at_ms, at_ms, office, kind, rng.getrandbits(32))


def _in_order(lies: list[Fault]) -> tuple[Fault, ...]:
    return tuple(sorted(lies, key=lambda lie: (lie.at_ms, lie.seed)))
