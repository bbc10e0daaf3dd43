"""What is written once stays as it was written, whoever would change it and by whichever way."""

from __future__ import annotations

import pytest

from sync.apply import applier
from sync.apply.compose import NotWritable
from sync.merge.copies import EMPTY, Chunk
from sync.model.change import Operation, RecordKey
from sync.model.schema import FieldSchema, Kind, Lane, Policy, RegisterSchema, Schema
from tests.storage.conftest import OpenSite
from tests.storage.test_apply_contract import block_of, raw_batch
from tests.storage.test_copy_contract import chunk_from, join
from tests.storage.test_repair import CORRUPTIONS, NOBODY, corrupt, meet, register_own_incarnation
from tests.support.sites import GARDEN, NOTICE, ORCHID, STREET, Site, record_id

FIELDS = (
    FieldSchema("name"), FieldSchema("rank"), FieldSchema("most", Kind.INT), FieldSchema("tags"),
)  # fmt: skip
FREE = RegisterSchema("person", Lane.BULK, FIELDS)
KEPT = RegisterSchema(
    "person", Lane.BULK,
    tuple(FieldSchema(f.name, f.kind, Policy.FIRST) for f in FIELDS),
    append_only=True,
)  # fmt: skip
SCHEMA, LYING = Schema.of([KEPT, NOTICE]), Schema.of([FREE, NOTICE])
REFUSALS = {"name": "four", "most": 400}
NAME = RecordKey("person", GARDEN, record_id(1))


def honest_and_liar(open_site: OpenSite) -> tuple[Site, Site]:
    """Return a community whose program lets it rewrite what it wrote, and its honest street."""
    garden, street = open_site(GARDEN, schema=LYING), open_site(STREET, schema=SCHEMA)
    garden.commit(garden.create(1, **REFUSALS), garden.create(2, **REFUSALS))
    garden.send(street)
    return garden, street


def test_its_own_office_neither_changes_nor_ends_it(open_site):
    garden = open_site(GARDEN, schema=SCHEMA)
    garden.commit(garden.create(1, **REFUSALS))
    for edit in (garden.update(1, most=1), garden.delete(1)):
        with pytest.raises(NotWritable) as refused:
            garden.commit(edit)
        assert "append_only" in refused.value.en
    assert garden.value(1, "most") == 400


@pytest.mark.parametrize("what", ["one field", "every field", "ended"])
def test_a_receiver_quarantines_what_rewrites_it_and_goes_on(open_site, what):
    garden, street = honest_and_liar(open_site)
    edits = {
        "one field": lambda: garden.update(1, most=1),
        "every field": lambda: garden.update(1, name="one", rank="z", most=1, tags="t"),
        "ended": lambda: garden.delete(1),
    }
    garden.commit(edits[what](), garden.create(3, **REFUSALS))
    garden.send(street)
    assert [street.value(n, "most", GARDEN) for n in (1, 2, 3)] == [400, 400, 400]
    assert street.quarantined() == [("append_only", "open")]
    garden.commit(garden.create(4, **REFUSALS))
    garden.send(street)
    assert street.value(4, "most", GARDEN) == 400


def test_what_comes_from_above_is_judged_alike(open_site):
    street, garden = open_site(STREET, schema=LYING), open_site(GARDEN, schema=SCHEMA)
    street.commit(street.create(1, GARDEN, **REFUSALS))
    street.send(garden)
    street.commit(street.update(1, GARDEN, most=1))
    street.send(garden)
    assert garden.value(1, "most") == 400
    assert garden.quarantined() == [("append_only", "open")]


def test_a_quarantined_rewriting_stays_quarantined_however_often_it_is_tried(open_site):
    garden, street = honest_and_liar(open_site)
    garden.commit(garden.update(1, most=1))
    garden.send(street)
    street.store.write(lambda tx: applier.retry_quarantined(street.replica, tx, "1=1"))
    assert street.value(1, "most", GARDEN) == 400
    assert street.quarantined() == [("append_only", "open")]


@pytest.mark.parametrize("orders", [(0, 1), (1, 0)])
def test_of_two_made_apart_under_one_id_the_first_is_shown_in_any_order(open_site, orders):
    """A backup was put back and the office went on: both are kept, and everybody shows one."""
    street, garden = open_site(STREET, schema=SCHEMA), open_site(GARDEN, schema=SCHEMA)
    other = open_site(GARDEN, schema=SCHEMA, incarnation=77)
    garden.commit(garden.create(1, name="first", most=1))
    other.now_ms += 1_000
    other.commit(other.create(1, name="second", most=2))
    batches = [garden.batch_up(), other.batch_up()]
    for order in orders:
        street.take(batches[order], GARDEN)
    assert (street.value(1, "name", GARDEN), street.value(1, "most", GARDEN)) == ("first", 1)
    (state,) = street.states().values()
    assert [h.value for h in state.fields["most"].losers] == [2]
    assert street.quarantined() == []


# -- copies ------------------------------------------------------------------------------------


def rewritten(open_site: OpenSite, **values: object) -> tuple[Chunk, Site]:
    garden, street = honest_and_liar(open_site)
    garden.commit(garden.update(1, **values))
    return chunk_from(garden, GARDEN), street


@pytest.mark.parametrize("received_here", [None, EMPTY], ids=["in step", "to be repaired"])
@pytest.mark.parametrize("values", [{"most": 1}, {"name": "n", "rank": "z", "most": 1, "tags": ""}])
def test_a_copy_that_was_rewritten_is_not_joined(open_site, values, received_here):
    chunk, street = rewritten(open_site, **values)
    join(street, chunk, received_here=received_here)
    assert street.value(1, "most", GARDEN) == 400
    assert street.value(2, "most", GARDEN) == 400
    assert [reason for reason, _ in street.quarantined()] == ["append_only"]


def test_a_copy_that_was_ended_is_not_joined(open_site):
    garden, street = honest_and_liar(open_site)
    garden.commit(garden.delete(1))
    join(street, chunk_from(garden, GARDEN))
    assert street.value(1, "most", GARDEN) == 400
    assert [reason for reason, _ in street.quarantined()] == ["append_only"]


def test_copies_as_they_were_written_are_joined_and_joined_again(open_site):
    garden, street = honest_and_liar(open_site)
    fresh = open_site(STREET, schema=SCHEMA)
    for site in (street, fresh, fresh):
        join(site, chunk_from(garden, GARDEN))
        assert site.quarantined() == []
        assert site.states() == garden.states()


# -- repairs -----------------------------------------------------------------------------------


def test_a_comparison_does_not_carry_a_rewriting_upward(open_site):
    garden, street = honest_and_liar(open_site)
    register_own_incarnation(garden)
    register_own_incarnation(street)
    garden.commit(garden.update(1, most=1))
    meet(garden, street, NAME)
    assert street.value(1, "most", GARDEN) == 400


@pytest.mark.parametrize("where", [GARDEN, STREET])
@pytest.mark.parametrize("what", [what for what in CORRUPTIONS if "loser" not in what])
def test_what_rotted_is_repaired_as_in_any_register(open_site, what, where):
    garden, street = open_site(GARDEN, schema=SCHEMA), open_site(STREET, schema=SCHEMA)
    garden.commit(*(garden.create(n, **REFUSALS) for n in range(4)))
    garden.send(street)
    register_own_incarnation(garden)
    register_own_incarnation(street)
    right = garden.records()
    rotten = garden if where == GARDEN else street
    corrupt(
        rotten, CORRUPTIONS[what], i=NAME.id, **({"v": NOBODY} if ":v" in CORRUPTIONS[what] else {})
    )
    assert meet(garden, street, NAME) == {}
    assert garden.records() == street.records() == right


def test_who_may_not_write_it_is_refused_first(open_site):
    garden, street = open_site(GARDEN, schema=SCHEMA), open_site(STREET, schema=SCHEMA)
    bad = block_of(ORCHID, 1, operation=Operation.UPDATE, base=bytes(16), causal_length=1)
    street.take(raw_batch(garden, bad), GARDEN)
    assert street.quarantined() == [("foreign_unit", "open")]
