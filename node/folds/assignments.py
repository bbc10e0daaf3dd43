"""Fold assignment events into rows and cells, and write the events that follow automatically.

An office answers a dispatch with a receipt, relays work that only passes through it, reports the
progress of its parts, recalls parts when the work itself is recalled, and acts on rulings from
above. All of it happens in the transaction that brought the cause: a dispatch is never here without
its receipt.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from sqlalchemy import Connection

from node.domain.assignment import (
    AssignmentState,
    Duty,
    EventKind,
    IllegalEvent,
    State,
    overdue,
    relayed_progress,
)
from node.domain.assignment_rules import BACK_WITH_ISSUER, BEFORE_CLAIM, DONE, TERMINAL
from node.domain.contribution import CellKey
from node.domain.deadlines import Lateness
from node.domain.units import Level
from node.folds import targets as final
from node.folds.context import FoldContext
from node.folds.contributions import ContributionFold
from node.folds.event_writer import EventWriter, reaches_community
from node.store import meta
from node.store.assignments import (
    EVENT,
    Assignment,
    Row,
    Ruling,
    children_of,
    load,
    rows_of,
    save,
    select_rows,
)
from sync.model.change import Edit
from sync.model.effect import Effect

MEASURE = "assignments"
RELAY = "relay"  # the office's policy in `meta`: AUTO unless it says MANUAL
AUTO, MANUAL = "auto", "manual"
PROGRESS_STEP = 10  # points by which relayed progress must change for a new event
COMPLETED = TERMINAL | {State.VERIFIED, State.APPRAISED}
DROPPED = frozenset({State.REFUSED, State.DECLINED, State.RECALLED})
GATE = frozenset({EventKind.ADMIT, EventKind.REFUSE, EventKind.SEND_BACK})
NOT_OURS = "不属于可交社区承办的事项"


class AssignmentFold:
    """Updates `assignment` rows from `assignment_event` records."""

    def __init__(self, context: FoldContext, contributions: ContributionFold) -> None:
        self._context = context
        self._contributions = contributions
        self._me = context.unit

    def fields_read(self, register: str, unit: int) -> frozenset[str] | None:
        return frozenset() if register == EVENT else None

    def fold(self, tx: Connection, effects: Sequence[Effect]) -> Iterable[Edit]:
        """Update rows and cells; return the cells' edits and the events that follow.

        Each row is computed from all events of its assignment, so their order does not matter.
        """
        touched = _touched(effects)
        if not touched:
            return ()
        loaded = load(tx, sorted(touched))
        moved = self._keep(tx, loaded)
        parents = {
            a.hop.parent for a in loaded.values() if a.hop.issuer == self._me and a.hop.parent
        }
        loaded |= load(tx, sorted(parents - loaded.keys()))
        edits = self._react(tx, loaded)
        return [*edits, *(self._contributions.edits(tx, moved) if moved else ())]

    def pending_events(self, tx: Connection) -> list[Edit]:
        """Return the automatic events that are due for assignments in their present state."""
        marks = ",".join("?" * len(TERMINAL))
        rows = select_rows(
            tx,
            f"(issuer=? OR assignee=?) AND state NOT IN ({marks})",
            (self._me, self._me, *sorted(state.value for state in TERMINAL)),
        )
        loaded = load(tx, sorted(row.id for row in rows))
        return self._react(tx, loaded)

    def _react(self, tx: Connection, loaded: dict[bytes, Assignment]) -> list[Edit]:
        """Write the automatic events for the present state of these assignments."""
        me = self._context
        writer = EventWriter(me.unit, me.level, me.tree, me.clock.now_ms())
        for assignment in sorted(loaded):
            if me.unit in me.tree:
                _Reactor(tx, writer, loaded, assignment).run()
        return writer.edits

    def _keep(self, tx: Connection, loaded: dict[bytes, Assignment]) -> dict[CellKey, int]:
        """Write the changed rows; return by how much this office's cells change.

        The issuer counts an assignment, so that each is counted once.
        """
        before = rows_of(tx, sorted(loaded))
        moved: dict[CellKey, int] = defaultdict(int)
        changed = []
        for assignment, one in sorted(loaded.items()):
            old = before.get(assignment)
            row = Row.of(one, flag=_flag(one, old), escalated=_escalated(one, old))
            if row == old:
                continue
            changed.append(row)
            if one.hop.issuer == self._me:
                moved[cell_of(row)] += 1
                if old is not None:
                    moved[cell_of(old)] -= 1
        save(tx, changed)
        return {key: amount for key, amount in moved.items() if amount}


class _Reactor:
    """The automatic reaction of this office to the state of one assignment."""

    def __init__(
        self,
        tx: Connection,
        writer: EventWriter,
        loaded: dict[bytes, Assignment],
        assignment: bytes,
    ) -> None:
        self._tx = tx
        self._writer = writer
        self._loaded = loaded  # with all events of this transaction so far
        self._id = assignment

    @property
    def _one(self) -> Assignment:
        return self._loaded[self._id]

    @property
    def _state(self) -> AssignmentState:
        return self._one.state

    def run(self) -> None:
        hop = self._one.hop
        if hop.issuer == self._writer.unit:
            self._apply_rulings()
        if hop.assignee == self._writer.unit:
            self._receive()
            self._follow_parts()

    def _write(self, kind: EventKind, **given: str | int | None) -> None:
        by = "issuer" if self._one.hop.issuer == self._writer.unit else "assignee"
        self._loaded[self._id] = self._writer.write_event(self._one, kind, by, **given)  # type: ignore[arg-type]

    # -- as the issuer ----------------------------------------------------------------------

    def _apply_rulings(self) -> None:
        """Make a ruling from above our own event; ignore one that the state does not allow."""
        for ruling in self._one.rulings:
            try:
                if self._fits_gate(ruling.kind, ruling.unit, ruling.seen):
                    self._follow(ruling)
                    if self._state.state is State.READY:
                        self._write(EventKind.DISPATCH, actor=ruling.actor)
                elif self._fits_dispute(ruling.kind, ruling.unit, ruling.seen):
                    self._follow(ruling)
            except IllegalEvent:
                continue

    def _follow(self, ruling: Ruling) -> None:
        self._write(ruling.kind, actor=ruling.actor, reason=ruling.reason, note=ruling.note)

    def _fits_gate(self, kind: EventKind, unit: int, seen: int) -> bool:
        """Return whether the ruling is about our last submission."""
        if self._state.state is not State.SCREENING or kind not in GATE:
            return False
        return unit == self._writer.tree.root and seen >= self._last(EventKind.SUBMIT)

    def _fits_dispute(self, kind: EventKind, unit: int, seen: int) -> bool:
        """Return whether the ruling is about the last return, by an office above us."""
        if self._state.state is not State.RETURNED or kind is not EventKind.ADJUDICATE:
            return False
        above = unit in self._writer.tree.ancestors(self._writer.unit)
        return above and seen >= self._last(EventKind.RETURN, EventKind.HAND_BACK)

    def _last(self, *kinds: EventKind) -> int:
        return max((s.event.seq for s in self._state.history if s.event.kind in kinds), default=0)

    # -- as the assignee --------------------------------------------------------------------

    def _receive(self) -> None:
        if self._state.state is State.DISPATCHED:
            self._write(EventKind.RECEIPT)
        if self._state.state is not State.DELIVERED or self._state.returns:
            return
        behind = self._targets()
        if self._unlawful(behind):
            if not self._state.bound_by_ruling:
                self._write(EventKind.RETURN, reason=NOT_OURS)
        elif self._passes_through(behind) and self._is_auto():
            self._write(EventKind.ACCEPT)
            self._write(EventKind.RELAY)
            assert self._state.duty is not None
            # After a restore, our entries for below may come back before those for above.
            opened = {part.id for part in children_of(self._tx, self._id)}
            for part in self._writer.open_hops(
                behind, self._one.work, self._state.duty, work_order=self._one.hop.work_order,
                parent=self._one, due_ms=self._state.due_ms, opened=opened,
            ):  # fmt: skip
                self._loaded[part.id] = part

    def _targets(self) -> set[int]:
        try:
            return final.read(self._writer.tree, self._writer.unit, self._one.work.targets)
        except final.OutOfLine:
            return set()

    def _unlawful(self, behind: set[int]) -> bool:
        """Return whether the sender dispatched work that this office may not be given.

        The sender refuses such work as well; the receiver checks again, by its own level.
        """
        duty, level = self._state.duty, self._writer.level
        if level != self._one.hop.level:
            return True
        if level == Level.COMMUNITY:
            return duty not in (Duty.UNDERTAKES, Duty.ASSISTS)
        known = {unit for unit in behind if unit in self._writer.tree}
        down = self._writer.tree.within(self._writer.unit, self._one.hop.issuer)
        ends_at_community = reaches_community(self._writer.tree, self._writer.unit, known)
        return down and duty is Duty.OFFICE and ends_at_community

    def _passes_through(self, behind: set[int]) -> bool:
        if not behind or self._writer.unit in behind or self._writer.level == Level.COMMUNITY:
            return False
        try:
            onward = final.next_offices(self._writer.tree, self._writer.unit, behind)
        except final.OutOfLine:
            return False  # the tree has changed meanwhile: a person decides
        return self._one.hop.issuer not in onward

    def _is_auto(self) -> bool:
        return meta.get(self._tx, RELAY) != MANUAL

    # -- parts ------------------------------------------------------------------------------

    def _follow_parts(self) -> None:
        parts = [p for p in children_of(self._tx, self._id) if p.issuer == self._writer.unit]
        if not parts:
            return
        open_parts = [p for p in parts if State(p.state) in BEFORE_CLAIM]
        if self._state.state in (State.RECALLED, State.RETURNED):
            for part in open_parts:
                self._send_to_part(part, EventKind.RECALL, reason=self._state.reason)
            return
        due_ms = self._state.due_ms
        if due_ms is not None and self._state.state in BEFORE_CLAIM and self._is_auto():
            for part in open_parts:
                if _ends_before(part.due_ms, due_ms) and _ends_before(
                    self._part(part.id).state.due_ms, due_ms
                ):
                    self._send_to_part(part, EventKind.EXTEND, due_ms=due_ms)
        if self._state.state in (State.RELAYED, State.IN_PROGRESS):
            self._report([p for p in parts if p.round >= self._state.first_round])

    def _part(self, part: bytes) -> Assignment:
        if part not in self._loaded:
            self._loaded |= load(self._tx, [part])
        return self._loaded[part]

    def _send_to_part(self, part: Row, kind: EventKind, **given: str | int | None) -> None:
        one = self._part(part.id)
        if one.state.state in BEFORE_CLAIM:
            self._loaded[part.id] = self._writer.write_event(one, kind, "issuer", **given)  # type: ignore[arg-type]

    def _report(self, parts: list[Row]) -> None:
        """Report the common progress of the parts; claim completion when all have ended."""
        together = relayed_progress([p.summary for p in parts])
        if self._worth_reporting(together.percent):
            self._write(EventKind.PROGRESS, percent=together.percent)
        states = Counter(State(p.state) for p in parts)
        done = [state for state in states if state in COMPLETED]
        nothing_done = all(state in DROPPED for state in states)
        # After a rework, or while it asks to hand the work back, a person reports for the office;
        # so too where somebody took a part away: it may be meant for another office.
        recalled = State.RECALLED in states
        person = self._state.reworks > 0 or self._state.hand_back_asked or recalled
        if len(done) < len(states) or nothing_done or person or not self._is_auto():
            return
        if self._state.state is State.RELAYED:
            self._write(EventKind.PROGRESS, percent=together.percent)
        counted = ", ".join(f"{state.value} {n}" for state, n in sorted(states.items()))
        self._write(EventKind.CLAIM, evidence=counted)

    def _worth_reporting(self, percent: int) -> bool:
        given = self._state.percent
        if percent == given:
            return False
        first = self._state.state is State.RELAYED
        return first or percent == 100 or abs(percent - given) >= PROGRESS_STEP


def _ends_before(due_ms: int | None, later_ms: int) -> bool:
    return due_ms is not None and due_ms < later_ms


def cell_of(row: Row) -> CellKey:
    """Return the cell that counts an assignment: the assignee's level and the state."""
    return CellKey(MEASURE, "", f"level={row.level};state={row.state}")


def _touched(effects: Sequence[Effect]) -> set[bytes]:
    found = set()
    for effect in effects:
        if effect.register != EVENT:
            continue
        for _, before, after in effect.changes():
            named = str((after or before or {}).get("assignment") or "")
            try:
                found.add(bytes.fromhex(named))
            except ValueError:
                continue
    return found


def _flag(one: Assignment, old: Row | None) -> str:
    """Return what is known of lateness: final after a claim, until then set by the job."""
    state = one.state
    if state.due_ms is None:
        return ""
    if state.state in DONE:
        late = overdue(state, state.due_ms + 1, None)
        return "" if late is Lateness.ON_TIME else late.value
    return old.flag if old is not None and _still_runs(one, old) else ""


def _escalated(one: Assignment, old: Row | None) -> int:
    return old.escalated if old is not None and _still_runs(one, old) else 0


def _still_runs(one: Assignment, old: Row) -> bool:
    open_ = one.state.state in BEFORE_CLAIM | BACK_WITH_ISSUER
    return open_ and one.state.due_ms == old.due_ms
