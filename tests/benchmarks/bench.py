"""What every measure is given, and how two things are measured side by side."""

from __future__ import annotations

import contextlib
import gc
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from tests.benchmarks.report import Result


class Skipped(Exception):
    """A peer is not on this machine; the message says which and how to get it."""


@dataclass
class Bench:
    """One call of `python -m tests.benchmarks`."""

    rows: int | None  # as asked for; None: each measure's own number
    runs: int
    scratch: Path
    results: list[Result] = field(default_factory=list)
    folders: int = 0

    def count(self, usual: int) -> int:
        """Return how many records a measure works with."""
        return self.rows or usual

    @contextlib.contextmanager
    def folder(self) -> Iterator[Path]:
        """Yield an empty folder that is removed afterwards."""
        self.folders += 1
        path = self.scratch / str(self.folders)
        path.mkdir()
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)

    def found(
        self,
        measure: str,
        values: list[float],
        unit: str,
        *,
        against: str = "",
        others: list[float] | None = None,
    ) -> None:
        """Note the median of a measure, and of what was measured in turn with it."""
        value = median(values)
        ratio = None
        if others:
            other = median(others)
            ratio = value / other
            against = f"{against} {other:,.3g}" if other < 1_000 else f"{against} {other:,.0f}"
        self.results.append(Result(measure, value, unit, against, ratio, len(values)))

    def print_line(self, text: str) -> None:
        """Tell whoever waits how far we are."""
        print(text, file=sys.stderr, flush=True)


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """Yield a folder for the stores; TMPDIR chooses the disk."""
    path = Path(tempfile.mkdtemp(prefix="silian-bench-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def no_garbage() -> Iterator[None]:
    """Keep the prepared data out of the collector's way, for either side alike."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def in_turn(runs: int, *sides: Callable[[], float]) -> list[list[float]]:
    """Measure the sides one after another, `runs` times: A B A B; return each side's values."""
    found: list[list[float]] = [[] for _ in sides]
    for _ in range(runs):
        for values, side in zip(found, sides, strict=True):
            values.append(side())
    return found


def percentile(values: list[float], part: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]
