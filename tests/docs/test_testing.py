"""docs/testing.md and docs/scenarios.md say what is tested where: every test named exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
SCENARIOS = (ROOT / "docs" / "scenarios.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE + SCENARIOS)))


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_every_test_that_a_page_names_exists(file: str, name: str) -> None:
    source = (ROOT / file).read_text(encoding="utf-8")
    assert re.search(rf"^(?:def {name}\(|class {name}\b|{name} = )", source, re.MULTILINE)


def test_the_page_has_a_row_for_every_invariant_in_order() -> None:
    rows = [int(n) for n in re.findall(r"^\| INV-(\d+) ", PAGE, re.MULTILINE)]
    assert rows == list(range(1, 36))


# The peers' scenarios, as they were numbered when they were collected.
FAMILIES = {
    "S": 19,
    "C": 11,
    "P": 9,
    "R": 9,
    "A": 3,
    "K": 9,
    "G": 13,
    "Q": 9,
    "W": 6,
    "M": 8,
    "O": 8,
}


@pytest.mark.parametrize("family", FAMILIES)
def test_every_scenario_of_a_peer_has_its_row(family: str) -> None:
    listed = []
    for row in re.findall(rf"^\| ({family}\d+(?:, {family}\d+)*) ", SCENARIOS, re.MULTILINE):
        listed += [int(number) for number in re.findall(r"\d+", row)]
    assert sorted(listed) == list(range(1, FAMILIES[family] + 1))
