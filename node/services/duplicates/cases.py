"""Cases of duplicates as people see and close them: a person has to decide them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from node.domain.cases import CLOSED, OPEN, units_of
from node.domain.register import Unique
from node.folds.blind_index import current_key
from node.folds.cases import Line, lines
from node.services.common.reason import stated_actor, stated_reason
from sync.model.change import Edit
from sync.model.errors import ErrorKind, SilianError
from sync.store.sql import execute

if TYPE_CHECKING:
    from node.office import Office

_SHOWN = {OPEN: 0, CLOSED: 1}


class UnknownCase(SilianError):
    """This office has no duplicate with this id."""

    code = "unknown_case"
    kind = ErrorKind.NOT_FOUND

    def __init__(self, case: bytes) -> None:
        super().__init__(
            f"no case {case.hex()}",
            f"没有编号为 {case.hex()} 的重复登记",
            remedy_en="List the cases and take the number from there.",
            remedy_zh="请从重复登记列表中选择。",
        )


class CaseNotOurs(SilianError):
    """Only the common parent of all concerned offices closes this duplicate."""

    code = "case_not_ours"
    kind = ErrorKind.PERMISSION_DENIED

    def __init__(self, case: bytes) -> None:
        super().__init__(
            f"case {case.hex()} can only be closed by another office",
            f"重复登记 {case.hex()} 应由上级核实",
            remedy_en="Inform the office that the duplicate names as its owner.",
            remedy_zh="请将核实结果告知该条所列的主办单位。",
        )


class CaseNotOpen(SilianError):
    """The duplicate is not open: it was closed, passed to a higher office, or ended by itself."""

    code = "case_not_open"
    kind = ErrorKind.FAILED_PRECONDITION

    def __init__(self, case: bytes, state: str) -> None:
        super().__init__(
            f"case {case.hex()} is {state}",
            f"重复登记 {case.hex()} 不在待处理状态",
            remedy_en="Look at it again.",
            remedy_zh="请重新查看。",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseView:
    """One case. `units`: unit -> records, as far as this office is informed: all of them at the
    owner; `records`: those of this office, when it was asked.
    """

    id: bytes
    kind: str
    owner: int
    units: dict[int, int]
    state: str
    reason: str
    actor: str
    records: tuple[bytes, ...] = ()


def list_cases(office: Office, *, every: bool = False) -> list[CaseView]:
    """Return the open cases that this office received or keeps; with `every`, all of them."""
    with office.store.read() as tx:
        return _views(office, lines(tx, "1=1" if every else "f_state=?", [] if every else [OPEN]))


def open_cases(tx: Connection) -> int:
    """Count the open cases here: one sent to several offices is one."""
    row = execute(
        tx,
        "SELECT count(DISTINCT f_mark) FROM r_case WHERE f_state=? AND (causal_length & 1) = 1",
        (OPEN,),
    ).fetchone()
    return int(row[0])


def show(office: Office, case: bytes) -> CaseView:
    """Return a case with this office's own records. Raises: UnknownCase."""
    with office.store.read() as tx:
        found = _views(office, lines(tx, "f_mark=?", [case.hex()]))
        if not found:
            raise UnknownCase(case)
        view = min(found, key=lambda v: (_SHOWN.get(v.state, 2), office.tree.level(v.owner)))
        records = tuple(_own_records(office, tx, view))
    return CaseView(
        id=view.id, kind=view.kind, owner=view.owner, units=view.units, state=view.state,
        reason=view.reason, actor=view.actor, records=records,
    )  # fmt: skip


def close(office: Office, case: bytes, *, reason: str, actor: str) -> CaseView:
    """Close an open case of this office; nothing of the records changes.

    A record that joins opens it again. Raises: UnknownCase, CaseNotOurs, CaseNotOpen,
    ReasonMissing, ActorMissing.
    """
    reason, actor = stated_reason(reason), stated_actor(actor)
    me = office.identity.unit

    def work(tx: Connection) -> list[Edit]:
        case_lines = lines(tx, "f_mark=?", [case.hex()])
        if not case_lines:
            raise UnknownCase(case)
        own = [line for line in case_lines if line.unit == me]
        head = next((line for line in own if line.addressed == me), None)
        if head is None:
            raise CaseNotOurs(case)
        if head.state != OPEN:
            raise CaseNotOpen(case, head.state)
        return office.folds.cases.close(case, own, reason, actor)

    office.commit(work)
    return show(office, case)


def _views(office: Office, found: Iterable[Line]) -> list[CaseView]:
    """Return one for each case and owner: the line sent to this office, or the newest state.

    The owner's line names all units; one to another office that unit only, and an office between
    them has several.
    """
    me = office.identity.unit
    alike: dict[tuple[str, int], list[Line]] = defaultdict(list)
    for line in found:
        alike[line.mark, line.unit].append(line)
    return [_view(me, each) for each in alike.values()]


def _view(me: int, found: list[Line]) -> CaseView:
    """Return one case as its lines show it here."""
    best = min(found, key=lambda line: (line.addressed != me, line.state != OPEN))
    units = units_of(best.units)
    if best.addressed != me:
        for line in found:
            if line.state == best.state:
                units |= units_of(line.units)
    return CaseView(
        id=bytes.fromhex(best.mark), kind=best.kind, owner=best.unit, units=units,
        state=best.state, reason=best.reason, actor=best.actor,
    )  # fmt: skip


def _own_records(office: Office, tx: Connection, view: CaseView) -> Iterable[bytes]:
    """Yield this office's records that have the index value: only it has their values."""
    key = current_key(tx)
    name = view.kind.partition(".")[0]
    register = office.catalogue.registers.get(name)
    of: list[Unique] = [u for u in register.uniques if u.name == view.kind] if register else []
    for unique in of if key is not None else ():
        names = sorted(unique.reads)
        columns = ",".join(f"f_{n}" for n in names)
        rows = execute(
            tx,
            f"SELECT id, {columns} FROM r_{name} WHERE unit=? AND (causal_length & 1) = 1",  # noqa: S608
            (office.identity.unit,),
        )
        for record, *values in rows.fetchall():
            text = unique.text(dict(zip(names, values, strict=True)))
            if text is not None and key is not None and key.mark(view.kind, text) == view.id:
                yield bytes(record)
