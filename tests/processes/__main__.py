"""`python -m tests.processes --seconds 600 --seed 7`: a longer run than a test, or many."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.processes.city import CODES, PARENT, City
from tests.processes.namespaces import KINDS as WIRE_KINDS
from tests.processes.namespaces import NamespacedCity
from tests.processes.plan import KINDS, draw
from tests.processes.run import run


def main() -> int:
    """Run; print the plan of a run that failed, and keep its folder."""
    asked = argparse.ArgumentParser(prog="python -m tests.processes", description=__doc__)
    asked.add_argument("--seconds", type=float, default=60.0, help="how long things are broken")
    asked.add_argument("--seed", type=int, default=1, help="of the first run")
    asked.add_argument("--runs", type=int, default=1, help="how many, each with the next seed")
    asked.add_argument(
        "--namespaces", action="store_true", help="wires, not proxies; as root of one"
    )
    given = asked.parse_args()
    city_of, kinds = (NamespacedCity, WIRE_KINDS) if given.namespaces else (City, KINDS)
    failed = 0
    for seed in range(given.seed, given.seed + given.runs):
        base = Path(tempfile.mkdtemp(prefix=f"silian-processes-{seed}-"))
        began = time.monotonic()
        plan = draw(seed, given.seconds, CODES, tuple(PARENT), kinds)
        try:
            outcome = run(base, seed, plan, city_of)
            faults = outcome.faults
            print(f"seed {seed}, {time.monotonic() - began:.0f} s: {outcome}", flush=True)
        except AssertionError as error:
            faults = (f"{type(error).__name__}: {error}",)
        for fault in faults[:20]:
            print(f"  NOT AS PROMISED: {fault}")
        if faults:
            failed += 1
            for step in plan:
                print(f"  {step}")
            print(f"  logs and stores: {base}", flush=True)
        else:
            shutil.rmtree(base)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
