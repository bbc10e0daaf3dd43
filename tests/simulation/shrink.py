"""A failing plan made small: without the faults, operations, offices and hours it can spare.

Written to tests/regress, where a test replays it for ever.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.simulation.plan import HOUR_MS, Plan
from tests.simulation.run import Result, run

REGRESS = Path(__file__).resolve().parents[1] / "regress"
SHRINK_S = 240.0


class Shrinker:
    """Tries smaller plans that break the same promise, until time is up."""

    def __init__(self, result: Result, *, budget_s: float = SHRINK_S) -> None:
        self.best = result
        self._deadline_s = time.monotonic() + budget_s

    def run(self) -> Result:
        for name in ("faults", "lies", "ops"):
            self._few(name)
        self._offices()
        self._horizon()
        for name in ("faults", "lies", "ops"):
            self._few(name)
        return self.best

    def _breaks(self, plan: Plan) -> bool:
        if time.monotonic() > self._deadline_s:
            return False
        result = run(plan)
        if result.broke != self.best.broke:
            return False
        self.best = result
        return True

    def _few(self, name: str) -> None:
        """Leave out ever smaller parts of a list (ddmin, the part that removes)."""
        size = len(getattr(self.best.plan, name))
        while size > 0:
            start = 0
            while start < len(items := getattr(self.best.plan, name)):
                left: Sequence[Any] = (*items[:start], *items[start + size :])
                if not self._breaks(self.best.plan.without(**{name: left})):
                    start += size
            size //= 2

    def _offices(self) -> None:
        """Leave out offices, the last first: children come after their parents."""
        for index in reversed(range(1, len(self.best.plan.parents))):
            plan = self.best.plan
            below = [i for i, p in enumerate(plan.parents) if p == index and i not in plan.absent]
            if index not in plan.absent and not below:
                self._breaks(plan.without(absent=tuple(sorted((*plan.absent, index)))))

    def _horizon(self) -> None:
        plan = self.best.plan
        ends_ms = (f.until_ms for f in (*plan.faults, *plan.lies))
        last = max((*(op.at_ms for op in plan.ops), *ends_ms), default=0)
        for horizon_ms in (last + 1, last + HOUR_MS):
            if horizon_ms < plan.horizon_ms and self._breaks(plan.within(horizon_ms)):
                return


def save(result: Result, why: str = "", folder: Path = REGRESS) -> Path:
    """Write a failing plan down for ever; `why` says what was wrong and who put it right."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{result.plan.name}.json"
    note = {"broke": result.broke, "why": why}
    path.write_text(json.dumps(note | json.loads(result.plan.to_json()), ensure_ascii=False) + "\n")
    return path


def shrunk(result: Result, report: Callable[[str], None]) -> Result:
    """Shrink and tell how far it went."""
    small = Shrinker(result).run()
    report(
        f"shrunk to {len(small.plan.faults)} faults, {len(small.plan.lies)} lies, "
        f"{len(small.plan.ops)} operations, "
        f"{len(small.plan.parents) - len(small.plan.absent)} offices, "
        f"{small.plan.horizon_ms / HOUR_MS:.1f} h"
    )
    return small
