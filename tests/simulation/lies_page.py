"""`python -m tests.simulation.lies_page`: write the table of lies into docs/security.md."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.simulation import lies_open
from tests.simulation.roles import KINDS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "security.md"
HEADER = ("| lie | role | in | false in it | ends |", "| --- | --- | --- | --- | --- |")


def table() -> list[str]:
    """Return the lines of the table."""
    kinds = (*KINDS.maps[0].values(), *KINDS.maps[1].values())
    rows = [
        f"| {lie.name} | {lie.role.value} | {lie.method} | {lie.falsifies} | {lie.end} |"
        for lie in (*kinds, *lies_open.LIES.values())
    ]
    return [*HEADER, *rows]


def shown(page: str) -> tuple[list[str], int, int]:
    """Return the page's lines, and where the table begins and ends in it."""
    lines = page.splitlines()
    start = lines.index(HEADER[0])
    end = next(n for n in range(start, len(lines)) if not lines[n].startswith("|"))
    return lines, start, end


def main() -> int:
    lines, start, end = shown(PAGE.read_text(encoding="utf-8"))
    lines[start:end] = table()
    PAGE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
