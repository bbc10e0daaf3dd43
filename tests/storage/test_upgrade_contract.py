"""What a program has received of a field or register that it does not know, by entries and copies,
is after its upgrade what it would have been had it known it from the start.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from sync.apply import applier
from sync.model.schema import Schema
from tests.storage.conftest import OpenSite
from tests.storage.test_copy_contract import chunk_from, join
from tests.storage.test_snapshot_contract import finish
from tests.support.sites import GARDEN, NOTICE, PERSON, STREET, Site, record_id

LESS = Schema.of([
    replace(PERSON, fields=tuple(f for f in PERSON.fields if f.name != "rank")), NOTICE,
])  # fmt: skip
ONE, BOTH = [record_id(1)], [record_id(1), record_id(2)]


@pytest.fixture
def offices(open_site: OpenSite) -> tuple[Site, Site]:
    """Return a community whose program is older than its street's; both have its two records."""
    old, street = open_site(GARDEN, schema=LESS), open_site(STREET)
    old.commit(old.create(1, name="a"), old.create(2, name="b"))
    old.send(street)
    return old, street


def ranked(street: Site, rank: str) -> None:
    street.now_ms += 1
    street.commit(street.update(1, GARDEN, rank=rank))


def upgraded(old: Site) -> Site:
    new = Site(GARDEN, old.store, incarnation=old.incarnation)  # its tables are built at the start
    new.store.write(lambda tx: applier.retry_quarantined(new.replica, tx, "state='deferred'"))
    return new


def assert_equal(new: Site, street: Site) -> None:
    assert {state for _, state in new.quarantined()} == {"applied"}
    assert new.states() == street.states()


def test_a_deferred_edit_has_not_yet_overwritten_anything_of_a_copy(
    offices: tuple[Site, Site],
) -> None:
    """Its other fields were joined, so its version stands in the record."""
    old, street = offices
    ranked(street, "one")
    finish(old, street)
    street.now_ms += 1
    street.commit(street.update(1, GARDEN, rank="two", name="c"))
    street.send(old)
    assert old.value(1, "name") == "c"
    assert_equal(upgraded(old), street)


def test_a_deferred_edit_is_no_conflict_with_the_copy_that_overwrote_it(
    offices: tuple[Site, Site],
) -> None:
    old, street = offices
    ranked(street, "one")
    street.send(old)
    ranked(street, "two")
    finish(old, street)
    assert_equal(upgraded(old), street)


def test_deferred_entries_of_an_unknown_register_are_no_conflict_with_the_copy_that_overwrote_them(
    open_site: OpenSite,
) -> None:
    old, street = open_site(GARDEN, schema=Schema.of([NOTICE])), open_site(STREET)
    street.commit(street.create(1, GARDEN, name="a"))
    ranked(street, "one")
    street.send(old)
    ranked(street, "two")
    finish(old, street)
    assert_equal(upgraded(old), street)


@pytest.mark.parametrize(("first", "rows_max"), [(ONE, 2), (BOTH, 1)])
def test_of_several_deferred_copies_the_newest_counts_in_any_order_of_retry(
    offices: tuple[Site, Site], first: list[bytes], rows_max: int
) -> None:
    old, street = offices
    ranked(street, "one")
    join(old, chunk_from(street, GARDEN, first))
    ranked(street, "two")
    finish(old, street, rows_max=rows_max)
    assert_equal(upgraded(old), street)
