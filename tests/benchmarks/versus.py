"""`python -m tests.benchmarks.versus CHECKOUT`: the same measures there and here, in turn.

Both checkouts run `python -m tests.benchmarks` with their own virtual environment (`make setup`).
Each round runs one and then the other, and the next round the other way about, so that a machine
that slows down slows both. A line gives, for a measure, the median of the ratios here / there and
the smallest and largest ratio of a round: a difference that the interval spans is none.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from statistics import median

from tests.benchmarks.report import number

HERE = Path(__file__).parents[2]
Values = dict[str, float]


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    there = options.checkout.resolve()
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for n in range(options.rounds):
        order = (there, HERE) if n % 2 == 0 else (HERE, there)
        values = {checkout: measured(checkout, options) for checkout in order}
        for measure in values[HERE].keys() & values[there].keys():
            found[measure].append((values[there][measure], values[HERE][measure]))
        print(f"round {n + 1} of {options.rounds}", file=sys.stderr, flush=True)
    print(f"{'measure':36}{'there':>10}{'here':>10}{'ratio':>8}  smallest to largest")
    for measure, pairs in sorted(found.items()):
        ratios = [b / a for a, b in pairs if a]
        if ratios:
            theirs, ours = (median(side) for side in zip(*pairs, strict=True))
            print(
                f"{measure:36}{number(theirs):>10}{number(ours):>10}"
                f"{median(ratios):>8.2f}  {min(ratios):.2f} to {max(ratios):.2f}"
            )
    return 0


def measured(checkout: Path, options: argparse.Namespace) -> Values:
    """Return what one run of the benchmarks in a checkout found, by measure."""
    with tempfile.TemporaryDirectory(prefix="silian-versus-") as folder:
        output = Path(folder, "bench.json")
        command = [
            str(checkout / ".venv/bin/python"), "-m", "tests.benchmarks", "--runs", "1",
            "--output", str(output), "--only", *options.only,
        ]  # fmt: skip
        if options.rows:
            command += ["--rows", str(options.rows)]
        subprocess.run(command, cwd=checkout, check=True, stdout=subprocess.DEVNULL)
        return {
            each["measure"]: each["value"]
            for each in json.loads(output.read_text(encoding="utf-8"))
        }


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.versus", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("checkout", type=Path, help="folder of the other checkout")
    parser.add_argument("--only", nargs="+", metavar="NAME", required=True)
    parser.add_argument("--rows", type=int, help="records, instead of each measure's own number")
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
