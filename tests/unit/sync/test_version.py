"""Versions and the clock that hands them out: whatever the wall clock does, stamps rise."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from sync.model.limits import CLOCK_AHEAD_MS_MAX
from sync.model.version import (
    COUNTER_BITS,
    VERSION_BYTES,
    HybridClock,
    hlc_of,
    incarnation_of,
    version_of,
    wall_ms_of,
)

NOW = 1_700_000_000_000
YEAR_MS = 365 * 86_400_000
stamps = st.integers(0, 2**63 - 1)


class Wall:
    """A wall clock that tests set."""

    def __init__(self, now_ms: int = NOW) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms


def clock_at(now_ms: int = NOW, **options: int) -> tuple[HybridClock, Wall]:
    wall = Wall(now_ms)
    return HybridClock(wall, **options), wall


def rising(values: list[int]) -> bool:
    return all(a < b for a, b in itertools.pairwise(values))


@given(stamps, stamps, stamps, stamps)
def test_versions_compare_by_stamp_and_then_by_incarnation(hlc_a, inc_a, hlc_b, inc_b):
    a, b = version_of(hlc_a, inc_a), version_of(hlc_b, inc_b)
    assert (a < b) == ((hlc_a, inc_a) < (hlc_b, inc_b))
    assert (hlc_of(a), incarnation_of(a)) == (hlc_a, inc_a)
    assert a >= bytes(VERSION_BYTES)


def test_a_version_contains_the_time_of_its_edit():
    clock, _ = clock_at()
    assert wall_ms_of(version_of(clock.tick(), 1)) == NOW


def test_a_running_clock_gives_rising_stamps():
    clock, wall = clock_at()
    ticks = []
    for _ in range(50):
        wall.now_ms += 3
        ticks.append(clock.tick())
    assert rising(ticks)
    assert ticks[-1] >> COUNTER_BITS == wall.now_ms


def test_a_frozen_clock_gives_rising_stamps():
    clock, _ = clock_at()
    assert rising([clock.tick() for _ in range(1_000)])


def test_a_stuttering_clock_gives_rising_stamps():
    clock, wall = clock_at()
    ticks = []
    for step in (1, -1, 1, -1, 2, -2, 0):
        wall.now_ms += step
        ticks += [clock.tick(), clock.tick()]
    assert rising(ticks)


def test_a_regressing_clock_gives_rising_stamps_and_is_followed_again_once_it_caught_up():
    clock, wall = clock_at()
    first = clock.tick()
    wall.now_ms -= 86_400_000
    second = clock.tick()
    wall.now_ms += 2 * 86_400_000
    third = clock.tick()
    assert rising([first, second, third])
    assert third >> COUNTER_BITS == wall.now_ms


def test_more_edits_in_one_millisecond_than_the_counter_can_count_still_give_rising_stamps():
    clock, _ = clock_at()
    clock.resume((NOW << COUNTER_BITS) + (1 << COUNTER_BITS) - 1)
    assert clock.tick() >> COUNTER_BITS == NOW + 1


def test_the_next_stamp_comes_after_every_observed_one():
    clock, _ = clock_at()
    observed = (NOW + CLOCK_AHEAD_MS_MAX) << COUNTER_BITS
    assert clock.observe(observed)
    assert clock.tick() > observed
    assert clock.clamped == 0


def test_a_stamp_from_the_far_future_is_not_followed_and_is_counted():
    clock, _ = clock_at()
    before = clock.tick()
    assert not clock.observe((NOW + CLOCK_AHEAD_MS_MAX + 1) << COUNTER_BITS)
    assert not clock.observe((NOW + YEAR_MS) << COUNTER_BITS)
    assert clock.clamped == 2
    assert clock.tick() == before + 1


def test_our_own_last_stamp_is_followed_however_far_ahead():
    clock, _ = clock_at()
    own = (NOW + YEAR_MS) << COUNTER_BITS
    clock.resume(own)
    assert clock.tick() == own + 1
    clock.resume(5)
    assert clock.tick() == own + 2


def test_no_stamp_comes_before_a_promised_time_although_the_clock_is_set_back():
    clock, wall = clock_at()
    assert clock.no_stamp_before_now() == NOW
    wall.now_ms -= CLOCK_AHEAD_MS_MAX
    assert clock.no_stamp_before_now() == wall.now_ms
    assert clock.tick() >> COUNTER_BITS == NOW
    wall.now_ms = NOW + 1
    assert clock.tick() >> COUNTER_BITS == NOW + 1


def test_a_promised_time_of_a_wrong_clock_is_not_binding():
    clock, wall = clock_at(NOW + YEAR_MS)
    clock.no_stamp_before_now()
    wall.now_ms = NOW
    assert clock.no_stamp_before_now() == NOW
    wall.now_ms = NOW - 1_000
    assert clock.tick() >> COUNTER_BITS == NOW


def test_the_parents_clock_corrects_ours():
    clock, _ = clock_at(offset_ms=-YEAR_MS)
    assert clock.now_ms() == NOW - YEAR_MS
    assert clock.tick() >> COUNTER_BITS == NOW - YEAR_MS


@given(st.lists(st.one_of(st.integers(-(10**9), 10**9), st.tuples(st.integers(-(10**7), 10**7)))))
def test_stamps_rise_whatever_the_clock_and_the_peers_do(moves):
    clock, wall = clock_at()
    ticks = [clock.tick()]
    for move in moves:
        if isinstance(move, tuple):
            clock.observe(max(0, clock.now_ms() + move[0]) << COUNTER_BITS)
        else:
            wall.now_ms = max(0, wall.now_ms + move)
        ticks.append(clock.tick())
    assert rising(ticks)
