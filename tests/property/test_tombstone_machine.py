"""A record ended, edited and brought back at three offices in every order: who decides its life."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sync.merge.record import conflicts_of
from sync.model.change import Operation
from tests.support.replicas import (
    FIELDS,
    Known,
    Replica,
    assert_nothing_lost,
    causal_length_of,
    expected_state,
)

OFFICES = 3
SCHEMA = {n: FIELDS[n] for n in ("name", "tags", "most")}

offices = st.integers(0, OFFICES - 1)
texts = st.sampled_from(["a", "b", "a,c", None])
clocks = st.one_of(st.none(), st.integers(0, 40))  # a clock may be set anywhere ahead


class DeleteAndRestore(RuleBasedStateMachine):
    """Three copies of one record; whoever edits knows no more than what it has received."""

    def __init__(self) -> None:
        super().__init__()
        self.offices = [Replica(n, SCHEMA) for n in range(OFFICES)]
        self.made: list[Known] = []

    def ended(self, who: int) -> bool:
        state = self.offices[who].state
        return state is not None and not state.alive

    @initialize(value=texts)
    def create(self, value: str | None) -> None:
        self.made.append(self.offices[0].create({"name": value, "tags": value, "most": 1}))
        for office in self.offices[1:]:
            office.receive_all(self.made)

    @rule(who=offices, value=texts, at=clocks)
    def write(self, who: int, value: str | None, at: int | None) -> None:
        """Change the record or, where it has ended, bring it back."""
        self.made.append(self.offices[who].update({"name": value, "tags": value}, at))

    @rule(who=offices, at=clocks, settle=st.booleans())
    def end(self, who: int, at: int | None, *, settle: bool) -> None:
        """End it, or end it again; with `settle` by somebody who read what stood against it."""
        office = self.offices[who]
        self.made.append(office.delete(at, office.losers() if settle else None))

    @rule(who=offices, other=offices, most=st.integers(1, 4))
    def receive(self, who: int, other: int, most: int) -> None:
        news = [e for v, e in self.offices[other].known.items() if v not in self.offices[who].known]
        for edit in news[:most]:
            self.offices[who].receive(edit)

    @rule(who=offices, other=offices)
    def receive_in_reverse(self, who: int, other: int) -> None:
        """A line that turns the order round: what came before its cause waits."""
        news = [e for v, e in self.offices[other].known.items() if v not in self.offices[who].known]
        self.offices[who].receive_all(reversed(news))

    @precondition(lambda self: any(self.ended(n) for n in range(OFFICES)))
    @rule(who=offices)
    def receive_everything_again(self, who: int) -> None:
        office = self.offices[who]
        before = office.state
        office.receive_all(list(office.known.values()))
        assert office.state == before

    @invariant()
    def a_copy_depends_on_its_edits_and_not_on_their_order(self) -> None:
        for office in self.offices:
            assert office.state == expected_state(office.known.values(), SCHEMA)

    @invariant()
    def only_an_edit_made_after_the_delete_restores_a_record(self) -> None:
        """An edit made in ignorance of an end, however late its clock, does not undo it."""
        for office in self.offices:
            ends = [e for e in office.known.values() if e.change.operation is Operation.DELETE]
            if not ends or office.state is None:
                continue
            newest = max(causal_length_of(e.change) for e in ends)
            if office.state.causal_length > newest:
                knew = [
                    e for e in office.known.values()
                    if e.change.operation is Operation.UPDATE and e.change.causal_length >= newest
                ]  # fmt: skip
                assert knew, "alive again and nobody who knew of the end said so"
            else:
                assert not office.state.alive

    @invariant()
    def edits_concurrent_with_a_delete_stay_listed(self) -> None:
        for office in self.offices:
            if office.state is None:
                continue
            assert_nothing_lost(office.state, office.known.values())
            if not office.state.alive:
                listed = conflicts_of(office.state, SCHEMA)
                assert set(listed) == office.state.survived_delete

    def teardown(self) -> None:
        """When all have received all, all have the same bytes (INV-7)."""
        for office in self.offices:
            office.receive_all(self.made)
        assert all(office.state == self.offices[0].state for office in self.offices)


DeleteAndRestore.TestCase.settings = settings(max_examples=150, stateful_step_count=30)
TestDeleteAndRestore = DeleteAndRestore.TestCase
