"""A run as data: the city's shape, the workload and the faults, all drawn from one seed.

A plan is made before anything runs, so that a failing one can be shrunk: a fault or an operation is
taken out and all others stay what they were. Each bears a seed of its own for what it chooses.
"""

from __future__ import annotations

import json
import random
from dataclasses import asdict, dataclass, replace
from hashlib import blake2b
from typing import Any, Literal

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
START_MS = 1_780_000_000_000  # 2026-05-29 in China
STAGED_MS = 8 * HOUR_MS
CALM_MS = 2 * HOUR_MS  # and two ticks: by then all that is due has arrived, faults being over

Mode = Literal["fast", "crash"]
STAGES = 8  # plans by which every kind of fault occurs
COPIES = 5  # changes: so long a log is not replayed, in plans with snapshots
CHUNK_ROWS = 3  # records in a chunk of a snapshot then: many chunks, to die between
DRAW = 7  # of these, all hold and everything occurs

# operation -> how often it is drawn when its group is on
OPERATIONS: dict[str, dict[str, int]] = {
    "registers": {"create": 8, "change": 16, "end": 2, "recreate": 2, "import": 1},
    "conflicts": {"clash": 4, "end_clash": 2, "resolve": 4, "resolve_alike": 1},
    "corrections": {"ask_correction": 4, "answer_correction": 6},
    "work": {"issue": 3, "step": 14, "rule": 2, "relay_policy": 1},
    "money": {"appropriate": 3, "release": 5, "answer": 5, "give_back": 1, "spend": 3,
              "reverse": 1, "repeat": 1},
    "tree": {"rename": 1},
    "reading": {"ask": 2, "status": 1},
    "upkeep": {"restart": 1, "checkpoint": 1, "backup": 1, "verify": 1, "time_passes": 1,
               "close_month": 1, "compare": 1, "vacuum": 1, "retire": 1, "migrate": 1},
    "poison": {"poison": 3, "block": 2, "unstorable": 2},
    "next": {"next_create": 2, "next_change": 2},
}  # fmt: skip
# Drawn after the others, by a random source of their own: plans drawn before stay the same.
DRAWN_SEPARATELY: dict[str, dict[str, int]] = {
    "bundles": {"carry": 6},
    "twice": {"register_person": 6, "person_leaves": 3, "close_case": 2},
}
GROUPS = OPERATIONS | DRAWN_SEPARATELY
USED = {"registers": 1.0, "poison": 0.35, "next": 1.0}  # in how many runs; others: in most
PLACES: dict[str, tuple[int, ...]] = {  # levels where an operation makes sense; elsewhere: all
    **dict.fromkeys(
        (
            "create",
            "end",
            "end_clash",
            "recreate",
            "import",
            "block",
            "unstorable",
            "next_create",
            "next_change",
        ),
        (3,),
    ),
    "poison": (2, 3, 3),
    **dict.fromkeys(("register_person", "person_leaves"), (3,)),
    "close_case": (0, 1, 2),
    **dict.fromkeys(("clash", "resolve", "resolve_alike"), (2, 2, 3)),
    **dict.fromkeys(("issue", "release", "relay_policy"), (0, 1, 2)),
    **dict.fromkeys(("appropriate", "rename"), (0,)),
    **dict.fromkeys(("answer", "give_back"), (1, 2, 3)),
    "change": (2, 3, 3),
    "rule": (0, 0, 1),
}
# fault -> the longest it lasts, in hours; 0: it happens and is over
FAULTS: dict[str, float] = {
    "crash": 6, "crash_before_commit": 1, "crash_after_commit": 1, "crash_in_transaction": 1,
    "cut": 24, "cut_up": 6, "cut_down": 6, "half_open": 3, "cut_level": 24, "cut_branch": 24,
    "swizzle": 6, "flap": 1, "noise": 12, "pause": 2, "disk_full": 3, "locked": 1,
    "clock_day_ahead": 12, "clock_day_behind": 12, "clock_frozen": 6, "clock_far_future": 6,
    "clock_jumps": 6, "herd": 0, "bit_rot": 0, "restore": 24 * 21, "lost_disk": 6, "copy": 24,
    "slow_disk": 6, "old_program": 3, "upgrade": 1, "rollback": 1, "wrong_parent": 3,
}  # fmt: skip
HISTORY_FAULTS = frozenset({"restore", "lost_disk", "copy"})
AIMED = frozenset({"put_back"})  # restored, with its key whatever the plan says: of `aimed.py`
POWER: dict[str, float] = {"power_cut": 6, "power_cut_in_write": 1, "power_cut_twice": 1}
IN_MODE: dict[str, dict[str, float]] = {  # a full disk and a lock need a file system of the machine
    "fast": FAULTS,
    "crash": {k: v for k, v in FAULTS.items() if k not in ("disk_full", "locked")} | POWER,
}


@dataclass(frozen=True, slots=True)
class Op:
    """One thing that people, or a timer, do at one office."""

    at_ms: int  # after the start
    office: int
    kind: str
    seed: int


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong at one office, or on its line to its parent."""

    at_ms: int
    until_ms: int
    office: int
    kind: str
    seed: int
    operation: str = (
        ""  # at which a death is to come, sooner or later; "": drawn, and perhaps it never
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """What every line does to every message, all the time."""

    drop: float = 0.0
    duplicate: float = 0.0
    corrupt: float = 0.0
    delay_ms: int = 20
    tail: float = 0.0  # share of messages that are very late


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything that decides a run. `parents[i]`: office i's parent; the city is 0, of itself."""

    seed: int
    mode: Mode
    parents: tuple[int, ...]
    levels: tuple[int, ...]
    horizon_ms: int
    tick_ms: int
    news_ms: int  # from a commit to the heartbeat that tells the watermark
    noise: Noise
    ops: tuple[Op, ...]
    faults: tuple[Fault, ...]
    newer: tuple[int, ...] = ()  # offices that begin with the next version of the program
    absent: tuple[int, ...] = ()  # offices that a shrunk plan does without
    copies: int = 0  # changes from which on a store with nothing takes copies, and logs are cut
    keys: bool = False  # a store that is restored, or copied, has its key with it
    lies: tuple[Fault, ...] = ()  # what tampered offices and strangers say (`roles.py`)
    certificates: bool = False  # every office is enrolled (`authorities.py`)

    @property
    def node_days(self) -> float:
        there = len(self.parents) - len(self.absent)
        return there * (self.horizon_ms + self.calm_ms) / DAY_MS

    @property
    def calm_ms(self) -> int:
        return CALM_MS + 2 * self.tick_ms

    def without(self, **changes: Any) -> Plan:
        return replace(self, **changes)

    def within(self, horizon_ms: int) -> Plan:
        """Return the plan cut off at an earlier end, by which every fault is over."""
        faults = (f for f in self.faults if f.at_ms < horizon_ms)
        return replace(
            self,
            horizon_ms=horizon_ms,
            ops=tuple(op for op in self.ops if op.at_ms < horizon_ms),
            faults=tuple(replace(f, until_ms=min(f.until_ms, horizon_ms)) for f in faults),
            lies=tuple(lie for lie in self.lies if lie.at_ms < horizon_ms),
        )

    def to_json(self) -> str:
        return json.dumps(asdict(self), separators=(",", ":"))

    @property
    def name(self) -> str:
        return blake2b(self.to_json().encode(), digest_size=6).hexdigest()


def plan_from_json(text: str) -> Plan:
    """Read what `to_json` wrote; other keys of a plan's file (a note why) are left alone."""
    m = json.loads(text)
    m["noise"] = Noise(**m["noise"])
    m["ops"] = tuple(Op(**op) for op in m["ops"])
    m["faults"] = tuple(Fault(**fault) for fault in m["faults"])
    m["lies"] = tuple(Fault(**lie) for lie in m.get("lies", ()))
    for name in ("parents", "levels", "absent", "newer"):
        m[name] = tuple(m.get(name, ()))
    return Plan(**{key: m[key] for key in Plan.__dataclass_fields__ if key in m})


def plan_of(seed: int, mode: Mode = "fast") -> Plan:
    """Draw a run from a seed: most are small and short, a few large or long."""
    rng = random.Random(f"{mode}:{seed}")
    offices, days = _size(rng)
    parents, levels = _tree(rng, offices)
    horizon_ms = int(days * DAY_MS)
    intensity = rng.choice((0.0, 0.3, 0.6, 1.0, 1.0, 2.0))
    return Plan(
        seed=seed,
        mode=mode,
        parents=parents,
        levels=levels,
        horizon_ms=horizon_ms,
        tick_ms=rng.choice((1, 2, 4)) * HOUR_MS,
        news_ms=rng.choice((1_000, 60_000, 900_000)),
        noise=_noise(rng, intensity),
        ops=_ops(rng, levels, horizon_ms),
        faults=_faults(rng, offices, horizon_ms, intensity, IN_MODE[mode]),
        newer=tuple(i for i in range(offices) if rng.random() < 0.4) if rng.random() < 0.3 else (),
        copies=COPIES * (seed % 2),
    )


def staged(number: int, stages: int, mode: Mode = "fast", draw: int = DRAW) -> Plan:
    """Return one of some small plans by which, together, every kind of fault occurs.

    `draw`: another number draws other plans of the same kinds; docs/roadmap.md says what they find.
    """
    rng = random.Random(f"staged:{draw}:{mode}:{number}")
    parents, levels = _tree(rng, 6)
    kinds = sorted(IN_MODE[mode])[number % stages :: stages]
    if not HISTORY_FAULTS.isdisjoint(kinds):
        kinds = [kind for kind in kinds if not kind.startswith("clock")]
    if number == stages:  # what cannot go with a doubtful store, or needs two versions
        kinds = ["clock_day_ahead", "clock_jumps", "old_program", "upgrade"]
    faults, victim = [], rng.randrange(1, 6)
    for n in range(4 * len(kinds)):
        kind = kinds[n % len(kinds)]
        at_ms = rng.randrange(HOUR_MS // 2, STAGED_MS - HOUR_MS)
        lasts_ms = int(min(IN_MODE[mode][kind] * HOUR_MS, STAGED_MS // 3) * rng.random())
        office = victim if kind in HISTORY_FAULTS else rng.randrange(6)
        faults.append(Fault(at_ms, at_ms + lasts_ms, office, kind, rng.getrandbits(32)))
    return Plan(
        seed=number, mode=mode, parents=parents, levels=levels, horizon_ms=STAGED_MS,
        tick_ms=HOUR_MS, news_ms=60_000, noise=_noise(rng, 1.0),
        ops=_ops(rng, levels, STAGED_MS, all_of_them=True),
        faults=tuple(sorted(faults, key=lambda fault: (fault.at_ms, fault.seed))),
        newer=(1, 4) if number % 2 or number == stages or "rollback" in kinds else (),
        copies=COPIES,
    )  # fmt: skip


def _size(rng: random.Random) -> tuple[int, float]:
    draw = rng.random()
    if draw < 0.80:
        return rng.randint(5, 8), rng.choice((0.25, 0.5, 0.5, 1.0, 1.0))
    if draw < 0.90:
        return rng.randint(5, 7), rng.uniform(1, 4)
    if draw < 0.97:
        return rng.randint(9, 20), rng.choice((0.25, 0.5, 1.0))
    if draw < 0.985:
        return rng.randint(40, 120), 0.25
    return 5, rng.uniform(5, 60)


def _tree(rng: random.Random, offices: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Hang offices under offices, four levels deep; children come after their parents."""
    parents, levels = [0, 0, 1, 2, 2], [0, 1, 2, 3, 3]
    while len(parents) < offices:
        above = rng.choices((0, 1, 2), weights=(1, 2, 5))[0]
        parent = rng.choice([i for i, level in enumerate(levels) if level == above])
        parents.append(parent)
        levels.append(above + 1)
    return tuple(parents), tuple(levels)


def _noise(rng: random.Random, intensity: float) -> Noise:
    if intensity == 0.0:
        return Noise()
    return Noise(
        drop=rng.choice((0.0, 0.01, 0.1, 0.3)) * min(1.0, intensity),
        duplicate=rng.choice((0.0, 0.02, 0.05)),
        corrupt=rng.choice((0.0, 0.0, 0.01)),
        delay_ms=rng.choice((5, 50, 500)),
        tail=rng.choice((0.0, 0.01, 0.03)),
    )


def _ops(
    rng: random.Random, levels: tuple[int, ...], horizon_ms: int, *, all_of_them: bool = False
) -> tuple[Op, ...]:
    """Draw the workload: a seed has some groups of operations and not others (swarm testing)."""
    groups = [g for g in OPERATIONS if all_of_them or rng.random() < USED.get(g, 0.7)]
    kinds = {kind: n for group in groups for kind, n in OPERATIONS[group].items()}
    ops = []
    for office, level in enumerate(levels):  # something to work with from the start
        first = ["create"] * 3 if level == 3 else ["appropriate"] if level == 0 else []
        ops += [Op(rng.randrange(60_000), office, kind, rng.getrandbits(32)) for kind in first]
    a_day = rng.choice((6, 12, 12, 24))
    a_day = 60 if all_of_them else a_day
    count = min(600, max(10, int(a_day * len(levels) * horizon_ms / DAY_MS))) + len(ops)
    while len(ops) < count:
        kind = rng.choices(list(kinds), weights=list(kinds.values()))[0]
        level = rng.choice(PLACES.get(kind, (0, 1, 2, 3)))
        office = rng.choice([i for i, its in enumerate(levels) if its == level])
        at_ms = rng.randrange(horizon_ms)
        for _ in range(rng.choice((1, 1, 1, 2, 5))):
            ops.append(Op(at_ms, office, kind, rng.getrandbits(32)))
            at_ms += rng.randrange(1, 5_000)
    ops += _ops_drawn_separately(
        random.Random(f"{ops}"), levels, horizon_ms, all_of_them=all_of_them
    )
    return tuple(sorted(ops, key=lambda op: (op.at_ms, op.seed)))


def _ops_drawn_separately(
    rng: random.Random, levels: tuple[int, ...], horizon_ms: int, *, all_of_them: bool
) -> list[Op]:
    ops: list[Op] = []
    for kinds in DRAWN_SEPARATELY.values():
        if not all_of_them and rng.random() < 0.4:
            continue
        a_day = rng.choice((2, 4, 12))
        for _ in range(min(80, max(6, int(a_day * len(levels) * horizon_ms / DAY_MS)))):
            kind = rng.choices(list(kinds), weights=list(kinds.values()))[0]
            level = rng.choice(PLACES.get(kind, (0, 1, 2, 3)))
            office = rng.choice([i for i, its in enumerate(levels) if its == level])
            ops.append(Op(rng.randrange(horizon_ms), office, kind, rng.getrandbits(32)))
    return ops


def _faults(
    rng: random.Random, offices: int, horizon_ms: int, intensity: float, known: dict[str, float]
) -> tuple[Fault, ...]:
    kinds = [
        kind for kind in known
        if kind in POWER or rng.random() < (0.15 if kind in HISTORY_FAULTS else 0.6)
    ] or ["crash"]  # fmt: skip
    if not HISTORY_FAULTS.isdisjoint(kinds):  # stamps show who wrote what
        kinds = [kind for kind in kinds if not kind.startswith("clock")]
    count = int(intensity * (2 + offices * horizon_ms / DAY_MS * 1.5))
    victim = rng.randrange(offices)  # of what makes words doubtful: one office a run
    faults = []
    for _ in range(min(count, 150)):
        kind = rng.choice(kinds)
        office = victim if kind in HISTORY_FAULTS else rng.randrange(offices)
        at_ms = rng.randrange(horizon_ms)
        longest = min(known[kind] * HOUR_MS, horizon_ms)
        lasts_ms = int(longest * rng.random() ** 2)
        until_ms = min(at_ms + lasts_ms, horizon_ms)
        faults.append(Fault(at_ms, until_ms, office, kind, rng.getrandbits(32)))
    return tuple(sorted(faults, key=lambda fault: (fault.at_ms, fault.seed)))
