"""`python -m tests.simulation`: many seeds, or one again; what occurred; what broke, made small."""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from itertools import repeat
from pathlib import Path

from tests.simulation import power
from tests.simulation.aimed import stages
from tests.simulation.ledger import OF_CERTIFICATES, Ledger
from tests.simulation.liars import (
    has_certificates,
    staged_certified,
    staged_lies,
    with_certificates,
    with_lies,
)
from tests.simulation.plan import Mode, Plan, plan_from_json, plan_of
from tests.simulation.roles import KINDS
from tests.simulation.run import Result, run_again
from tests.simulation.shrink import save, shrunk

TWICE = 20  # every so many seeds one is run twice, and must leave the same trace
COMPLETE = 100  # with so many seeds or more, everything must have occurred; so the staged join in


def main() -> int:
    """Run, print, and return 0 if everything held."""
    args = _arguments()
    if args.power_cuts:
        return power.main(args.power_cuts, args.jobs)
    plans = _plans(args)
    began_s = time.monotonic()
    ledger, failures, node_days, cpu_s, steps = Ledger(), [], 0.0, 0.0, 0
    for result, again in _results(plans, args.jobs):
        ledger.add(result.ledger)
        node_days += result.plan.node_days
        cpu_s += result.cpu_s
        steps += result.steps
        if not result.passed:
            failures.append(result)
            _print_result(result, args.mode)
        elif again and again != result.trace:
            print(f"seed {result.plan.seed}: NOT DETERMINISTIC: {result.trace} and {again}")
            failures.append(result)
        elif args.verbose:
            print(_line(result), flush=True)
    for line in ledger.lines():
        print(line)
    print(
        f"{len(plans)} plans, {node_days:.0f} node-days, {steps} events in "
        f"{time.monotonic() - began_s:.0f} s; {60 * node_days / max(cpu_s, 0.01):.0f} node-days "
        f"per minute and core; {len(failures)} failed"
    )
    whole = args.staged is not None or len(plans) >= COMPLETE
    missing = ledger.missing(args.mode) if whole else []
    if args.roles:
        missing += ledger.missing_of({"lie": KINDS})
    if any(plan.certificates for plan in plans) and len(plans) >= COMPLETE:
        missing += ledger.missing_of(OF_CERTIFICATES)
    for kind in missing:
        print(f"never occurred: {kind}")
    for failure in failures[: args.shrink]:
        small = shrunk(failure, print)
        print(f"  python -m tests.simulation --replay {save(small)}")
    return 1 if failures or missing else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=25, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="run this one only")
    parser.add_argument("--staged", type=int, help="run the staged plans of this draw")
    parser.add_argument("--replay", type=Path, help="run a plan from a file")
    parser.add_argument("--mode", choices=("fast", "crash"), default="fast")
    parser.add_argument(
        "--keys", action="store_true", help="stores put back or copied keep their key"
    )
    parser.add_argument(
        "--roles", action="store_true", help="tampered children, lying hubs and strangers, too"
    )
    parser.add_argument(
        "--certificates", action="store_true",
        help="every office is enrolled; with --roles half of the seeds are anyway",
    )  # fmt: skip
    parser.add_argument("--jobs", type=int, default=2, help="processes at once")
    parser.add_argument("--shrink", type=int, default=1, help="how many failures to make small")
    parser.add_argument("--power-cuts", type=int, default=0, help="so many cuts, nothing else")
    parser.add_argument("--verbose", action="store_true", help="a line for each seed")
    return parser.parse_args()


def _plans(args: argparse.Namespace) -> list[Plan]:
    """Return what is to run; of staged plans one has certificates, the others are as they are."""
    fixed, drawn = _asked_for(args)
    if args.keys:
        fixed, drawn = ([plan.without(keys=True) for plan in some] for some in (fixed, drawn))
    lies: list[Plan] = []
    if args.roles:
        lies = [*staged_lies(args.mode), staged_certified(args.mode)]
        fixed, drawn = ([*map(with_lies, some)] for some in (fixed, drawn))
    return [*lies, *fixed, *(_enrolled(plan, args) for plan in drawn)]


def _asked_for(args: argparse.Namespace) -> tuple[list[Plan], list[Plan]]:
    """Return plans that are written down somewhere, and those that are drawn."""
    mode: Mode = args.mode
    if args.staged is not None:
        return [*stages(mode, args.staged)], []
    if args.replay is not None:
        return [plan_from_json(args.replay.read_text(encoding="utf-8"))], []
    if args.seed is not None:
        return [], [plan_of(args.seed, mode)]
    drawn = [plan_of(seed, mode) for seed in range(args.first, args.first + args.seeds)]
    return [*stages(mode)] if len(drawn) >= COMPLETE else [], drawn


def _enrolled(plan: Plan, args: argparse.Namespace) -> Plan:
    wanted = args.certificates or (args.roles and has_certificates(plan.seed))
    return with_certificates(plan) if wanted else plan


def _results(plans: list[Plan], jobs: int) -> Iterator[tuple[Result, str]]:
    """Yield each result, and the trace of a second run for some."""
    twice = [n % TWICE == 0 and len(plans) > 1 for n in range(len(plans))]
    if jobs < 2 or len(plans) < 2:
        yield from map(run_again, plans, twice)
        return
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=spawn) as pool:
        for done in as_completed(list(map(pool.submit, repeat(run_again), plans, twice))):
            yield done.result()


def _line(result: Result) -> str:
    plan = result.plan
    return (
        f"seed {plan.seed}: {len(plan.parents)} offices, {plan.node_days:.1f} node-days, "
        f"{len(plan.ops)} operations, {len(plan.faults)} faults, "
        f"{len(plan.lies)} lies, {result.steps} events, "
        f"{result.commits} commits, {result.cpu_s:.1f} s"
    )


def _print_result(result: Result, mode: str) -> None:
    print(f"{_line(result)}\n  BROKE {result.detail[:2_000]}")
    for event in result.story:
        print(f"    {event}")
    plan = result.plan
    how = " --keys" * plan.keys + " --roles" * bool(plan.lies)
    how += " --certificates" * plan.certificates
    print(f"  python -m tests.simulation --mode {mode} --seed {plan.seed}{how}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
