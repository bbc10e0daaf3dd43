"""Every way into a store asks who may say what: forged messages change nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import Connection

from sync.apply import applier
from sync.apply.read_copies import chunk_of, read_rows
from sync.codec import entry as codec
from sync.merge.copies import Chunk
from sync.merge.record import Head, Heads
from sync.model.access import Identity, Unauthorised
from sync.model.audience import BadAudience
from sync.model.authority import RULES, Claim, Ground, Item, Message, Way, When, Writer, check
from sync.model.change import Batch, Edit, RecordKey
from sync.model.schema import Lane, Schema
from sync.model.version import Version, incarnation_of, version_of
from sync.recovery.parent import read_replay
from sync.store.registers import RegisterTables
from tests.storage.conftest import OpenSite
from tests.storage.test_snapshot_contract import refuse
from tests.support.sites import (
    CITY,
    DISTRICT,
    GARDEN,
    LEVEL,
    NOTICE,
    ORCHID,
    SCHEMA,
    STREET,
    Site,
    TreeOf,
    record_id,
)


def forged(
    author: Site, *edits: Edit, incarnation: int, unit: int, audience: str,
    level: int | None = None, original: int = 0,
) -> Batch:  # fmt: skip
    """Return a batch with one entry of an author's edits that names another writer."""
    author.commit(*edits)
    newest = codec.entry_from_wire(author.batch_up().entries[-1])
    wire = codec.entry_to_wire(
        codec.unpack(newest.payload), incarnation=incarnation, unit=unit,
        level=LEVEL[unit] if level is None else level, audience=audience, lane=Lane.BULK, seq=1,
        prev_hash=b"", hlc=newest.hlc, original_incarnation=original,
    ).wire  # fmt: skip
    return Batch(Lane.BULK, author.incarnation, 0, 1, (wire,), (1,))


def refused(receiver: Site, batch: Batch, peer: int) -> None:
    before = receiver.dump()
    with pytest.raises(Unauthorised):
        receiver.take(batch, peer)
    assert receiver.dump() == before


@pytest.mark.parametrize("writer", [CITY, DISTRICT, STREET, ORCHID])
@pytest.mark.parametrize("audience", ["up:city", "down:all", f"down:{GARDEN}"])
def test_a_child_cannot_write_as_an_office_above_or_a_sibling(
    open_site: OpenSite, writer: int, audience: str
) -> None:
    street, garden = open_site(STREET), open_site(GARDEN)
    batch = forged(
        garden, garden.create(1, name="x"), incarnation=1000 + writer, unit=writer,
        audience=audience,
    )  # fmt: skip
    refused(street, batch, GARDEN)


def test_a_child_cannot_use_the_incarnation_of_another_unit(open_site: OpenSite) -> None:
    """Whatever unit the entry names: the parent's own, the city's, and a sibling's are bound."""
    city, district, street = open_site(CITY), open_site(DISTRICT), open_site(STREET)
    garden, orchid = open_site(GARDEN), open_site(ORCHID)
    city.commit(Edit(key=city.create(1).key, operation=city.create(1).operation,
                     values={"name": "z"}, audiences=("down:all",)))  # fmt: skip
    city.send(district)
    district.send(street)
    orchid.commit(orchid.create(2, name="o"))
    orchid.send(street)
    for bound in (street.incarnation, city.incarnation, orchid.incarnation):
        batch = forged(
            garden, garden.create(bound, name="x"), incarnation=bound, unit=GARDEN,
            audience="up:city",
        )  # fmt: skip
        refused(street, batch, GARDEN)
    batch = forged(
        garden, garden.create(7, name="x"), incarnation=4_444, unit=GARDEN, audience="up:city",
        original=orchid.incarnation,
    )  # fmt: skip
    refused(street, batch, GARDEN)


def test_one_batch_cannot_give_an_incarnation_to_two_units(open_site: OpenSite) -> None:
    district, garden = open_site(DISTRICT), open_site(GARDEN)
    one = forged(
        garden, garden.create(1, name="x"), incarnation=4_444, unit=GARDEN, audience="up:city"
    )
    two = forged(
        garden, garden.create(2, name="x"), incarnation=4_444, unit=ORCHID, audience="up:district"
    )
    both = replace(one, entries=(*one.entries, *two.entries), positions=(1, 2), upto=2)
    refused(district, both, STREET)


@pytest.mark.parametrize("unit", [STREET, GARDEN, CITY])
@pytest.mark.parametrize("audience", ["up:city", "down:all"])
def test_a_hub_cannot_hand_a_child_entries_of_the_childs_own(
    open_site: OpenSite, unit: int, audience: str
) -> None:
    """The child would push and sign them: a forged expenditure under its own name."""
    street, district = open_site(STREET), open_site(DISTRICT)
    batch = forged(
        district, district.create(1, name="x"), incarnation=street.incarnation, unit=unit,
        audience=audience,
    )  # fmt: skip
    refused(street, batch, DISTRICT)


def test_an_entry_at_another_level_than_its_units_is_refused(open_site: OpenSite) -> None:
    street, garden = open_site(STREET), open_site(GARDEN)
    batch = forged(
        garden, garden.create(1, name="x"), incarnation=garden.incarnation, unit=GARDEN, level=2,
        audience="up:city",
    )  # fmt: skip
    refused(street, batch, GARDEN)


def test_a_replay_brings_no_entry_of_an_office_elsewhere(open_site: OpenSite) -> None:
    garden, orchid = open_site(GARDEN), open_site(ORCHID)
    orchid.commit(orchid.create(1, name="x"))
    batch = orchid.batch_up()

    def work(tx: Connection) -> object:
        return applier.replay(
            garden.replica, tx, batch.entries, peer=STREET, signatures=batch.signatures,
            own_keys=None,
        )  # fmt: skip

    with pytest.raises(Unauthorised):
        garden.store.write(work)


@pytest.mark.parametrize("message", Message)
@pytest.mark.parametrize("item", Item)
def test_what_no_row_of_the_table_allows_is_refused(message: Message, item: Item) -> None:
    peer = GARDEN if message.from_child else DISTRICT
    ground = Ground(message, peer, Identity(STREET, 2, 1003), TreeOf(STREET))
    allowed = {rule.writer for rule in RULES if rule[:2] == (message, item)}
    units = {Writer.OWN: STREET, Writer.BELOW: GARDEN, Writer.ABOVE: DISTRICT, Writer.ELSEWHERE: 6}
    for writer in units.keys() - allowed:
        for audience in ("up:city", "down:all", f"down:{GARDEN}"):
            with pytest.raises(Unauthorised):
                check(item, Claim(units[writer], LEVEL[units[writer]], 9, audience), ground)


def test_what_was_not_asked_for_is_refused() -> None:
    for rule in RULES:
        if rule.when is not When.RECOVERING:
            continue
        units = {Writer.OWN: STREET, Writer.BELOW: GARDEN, Writer.ABOVE: DISTRICT}
        unit, peer = units[rule.writer], GARDEN if rule.message.from_child else DISTRICT
        audience = "up:city" if rule.way is Way.UP else "down:all"
        claim = Claim(unit, LEVEL[unit], 9 if unit != STREET else 1003, audience)
        ground = Ground(rule.message, peer, Identity(STREET, 2, 1003), TreeOf(STREET))
        with pytest.raises(Unauthorised):
            check(rule.item, claim, ground)
        assert check(rule.item, claim, replace(ground, recovering=True)) is rule.writer


@pytest.mark.parametrize(
    ("incarnation", "original"),
    [(77, 0), (9, 77), (1003, 0), (9, 1003), (0, 0)],
    ids=["a sibling's", "a sibling's before", "the receiver's", "the receiver's before", "none"],
)
def test_an_incarnation_stays_with_its_unit(incarnation: int, original: int) -> None:
    bound = {77: (ORCHID, LEVEL[ORCHID])}
    ground = Ground(Message.PUSH, GARDEN, Identity(STREET, 2, 1003), TreeOf(STREET), bound)
    assert check(Item.ENTRY, Claim(GARDEN, 3, 9, "up:city"), ground) is Writer.BELOW
    with pytest.raises(Unauthorised):
        check(Item.ENTRY, Claim(GARDEN, 3, incarnation, "up:city", original), ground)


@pytest.mark.parametrize(
    ("message", "unit", "good", "bad"),
    [
        (Message.PUSH, GARDEN, "up:street", "up:community"),  # it ends below the receiver
        (Message.PUSH, GARDEN, "up:city", "down:all"),
        (Message.PULL, DISTRICT, "down:all", "up:city"),
        (Message.RESTORE_PARENT, STREET, f"down:{GARDEN}", f"down:{ORCHID}"),
        (Message.REPLAY, GARDEN, "up:city", "down:all"),
    ],
)
def test_an_entry_goes_only_the_way_of_its_message(
    message: Message, unit: int, good: str, bad: str
) -> None:
    peer = GARDEN if message.from_child else DISTRICT
    ground = Ground(message, peer, Identity(STREET, 2, 1003), TreeOf(STREET), recovering=True)
    incarnation = 1003 if unit == STREET else 9
    check(Item.ENTRY, Claim(unit, LEVEL[unit], incarnation, good), ground)
    with pytest.raises((Unauthorised, BadAudience)):
        check(Item.ENTRY, Claim(unit, LEVEL[unit], incarnation, bad), ground)


def copy_of(site: Site, record: RecordKey, version: Version, value: str, name: str) -> Chunk:
    """Return a chunk with a site's copy of a record in which a field has another value."""
    with site.store.read() as tx:
        table = site.tables[record.register]
        rows = read_rows(tx, site.replica.merger, table, record.unit, [record.id])
        chunk = chunk_of(tx, [rows], me=site.replica.identity, concerns=lambda _: True)
    state = rows.states[record.id]
    level = LEVEL[chunk.writers[incarnation_of(version)][0]]
    fields = {**state.fields, name: Heads(Head(version, value, level))}
    forged_rows = replace(rows, states={record.id: replace(state, fields=fields)})
    far = {lane: dict.fromkeys(chunk.writers, (1 << 62) - 1) for lane in Lane}
    return replace(chunk, rows=[forged_rows], version_vector=far)


def join(site: Site, chunk: Chunk, message: Message, peer: int) -> None:
    ground = Ground(message, peer, site.replica.identity, site.replica.routes)
    site.store.write(lambda tx: applier.join_copies(site.replica, tx, chunk, ground))


@pytest.mark.parametrize("stamp", [99 << 40, 1])
def test_a_snapshot_cannot_write_in_the_childs_name(open_site: OpenSite, stamp: int) -> None:
    """Neither what it never wrote, nor what it has long overwritten, takes its value away."""
    street, garden = open_site(STREET), open_site(GARDEN)
    garden.commit(garden.create(1, name="居"))
    garden.send(street)
    street.commit(street.update(1, GARDEN, grade="甲"))
    street.send(garden)
    record = RecordKey("person", GARDEN, record_id(1))
    lie = copy_of(street, record, version_of(stamp, garden.incarnation), "伪", "name")
    before = garden.records()
    join(garden, lie, Message.SNAPSHOT, STREET)
    assert garden.records() == before
    assert garden.value(1, "name") == "居"


@pytest.mark.parametrize("stamp", [99 << 40, 1])
def test_uploaded_copies_cannot_write_in_the_parents_name(open_site: OpenSite, stamp: int) -> None:
    street, garden = open_site(STREET), open_site(GARDEN)
    garden.commit(garden.create(1, name="居"))
    garden.send(street)
    street.commit(street.update(1, GARDEN, grade="甲"))
    street.send(garden)
    record = RecordKey("person", GARDEN, record_id(1))
    lie = copy_of(garden, record, version_of(stamp, street.incarnation), "伪", "grade")
    before = street.records()
    join(street, lie, Message.UPLOAD_SNAPSHOT, GARDEN)
    assert street.records() == before
    assert street.value(1, "grade", GARDEN) == "甲"


def test_uploaded_copies_still_bring_what_the_child_wrote(open_site: OpenSite) -> None:
    street, garden = open_site(STREET), open_site(GARDEN)
    garden.commit(garden.create(1, name="居"))
    garden.send(street)
    garden.now_ms += 1
    garden.commit(garden.update(1, name="新"))
    record = RecordKey("person", GARDEN, record_id(1))
    newest = garden.states()[GARDEN, record.id].fields["name"].shown.version
    join(street, copy_of(garden, record, newest, "新", "name"), Message.UPLOAD_SNAPSHOT, GARDEN)
    assert street.value(1, "name", GARDEN) == "新"


def test_a_copy_of_what_is_quarantined_here_is_neither_foreign_nor_joined(
    open_site: OpenSite,
) -> None:
    """The parent has applied what the street could not: its copy brings the street nothing new."""
    district, street, garden = open_site(DISTRICT), open_site(STREET), open_site(GARDEN)
    record = RecordKey("person", GARDEN, record_id(1))
    refuse(street, on=True)
    garden.commit(garden.create(1, name="bad"))
    garden.send(street)
    street.send(district)
    join(street, chunk_of_record(district, record), Message.SNAPSHOT, DISTRICT)
    assert street.quarantined() == [("constraint_violation", "open")]
    assert street.value(1, "name", GARDEN) is None
    district.commit(district.update(1, GARDEN, rank="三"))
    join(street, chunk_of_record(district, record), Message.SNAPSHOT, DISTRICT)
    assert street.quarantined() == [("constraint_violation", "open"), ("missing_record", "open")]
    refuse(street, on=False)
    street.store.write(lambda tx: applier.retry_quarantined(street.replica, tx, "1=1"))
    assert {state for _, state in street.quarantined()} == {"applied"}
    assert (street.value(1, "name", GARDEN), street.value(1, "rank", GARDEN)) == ("bad", "三")


def restored_street(open_site: OpenSite) -> tuple[Site, Site, Site]:
    """Return a street that has lost its disk, its district with the log, and a child.

    The district has renamed the child's record; the child has edited it since, too.
    """
    district, street, garden = open_site(DISTRICT), open_site(STREET), open_site(GARDEN)
    garden.commit(garden.create(1, name="居"))
    garden.send(street)
    street.send(district)
    for site in (district, street, garden):
        site.now_ms += 1
    district.commit(district.update(1, GARDEN, name="区"))
    district.send(street)
    street.send(garden)
    garden.now_ms += 1
    garden.commit(garden.update(1, rank="三"))
    return district, open_site(STREET, incarnation=2003), garden


def chunk_of_record(site: Site, record: RecordKey) -> Chunk:
    state = site.states()[record.unit, record.id]
    name = state.fields["name"].shown
    return copy_of(site, record, name.version, str(name.value), "name")


def replayed(district: Site, street: Site) -> None:
    """The street has back what its parent has, and then looks at what waits for it."""
    with district.store.read() as tx:
        page = read_replay(tx, STREET, common={}, acked={}, after=0, bytes_max=1 << 20)

    def take(tx: Connection) -> None:
        received = applier.replay(
            street.replica, tx, page.entries, peer=DISTRICT, signatures=page.signatures,
            own_keys=None,
        )  # fmt: skip
        applier.retry_returned(street.replica, tx, received)

    street.store.write(take)


def test_a_copy_with_a_version_that_was_lost_is_joined_when_the_version_is_back(
    open_site: OpenSite,
) -> None:
    district, street, garden = restored_street(open_site)
    record = RecordKey("person", GARDEN, record_id(1))
    join(street, chunk_of_record(garden, record), Message.UPLOAD_SNAPSHOT, GARDEN)
    assert street.quarantined() == [("foreign_version", "open")]
    replayed(district, street)
    assert street.quarantined() == [("foreign_version", "applied")]
    assert street.value(1, "name", GARDEN) == "区"
    assert street.value(1, "rank", GARDEN) == "三"
    assert street.digests() == street.recomputed_digests()


def test_a_retry_does_not_make_a_false_copy_true(open_site: OpenSite) -> None:
    """Whoever tries it again, a copy is judged as its sender's: also once the writer is known."""
    district, street, garden = restored_street(open_site)
    record = RecordKey("person", GARDEN, record_id(1))
    never_written = version_of(garden.replica.clock.last + 1, district.incarnation)
    lie = copy_of(garden, record, never_written, "伪", "name")
    join(street, lie, Message.UPLOAD_SNAPSHOT, GARDEN)
    for before in (True, False):
        street.store.write(lambda tx: applier.retry_quarantined(street.replica, tx, "1=1"))
        assert street.quarantined() == [("foreign_version", "open")]
        if before:
            replayed(district, street)
    assert street.value(1, "name", GARDEN) == "区"


def test_a_copy_of_a_register_that_was_unknown_is_judged_when_it_is_known(
    open_site: OpenSite,
) -> None:
    street, garden = open_site(STREET), open_site(GARDEN)
    garden.commit(garden.create(1, name="居"))
    garden.send(street)
    street.commit(street.update(1, GARDEN, grade="甲"))
    street.send(garden)
    record = RecordKey("person", GARDEN, record_id(1))
    lie = copy_of(garden, record, version_of(99 << 40, street.incarnation), "伪", "grade")
    older = open_site(STREET, schema=Schema.of([NOTICE]), incarnation=2003)
    join(older, lie, Message.UPLOAD_SNAPSHOT, GARDEN)
    assert older.quarantined() == [("unknown_register", "deferred")]
    older.schema, older.tables = SCHEMA, RegisterTables(SCHEMA)
    older.store.write(older.tables.create)
    older.reopen()
    older.store.write(lambda tx: applier.retry_quarantined(older.replica, tx, "1=1"))
    assert older.value(1, "grade", GARDEN) is None
    assert ("foreign_version", "open") in older.quarantined()
