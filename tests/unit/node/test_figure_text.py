"""Figures as text, and against their targets."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.domain.figure_text import display, exact_text, meets


@pytest.mark.parametrize(
    ("value", "exact", "shown"),
    [
        (None, "", "-"),
        (Fraction(0), "0", "0"),
        (Fraction(1234), "1234", "1234"),
        (Fraction(25, 2), "12.5", "12.50"),
        (Fraction(-1, 8), "-0.125", "-0.13"),
        (Fraction(200, 3), "200/3", "66.67"),
        (Fraction(1, 200), "0.005", "0.01"),  # half up
        (Fraction(-1, 1000), "-0.001", "0.00"),
        (Fraction(2**80 + 1, 100), "12089258196146291747061.77", "12089258196146291747061.77"),
    ],
)
def test_a_figure_is_written_exactly_and_for_people(value, exact, shown):
    assert exact_text(value) == exact
    assert display(value) == shown


@given(st.fractions())
def test_the_exact_text_round_trips(value):
    assert Fraction(exact_text(value)) == value


@pytest.mark.parametrize(
    ("value", "target", "unit", "expected"),
    [
        (Fraction(30), ">= 30", "m²", True),
        (Fraction(2999, 100), ">= 30", "m²", False),
        (Fraction(90), "> 90", "%", False),
        (Fraction(0), "0", "个", True),
        (Fraction(1), "0", "个", False),
        (Fraction(100), "100", "%", True),
        (Fraction(99), "100", "%", False),
        (Fraction(40), "17.8", "%", None),  # there to compare with
        (Fraction(40), "30 / 30 / 40", "%", None),
        (Fraction(40), "", "%", None),
        (None, ">= 30", "m²", None),
    ],
)
def test_a_target_with_a_comparison_is_evaluated(value, target, unit, expected):
    assert meets(value, target, unit) is expected
