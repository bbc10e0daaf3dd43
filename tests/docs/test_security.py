"""docs/security.md shows the rules that the code goes by."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sync.model.authority import RULES, Rule
from tests.simulation import lies_page

PAGE = Path(__file__).parents[2] / "docs" / "security.md"


def row_of(rule: Rule) -> str:
    way = rule.way.value if rule.way is not None else ""
    cells = (rule.message.value, rule.item.value, rule.writer.value, way, rule.when.value)
    return f"| {' | '.join(cells)} |"


def test_the_page_has_the_rules_of_the_code_in_their_order() -> None:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    start = lines.index("| message | brings | written by | goes | when |") + 2
    shown = lines[start : start + len(RULES) + 1]
    assert shown == [*map(row_of, RULES), ""]


def test_the_page_has_every_lie_of_the_simulator_with_its_end() -> None:
    """`python -m tests.simulation.lies_page` writes it."""
    lines, start, end = lies_page.shown(PAGE.read_text(encoding="utf-8"))
    assert lines[start:end] == lies_page.table()


def named_tests() -> list[tuple[str, str]]:
    return sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE.read_text(encoding="utf-8"))))


@pytest.mark.parametrize(("file", "name"), named_tests())
def test_every_test_that_the_page_names_is_there(file: str, name: str) -> None:
    source = (PAGE.parents[1] / file).read_text(encoding="utf-8")
    assert re.search(rf"^def {name}\(", source, re.MULTILINE)


def test_every_case_and_every_rule_names_a_test() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for heading in ("## Hostile cases", "## Chinese rules"):
        part = text.partition(heading)[2].partition("\n## ")[0]
        rows = [line for line in part.splitlines() if line.startswith("| ")][2:]
        assert len(rows) > 10
        assert all("::test_" in row for row in rows)
