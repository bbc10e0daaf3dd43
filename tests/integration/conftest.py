"""What most tests of real offices begin with: the four levels of one street's path."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.tier import Tier, tier_of


@pytest.fixture
def tier(tmp_path: Path) -> Iterator[Tier]:
    with tier_of(tmp_path) as tier:
        yield tier
