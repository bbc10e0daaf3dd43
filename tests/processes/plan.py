"""What a run breaks, when and for how long: drawn from a seed before it begins, and printable."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# What may happen, with its weight. A line is named after its lower end.
OF_OFFICES = {"kill": 3, "pause": 2}
OF_LINES = {
    "kill both ends": 2, "pause both ends": 1, "reset": 2, "cut after": 2, "refuse": 2, "stall": 1,
    "stall up": 1, "stall down": 1, "lose": 1, "lose up": 1, "lose down": 1, "half close": 1,
    "slow": 1, "narrow": 1, "flap": 1,
}  # fmt: skip
FIRST = ("kill", "kill both ends", "lose", "pause both ends", "cut after")  # in every run
FIRST_MS, CALM_MS = 1_000, 500  # before the first fault; between two


@dataclass(frozen=True, slots=True)
class Step:
    """One fault. `where`: code of an office, or of the lower end of a line; `size`: as it needs."""

    at_ms: int
    kind: str
    where: str
    for_ms: int
    size: int = 0

    def __str__(self) -> str:
        size = f" ({self.size})" if self.size else ""
        return f"{self.at_ms / 1000:7.1f} s  {self.kind}{size} {self.where} {self.for_ms} ms"


KINDS = {**OF_OFFICES, **OF_LINES}


def draw(
    seed: int, seconds: float, offices: Sequence[str], lines: Sequence[str],
    kinds: Mapping[str, int] = KINDS,
) -> list[Step]:  # fmt: skip
    """Return the faults of a run: the same for the same seed. One at a time, some overlapping."""
    rng = random.Random(f"plan {seed}")
    steps: list[Step] = []
    at_ms = FIRST_MS
    due = [kind for kind in rng.sample(FIRST, len(FIRST)) if kind in kinds]
    while at_ms < seconds * 1_000:
        if not due:  # every kind comes before one comes again, as often as its weight says
            due = [kind for kind, weight in kinds.items() for _ in range(weight)]
            rng.shuffle(due)
        kind = due.pop()
        where = rng.choice(offices if kind in OF_OFFICES else lines)
        for_ms = int(rng.triangular(150, 2_500, 400))
        steps.append(Step(at_ms, kind, where, for_ms, _size(kind, rng)))
        at_ms += int(for_ms * rng.choice((0.3, 1, 1))) + int(rng.uniform(0, CALM_MS))
    return steps


def _size(kind: str, rng: random.Random) -> int:
    match kind:
        case "cut after":
            return rng.choice((1, 24, 300, 4_000, 40_000))  # bytes
        case "slow":
            return rng.choice((20, 150, 400))  # ms
        case "narrow":
            return rng.choice((8_000, 50_000))  # bytes a second: 64 kbit/s and more
        case "flap":
            return rng.choice((20, 80, 250))  # ms between two resets
    return 0
