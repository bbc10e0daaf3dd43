"""The values of an assignment: events, the state after them, and the error for a refused step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from node.domain.assignment_rules import TERMINAL, Duty, EventKind, State, Writer
from node.domain.assignment_texts import KIND_ZH, REASONS, STATE_ZH, allowed_text
from sync.model.errors import ErrorKind, SilianError


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One step of one of the two offices. It is never edited; a later step may follow."""

    assignment: bytes  # 16 bytes
    kind: EventKind
    by: Writer
    seq: int  # this writer's events on this assignment count 1, 2, 3, ...
    seen: int  # the other writer's events up to here had been folded when this was written
    at_ms: int  # the writer's corrected clock; shown and used for deadlines, never for order
    actor: str  # the person, unique across offices, so that the two-person rule can compare
    unit_id: int  # the writer's office
    reason: str = ""
    percent: int | None = None  # 0..100: progress, or the score of an appraisal
    due_ms: int | None = None  # with DRAFT, DISPATCH, ADJUDICATE, EXTEND
    note: str = ""
    duty: Duty | None = None  # with DRAFT
    to_community: bool = False  # with DRAFT: this hop's assignee is a community


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One event that counted, with the state before and after."""

    event: Event
    before: State
    after: State


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignored:
    """One event that is kept but changed nothing; `code` is a key of `REASONS`."""

    event: Event
    at: State
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignmentState:
    """The state on which both offices agree once they have the same events."""

    assignment: bytes = b""
    state: State = State.NONE
    percent: int = 0
    due_ms: int | None = None
    duty: Duty | None = None
    to_community: bool = False
    reason: str = ""  # the last one given
    claimer: str = ""
    hand_back_asked: bool = False
    bound_by_ruling: bool = False
    returns: int = 0
    reworks: int = 0
    relays: int = 0
    relays_before: int = 0  # those before the last return
    issuer_seq: int = 0  # events of each writer that were folded, ignored ones included
    assignee_seq: int = 0
    milestones: Mapping[State, int] = field(default_factory=dict)  # at_ms of the last time reached
    history: tuple[Step, ...] = ()
    ignored: tuple[Ignored, ...] = ()
    waiting: tuple[Event, ...] = ()  # their causes have not arrived yet

    @property
    def terminal(self) -> bool:
        return self.state in TERMINAL

    @property
    def needs_consent(self) -> bool:
        return self.to_community and self.duty is Duty.ASSISTS

    @property
    def round(self) -> int:
        """Number the last relay: parts of another one are other assignments, though of one office.

        It only rises. Parts of rounds before `first_round` belong to a stay that has ended.
        """
        return self.returns + max(0, self.relays - 1)

    @property
    def first_round(self) -> int:
        return self.returns + self.relays_before

    def folded(self, by: Writer) -> int:
        """Return how many events of `by` were folded: the `seen` of the other's next event."""
        return self.issuer_seq if by == "issuer" else self.assignee_seq


class IllegalEvent(SilianError):
    """The state does not allow the step; `reason` (a key of `REASONS`) says why."""

    code = "illegal_event"
    kind = ErrorKind.FAILED_PRECONDITION

    def __init__(
        self, state: State, kind: EventKind, reason: str, steps: Sequence[str] | None = None
    ) -> None:
        """`steps`: those that this office may take instead; None: the caller does not know."""
        en, zh, remedy_en, remedy_zh = REASONS[reason]
        allowed, allowed_zh = allowed_text(steps)
        if reason == "wrong_state" and allowed:
            remedy_en = remedy_zh = ""  # it has no other text
        super().__init__(
            f"An assignment that is {state.value!r} refused {kind.value!r}: {en}.",
            f"任务处于“{STATE_ZH[state]}”，不能“{KIND_ZH[kind]}”：{zh}。",
            remedy_en=f"{remedy_en} {allowed}".strip(),
            remedy_zh=f"{remedy_zh}{allowed_zh}",
        )
        self.state = state
        self.event = kind
        self.reason = reason
        self.steps = steps

    def with_steps(self, steps: Sequence[str]) -> IllegalEvent:
        """Return the same refusal with what is allowed instead."""
        return IllegalEvent(self.state, self.event, self.reason, steps)
