"""Words that came back to an emptied store by one of their two ways are said again by the other."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection

from sync.apply import applier
from sync.codec import entry as codec
from sync.log import entries as log
from sync.log.outcome import Waiters
from sync.model.access import Unauthorised
from sync.model.authority import Message
from sync.model.change import Batch, Block, Entry
from sync.model.schema import Lane
from sync.recovery import heads
from sync.recovery import parent as recovery_parent
from sync.recovery import republish as recovery_republish
from sync.recovery.heads import ReplayPage
from sync.store.sql import execute
from tests.storage.conftest import OpenSite
from tests.support.sites import DISTRICT, GARDEN, ORCHID, STREET, Site

SECOND_INCARNATION = 8_003


def audiences_of(tx: Connection, block: Block) -> tuple[str, ...]:
    """As the made-up street of the tests says what it says."""
    return ("up:city",) if block.unit == STREET else ("up:city", f"down:{block.unit}")


def republish(
    street: Site, child: int = GARDEN, audiences_of: recovery_republish.AudiencesOf = audiences_of
) -> int:
    def write(tx: Connection) -> int:
        street.replica.clock.resume(log.lock(tx))
        return recovery_republish.republish(street.replica, tx, child, audiences_of, Waiters())

    return street.store.write(write)


def restore_own(street: Site, *, above: Site | None = None, below: Site | None = None) -> None:
    """Give an emptied street what its parent and its child hold of it, as a recovery does."""
    pages: list[tuple[Message, int, ReplayPage]] = []
    if above is not None:
        with above.store.read() as tx:
            page = recovery_parent.read_replay(
                tx, STREET, common={}, acked={}, after=0, bytes_max=1 << 20
            )
        pages.append((Message.REPLAY, DISTRICT, page))
    if below is not None:
        with below.store.read() as tx:
            page = heads.own_entries_of(tx, STREET, 0)
        pages.append((Message.RESTORE_PARENT, below.unit, page))
    for message, peer, page in pages:
        street.store.write(partial(receive, street, message, peer, page))


def receive(street: Site, message: Message, peer: int, page: ReplayPage, tx: Connection) -> None:
    applier.replay(
        street.replica, tx, page.entries, peer=peer, signatures=page.signatures, own_keys=None,
        message=message,
    )  # fmt: skip


def line_of(open_site: OpenSite) -> tuple[Site, Site, Site]:
    """Return a community, its street and its district; all hold one record of the community."""
    garden, street, district = open_site(GARDEN), open_site(STREET), open_site(DISTRICT)
    garden.commit(garden.create(1, name="a"))
    garden.send(street)
    street.send(district)
    return garden, street, district


def entries(site: Site) -> list[Entry]:
    with site.store.read() as tx:
        rows = execute(tx, "SELECT wire FROM entry ORDER BY arrival").fetchall()
    return [codec.entry_from_wire(bytes(row[0])) for row in rows]


def test_entries_that_only_the_parent_had_received_are_republished_to_the_child(
    open_site: OpenSite,
) -> None:
    garden, street, district = line_of(open_site)
    street.commit(street.update(1, GARDEN, name="b"))
    street.send(district)
    new = open_site(STREET, incarnation=SECOND_INCARNATION)
    restore_own(new, above=district, below=garden)
    assert republish(new, ORCHID) == 0
    assert republish(new) == 1
    assert republish(new) == 0
    new.send(garden)
    assert garden.value(1, "name") == "b"
    assert garden.records() == new.records() == district.records()


def test_entries_that_only_the_child_had_received_are_republished_to_the_parent(
    open_site: OpenSite,
) -> None:
    garden, street, district = line_of(open_site)
    street.commit(street.update(1, GARDEN, name="b"))
    street.send(garden)
    new = open_site(STREET, incarnation=SECOND_INCARNATION)
    restore_own(new, above=district, below=garden)
    assert republish(new) == 1
    district.received_up_to.clear()
    new.send(district)
    garden.now_ms += 1
    garden.commit(garden.update(1, name="c"))  # based on what only the two below had received
    new.take(garden.batch_up(), GARDEN)
    new.send(district)
    assert district.value(1, "name", GARDEN) == "c"
    assert garden.records() == new.records() == district.records()
    assert district.digests() == district.recomputed_digests()


def test_entries_recovered_from_both_neighbours_or_addressed_to_one_are_not_republished(
    open_site: OpenSite,
) -> None:
    garden, street, district = line_of(open_site)
    street.commit(street.update(1, GARDEN, name="b"))
    street.commit(street.create(2, name="own"))
    street.send(district)
    street.send(garden)
    new = open_site(STREET, incarnation=SECOND_INCARNATION)
    restore_own(new, above=district, below=garden)
    assert republish(new) == 0


def test_entries_restored_by_a_child_are_republished_to_the_children_before_it(
    open_site: OpenSite,
) -> None:
    garden, orchid, street = open_site(GARDEN), open_site(ORCHID), open_site(STREET)
    audiences = ("up:city", f"down:{GARDEN}", f"down:{ORCHID}")
    street.commit(street.create(2, name="order")._replace(audiences=audiences))
    street.send(orchid)
    new = open_site(STREET, incarnation=SECOND_INCARNATION)
    restore_own(new, below=garden)
    everywhere = lambda _tx, _block: audiences  # noqa: E731
    assert republish(new, GARDEN, everywhere) == 0
    new.store.write(
        lambda tx: recovery_republish.record_republished(tx, GARDEN, SECOND_INCARNATION)
    )
    restore_own(new, below=orchid)
    assert republish(new, ORCHID, everywhere) == 2
    new.send(garden)
    assert garden.value(2, "name", STREET) == "order"


def test_entries_of_former_incarnations_are_republished_in_portions_without_a_gap(
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
    new = open_site(STREET, incarnation=SECOND_INCARNATION)
    restore_own(new, above=district, below=garden)
    new.commit(new.create(20, name="present"))  # of this life: nothing to say again
    lengths: list[int] = []
    portions = recovery_republish._portions

    def watched(*args: Any) -> Iterator[list[int]]:
        for portion in portions(*args):
            lengths.append(len(portion))
            yield portion

    monkeypatch.setattr(recovery_republish, "_portions", watched)
    monkeypatch.setattr(recovery_republish, "PAGE_ENTRIES", 4)
    monkeypatch.setattr(recovery_republish, "SQL_KEYS_MAX", 3)
    monkeypatch.setattr(recovery_republish, "PORTION_CHANGES_MAX", 2)
    assert republish(new) == 23
    assert lengths == [3] * 8 + [1]
    lengths.clear()
    assert republish(new) == 0
    assert sum(lengths) == 25 + 23
    assert max(lengths) <= 4, "a transaction's ways stay together"
    new.send(garden)
    assert garden.value(1, "name") == "b22"
    mine = {e.version for e in entries(new) if e.original_incarnation}
    assert len(mine) == 23


@pytest.mark.parametrize("later", ["update", "end"])
def test_a_republished_entry_received_after_its_successor_is_no_conflict(
    open_site: OpenSite, later: str
) -> None:
    """The restored street writes on before its child has made a handshake."""
    garden, street, district = line_of(open_site)
    street.commit(street.update(1, GARDEN, name="b"))
    street.send(district)
    new = open_site(STREET, incarnation=SECOND_INCARNATION)
    restore_own(new, above=district)
    new.now_ms += 1
    new.commit(new.update(1, GARDEN, name="c"))
    new.send(garden)
    if later == "end":
        garden.now_ms += 2
        garden.commit(garden.delete(1))
        new.take(garden.batch_up(), GARDEN)
    assert republish(new) == 1
    new.send(garden)
    district.received_up_to.clear()
    new.send(district)
    assert garden.records() == new.records() == district.records()
    assert garden.digests() == garden.recomputed_digests()
    with garden.store.read() as tx:
        assert execute(tx, "SELECT count(*) FROM conflict WHERE head=1").fetchone()[0] == 0


def test_republished_entries_are_joined_once_by_those_who_already_received_them(
    open_site: OpenSite,
) -> None:
    garden, street, district = line_of(open_site)
    for name in ("b", "c"):
        street.now_ms += 1
        street.commit(street.update(1, GARDEN, name=name))
    street.send(district)
    street.send(garden)
    before = garden.records()
    new = open_site(STREET, incarnation=SECOND_INCARNATION)
    restore_own(new, above=district)  # the child, for once, gives nothing back
    assert republish(new) == 2
    garden.received_up_to.clear()  # of the log that is lost
    new.send(garden)
    assert garden.records() == before


def test_no_office_republishes_entries_of_another_unit(open_site: OpenSite) -> None:
    garden, street, _ = line_of(open_site)
    orchid = open_site(ORCHID)
    orchid.commit(orchid.create(9, name="x"))
    batch = orchid.batch_up()
    entry = codec.entry_from_wire(batch.entries[0])
    wire = codec.entry_to_wire(
        codec.unpack(entry.payload), incarnation=entry.incarnation, unit=ORCHID, level=3,
        audience="up:city", lane=Lane.BULK, seq=1, prev_hash=b"", hlc=entry.hlc,
        original_incarnation=garden.incarnation,
    ).wire  # fmt: skip
    before = street.dump()
    forged = Batch(Lane.BULK, orchid.incarnation, 0, 1, (wire,), (1,))
    with pytest.raises(Unauthorised):
        street.take(forged, ORCHID)
    assert street.dump() == before


def test_an_entry_keeps_its_original_incarnation(open_site: OpenSite) -> None:
    garden, street, district = line_of(open_site)
    street.commit(street.update(1, GARDEN, name="b"))
    street.send(district)
    new = open_site(STREET, incarnation=SECOND_INCARNATION)
    restore_own(new, above=district, below=garden)
    republish(new)
    up, down = (e for e in entries(new) if e.unit == STREET)
    assert (up.incarnation, down.incarnation) == (street.incarnation, SECOND_INCARNATION)
    assert up.version == down.version
