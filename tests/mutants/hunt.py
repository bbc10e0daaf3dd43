"""Seeds one after the other until one notices: what a mutant's copy of the product is asked."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import cast

from tests.simulation.plan import STAGES, Mode, Plan, plan_of, staged
from tests.simulation.run import run

OFFICES_MAX = 12  # a lie shows in a small city too
HOURS_MAX = 24


def main(mode: Mode, seeds: int) -> int:
    """Return 1 and print the seed and the invariant at the first that broke."""
    for name, plan in _plans(mode, seeds):
        result = run(plan)
        if not result.passed:
            lines = [line for line in result.detail.splitlines() if line.strip()]
            print(f"seed {name}: {result.broke}: {lines[-1].removeprefix(result.broke + ': ')}")
            return 1
    return 0


def _plans(mode: Mode, seeds: int) -> Iterator[tuple[str, Plan]]:
    for seed in range(seeds - STAGES):
        plan = plan_of(seed, mode)
        if len(plan.parents) <= OFFICES_MAX and plan.horizon_ms <= HOURS_MAX * 3_600_000:
            yield str(seed), plan
        if seed < STAGES:
            yield f"stage {seed}", staged(seed, STAGES, mode)


if __name__ == "__main__":
    sys.exit(main(cast(Mode, sys.argv[1]), int(sys.argv[2])))
