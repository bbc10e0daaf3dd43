"""The mutants fit the code that they lie about: a mutant that cannot be made proves nothing."""

from __future__ import annotations

import pytest

from tests.mutants.__main__ import ROOT
from tests.mutants.catalogue import MUTANTS
from tests.mutants.mutant import CRASH, SEEDS, Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_code_that_a_mutant_changes_occurs_once(mutant: Mutant) -> None:
    text = (ROOT / mutant.file).read_text(encoding="utf-8")
    assert text.count(mutant.old) == 1
    assert mutant.new != mutant.old


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_test_that_kills_a_mutant_exists(mutant: Mutant) -> None:
    assert mutant.killer in (SEEDS, CRASH) or (ROOT / mutant.killer).exists()


def test_there_are_at_least_24_mutants_with_distinct_names() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 24
