"""A disk that is full is no fault of the rows: nothing is taken, and all of it later."""

from __future__ import annotations

from pathlib import Path

import pytest

from node.store.engine import StoreUnavailable, sqlite_url
from sync.model.schema import Lane
from tests.support.sites import GARDEN, STREET, Site, site_at


def pages(site: Site, most: int | None = None) -> int:
    """Return how many pages the store has; with `most`, let it have no more."""
    connection = site.store._writer.raw_connection()
    try:
        cursor = connection.cursor()
        if most is not None:
            cursor.execute(f"PRAGMA max_page_count={most}")
        return int(cursor.execute("PRAGMA page_count").fetchone()[0])
    finally:
        connection.close()


@pytest.mark.parametrize("kind", ["create", "update", "create again"])
def test_a_disk_that_fills_anywhere_in_a_batch_quarantines_nothing_and_leaves_nothing_half_done(
    kind: str, tmp_path: Path
) -> None:
    garden, street = (
        site_at(unit, sqlite_url(tmp_path / f"{unit}.db")) for unit in (GARDEN, STREET)
    )
    long = "长" * 600
    garden.commit(*[garden.create(n, name=long) for n in range(20)])
    if kind != "create":
        garden.send(street)
    if kind == "update":
        garden.commit(*[garden.update(n, name=long * 2) for n in range(20)])
    if kind == "create again":
        garden.commit(*[garden.create(n, name=long) for n in range(20, 40)])
    batch = garden.batch_up(after=street.received_up_to.get((GARDEN, Lane.BULK), 0))
    before, room = street.dump(), 0
    while True:
        pages(street, pages(street) + room)
        try:
            street.take(batch, GARDEN)
            break
        except StoreUnavailable:
            assert street.dump() == before
            room += 1
    assert room > 2, "the disk was never full"
    assert street.quarantined() == []
    assert street.states() == garden.states()
    for site in (garden, street):
        site.store.close()
