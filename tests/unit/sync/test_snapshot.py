"""When copies go instead of the log."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.snapshot import Place, needs_snapshot


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({}, False),
        ({"cursor": 9, "floor": 9}, False),
        ({"cursor": 8, "floor": 9}, True),
        ({"cursor": 0, "floor": 0, "waiting_changes": 10**9}, False),
        ({"holds_nothing": True, "waiting_changes": 49, "long_log": 50}, False),
        ({"holds_nothing": True, "waiting_changes": 50, "long_log": 50}, True),
        ({"cursor": 99, "floor": 9, "under_way": True}, True),
    ],
)
def test_copies_go_when_the_log_does_not_reach_back_or_is_too_long_for_an_empty_store(
    how: dict[str, int], expected: bool
) -> None:
    assert needs_snapshot(**{"cursor": 0, "floor": 0, **how}) is expected  # type: ignore[arg-type]


numbers = st.integers(0, 2**62)


@given(
    st.builds(
        Place,
        numbers,
        numbers,
        numbers,
        numbers,
        st.booleans(),
        st.text(max_size=60),
        numbers,
        st.binary(max_size=16),
    )
)
def test_a_place_comes_back_as_it_was_shown(place: Place) -> None:
    assert Place.from_bytes(place.to_bytes()) == place


@given(st.binary(max_size=80))
def test_nonsense_is_no_place(said: bytes) -> None:
    place = Place.from_bytes(said)
    assert place is None or Place.from_bytes(place.to_bytes()) == place
