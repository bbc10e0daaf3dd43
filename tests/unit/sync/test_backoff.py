"""Back-off: waits grow to a cap and are spread, from the random numbers they are given."""

from __future__ import annotations

import random

import pytest

from sync.link.backoff import wait_ms
from sync.model.limits import BACKOFF_BASE_MS, BACKOFF_CAP_MS

SAMPLES = 2_000


@pytest.mark.parametrize(
    ("attempt", "ceiling"),
    [(1, 1_000), (2, 2_000), (3, 4_000), (9, 256_000), (10, 300_000), (99, 300_000),
     (10**6, 300_000)],
)  # fmt: skip
def test_a_wait_lies_anywhere_between_nothing_and_the_doubled_ceiling(attempt, ceiling):
    rng = random.Random(attempt)
    waits = [wait_ms(attempt, rng) for _ in range(SAMPLES)]
    assert 0 <= min(waits) < ceiling * 0.01
    assert ceiling * 0.99 < max(waits) <= ceiling <= BACKOFF_CAP_MS
    assert ceiling * 0.45 < sum(waits) / SAMPLES < ceiling * 0.55  # full jitter, not a band


def test_a_herd_spreads_out():
    """75 children that lost their street at one moment: no tenth of the wait gets over a fifth."""
    waits = [wait_ms(5, random.Random(child)) for child in range(75)]
    tenth = BACKOFF_BASE_MS * 16 / 10
    crowds = [sum(1 for w in waits if n * tenth <= w < (n + 1) * tenth) for n in range(10)]
    assert max(crowds) <= 15


def test_the_same_seed_waits_the_same():
    runs = [[wait_ms(n, random.Random(7)) for n in range(1, 9)] for _ in range(2)]
    assert runs[0] == runs[1]
