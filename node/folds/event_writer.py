"""Write an office's next events on its assignments, as records with their audiences."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass, field, replace

from node.audiences import event_audiences
from node.domain.assignment import Duty, EventKind, Writer, write
from node.domain.units import Level, Tree
from node.folds import targets as final
from node.ids import natural_id
from node.store.assignments import ABOVE, EVENT, Assignment, Hop, Work
from sync.model.change import Edit, Operation, RecordKey, Value


def actor_of_office(unit: int) -> str:
    """Return the office as the actor of automatic events: receipts, relays, cascades."""
    return f"auto:{unit}"


@dataclass(slots=True)
class EventWriter:
    """Writes events of the office `unit` within one transaction; `edits` must be committed."""

    unit: int
    level: int
    tree: Tree
    now_ms: int
    edits: list[Edit] = field(default_factory=list)

    def write_event(
        self,
        current: Assignment,
        kind: EventKind,
        by: Writer,
        *,
        actor: str = "",
        reason: str = "",
        percent: int | None = None,
        due_ms: int | None = None,
        note: str = "",
        duty: Duty | None = None,
        work: Work | None = None,
        evidence: str = "",
    ) -> Assignment:
        """Write one event and return the assignment with it folded in.

        Raises: IllegalEvent.
        """
        event = write(
            current.state,
            kind,
            by,
            assignment=current.id,
            at_ms=self.now_ms,
            actor=actor or actor_of_office(self.unit),
            unit_id=self.unit,
            reason=reason,
            percent=percent,
            due_ms=due_ms,
            note=note,
            duty=duty,
            to_community=current.hop.to_community,
        )
        values: dict[str, Value] = {
            "seq": event.seq,
            "seen": event.seen,
            "actor": event.actor,
            "reason": reason or None,
            "percent": percent,
            "due_ms": due_ms,
            "duty": duty.value if duty else None,
            "evidence": evidence or None,
            "note": note or None,
        }
        if work is not None:
            values |= {
                "title": work.title,
                "body": work.body or None,
                "targets": work.targets,
                "fee_fen": work.fee_fen or None,
            }
        other = current.hop.assignee if by == "issuer" else current.hop.issuer
        self._record(current.hop, kind, by, values, other)
        current = replace(current, work=work) if work is not None else current
        return current.with_event(event)

    def rule(
        self, current: Assignment, kind: EventKind, *, actor: str, reason: str, note: str = ""
    ) -> None:
        """Write the ruling of an office above both; the issuer acts on it when it arrives."""
        seq = 1 + max((r.seq for r in current.rulings if r.unit == self.unit), default=0)
        dispute = kind is EventKind.ADJUDICATE
        seen = current.state.assignee_seq if dispute else current.state.issuer_seq
        values: dict[str, Value] = {
            "seq": seq, "seen": seen, "actor": actor, "reason": reason or None,
            "note": note or None,
        }  # fmt: skip
        self._record(current.hop, kind, ABOVE, values, current.hop.issuer)

    def open_hops(
        self,
        targets: Iterable[int],
        work: Work,
        duty: Duty,
        *,
        work_order: bytes,
        parent: Assignment | None,
        due_ms: int | None,
        actor: str = "",
        opened: Container[bytes] = (),
    ) -> list[Assignment]:
        """Open an assignment for each next office on the way to `targets`, up to the state READY.

        `duty` is for work that ends at a community; between offices it is OFFICE. Work that the
        city must approve first stays in SCREENING. Assignments in `opened` stay unchanged.
        Raises: OutOfLine, IllegalEvent (a department's duty).
        """
        parts = []
        for unit, behind in sorted(final.next_offices(self.tree, self.unit, targets).items()):
            hop = Hop(
                work_order=work_order,
                parent=parent.id if parent else None,
                round=parent.state.round if parent else 0,
                issuer=self.unit,
                assignee=unit,
                level=int(self.tree.level(unit)),
            )
            asks = replace(work, targets=final.written(self.tree, unit, behind))
            its_duty = duty if reaches_community(self.tree, self.unit, behind) else Duty.OFFICE
            current = Assignment(hop=hop)
            if current.id in opened:
                continue
            current = self.write_event(
                current, EventKind.DRAFT, "issuer",
                actor=actor, duty=its_duty, due_ms=due_ms, work=asks,
            )  # fmt: skip
            current = self.write_event(current, EventKind.SUBMIT, "issuer", actor=actor)
            if current.state.state == "ready":
                current = self.write_event(current, EventKind.DISPATCH, "issuer", actor=actor)
            parts.append(current)
        return parts

    def audiences(self, other: int) -> tuple[str, ...]:
        """Return the audiences of an event for `other`: all above, and the way down to it."""
        return event_audiences(self.tree, self.unit, self.level, other)

    def _record(
        self, hop: Hop, kind: EventKind, by: str, values: dict[str, Value], other: int
    ) -> None:
        writer = f"{by}:{self.unit}" if by == ABOVE else by
        number = natural_id(EVENT, hop.id.hex(), writer, str(values["seq"]))
        self.edits.append(
            Edit(
                key=RecordKey(EVENT, self.unit, number),
                operation=Operation.CREATE,
                values={
                    "assignment": hop.id.hex(),
                    "work_order": hop.work_order.hex(),
                    "parent": hop.parent.hex() if hop.parent else None,
                    "round": hop.round,
                    "issuer": hop.issuer,
                    "assignee": hop.assignee,
                    "level": hop.level,
                    "kind": kind.value,
                    "by": by,
                    "at_ms": self.now_ms,
                    **values,
                },
                audiences=self.audiences(other),
            )
        )


def reaches_community(tree: Tree, frm: int, targets: Iterable[int]) -> bool:
    """Return whether work that goes down from `frm` ends at a community."""
    return any(tree.level(unit) == Level.COMMUNITY and tree.within(unit, frm) for unit in targets)
