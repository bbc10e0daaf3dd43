"""docs/testing.md says where each invariant is tested: every test that it names exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_every_test_that_the_page_names_exists(file: str, name: str) -> None:
    source = (ROOT / file).read_text(encoding="utf-8")
    assert re.search(rf"^(?:def {name}\(|class {name}\b|{name} = )", source, re.MULTILINE)


def test_the_page_has_a_line_for_every_invariant_in_order() -> None:
    rows = [int(n) for n in re.findall(r"^\| INV-(\d+) ", PAGE, re.MULTILINE)]
    assert rows == list(range(1, 36))
