"""What a benchmark found: a line of the table, an item of build/bench.json."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Result:
    """One measure. `value` is a median of `runs`; `ratio` is value / the value of `against`."""

    measure: str
    value: float
    unit: str
    against: str  # with its own median; empty when it is compared with nothing
    ratio: float | None
    runs: int


COLUMNS = ("measure", "value", "unit", "ratio", "against", "runs")


def number(value: float | None) -> str:
    """Return a figure with as many digits as it is worth."""
    if value is None:
        return "-"
    if value >= 1_000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def cells(result: Result) -> tuple[str, ...]:
    return (
        result.measure, number(result.value), result.unit, number(result.ratio),
        result.against or "-", str(result.runs),
    )  # fmt: skip


def table(results: Sequence[Result]) -> str:
    """Return the results as a Markdown table that also reads well on a terminal."""
    lines = [COLUMNS, *map(cells, results)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(COLUMNS))]
    shown = [
        "| " + " | ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) + " |"
        for line in lines
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([shown[0], rule, *shown[1:]])


def save(results: Iterable[Result], path: Path) -> None:
    """Write build/bench.json."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps([asdict(r) for r in results], ensure_ascii=False, indent=1)
    path.write_text(text + "\n", encoding="utf-8")
