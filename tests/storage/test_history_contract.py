"""A record's history, read from the logs: every edit with who, from what and to what."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest

from sync.log import local_log
from sync.log.edit_history import History, erase_local, history_of, losers_of
from sync.model.attribution import UNKNOWN, Attribution, BadAttribution
from sync.model.change import Edit, Operation, RecordKey, Value
from sync.model.version import Version
from sync.store.sql import execute
from tests.support.sites import DISTRICT, GARDEN, STREET, Site, key, record_id

WANG, ZHAO = Attribution("王", "换证"), Attribution("赵")


def history(site: Site, number: int, unit: int = GARDEN) -> History:
    name = RecordKey("person", unit, record_id(number))
    with site.store.read() as tx:
        return history_of(tx, name, site.states()[unit, name.id], losers_of(tx, name))


def reported(found: History, field_: str = "name") -> list[tuple[str, Value, Value]]:
    """Return (who, from, to) of one field's edits."""
    return [
        (edit.by.actor, change.old, change.new)
        for edit in found.edits
        for change in edit.fields
        if change.field == field_
    ]


def family(open_site, *, city: bool = False) -> tuple[Site, Site, Site]:
    return open_site(GARDEN), open_site(STREET), open_site(DISTRICT)


def test_every_former_value_and_its_writer_is_known_at_every_office(open_site):
    garden, street, district = family(open_site)
    garden.commit(garden.create(1, name="320.50"), by=WANG)
    for value, by in (("400", ZHAO), ("330", WANG)):
        garden.commit(garden.update(1, name=value), by=by)
    garden.send(street)
    street.send(district)
    for site in (garden, street, district):
        found = history(site, 1)
        assert reported(found) == [
            ("王", None, "320.50"),
            ("赵", "320.50", "400"),
            ("王", "400", "330"),
        ]
        assert found.missing == frozenset()
        assert found.edits[0].by.reason == "换证"


def test_a_value_that_was_shown_when_a_person_decided_otherwise_is_still_shown(open_site):
    """The decision overwrites what was shown and settles the loser: both stay to be seen."""
    garden, street, _ = family(open_site)
    garden.commit(garden.create(1, name="A"))
    garden.send(street)
    street.commit(street.update(1, GARDEN, name="UP"), by=ZHAO)
    garden.commit(garden.update(1, name="DOWN"), by=WANG)
    garden.send(street)
    street.send(garden)
    (state,) = garden.states().values()
    losers = [head.version for head in state.fields["name"].losers]
    garden.commit(garden.update(1, resolves={"name": losers}, name="THIRD"), by=WANG)
    garden.send(street)
    for site in (garden, street):
        assert {(who, new) for who, _, new in reported(history(site, 1))} == {
            ("", "A"), ("赵", "UP"), ("王", "DOWN"), ("王", "THIRD"),
        }  # fmt: skip


def test_ends_and_new_beginnings_are_listed_one_after_the_other(open_site):
    garden, street, _ = family(open_site)
    garden.commit(garden.create(1, name="A"), by=WANG)
    for _ in range(3):
        garden.commit(garden.delete(1), by=ZHAO)
        garden.commit(garden.update(1, name="A"), by=WANG)
    garden.send(street)
    for site in (garden, street):
        edits = history(site, 1).edits
        assert [e.operation for e in edits] == [Operation.CREATE] + 3 * [
            Operation.DELETE, Operation.UPDATE,
        ]  # fmt: skip
        assert [e.begins for e in edits] == [False, *(3 * [False, True])]
        assert [e.by.actor for e in edits] == ["王", *(3 * ["赵", "王"])]


def test_what_no_other_office_receives_has_its_history_too(open_site):
    garden, street, _ = family(open_site)

    def alone(edit: Edit) -> Edit:
        return edit._replace(audiences=())

    garden.commit(alone(garden.create(1, name="A")), by=WANG)
    garden.commit(alone(garden.update(1, name="B")), by=ZHAO)
    garden.commit(alone(garden.delete(1)), by=WANG)
    assert reported(history(garden, 1)) == [("王", None, "A"), ("赵", "A", "B")]
    assert [e.operation for e in history(garden, 1).edits][-1] is Operation.DELETE
    assert garden.batch_up().entries == ()  # and no other office receives it
    garden.send(street)
    assert street.states() == {}


def test_a_name_goes_with_what_the_person_did_and_not_with_what_followed(open_site):
    """Who enters a resident is nobody's business above: only the sums that follow go there."""
    from tests.storage.test_apply_contract import CountingFold

    garden = open_site(GARDEN, folds=(CountingFold(),))
    garden.commit(garden.create(1, name="A")._replace(audiences=()), by=WANG)
    entries = garden.batch_up().entries
    assert all("王".encode() not in wire for wire in entries)


def test_where_the_log_is_cut_the_history_says_how_much_is_missing(open_site):
    garden, street, _ = family(open_site)
    garden.commit(garden.create(1, name="A"))
    garden.commit(garden.update(1, name="B"))
    garden.commit(garden.update(1, name="C"), by=WANG)
    garden.send(street)

    def cut(tx):
        gone = (street.position(1), street.position(2))
        execute(tx, "DELETE FROM entry WHERE arrival IN (?, ?)", gone)

    street.store.write(cut)
    found = history(street, 1)
    assert reported(found) == [("王", None, "C")]
    assert not found.edits[-1].fields[0].old_known  # unknown is not empty
    assert len(found.missing) == 2
    assert history(garden, 1).missing == frozenset()


def test_an_edit_without_a_log_is_known_by_what_is_of_it(open_site):
    garden = open_site(GARDEN)
    garden.commit(garden.create(1, name="A", rank="p"), by=WANG)
    garden.commit(garden.update(1, name="B"), by=ZHAO)
    garden.store.write(lambda tx: execute(tx, "DELETE FROM entry", ()))
    first, last = history(garden, 1).edits
    assert {c.field: c.new for c in first.fields if c.new} == {"rank": "p"}
    assert [(c.field, c.new, c.old_known) for c in last.fields] == [("name", "B", False)]
    assert {first.operation, last.operation, first.by, last.by} == {None, UNKNOWN}


def test_what_is_erased_of_a_record_leaves_the_others_of_its_transaction(open_site):
    garden = open_site(GARDEN)

    def alone(*edits: Edit) -> list[Edit]:
        return [edit._replace(audiences=()) for edit in edits]

    garden.commit(*alone(garden.create(1, name="A"), garden.create(2, name="B")), by=WANG)
    garden.commit(*alone(garden.update(1, name="AA"), garden.update(2, name="BB")), by=ZHAO)
    state = garden.states()[GARDEN, record_id(1)]
    name = RecordKey(*key(1, GARDEN))
    garden.store.write(lambda tx: erase_local(tx, name, state))
    assert len(history(garden, 1).missing) == 2
    assert reported(history(garden, 2)) == [("王", None, "B"), ("赵", "B", "BB")]
    with garden.store.read() as tx:
        payloads = [
            bytes(r[0]) for r in execute(tx, "SELECT payload FROM local_entry", ()).fetchall()
        ]
        assert local_log.extent(tx).entries == 2
    from sync.codec import entry as codec

    values = [v for p in payloads for b in codec.unpack(p) for column in b.columns for v in column]
    assert {v for v in values if v} == {"B", "BB"}


def test_the_local_log_is_cut_by_age(open_site):
    garden = open_site(GARDEN)
    for number in range(5):
        garden.commit(garden.create(number, name="A")._replace(audiences=()))
        garden.now_ms += 1_000
    middle = garden.now_ms - 2_500
    assert garden.store.write(lambda tx: local_log.cut(tx, middle, 2)).entries == 2
    assert garden.store.write(lambda tx: local_log.cut(tx, middle, 2)).entries == 1
    assert garden.store.write(lambda tx: local_log.cut(tx, middle, 2)).entries == 0
    with garden.store.read() as tx:
        assert local_log.extent(tx).entries == 2


def test_a_name_that_no_office_would_take_is_refused_before_anything_is_written(open_site):
    garden = open_site(GARDEN)
    for bad in (Attribution("王" * 101), Attribution("a\x1b[31m"), Attribution("", "x\ny")):
        with pytest.raises(BadAttribution):
            garden.commit(garden.create(1, name="A"), by=bad)
        with pytest.raises(BadAttribution):
            garden.commit(garden.create(1, name="A")._replace(audiences=()), by=bad)
    assert garden.states() == {}


# -- whatever happened ----------------------------------------------------------------------------


@dataclass
class Ledger:
    """Every transaction of a random history: what it wrote where, and what its writer saw."""

    confirmed: set[Version] = field(default_factory=set)  # ends of what had ended
    done: dict[int, dict[Version, tuple[str, Operation, dict[str, tuple[Value, Value]]]]] = field(
        default_factory=dict
    )

    def write(self, site: Site, number: int, edit: Edit, actor: str) -> None:
        before = site.states().get((GARDEN, record_id(number)))
        seen = {n: heads.shown.value for n, heads in before.fields.items()} if before else {}
        version = site.commit(edit, by=Attribution(actor)).version
        if edit.operation is Operation.DELETE and before is not None and not before.alive:
            self.confirmed.add(version)
        wrote = {n: (seen.get(n), value) for n, value in edit.values.items()}
        self.done.setdefault(number, {})[version] = (actor, edit.operation, wrote)


@pytest.mark.parametrize("seed", range(12))
def test_whatever_two_offices_wrote_apart_every_edit_is_in_everybodys_history(open_site, seed):
    rng = random.Random(seed)
    garden, street, district = family(open_site)
    ledger = Ledger()
    for step in range(40):
        site = rng.choice([garden, garden, street])
        number = rng.randrange(3)
        actor = f"{'甲' if site is garden else '乙'}{step}"
        state = site.states().get((GARDEN, record_id(number)))
        some = dict(rng.sample([("name", f"n{step}"), ("rank", f"r{step}"), ("most", step)], 2))
        if state is None:
            if site is garden:
                ledger.write(site, number, site.create(number, GARDEN, **some), actor)
        elif rng.random() < 0.25 and site is garden:
            ledger.write(site, number, site.delete(number), actor)
        else:
            ledger.write(site, number, site.update(number, GARDEN, **some), actor)
        site.now_ms += rng.choice([0, 0, 5, -5])
        if rng.random() < 0.4:
            a, b = rng.sample([garden, street], 2)
            a.send(b)
    for a, b in ((garden, street), (street, garden), (garden, street), (street, district)):
        a.send(b)
    for number, done in ledger.done.items():
        for site in (garden, street, district):
            found = history(site, number)
            assert found.missing == frozenset()
            # An end that is said again leaves no trace where a later life has begun meanwhile.
            assert done.keys() - {edit.version for edit in found.edits} <= ledger.confirmed
            for edit in found.edits:
                actor, operation, wrote = done[edit.version]
                assert (edit.by.actor, edit.operation) == (actor, operation)
                for change in edit.fields:
                    if change.field in wrote:
                        assert (change.old, change.new) == wrote[change.field]
                        assert change.old_known
