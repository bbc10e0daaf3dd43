"""Audiences as text: read back as written, and nothing else is one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.audience import DOWN_ALL, LEVELS, LOCAL, BadAudience, down, parse, up


@pytest.mark.parametrize("level", range(4))
def test_an_upward_audience_names_the_highest_level_that_hears(level):
    heard = parse(up(level))
    assert (heard.up_to, heard.down_to, heard.down_all) == (level, None, False)
    assert heard.text == f"up:{LEVELS[level]}"


@given(st.integers(0, 2**63 - 1))
def test_a_downward_audience_names_the_unit_that_hears(unit):
    heard = parse(down(unit))
    assert (heard.up_to, heard.down_to, heard.down_all) == (None, unit, False)


def test_all_below_hear_what_is_for_all_below():
    heard = parse(DOWN_ALL)
    assert (heard.up_to, heard.down_to, heard.down_all) == (None, None, True)


@pytest.mark.parametrize(
    "text",
    ["", LOCAL, "up", "up:", "up:village", "up:0", "UP:city", "up:city ", "down", "down:",
     "down:-1", "down:1.5", "down:all:", "down:１２", "down:²", "down:1e3", "down:" + "9" * 20,
     "sideways:city", "up:city:1", "down:\0"],
)  # fmt: skip
def test_anything_else_is_refused(text):
    with pytest.raises(BadAudience) as refused:
        parse(text)
    assert refused.value.zh
    assert refused.value.remedy_zh


@given(st.text(max_size=30))
def test_arbitrary_text_is_an_audience_or_refused(text):
    try:
        heard = parse(text)
    except BadAudience:
        return
    assert heard.text == text
    assert sum((heard.up_to is not None, heard.down_to is not None, heard.down_all)) == 1
