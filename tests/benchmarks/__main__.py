"""`python -m tests.benchmarks`: run measures one after another, print the table, keep the JSON."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from node import logs
from tests.benchmarks import audit, cascade, comparison, idle, local, million, tls
from tests.benchmarks.bench import Bench, Skipped, scratch
from tests.benchmarks.report import save, table

MEASURES: dict[str, Callable[[Bench], None]] = {
    # One round over four tiers gives all four: their data is the same.
    "tiers_new": cascade.tiers,
    "tiers_update_ordered": cascade.tiers,
    "tiers_update_shuffled": cascade.tiers,
    "single_edit": cascade.tiers,
    "single_edit_under_load": cascade.under_load,
    "million": million.million,
    "local_write": local.local_write,
    "rollup_upkeep": local.rollup_upkeep,
    "wire_bytes": local.wire_bytes,
    # The same million records serve both.
    "digest_equal": comparison.digest,
    "digest_ten": comparison.digest,
    "audit_log": audit.audit_log,
    "tls": tls.tls,
    "idle_session": idle.idle_session,
    "idle_office_memory": idle.idle_office_memory,
    "idle_child_memory": idle.idle_child_memory,
}
OUTPUT = Path(__file__).parents[2] / "build" / "bench.json"


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    if options.list:
        for name, measure in MEASURES.items():
            print(f"{name:24}{(measure.__doc__ or '').partition(chr(10))[0]}")
        return 0
    logs.set_up(level="WARNING")
    with scratch() as folder:
        bench = Bench(options.rows, options.runs, folder)
        for measure in dict.fromkeys(MEASURES[name] for name in options.only or MEASURES):
            began = time.monotonic()
            try:
                measure(bench)
            except Skipped as missing:
                bench.print_line(f"{measure.__name__}: skipped: {missing}")
            bench.print_line(f"{measure.__name__}: {time.monotonic() - began:.0f} s")
            save(bench.results, options.output)
    print(table(bench.results))
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=MEASURES)
    parser.add_argument("--rows", type=int, help="records, instead of each measure's own number")
    parser.add_argument("--runs", type=int, default=3, help="rounds of A B (default 3)")
    parser.add_argument("--output", type=Path, default=OUTPUT, help=argparse.SUPPRESS)
    parser.add_argument("--list", action="store_true", help="name the measures and what they do")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    # Ended from outside, we still end the servers and remove the stores.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    sys.exit(main())
