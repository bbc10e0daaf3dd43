"""When copies go instead of the log."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.snapshot.plan import Place, needs_snapshot


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({}, False),
        ({"cursor": 9, "low_water_mark": 9}, False),
        ({"cursor": 8, "low_water_mark": 9}, True),
        ({"cursor": 0, "low_water_mark": 0, "waiting_changes": 10**9}, False),
        ({"holds_nothing": True, "waiting_changes": 49, "long_log": 50}, False),
        ({"holds_nothing": True, "waiting_changes": 50, "long_log": 50}, True),
        ({"cursor": 99, "low_water_mark": 9, "under_way": True}, True),
    ],
)
def test_a_snapshot_is_sent_when_the_log_is_truncated_or_too_long_for_an_empty_store(
    how: dict[str, int], expected: bool
) -> None:
    assert needs_snapshot(**{"cursor": 0, "low_water_mark": 0, **how}) is expected  # type: ignore[arg-type]


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
def test_a_resume_token_round_trips(place: Place) -> None:
    assert Place.from_bytes(place.to_bytes()) == place


@given(st.binary(max_size=80))
def test_garbage_is_no_resume_token(data: bytes) -> None:
    place = Place.from_bytes(data)
    assert place is None or Place.from_bytes(place.to_bytes()) == place
