"""Replicas of one record for the laws of merge: edits with causes, and a model that merge obeys.

The model is written from the definition, over the whole set of known edits at once, so it cannot
depend on an order: a head is a value that no known edit names as overwritten; the record's causal
length is the greatest of any edit; what no writer of that end had seen survives it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sync.merge.record import (
    Head,
    Heads,
    RecordChange,
    RecordState,
    conflicts_of,
    merge,
    shown_value,
)
from sync.model.change import Operation, Value
from sync.model.schema import AUTO_RESOLVED, FieldSchema, Kind, Policy
from sync.model.version import Version, version_of

YEAR_MS = 365 * 86_400_000
FIELDS = {
    "name": FieldSchema("name"),
    "owner": FieldSchema("owner", policy=Policy.OWNER, owners=(2, 3)),
    "rank": FieldSchema("rank", policy=Policy.HIGHER),
    "most": FieldSchema("most", Kind.INT, Policy.MAX),
    "least": FieldSchema("least", Kind.INT, Policy.MIN),
    "tags": FieldSchema("tags", policy=Policy.UNION),
    "note": FieldSchema("note", policy=Policy.MANUAL),
}
LEVELS = (3, 2, 1, 0)  # of the replicas, by number


@dataclass(frozen=True, slots=True)
class Known:
    """An edit, who made it, and the versions of the edits that its writer knew."""

    change: RecordChange
    causes: frozenset[Version]

    @property
    def version(self) -> Version:
        return self.change.version


@dataclass(slots=True)
class Replica:
    """One office's copy: makes edits on what it holds, takes others' when their causes are here."""

    number: int
    schema: Mapping[str, FieldSchema] = field(default_factory=lambda: FIELDS)
    state: RecordState | None = None
    known: dict[Version, Known] = field(default_factory=dict)
    clock: int = 0

    def stamp(self, at: int | None = None) -> Version:
        """Return the next version; `at` sets the clock, wherever others' clocks stand."""
        self.clock = max(self.clock + 1, at if at is not None else 0)
        return version_of(self.clock, self.number + 1)

    def see_clocks(self) -> None:
        """Have the next stamp come after all that is known, as a healthy clock does."""
        stamps = (int.from_bytes(v[:8], "big") for v in self.known)
        self.clock = max(self.clock, *stamps, 0)

    def create(self, values: Mapping[str, Value], at: int | None = None) -> Known:
        full = {name: values.get(name) for name in self.schema}
        return self._make(Operation.CREATE, full, at, causal_length=0)

    def update(
        self,
        values: Mapping[str, Value],
        at: int | None = None,
        resolves: Mapping[str, tuple[Version, ...]] | None = None,
    ) -> Known:
        """Change or, when the record has ended, re-create it."""
        assert self.state is not None
        resolved = {n: self._covered(n, (resolves or {}).get(n, ())) for n in values}
        bases = {n: self.state.fields[n].shown.version for n in values}
        return self._make(
            Operation.UPDATE,
            values,
            at,
            causal_length=self.state.causal_length,
            bases=bases,
            resolved=resolved,
        )

    def delete(
        self,
        at: int | None = None,
        resolves: Mapping[str, tuple[Version, ...]] | None = None,
    ) -> Known:
        """End the record, or end it again having seen what stands against it."""
        assert self.state is not None
        fields = self.state.fields
        resolved = {n: self._covered(n, (resolves or {}).get(n, ())) for n in fields}
        bases = {n: heads.shown.version for n, heads in fields.items()}
        return self._make(
            Operation.DELETE,
            {},
            at,
            causal_length=self.state.causal_length,
            bases=bases,
            resolved=resolved,
        )

    def losers(self) -> dict[str, tuple[Version, ...]]:
        """Return what a person who settles everything has on the screen."""
        assert self.state is not None
        return {
            n: tuple(h.version for h in heads.losers)
            for n, heads in self.state.fields.items()
            if heads.losers
        }

    def _covered(self, name: str, also: tuple[Version, ...]) -> tuple[Version, ...]:
        """As `Composer` does: a combined or equal value was on the screen with all its parts."""
        assert self.state is not None
        heads = self.state.fields[name]
        silent = self.schema[name].policy in AUTO_RESOLVED
        covered = (h.version for h in heads.losers if silent or h.value == heads.shown.value)
        return tuple(dict.fromkeys((*covered, *also)))

    def _make(
        self,
        operation: Operation,
        values: Mapping[str, Value],
        at: int | None,
        *,
        causal_length: int,
        bases: Mapping[str, Version] | None = None,
        resolved: Mapping[str, tuple[Version, ...]] | None = None,
    ) -> Known:
        change = RecordChange(
            operation=operation, version=self.stamp(at), level=LEVELS[self.number], values=values,
            bases=bases or {}, causal_length=causal_length,
            resolved={n: v for n, v in (resolved or {}).items() if v},
        )  # fmt: skip
        known = Known(change, frozenset(self.known))
        assert self.receive(known)
        return known

    def receive(self, edit: Known) -> bool:
        """Join an edit; False when a cause of it is not here yet (it waits)."""
        if edit.version in self.known:
            return True
        if not edit.causes <= self.known.keys():
            return False
        joined = merge(self.state, edit.change, self.schema)
        if joined is None:
            return False
        assert merge(joined, edit.change, self.schema) == joined, "joining twice changed the copy"
        self.state = joined
        self.known[edit.version] = edit
        return True

    def receive_all(self, edits: Iterable[Known]) -> None:
        """Join edits in the order given as far as cause allows, until all are in."""
        waiting = list(edits)
        while waiting:
            left = [e for e in waiting if not self.receive(e)]
            assert len(left) < len(waiting), "an edit waits for a cause that never comes"
            waiting = left


def expected_state(edits: Iterable[Known], schema: Mapping[str, FieldSchema]) -> RecordState | None:
    """Return the copy that the definition gives for a set of edits."""
    changes = [e.change for e in edits]
    creates = [c for c in changes if c.operation is Operation.CREATE]
    if not creates:
        return None
    fields = {}
    for name, spec in schema.items():
        heads = current_heads(changes, name)
        shown = best_of(spec, heads)
        fields[name] = Heads(shown, tuple(sorted(h for h in heads if h is not shown)))
    created = min(c.version for c in creates)
    causal_length = max(map(causal_length_of, changes))
    life_versions = [
        c.version for c in changes if causal_length_of(c) == causal_length and begins(c)
    ]
    survived_delete: set[tuple[str, Version]] = set()
    if causal_length % 2 == 0:
        enders = [
            c
            for c in changes
            if c.operation is Operation.DELETE and causal_length_of(c) == causal_length
        ]
        seen = {(n, v) for c in enders for n, v in c.bases.items()}
        seen |= {(n, v) for c in enders for n, vs in c.resolved.items() for v in vs}
        survived_delete = {(n, h.version) for n, heads in fields.items() for h in heads.all} - seen
    causal_length_version = created if causal_length == 1 else max(life_versions)
    return RecordState(
        created, causal_length, causal_length_version, fields, frozenset(survived_delete)
    )


def current_heads(changes: Iterable[RecordChange], name: str) -> list[Head]:
    """Return the values of a field that nobody has overwritten knowingly."""
    writers = [c for c in changes if name in c.values]
    gone = {c.bases[name] for c in writers if name in c.bases}
    gone |= {v for c in writers for v in c.resolved.get(name, ())}
    return [Head(c.version, c.values[name], c.level) for c in writers if c.version not in gone]


def best_of(spec: FieldSchema, heads: list[Head]) -> Head:
    """Return the head to show, by the policy's words."""
    if spec.policy is Policy.OWNER:
        heads = [h for h in heads if h.level == spec.owners[0]] or heads
    elif spec.policy is Policy.HIGHER:
        top = min(h.level for h in heads)
        heads = [h for h in heads if h.level == top]
    elif spec.policy in (Policy.MAX, Policy.MIN):
        given = [h for h in heads if h.value is not None]
        if given:
            pick = max if spec.policy is Policy.MAX else min
            value = pick(h.value for h in given)  # type: ignore[type-var]
            heads = [h for h in given if h.value == value]
    return max(heads, key=lambda h: h.version)


def causal_length_of(change: RecordChange) -> int:
    """Return the life that an edit begins or goes on with."""
    match change.operation:
        case Operation.CREATE:
            return 1
        case Operation.UPDATE:
            return change.causal_length + (change.causal_length % 2 == 0)
        case Operation.DELETE:
            return change.causal_length + change.causal_length % 2


def begins(change: RecordChange) -> bool:
    """Say whether an edit begins (or ends) a life rather than writing in one."""
    return change.operation is not Operation.UPDATE or change.causal_length % 2 == 0


def assert_nothing_lost(state: RecordState, edits: Iterable[Known]) -> None:
    """INV-15: each value written is shown, is kept as a head, or was overwritten knowingly."""
    edits = list(edits)
    for name in state.fields:
        kept = {h.version for h in state.fields[name].all}
        overwritten = {e.change.bases[name] for e in edits if name in e.change.values
                       and name in e.change.bases}  # fmt: skip
        decided = {v for e in edits for v in e.change.resolved.get(name, ())}
        for edit in edits:
            if name in edit.change.values:
                assert edit.version in kept | overwritten | decided, (name, edit)


def assert_listed(state: RecordState, schema: Mapping[str, FieldSchema]) -> None:
    """Every head that loses and differs is listed, or its value is part of what is shown."""
    listed = conflicts_of(state, schema)
    for name, heads in state.fields.items():
        for loser in heads.losers:
            spec = schema[name]
            if spec.policy is Policy.UNION:
                shown = set(str(shown_value(spec, heads) or "").split(","))
                assert not loser.value or set(str(loser.value).split(",")) <= shown
            elif (
                spec.policy not in AUTO_RESOLVED
                and state.alive
                and loser.value != heads.shown.value
            ):
                assert (name, loser.version) in listed
