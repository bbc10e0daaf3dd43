"""Measures of a large load: does it slow down, and what do indexes built last gain."""

from __future__ import annotations

from tests.benchmarks.bench import Bench, in_turn
from tests.benchmarks.cascade import new_rate
from tests.benchmarks.offices import CODES
from tests.benchmarks.tiers import Tiers, running

PAIR = CODES[2:]  # a community and its street
PARENT, LEAF = 0, 1
TENTHS = 10


def million(bench: Bench) -> None:
    """1,000,000 records, a node and its parent: last tenth against first; indexes built last."""
    count = bench.count(1_000_000) // TENTHS * TENTHS
    first: list[float] = []
    last: list[float] = []

    def live() -> float:
        with bench.folder() as folder, running(folder, PAIR) as line:
            rates = _load(line, count)
        first.append(rates[0])
        last.append(rates[-1])
        return _whole(rates, count)

    def bootstrap() -> float:
        with bench.folder() as folder, running(folder, PAIR) as line:
            for tier in (PARENT, LEAF):
                line.ask(tier, "indexes", on=False)
            seconds = count / _whole(_load(line, count), count)
            # The two build at the same time, each in its own process.
            for tier in (PARENT, LEAF):
                line.send_command(tier, "indexes", on=True)
            built = [line.answer(tier) for tier in (PARENT, LEAF)]
            seconds += max(b["ended"] for b in built) - min(b["began"] for b in built)
        return float(count / seconds)

    indexed, built_last = in_turn(bench.runs, live, bootstrap)
    bench.found("million_last_decile", last, "rows/s", against="first decile", others=first)
    bench.found("million_bootstrap", built_last, "rows/s", against="live indexes", others=indexed)


def _load(line: Tiers, count: int) -> list[float]:
    """Load in tenths; return rows a second of each, until visible at the parent."""
    part = count // TENTHS
    rates = []
    for n in range(TENTHS):
        line.ask(LEAF, "prepare", count=part, first=n * part)
        rates.append(new_rate(line, part, already=n * part, leaf=LEAF))
    return rates


def _whole(rates: list[float], count: int) -> float:
    return count / sum(count / len(rates) / rate for rate in rates)
