"""Where a served office's keys and tokens come from."""

from __future__ import annotations

import random
from pathlib import Path

from hub.client.client import wall_ms
from hub.serve.process import Process
from node.config import OfficeConfig
from node.domain.catalogue import load_catalogue
from node.setup import init_office
from tests.support.silian import COMMUNITY


def test_a_served_office_draws_its_keys_and_tokens_from_the_operating_systems_randomness(
    tmp_path: Path,
) -> None:
    chance = random.SystemRandom()
    init_office(tmp_path / "o", OfficeConfig(unit=COMMUNITY), load_catalogue(), rng=chance)
    process = Process([tmp_path / "o"], wall_ms=wall_ms, rng=chance)
    process.start()
    try:
        (served,) = process.served.values()
        assert isinstance(served.office.rng, random.SystemRandom)
    finally:
        process.stop()
