"""An office that is started with a wrong clock writes, is marked, and wins over nothing later."""

from __future__ import annotations

import random
from pathlib import Path

from hub.client.client import wall_ms
from hub.serve.maintenance import tick
from node.open import open_office
from node.services.health.status import status
from sync.model.limits import CLOCK_AHEAD_MS_MAX
from sync.model.version import COUNTER_BITS
from tests.support.edits import outlet
from tests.support.tier import DISTRICT, STREET, Tier, eventually, outlets, settled, tier_of

YEARS_MS = 73 * 366 * 86_400_000


def written_in_future(tier: Tier, code: str) -> bytes:
    """Write a record with a clock that is decades ahead, while nobody is connected."""
    office = open_office(
        tier.base / code, wall_ms=lambda: wall_ms() + YEARS_MS, rng=random.Random("late"),
        catalogue=tier.catalogue,
    )  # fmt: skip
    try:
        problems = {problem.code for problem in status(office).problems}
        assert "clock_doubtful" in problems
        return outlet(office, "未来")
    finally:
        office.close()


def ahead_ms(tier: Tier, code: str) -> int:
    return (tier.served(code).office.clock.last >> COUNTER_BITS) - wall_ms()


def test_a_child_goes_on_with_right_stamps_once_its_parent_knows_the_time(tmp_path: Path) -> None:
    with tier_of(tmp_path, ((DISTRICT, None), (STREET, DISTRICT))) as tier:
        outlet(tier.served(STREET).office, "从前")
        settled(tier, STREET)
        tier.stop(STREET)
        record = written_in_future(tier, STREET)
        tier.start(STREET, DISTRICT)
        street = tier.served(STREET).office
        before = street.identity.incarnation
        eventually(lambda: record in outlets(tier, DISTRICT))
        eventually(lambda: street.identity.incarnation != before)
        assert ahead_ms(tier, STREET) <= CLOCK_AHEAD_MS_MAX
        later = outlet(street, "现在")
        eventually(lambda: later in outlets(tier, DISTRICT))
        assert ahead_ms(tier, STREET) <= CLOCK_AHEAD_MS_MAX
        settled(tier, STREET)
        codes = {problem.code for problem in status(tier.served(DISTRICT).office).problems}
        assert "timestamps_refused" in codes
        assert ahead_ms(tier, DISTRICT) <= CLOCK_AHEAD_MS_MAX
        tier.stop(STREET)
        tier.start(STREET, DISTRICT)
        settled(tier, STREET)
        assert ahead_ms(tier, STREET) <= CLOCK_AHEAD_MS_MAX


def test_an_office_without_a_parent_goes_by_its_own_clock(tmp_path: Path) -> None:
    with tier_of(tmp_path, ((STREET, None),)) as tier:
        outlet(tier.served(STREET).office, "从前")
        tier.stop(STREET)
        written_in_future(tier, STREET)
        tier.start(STREET)
        served = tier.served(STREET)
        before = served.office.identity.incarnation
        tick(served)
        assert served.office.identity.incarnation != before
        assert ahead_ms(tier, STREET) <= CLOCK_AHEAD_MS_MAX
        outlet(served.office, "现在")
        assert ahead_ms(tier, STREET) <= CLOCK_AHEAD_MS_MAX
