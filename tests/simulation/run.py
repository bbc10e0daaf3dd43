"""Running one plan and telling what became of it."""

from __future__ import annotations

import time
import traceback
from dataclasses import dataclass, field

from tests.simulation.clockwork import Violation
from tests.simulation.ledger import Ledger
from tests.simulation.plan import Plan
from tests.simulation.world import World, world_of

AROUND = 10  # events shown before the break


@dataclass(frozen=True, kw_only=True)
class Result:
    """`broke`: the invariant, or "" when all held; `detail` and `story` tell where."""

    plan: Plan
    trace: str
    broke: str = ""
    detail: str = ""
    story: tuple[str, ...] = ()
    steps: int = 0
    commits: int = 0
    cpu_s: float = 0.0
    ledger: Ledger = field(default_factory=Ledger)

    @property
    def passed(self) -> bool:
        return not self.broke


def run(plan: Plan) -> Result:
    """Run a plan; a broken promise, or an error that nobody foresaw, is a result too."""
    began_s = time.process_time()
    broke = detail = ""
    with world_of(plan) as world:
        try:
            world.run()
        except Violation as violation:
            broke, detail = violation.what, str(violation)
        except Exception as error:
            broke = f"unforeseen {type(error).__name__}"
            detail = "".join(traceback.format_exception(error)[-6:])
        return Result(
            plan=plan,
            trace=world.clockwork.trace,
            broke=broke,
            detail=detail,
            story=_around(world) if broke else (),
            steps=world.clockwork.steps,
            commits=world.oracle.commits,
            cpu_s=time.process_time() - began_s,
            ledger=world.ledger,
        )


def run_again(plan: Plan, twice: bool) -> tuple[Result, str]:
    """Run a plan, and if asked once more: the trace of the second run, else ""."""
    return run(plan), run(plan).trace if twice else ""


def _around(world: World) -> tuple[str, ...]:
    return tuple(world.clockwork.story)[-AROUND:]
