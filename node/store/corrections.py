"""Correction requests in the store: read their steps from the register and fold them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, exists, or_, select

from node.domain.correction import OF_APPLICANT, REGISTER, Kind, Outcome, State, Step, fold
from node.ids import natural_id
from sync.model.change import Value
from sync.model.version import VERSION_BYTES, Version
from sync.store.registers import RegisterTable
from sync.store.sql import pieces

FIELDS = (
    "correction", "kind", "asker", "owner", "nonce", "register", "record_unit", "record", "wishes",
    "asked_when", "reason", "due_on", "at_ms", "actor",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """One request and its state. `asked_when`: version and value that the applicant saw."""

    id: bytes
    nonce: str
    applicant: int
    owner: int
    register: str
    unit: int  # the record's
    record: bytes
    proposed: Mapping[str, Value]
    asked_when: Mapping[str, tuple[Version, Value]]
    reason: str
    due_on: date
    asked_ms: int
    outcome: Outcome

    @property
    def state(self) -> State:
        return self.outcome.state

    def late_on(self, today: date) -> bool:
        return self.state is State.OPEN and today > self.due_on


def request_id(applicant: int, owner: int, nonce: str) -> bytes:
    """Return the id of a request, a hash with both offices: no third office can add a step."""
    return natural_id(REGISTER, str(applicant), str(owner), nonce)


def step_id(correction: bytes, kind: Kind) -> bytes:
    """Return the id of a step's record: an office withdraws once and answers once."""
    if kind is Kind.ASK:
        return correction
    return natural_id(REGISTER, correction.hex(), "withdraw" if kind in OF_APPLICANT else "answer")


def proposed_text(proposed: Mapping[str, Value]) -> str:
    """Return requested values as they are stored."""
    return json.dumps(dict(proposed), ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def asked_when_text(when_asked: Mapping[str, tuple[Version, Value]]) -> str:
    """Return what the applicant saw as it is stored."""
    plain = {name: [version.hex(), value] for name, (version, value) in when_asked.items()}
    return json.dumps(plain, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def load(tx: Connection, table: RegisterTable, ids: Iterable[bytes]) -> dict[bytes, Correction]:
    """Return these requests; leave out those without a valid request step.

    A step counts only if the right one of the two offices in the id wrote it.
    """
    c = table.table.c
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    columns = [c.unit, c.id, *(c[f"f_{name}"] for name in FIELDS)]
    for part in pieces([i.hex() for i in ids]):
        for row in tx.execute(select(*columns).where(c.f_correction.in_(part))):
            values = dict(zip(("by", "id", *FIELDS), row, strict=True))
            found[values["correction"]].append(values)
    assembled = (_assembled(bytes.fromhex(text), rows) for text, rows in found.items())
    return {each.id: each for each in assembled if each is not None}


def open_ids(tx: Connection, table: RegisterTable, unit: int) -> list[bytes]:
    """Return the requests that an office made or must answer, without any further step.

    The caller checks those with further steps by `load`: such a step may be invalid.
    """
    c, other = table.table.c, table.table.alias("other")
    closing = exists().where(
        other.c.f_correction == c.f_correction,
        or_(
            and_(other.c.f_kind == Kind.WITHDRAW.value, other.c.unit == c.f_asker),
            and_(other.c.f_kind.notin_([k.value for k in OF_APPLICANT]), other.c.unit == c.f_owner),
        ),
    )
    mine = or_(c.f_asker == unit, c.f_owner == unit)
    return _ids(tx, select(c.f_correction).where(_ask(table), mine, ~closing))


def request_ids(
    tx: Connection, table: RegisterTable, unit: int | None, role: str = ""
) -> list[bytes]:
    """Return all requests in this store, or those in which a unit is "asker" or "owner"."""
    c = table.table.c
    where = [_ask(table)]
    if role:
        where.append(c[f"f_{role}"] == unit)
    return _ids(tx, select(c.f_correction).where(*where))


def _ask(table: RegisterTable) -> ColumnElement[bool]:
    c = table.table.c
    return and_(c.f_kind == Kind.ASK.value, c.unit == c.f_asker)


def _ids(tx: Connection, query: Any) -> list[bytes]:
    return [bytes.fromhex(text) for (text,) in tx.execute(query)]


def _assembled(correction: bytes, rows: Iterable[dict[str, Any]]) -> Correction | None:
    steps: list[Step] = []
    ask: dict[str, Any] | None = None
    for row in rows:
        try:
            kind = Kind(row["kind"])
        except ValueError:
            continue  # of a newer program
        if request_id(row["asker"], row["owner"], row["nonce"]) != correction:
            continue
        if row["by"] != row["asker" if kind in OF_APPLICANT else "owner"]:
            continue
        if kind is Kind.ASK:
            if bytes(row["id"]) != correction:
                continue
            ask = row
        steps.append(
            Step(
                kind=kind, at_ms=row["at_ms"], actor=row["actor"] or "", reason=row["reason"] or ""
            )
        )
    if ask is None:
        return None
    try:
        when_asked = json.loads(ask["asked_when"])
        return Correction(
            id=correction, nonce=ask["nonce"], applicant=ask["asker"], owner=ask["owner"],
            register=str(ask["register"]), unit=int(ask["record_unit"]),
            record=bytes.fromhex(ask["record"]),
            proposed={str(n): _value(v) for n, v in json.loads(ask["wishes"]).items()},
            asked_when={
                str(n): (_version(v), _value(value)) for n, (v, value) in when_asked.items()
            },
            reason=ask["reason"] or "", due_on=date.fromisoformat(ask["due_on"]),
            asked_ms=ask["at_ms"], outcome=fold(steps),
        )  # fmt: skip
    except (ValueError, TypeError, AttributeError):
        return None  # our program did not write it


def _value(value: object) -> Value:
    if value is None or (isinstance(value, str | int) and not isinstance(value, bool)):
        return value
    raise ValueError("no stored value")


def _version(text: str) -> Version:
    version = bytes.fromhex(text)
    if len(version) != VERSION_BYTES:
        raise ValueError("no version")
    return version
