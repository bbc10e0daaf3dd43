"""Every pair and every three operations at once, from every state of a record, under every clock.

Three replicas stand on the same state, each does one thing without hearing the others, and the
results are joined in every order. Clocks are forced: earlier, equal to the other's, or later; an
equal clock leaves only the incarnation to decide, alike everywhere.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import pytest

from sync.merge.record import conflicts_of
from sync.model.change import Operation
from sync.model.schema import FieldSchema, Kind, Policy
from tests.support.replicas import (
    Known,
    Replica,
    assert_listed,
    assert_nothing_lost,
    expected_state,
)

SCHEMA = {
    "name": FieldSchema("name"),
    "owner": FieldSchema("owner", policy=Policy.OWNER, owners=(3, 2)),
    "rank": FieldSchema("rank", policy=Policy.HIGHER),
    "most": FieldSchema("most", Kind.INT, Policy.MAX),
    "tags": FieldSchema("tags", policy=Policy.UNION),
}
TICKS = (50, 60, 70)  # earlier, equal, later; all after the state that they stand on
EQUAL = 60


def values(who: int) -> dict[str, object]:
    return {
        "name": f"n{who}",
        "owner": f"o{who}",
        "rank": f"r{who}",
        "most": who,
        "tags": f"t{who}",
    }


SAME = {"name": "same", "owner": "same", "rank": "same", "most": 9, "tags": "same"}


def settle(office: Replica, at: int) -> Known:
    """Decide every conflict that is on the screen, for a value of one's own."""
    losers = office.losers()
    return office.update({**dict.fromkeys(losers or ("name",), "decided")}, at, losers)


# What an office may do with a record that it holds. On an ended one, a write brings it back.
ACTIONS: dict[str, Callable[[Replica, int], Known]] = {
    "write": lambda office, at: office.update(values(office.number), at),
    "write the same": lambda office, at: office.update(SAME, at),
    "write one field": lambda office, at: office.update({"name": f"only {office.number}"}, at),
    "clear": lambda office, at: office.update(dict.fromkeys(SCHEMA), at),
    "end": lambda office, at: office.delete(at),
    "end having seen": lambda office, at: office.delete(at, office.losers()),
    "settle": settle,
    "create again": lambda office, at: office.create(values(office.number), at),
}


def plain(offices: Sequence[Replica]) -> None:
    """A record that all hold."""
    offices[0].create({"name": "first", "most": 1, "tags": "a"}, 1)


def disputed(offices: Sequence[Replica]) -> None:
    """With a conflict in every field."""
    plain(offices)
    share(offices)
    offices[0].update({"name": "mine", "owner": "mine", "rank": "mine", "tags": "b"}, 10)
    offices[1].update({"name": "theirs", "owner": "theirs", "rank": "theirs", "tags": "c"}, 10)


def ended(offices: Sequence[Replica]) -> None:
    plain(offices)
    offices[0].delete(10)


def ended_concurrently_with_an_edit(offices: Sequence[Replica]) -> None:
    """Ended by one while another wrote what the first never saw."""
    plain(offices)
    share(offices)
    offices[0].delete(10)
    offices[1].update({"name": "survived_delete"}, 10)


def restored(offices: Sequence[Replica]) -> None:
    """Ended, and re-created since."""
    ended(offices)
    offices[0].update({"name": "again"}, 20)


def restored_twice_concurrently(offices: Sequence[Replica]) -> None:
    ended(offices)
    share(offices)
    offices[0].update({"name": "mine"}, 20)
    offices[1].update({"name": "theirs"}, 20)


STATES = (
    plain,
    disputed,
    ended,
    ended_concurrently_with_an_edit,
    restored,
    restored_twice_concurrently,
)


def share(offices: Sequence[Replica]) -> None:
    """Have everybody receive everything."""
    for one, other in itertools.permutations(offices, 2):
        one.receive_all(other.known.values())


def concurrently(
    state: Callable[[Sequence[Replica]], None], what: Sequence[str], clocks: Sequence[int]
) -> tuple[list[Known], list[Known]]:
    """Return the edits that all stand on, and those that were made apart."""
    offices = [Replica(n, SCHEMA) for n in range(3)]
    state(offices)
    share(offices)
    before = list(offices[0].known.values())
    return before, [
        ACTIONS[name](office, at) for office, name, at in zip(offices, what, clocks, strict=False)
    ]


def assert_one_winner(before: list[Known], made: list[Known]) -> None:
    """In every order the same copy, the definition's; no value lost; every conflict listed."""
    first = None
    for order in itertools.permutations(made):
        reader = Replica(3, SCHEMA)
        reader.receive_all(before)
        for edit in order:
            assert reader.receive(edit)
        first = first or reader.state
        assert reader.state == first
    assert first is not None
    assert first == expected_state([*before, *made], SCHEMA)
    assert_nothing_lost(first, [*before, *made])
    assert_listed(first, SCHEMA)


@pytest.mark.parametrize("state", STATES)
def test_every_pair_of_operations_under_every_clock_has_one_outcome(state):
    cases = 0
    for what in itertools.product(ACTIONS, repeat=2):
        for clocks in itertools.product(TICKS, repeat=2):
            assert_one_winner(*concurrently(state, what, clocks))
            cases += 1
    assert cases == len(ACTIONS) ** 2 * len(TICKS) ** 2


@pytest.mark.parametrize("state", STATES)
def test_every_three_operations_at_equal_clocks_have_one_outcome(state):
    cases = 0
    for what in itertools.product(ACTIONS, repeat=3):
        before, made = concurrently(state, what, (EQUAL,) * 3)
        assert len({edit.version[:8] for edit in made}) == 1
        assert_one_winner(before, made)
        cases += 1
    assert cases == len(ACTIONS) ** 3


@pytest.mark.parametrize("state", [plain, restored])
@pytest.mark.parametrize("clocks", list(itertools.product(TICKS, repeat=2)))
@pytest.mark.parametrize("what", ["write", "write one field", "clear"])
def test_a_record_deleted_while_another_office_wrote_is_deleted_with_a_conflict(
    state, clocks, what
):
    before, made = concurrently(state, ("end", what), clocks)
    reader = Replica(3, SCHEMA)
    reader.receive_all([*before, *made])
    assert reader.state is not None
    assert not reader.state.alive
    assert all(found.deleted for found in conflicts_of(reader.state, SCHEMA).values())
    assert conflicts_of(reader.state, SCHEMA)


@pytest.mark.parametrize("clocks", list(itertools.product(TICKS, repeat=3)))
def test_two_concurrent_deletes_are_one_delete_without_conflict(clocks):
    before, made = concurrently(plain, ("end", "end having seen", "end"), clocks)
    reader = Replica(3, SCHEMA)
    reader.receive_all([*before, *made])
    assert reader.state is not None
    assert reader.state.causal_length == 2
    assert conflicts_of(reader.state, SCHEMA) == {}


@pytest.mark.parametrize("clocks", list(itertools.product(TICKS, repeat=2)))
def test_a_delete_of_an_earlier_causal_length_does_not_delete_the_restored_record(clocks):
    """One ends the record again without having received that another brought it back."""
    before, made = concurrently(ended, ("end", "write"), clocks)
    reader = Replica(3, SCHEMA)
    reader.receive_all([*before, *made])
    assert reader.state is not None
    assert (reader.state.alive, reader.state.causal_length) == (True, 3)


@pytest.mark.parametrize("length", [1, 2, 3])
def test_deletes_and_restores_received_in_reverse_order_wait_and_then_agree(length):
    """Who receives the last edit first applies nothing of it until its causes are there."""
    writer = Replica(0, SCHEMA)
    writer.create({"name": "first"}, 1)
    for n in range(length):
        writer.delete()
        writer.update({"name": f"again {n}"})
    edits = list(writer.known.values())
    reader = Replica(3, SCHEMA)
    reader.receive_all(reversed(edits))
    assert reader.state == writer.state
    assert reader.state is not None
    assert reader.state.causal_length == 2 * length + 1


def test_a_restore_is_merged_by_an_office_that_never_saw_the_delete():
    """The end and the re-creation arrive together at one who only knows the first life."""
    writer, reader = Replica(0, SCHEMA), Replica(3, SCHEMA)
    reader.receive(writer.create({"name": "first"}, 1))
    end, again = writer.delete(), writer.update({"name": "again"})
    edit = reader.update({"name": "meanwhile"})
    reader.receive_all([end, again])
    writer.receive(edit)
    assert reader.state == writer.state
    assert reader.state is not None
    assert reader.state.alive
    assert reader.state.fields["name"].shown.value == "again"
    assert [c.loser.value for c in conflicts_of(reader.state, SCHEMA).values()] == ["meanwhile"]


def test_the_operations_table_covers_create_update_and_delete():
    """Guards the table above: each kind of operation is in it."""
    made = {name: concurrently(plain, (name,), (EQUAL,))[1][0].change.operation for name in ACTIONS}
    assert set(made.values()) == {Operation.CREATE, Operation.UPDATE, Operation.DELETE}
