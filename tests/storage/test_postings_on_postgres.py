"""An office whose store is PostgreSQL counts the same postings as one on SQLite."""

from __future__ import annotations

import random
from datetime import date
from pathlib import Path
from typing import cast

import pytest

from node.config import OfficeConfig
from node.domain.catalogue import load_catalogue
from node.office import Office
from node.open import open_office
from node.setup import init_office
from node.store import uncounted
from tests.property.test_posting_judge_laws import forged, take_in_any_order, with_lies, world_of
from tests.support.money_network import CITY, START_MS, TREE_CSV, MoneyNetwork, needed


@pytest.mark.parametrize("seed", [3, 11])
def test_the_same_postings_count_on_both_stores(
    tmp_path: Path, fresh_postgres_url: str, seed: int
) -> None:
    catalogue = needed(load_catalogue())
    kept = []
    for store in ("", fresh_postgres_url):
        folder = tmp_path / ((store and "p") or "s")
        rng = random.Random(seed)
        init_office(
            folder, OfficeConfig(unit=CITY, store=store), catalogue, rng=rng, tree_csv=TREE_CSV,
            tree_from=date(2004, 1, 1),
        )  # fmt: skip
        office = open_office(folder, wall_ms=lambda: START_MS, rng=rng, catalogue=catalogue)
        try:
            world = world_of(seed, 150)
            postings = with_lies(world, forged(world, 8))
            take_in_any_order(cast(MoneyNetwork, Net(office)), postings, world.random)
            with office.store.read() as tx:
                kept.append(uncounted.all_of(tx))
        finally:
            office.close()
    assert kept[0] == kept[1] != {}


class Net:
    """A network of one office, as `take_in_any_order` wants it."""

    now_ms = START_MS

    def __init__(self, office: Office) -> None:
        self._office = office

    def __getitem__(self, _code: str) -> Office:
        return self._office
