"""A community compares with its street over real gRPC; what rots behind their backs is found."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, event, text

from hub.app import Served
from node.domain.catalogue import Catalogue, load_catalogue
from sync.narrowing import Comparison, Wish
from tests.integration.test_four_levels import (
    GARDEN,
    PATIENCE_S,
    STREET,
    Tier,
    eventually,
)

ALL = Wish(read=frozenset(range(64)))


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture
def tier(tmp_path: Path, catalogue: Catalogue) -> Iterator[Tier]:
    tier = Tier(tmp_path, catalogue, {}, {})
    tier.start(STREET, None)
    tier.start(GARDEN, STREET)
    yield tier
    for process in reversed(list(tier.running.values())):
        process.stop()


def compared(tier: Tier, wish: Wish | None = None) -> Comparison:
    """Compare now and return how it ended."""
    served = tier.served(GARDEN)
    assert served.dialer is not None
    assert served.dialer.wait_compared(PATIENCE_S), "the daily comparison does not end"
    served.office.comparisons.last = None
    served.dialer.compare(wish)
    assert served.dialer.wait_compared(PATIENCE_S)
    last: Comparison | None = served.office.comparisons.last
    assert last is not None, served.dialer.reason
    return last


def rot(served: Served, statement: str, **values: object) -> None:
    """Change something behind the program's back."""

    def work(tx: Connection) -> None:
        assert tx.execute(text(statement), values).rowcount >= 1

    served.office.store.write(work)


@contextmanager
def statements(served: Served) -> Iterator[list[str]]:
    """Collect what is said to a store."""
    found: list[str] = []
    store = served.office.store

    def hear(_tx: object, _cursor: object, statement: str, *_rest: object) -> None:
        found.append(statement)

    for engine in (store._reader, store._writer):
        event.listen(engine, "before_cursor_execute", hear)
    try:
        yield found
    finally:
        for engine in (store._reader, store._writer):
            event.remove(engine, "before_cursor_execute", hear)


def in_step(tier: Tier, count: int = 40) -> list[bytes]:
    """Write records at the community and wait until the street has them."""
    records = [tier.add_premises(GARDEN, f"用房{n}", n) for n in range(1, count + 1)]
    eventually(lambda: len(tier.premises(STREET)) == count)
    return records


def test_equal_copies_are_known_to_be_equal_and_no_record_is_read(tier: Tier) -> None:
    in_step(tier)
    compared(tier)
    with statements(tier.served(GARDEN)) as here, statements(tier.served(STREET)) as there:
        found = compared(tier)
    assert found.equal
    assert found.units >= 2, "premises and cells of the community"
    assert [s for s in (*here, *there) if "r_premises" in s] == []
    assert [s for s in there if "FROM digest" in s], "nobody looked"


def test_a_record_that_lost_its_sum_and_itself_is_found(tier: Tier) -> None:
    records = in_step(tier)
    rot(tier.served(STREET), "DELETE FROM r_premises WHERE id=:i", i=records[3])
    found = compared(tier, Wish(repair=False))
    assert found.equal, "a sum does not see it"
    found = compared(tier, Wish(repair=False, read=ALL.read))
    assert [name.id for name in found.found] == [records[3]]
    assert found.word == "different"
    assert len(found.mended_there) == 1


def test_a_wrong_sum_is_mended_and_no_record_is_suspected(tier: Tier) -> None:
    in_step(tier)
    for code, end, by in ((GARDEN, "min", 1), (STREET, "max", 2)):
        rot(
            tier.served(code),
            "UPDATE digest SET sum=sum+:by WHERE register='premises' AND bucket="
            f"(SELECT {end}(bucket) FROM digest WHERE register='premises' AND count>0)",
            by=by,
        )
    found = compared(tier)
    assert found.found == ()
    assert (len(found.mended_here), len(found.mended_there)) == (1, 1)
    assert compared(tier).equal


def test_what_only_one_of_the_two_may_hear_is_not_compared(tier: Tier) -> None:
    office = tier.served(GARDEN).office
    shared = office.shared(office.identity.unit)
    assert shared == tier.served(STREET).office.shared(office.identity.unit)
    assert "resident" not in shared
    assert "premises" in shared
    parent = office.tree.parent(office.identity.unit)
    assert parent in shared["unit"]
    assert all(
        parent not in units
        for name, units in shared.items()
        if name not in ("unit", "fund_setting")
    )
