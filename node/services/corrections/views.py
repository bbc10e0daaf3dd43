"""Views of correction requests for people: the present, former and requested values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Literal

from sqlalchemy import Connection

from node.domain.correction import ASKERS, REGISTER, Kind, State
from node.services.common.pages import page_size, page_token, parse_page_token
from node.services.corrections.errors import UnknownCorrection
from node.services.records.views import VersionToken, state_of
from node.store import corrections as store
from node.store.corrections import Correction
from sync.model.change import Value

if TYPE_CHECKING:
    from node.office import Office

Box = Literal["asked", "to-answer", "all"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposedChange:
    """One field: its value here, when it was asked about, and as the applicant requests it."""

    field: str
    now: Value
    asked_when: Value
    proposed_value: Value
    moved: bool  # it was written again after it was asked about


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionView:
    """One request. `record_state`: alive, ended, missing (here). `version_token`: for an answer."""

    id: bytes
    register: str
    unit: int
    record: bytes
    asker: int
    owner: int
    state: State
    proposed: tuple[ProposedChange, ...]
    reason: str
    asked_by: str
    asked_ms: int
    due_on: date
    late: bool
    answer: str  # the reason of the refusal, or the note of the answer
    closed_by: str
    closed_ms: int  # 0: it is open
    record_state: str
    may_answer: bool
    may_withdraw: bool
    version_token: str


@dataclass(frozen=True, slots=True)
class CorrectionPage:
    """Requests, the newest first; `total` counts all that match."""

    corrections: tuple[CorrectionView, ...]
    total: int
    next: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """How many open requests there are at this office, and how many are overdue."""

    to_answer: int = 0
    to_answer_late: int = 0
    asked: int = 0
    asked_late: int = 0


def correction_of(tx: Connection, office: Office, correction: bytes) -> Correction:
    """Return one request. Raises: UnknownCorrection."""
    found = store.load(tx, office.tables[REGISTER], [correction]).get(correction)
    if found is None:
        raise UnknownCorrection(correction)
    return found


def show(office: Office, correction: bytes) -> CorrectionView:
    """Return one request with the record as it is here. Raises: UnknownCorrection."""
    with office.store.read() as tx:
        return view_of(tx, office, correction_of(tx, office, correction))


def list_corrections(
    office: Office, box: Box = "all", *, open_only: bool = False, limit: int = 50, after: str = ""
) -> CorrectionPage:
    """Return a page of requests, the newest first; `after` is the previous page's `next`.

    `box`: those that this office asked, those that wait for its answer, or all in this store.
    Raises: BadToken.
    """
    me, table = office.identity.unit, office.tables[REGISTER]
    limit = page_size(limit)
    with office.store.read() as tx:
        if box == "to-answer":
            ids = store.open_ids(tx, table, me)
        elif box == "asked":
            ids = store.request_ids(tx, table, me, "asker")
        else:
            ids = store.request_ids(tx, table, None)
        current = list(store.load(tx, table, ids).values())
        if box == "to-answer":
            current = [c for c in current if c.owner == me and c.state is State.OPEN]
        elif open_only:
            current = [c for c in current if c.state is State.OPEN]
        current.sort(key=_place)
        start = _after(current, after) if after else 0
        page = current[start : start + limit]
        more = len(current) > start + limit
        views = tuple(view_of(tx, office, each) for each in page)
    return CorrectionPage(
        views, len(current), page_token(page[-1].asked_ms, page[-1].id) if more else ""
    )


def waiting(tx: Connection, office: Office) -> Waiting:
    """Count the open requests that this office asked or is to answer."""
    if REGISTER not in office.catalogue.registers:
        return Waiting()
    table, me, today = office.tables[REGISTER], office.identity.unit, office.today()
    current = store.load(tx, table, store.open_ids(tx, table, me)).values()
    mine = [c for c in current if c.owner == me]
    asked = [c for c in current if c.asker == me]
    return Waiting(
        to_answer=len(mine),
        to_answer_late=sum(c.late_on(today) for c in mine),
        asked=len(asked),
        asked_late=sum(c.late_on(today) for c in asked),
    )


def view_of(tx: Connection, office: Office, current: Correction) -> CorrectionView:
    """Return a request together with the copy of the record that is here."""
    me = office.identity.unit
    known = current.register in office.catalogue.registers
    state = state_of(tx, office, current.register, current.unit, current.record) if known else None
    heads = state.fields if state is not None else {}
    proposed = []
    for name, proposed_value in current.proposed.items():
        version, asked_when = current.asked_when.get(name, (b"", None))
        shown = heads[name].shown if name in heads else None
        proposed.append(
            ProposedChange(
                field=name, now=shown.value if shown else None, asked_when=asked_when,
                proposed_value=proposed_value, moved=shown is not None and shown.version != version,
            )
        )  # fmt: skip
    ask, last = _first(current, Kind.ASK), current.outcome.last
    closed = last if last is not None and last.kind is not Kind.ASK else None
    is_open = current.state is State.OPEN
    return CorrectionView(
        id=current.id, register=current.register, unit=current.unit, record=current.record,
        asker=current.asker,
        owner=current.owner, state=current.state, proposed=tuple(proposed), reason=current.reason,
        asked_by=ask, asked_ms=current.asked_ms, due_on=current.due_on,
        late=current.late_on(office.today()),
        answer=closed.reason if closed and closed.kind not in ASKERS else "",
        closed_by=closed.actor if closed else "", closed_ms=closed.at_ms if closed else 0,
        record_state="missing" if state is None else "alive" if state.alive else "ended",
        may_answer=is_open and current.owner == me, may_withdraw=is_open and current.asker == me,
        version_token=VersionToken.of(state).token if state is not None else "",
    )  # fmt: skip


def _first(current: Correction, kind: Kind) -> str:
    return next((s.actor for s in current.outcome.history if s.kind is kind), "")


def _place(current: Correction) -> tuple[int, bytes]:
    return -current.asked_ms, current.id


def _after(current: Iterable[Correction], token: str) -> int:
    asked_ms, correction = parse_page_token(token)
    last = (-asked_ms, correction)
    return sum(_place(each) <= last for each in current)
