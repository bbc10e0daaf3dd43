"""Words that came back to an emptied store by one of their two ways are said again by the other."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection

from sync import codec, log, recovery, restating
from sync.change import Batch, Block, Entry
from sync.outcome import Wake
from sync.schema import Lane
from sync.statements import run
from sync.wire_errors import Malformed
from tests.storage.conftest import OpenSite
from tests.support.sites import DISTRICT, GARDEN, ORCHID, STREET, Site

SECOND_LIFE = 8_003


def ways(tx: Connection, block: Block) -> tuple[str, ...]:
    """As the made-up street of the tests says what it says."""
    return ("up:city",) if block.unit == STREET else ("up:city", f"down:{block.unit}")


def say_again(street: Site, child: int = GARDEN, ways: restating.Ways = ways) -> int:
    def write(tx: Connection) -> int:
        street.applier.clock.resume(log.lock(tx))
        return restating.say_again(street.applier, tx, child, ways, Wake())

    return street.store.write(write)


def take_back(street: Site, *, above: Site | None = None, below: Site | None = None) -> None:
    """Give an emptied street what its parent and its child hold of it, as a recovery does."""
    pages: list[tuple[bytes, ...]] = []
    if above is not None:
        with above.store.read() as tx:
            page = recovery.read_echo(tx, STREET, common={}, taken={}, after=0, bytes_max=1 << 20)
        pages.append(page.entries)
    if below is not None:
        with below.store.read() as tx:
            pages.append(recovery.words_of(tx, STREET, 0).entries)
    for wires in pages:
        street.store.write(partial(hear, street, wires))


def hear(street: Site, wires: tuple[bytes, ...], tx: Connection) -> None:
    street.applier.echo(tx, wires, peer=DISTRICT)


def line_of(open_site: OpenSite) -> tuple[Site, Site, Site]:
    """Return a community, its street and its district; all hold one record of the community."""
    garden, street, district = open_site(GARDEN), open_site(STREET), open_site(DISTRICT)
    garden.commit(garden.create(1, name="a"))
    garden.send(street)
    street.send(district)
    return garden, street, district


def entries(site: Site) -> list[Entry]:
    with site.store.read() as tx:
        rows = run(tx, "SELECT wire FROM entry ORDER BY arrival").fetchall()
    return [codec.entry_from_wire(bytes(row[0])) for row in rows]


def test_what_only_the_parent_had_heard_is_said_again_to_the_child(open_site: OpenSite) -> None:
    garden, street, district = line_of(open_site)
    street.commit(street.update(1, GARDEN, name="b"))
    street.send(district)
    new = open_site(STREET, incarnation=SECOND_LIFE)
    take_back(new, above=district, below=garden)
    assert say_again(new, ORCHID) == 0
    assert say_again(new) == 1
    assert say_again(new) == 0
    new.send(garden)
    assert garden.value(1, "name") == "b"
    assert garden.records() == new.records() == district.records()


def test_what_only_the_child_had_heard_is_said_again_to_the_parent(open_site: OpenSite) -> None:
    garden, street, district = line_of(open_site)
    street.commit(street.update(1, GARDEN, name="b"))
    street.send(garden)
    new = open_site(STREET, incarnation=SECOND_LIFE)
    take_back(new, above=district, below=garden)
    assert say_again(new) == 1
    district.held.clear()
    new.send(district)
    garden.now_ms += 1
    garden.commit(garden.update(1, name="c"))  # stands on what only the two below had heard
    new.take(garden.batch_up(), GARDEN)
    new.send(district)
    assert district.value(1, "name", GARDEN) == "c"
    assert garden.records() == new.records() == district.records()
    assert district.digests() == district.recomputed_digests()


def test_nothing_is_said_again_that_came_back_by_both_ways_or_went_one_way_only(
    open_site: OpenSite,
) -> None:
    garden, street, district = line_of(open_site)
    street.commit(street.update(1, GARDEN, name="b"))
    street.commit(street.create(2, name="own"))
    street.send(district)
    street.send(garden)
    new = open_site(STREET, incarnation=SECOND_LIFE)
    take_back(new, above=district, below=garden)
    assert say_again(new) == 0


def test_what_a_child_gives_back_is_said_to_those_that_gave_back_before_it(
    open_site: OpenSite,
) -> None:
    garden, orchid, street = open_site(GARDEN), open_site(ORCHID), open_site(STREET)
    heard = ("up:city", f"down:{GARDEN}", f"down:{ORCHID}")
    street.commit(street.create(2, name="order")._replace(audiences=heard))
    street.send(orchid)
    new = open_site(STREET, incarnation=SECOND_LIFE)
    take_back(new, below=garden)
    everywhere = lambda _tx, _block: heard  # noqa: E731
    assert say_again(new, GARDEN, everywhere) == 0
    new.store.write(lambda tx: restating.note_done(tx, GARDEN, SECOND_LIFE))
    take_back(new, below=orchid)
    assert say_again(new, ORCHID, everywhere) == 2
    new.send(garden)
    assert garden.value(2, "name", STREET) == "order"


def test_words_of_former_lives_are_read_and_said_in_portions_and_nothing_is_left_between_them(
    open_site: OpenSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """INV-29: however long the log, a bounded part of it is held at once."""
    garden, street, district = line_of(open_site)
    for n in range(23):
        street.commit(street.update(1, GARDEN, name=f"b{n}"))
    street.send(district)
    for n in range(2):
        street.commit(street.create(10 + n, name="up only"))
    street.send(district)
    new = open_site(STREET, incarnation=SECOND_LIFE)
    take_back(new, above=district, below=garden)
    new.commit(new.create(20, name="present"))  # of this life: nothing to say again
    lengths: list[int] = []
    portions = restating._portions

    def watched(*args: Any) -> Iterator[list[int]]:
        for portion in portions(*args):
            lengths.append(len(portion))
            yield portion

    monkeypatch.setattr(restating, "_portions", watched)
    monkeypatch.setattr(restating, "PAGE_ENTRIES", 4)
    monkeypatch.setattr(restating, "SQL_KEYS_MAX", 3)
    monkeypatch.setattr(restating, "PORTION_CHANGES_MAX", 2)
    assert say_again(new) == 23
    assert lengths == [3] * 8 + [1]
    lengths.clear()
    assert say_again(new) == 0
    assert sum(lengths) == 25 + 23
    assert max(lengths) <= 4, "a transaction's ways stay together"
    new.send(garden)
    assert garden.value(1, "name") == "b22"
    mine = {e.version for e in entries(new) if e.said_under}
    assert len(mine) == 23


@pytest.mark.parametrize("later", ["update", "end"])
def test_words_that_come_after_what_stood_on_them_do_not_stand_beside_it(
    open_site: OpenSite, later: str
) -> None:
    """The street, come back, writes on before its child has greeted it."""
    garden, street, district = line_of(open_site)
    street.commit(street.update(1, GARDEN, name="b"))
    street.send(district)
    new = open_site(STREET, incarnation=SECOND_LIFE)
    take_back(new, above=district)
    new.now_ms += 1
    new.commit(new.update(1, GARDEN, name="c"))
    new.send(garden)
    if later == "end":
        garden.now_ms += 2
        garden.commit(garden.delete(1))
        new.take(garden.batch_up(), GARDEN)
    assert say_again(new) == 1
    new.send(garden)
    district.held.clear()
    new.send(district)
    assert garden.records() == new.records() == district.records()
    assert garden.digests() == garden.recomputed_digests()
    with garden.store.read() as tx:
        assert run(tx, "SELECT count(*) FROM conflict WHERE head=1").fetchone()[0] == 0


def test_words_said_again_are_joined_once_by_who_heard_them_before(open_site: OpenSite) -> None:
    garden, street, district = line_of(open_site)
    for name in ("b", "c"):
        street.now_ms += 1
        street.commit(street.update(1, GARDEN, name=name))
    street.send(district)
    street.send(garden)
    before = garden.records()
    new = open_site(STREET, incarnation=SECOND_LIFE)
    take_back(new, above=district)  # the child, for once, gives nothing back
    assert say_again(new) == 2
    new.send(garden)
    assert garden.records() == before


def test_nobody_says_again_what_another_unit_said(open_site: OpenSite) -> None:
    garden, street, _ = line_of(open_site)
    orchid = open_site(ORCHID)
    orchid.commit(orchid.create(9, name="x"))
    batch = orchid.batch_up()
    told = codec.entry_from_wire(batch.entries[0])
    wire = codec.entry_to_wire(
        codec.unpack(told.payload), incarnation=told.incarnation, unit=ORCHID, level=3,
        audience="up:city", lane=Lane.BULK, seq=1, prev_hash=b"", hlc=told.hlc,
        said_under=garden.incarnation,
    ).wire  # fmt: skip
    before = street.dump()
    false = Batch(Lane.BULK, orchid.incarnation, 0, 1, (wire,), (1,))
    with pytest.raises(Malformed):
        street.take(false, ORCHID)
    assert street.dump() == before


def test_an_entry_keeps_under_which_incarnation_it_was_said(open_site: OpenSite) -> None:
    garden, street, district = line_of(open_site)
    street.commit(street.update(1, GARDEN, name="b"))
    street.send(district)
    new = open_site(STREET, incarnation=SECOND_LIFE)
    take_back(new, above=district, below=garden)
    say_again(new)
    up, down = (e for e in entries(new) if e.unit == STREET)
    assert (up.incarnation, down.incarnation) == (street.incarnation, SECOND_LIFE)
    assert up.version == down.version
