"""Audiences as text: read back as written, and nothing else is one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.model.audience import DOWN_ALL, LEVELS, LOCAL, BadAudience, down, parse, up


@pytest.mark.parametrize("level", range(4))
def test_an_upward_audience_names_the_highest_level_that_receives(level):
    audience = parse(up(level))
    assert (audience.up_to, audience.down_to, audience.down_all) == (level, None, False)
    assert audience.text == f"up:{LEVELS[level]}"


@given(st.integers(0, 2**63 - 1))
def test_a_downward_audience_names_the_unit_that_receives(unit):
    audience = parse(down(unit))
    assert (audience.up_to, audience.down_to, audience.down_all) == (None, unit, False)


def test_all_offices_below_receive_what_is_addressed_to_all_below():
    audience = parse(DOWN_ALL)
    assert (audience.up_to, audience.down_to, audience.down_all) == (None, None, True)


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
        audience = parse(text)
    except BadAudience:
        return
    assert audience.text == text
    assert sum((audience.up_to is not None, audience.down_to is not None, audience.down_all)) == 1
