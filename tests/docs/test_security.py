"""docs/security.md shows the rules that the code goes by."""

from __future__ import annotations

from pathlib import Path

from sync.model.authority import RULES, Rule

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
