"""Zero reports: an office states that it has nothing to put into a register, or takes that back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from node.audiences import audiences_of
from node.domain.english import counted
from node.domain.register import Register
from node.services.figures.reported import ZERO_REPORT, zero_report_id
from node.services.records.rules import maintained_register
from sync.model.change import Edit, Operation, RecordKey, Value
from sync.model.errors import ErrorKind, SilianError
from sync.store.sql import execute

if TYPE_CHECKING:
    from node.office import Office


class NotEmpty(SilianError):
    """The register has records: there is something to report."""

    code = "not_empty"
    kind = ErrorKind.FAILED_PRECONDITION

    def __init__(self, register: Register, count: int) -> None:
        super().__init__(
            f"{register.en} has {counted(count, 'record')} here, so there is something to report",
            f"“{register.zh}”台账已有 {count} 条记录，不能作零报告",
            remedy_en="No statement is needed: the records count as reported. End those that are "
            "wrong.",
            remedy_zh="无需零报告，已有记录即为已填报；如记录有误，请先注销。",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ZeroReport:
    """An office's statement about one register. `actor`: who made it; "" when there is none."""

    register: Register
    zero: bool
    actor: str
    changed: bool  # by this call


def state_zero(office: Office, name: str, *, actor: str, withdraw: bool = False) -> ZeroReport:
    """State that this office has no record for a register; `withdraw`: that it may have.

    Repeated, it changes nothing. A record that is added later has precedence.
    Raises: UnknownRegister, SystemRegister, NotKeptHere, NotEmpty.
    """
    register = maintained_register(office, name)
    changed = False

    def work(tx: Connection) -> list[Edit]:
        nonlocal changed
        changed = False
        stated = _stated(office, tx, register)
        if (stated is not None and stated[0]) == (not withdraw):
            return []
        if not withdraw and (count := _living(office, tx, register)):
            raise NotEmpty(register, count)
        changed = True
        return [_edit(office, register, zero=not withdraw, actor=actor, exists=stated is not None)]

    office.commit(work)
    with office.store.read() as tx:
        stated = _stated(office, tx, register)
    return ZeroReport(
        register=register, zero=stated is not None and stated[0],
        actor=stated[1] if stated is not None else "", changed=changed,
    )  # fmt: skip


def _stated(office: Office, tx: Connection, register: Register) -> tuple[bool, str] | None:
    """Return the statement and who made it; None: there was none."""
    row = execute(
        tx, "SELECT f_zero, f_actor FROM r_zero_report WHERE unit=? AND id=?",
        (office.identity.unit, zero_report_id(register.name)),
    ).fetchone()  # fmt: skip
    return None if row is None else (bool(row[0]), str(row[1]))


def _living(office: Office, tx: Connection, register: Register) -> int:
    statement = f"SELECT count(*) FROM r_{register.name} WHERE unit=? AND (causal_length & 1) = 1"  # noqa: S608
    return int(execute(tx, statement, (office.identity.unit,)).fetchone()[0])


def _edit(office: Office, register: Register, *, zero: bool, actor: str, exists: bool) -> Edit:
    me = office.identity
    values: dict[str, Value] = {"zero": int(zero), "actor": actor}
    return Edit(
        key=RecordKey(ZERO_REPORT, me.unit, zero_report_id(register.name)),
        operation=Operation.UPDATE if exists else Operation.CREATE,
        values=values if exists else {"register": register.name, **values},
        audiences=audiences_of(
            office.catalogue.registers[ZERO_REPORT], unit=me.unit, writer=me.unit, level=me.level
        ),
    )
