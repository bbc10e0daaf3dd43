"""Ended records whose values are gone: merge goes by versions, so nothing else is different."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sync.merge.copies import join
from sync.merge.record import Heads, RecordState
from sync.model.schema import FieldSchema, Lane, RegisterSchema
from sync.model.version import Version
from sync.retention.redact import removable
from tests.property.test_copy_laws import scripts
from tests.property.test_merge_laws import play
from tests.support.replicas import FIELDS, Known, Replica, expected_state

OFFICES = 3
KEEPER = 0  # ends records and begins other lives of them; the others only edit
SCHEMA = {n: FIELDS[n] for n in ("name", "note", "tags", "most", "rank")}
LEVEL = 3

offices = st.integers(0, OFFICES - 1)
texts = st.sampled_from(["a", "b", "a,c", None])
clocks = st.one_of(st.none(), st.integers(0, 40))


def redacted(state: RecordState, schema: Mapping[str, FieldSchema]) -> RecordState:
    """Return a copy without the values that retention takes, if it may be a stub."""
    if state.alive or state.survived_delete:
        return state
    register = RegisterSchema("x", Lane.BULK, tuple(schema.values()))
    fields = dict(state.fields)
    for name in removable(register, LEVEL):
        if name in fields:
            shown, losers = fields[name]
            fields[name] = Heads(
                shown._replace(value=None), tuple(h._replace(value=None) for h in losers)
            )
    return replace(state, fields=fields)


def without_values(state: RecordState | None) -> object:
    """Return all that a copy holds but its values."""
    if state is None:
        return None
    heads = {n: [h.version for h in heads.all] for n, heads in state.fields.items()}
    return (
        state.created,
        state.causal_length,
        state.causal_length_version,
        state.survived_delete,
        heads,
    )


class Redaction(RuleBasedStateMachine):
    """Three copies of one record, redacted wherever and as often as allowed.

    The model is made of the edits alone and is never redacted.
    """

    def __init__(self) -> None:
        super().__init__()
        self.offices = [Replica(n, SCHEMA) for n in range(OFFICES)]
        self.made: list[Known] = []

    @initialize(value=texts)
    def create(self, value: str | None) -> None:
        self.made.append(self.offices[KEEPER].create({"name": value, "tags": value, "most": 1}))
        for office in self.offices[1:]:
            office.receive_all(self.made)

    def alive(self, who: int) -> bool:
        state = self.offices[who].state
        return state is not None and state.alive

    @rule(who=offices, value=texts, most=st.integers(0, 3), at=clocks)
    def write(self, who: int, value: str | None, most: int, at: int | None) -> None:
        if self.alive(who):
            values = {"name": value, "tags": value, "note": value, "most": most}
            self.made.append(self.offices[who].update(values, at))

    @rule(at=clocks, settle=st.booleans())
    def end(self, at: int | None, *, settle: bool) -> None:
        office = self.offices[KEEPER]
        self.made.append(office.delete(at, office.losers() if settle else None))

    @precondition(lambda self: not self.alive(KEEPER))
    @rule(value=texts, at=clocks)
    def restore(self, value: str | None, at: int | None) -> None:
        """As `Composer` does: all fields are said, on all that the end had seen."""
        office = self.offices[KEEPER]
        assert office.state is not None
        seen: dict[str, tuple[Version, ...]] = {
            n: tuple(
                h.version
                for h in heads.losers
                if (n, h.version) not in office.state.survived_delete
            )
            for n, heads in office.state.fields.items()
        }
        values = dict.fromkeys(SCHEMA, value) | {"most": 2}
        self.made.append(office.update(values, at, seen))

    @rule(who=offices)
    def redact(self, who: int) -> None:
        office = self.offices[who]
        assert office.state is not None
        office.state = redacted(office.state, SCHEMA)

    @rule(who=offices, other=offices, most=st.integers(1, 4))
    def receive(self, who: int, other: int, most: int) -> None:
        news = [e for v, e in self.offices[other].known.items() if v not in self.offices[who].known]
        for edit in news[:most]:
            self.offices[who].receive(edit)

    @invariant()
    def redaction_changes_nothing_but_values(self) -> None:
        for office in self.offices:
            assert without_values(office.state) == without_values(
                expected_state(office.known.values(), SCHEMA)
            )

    def teardown(self) -> None:
        """When all have received all, what is active is the same everywhere, values too (INV-7)."""
        for office in self.offices:
            office.receive_all(self.made)
            expected = expected_state(office.known.values(), SCHEMA)
            assert without_values(office.state) == without_values(expected)
            if expected is not None and expected.alive:
                assert office.state == expected


Redaction.TestCase.settings = settings(max_examples=150, stateful_step_count=30)
TestRedaction = Redaction.TestCase


@settings(max_examples=200)
@given(scripts)
def test_a_redacted_record_joins_a_copy_as_the_full_record_would(script):
    made, _ = play(script)
    stored = [(o.state, frozenset(o.known)) for o in made if o.state is not None]
    for one, received_here in stored:
        for two, received_there in stored:
            known = {"received_here": received_here, "received_there": received_there}
            whole = join(one, two, FIELDS, **known)
            for mine, theirs in ((redacted(one, FIELDS), two), (one, redacted(two, FIELDS))):
                assert without_values(join(mine, theirs, FIELDS, **known)) == without_values(whole)


def test_a_redacted_record_has_none_of_the_removable_values():
    office = Replica(KEEPER, SCHEMA)
    office.create({"name": "a", "tags": "b", "note": "c", "rank": "d", "most": 4})
    office.delete()
    assert office.state is not None
    redacted_record = redacted(office.state, SCHEMA)
    shown = {name: heads.shown.value for name, heads in redacted_record.fields.items()}
    assert shown == {"name": None, "tags": None, "note": None, "rank": None, "most": 4}
