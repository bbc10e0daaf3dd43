"""The commands that the documents name are the commands that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
RULES = dict(re.findall(r"^([a-z]+):(.*)$", MAKEFILE, re.MULTILINE))
NEEDS_NOTHING = {"help", "clean", "setup"}


@pytest.mark.parametrize("target", sorted(RULES))
def test_every_make_target_is_described_for_contributors(target: str) -> None:
    assert re.search(rf"`make {target}\b", CONTRIBUTING)


def test_no_make_target_is_described_that_does_not_exist() -> None:
    assert set(re.findall(r"`make ([a-z]+)", CONTRIBUTING)) <= set(RULES)


@pytest.mark.parametrize("target", sorted(set(RULES) - NEEDS_NOTHING))
def test_every_make_target_sets_up_what_it_needs(target: str) -> None:
    assert re.match(r" setup\b", RULES[target])


@pytest.mark.parametrize("target", sorted(RULES))
def test_every_make_target_is_phony_and_has_a_description(target: str) -> None:
    (phony,) = re.findall(r"^\.PHONY:(.*)$", MAKEFILE, re.MULTILINE)
    assert target in phony.split()
    assert " ## " in RULES[target]
