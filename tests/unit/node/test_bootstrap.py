"""Bootstrap: an office that is loaded first and indexed after holds the same as any other."""

from __future__ import annotations

import random
from pathlib import Path

from sqlalchemy import inspect

from node.config import load_config, write_config
from node.office import Office
from node.open import open_office
from tests.unit.node.offices import CATALOGUE, COMMUNITY, Clock, new_office


def indexes(office: Office) -> set[str]:
    with office.store.read() as tx:
        inspector = inspect(tx)
        return {
            str(index["name"])
            for each in office.tables
            for index in inspector.get_indexes(each.table.name)
            if not index["unique"]
        }


def opened(folder: Path, clock: Clock, *, bootstrap: bool) -> Office:
    config = load_config(folder)
    write_config(folder, config.model_copy(update={"bootstrap": bootstrap}))
    return open_office(
        folder, wall_ms=clock, rng=random.Random(1), catalogue=CATALOGUE, synchronous="OFF"
    )


def test_an_office_started_for_bulk_loading_has_no_indexes_until_its_next_normal_start(
    tmp_path: Path,
) -> None:
    clock = Clock()
    office = new_office(tmp_path / "o", COMMUNITY, clock)
    usual = indexes(office)
    office.close()
    assert usual
    for bootstrap in (True, True, False, False):
        office = opened(tmp_path / "o", clock, bootstrap=bootstrap)
        assert indexes(office) == (set() if bootstrap else usual)
        office.close()
