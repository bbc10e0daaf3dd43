"""How far up a record is durable: known soon after a link is back, and dated."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.serve.process import Served
from node.services.records.durability import Durable, durability
from tests.support.tier import GARDEN as COMMUNITY
from tests.support.tier import PATH, STREET, eventually, settled, tier_of

LEVELS = PATH[:4]


def test_where_is_right_soon_after_a_line_heals_and_says_as_of_when(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Served, "tick", lambda _served: None)  # nothing comes to its help
    monkeypatch.setattr("hub.serve.process.PERIODIC", ())
    with tier_of(tmp_path, LEVELS) as tier:
        settled(tier, *(code for code, _ in LEVELS))
        community = tier.served(COMMUNITY)
        tier.stop(STREET)
        record = tier.add_premises(COMMUNITY, "断线时登记")

        def places() -> list[Durable]:
            office = community.office
            found = durability(office, "premises", office.identity.unit, record)
            return [place.found for place in found.places]

        assert places() == [Durable.SAFE, *[Durable.WAITING] * 3]
        before_ms = community.office.clock.now_ms()
        tier.start(STREET, None)
        assert community.dialer is not None
        community.dialer.retry_now()
        eventually(lambda: places() == [Durable.SAFE] * 4)
        office = community.office
        found = durability(office, "premises", office.identity.unit, record)
        assert before_ms <= found.as_of_ms <= office.clock.now_ms()
