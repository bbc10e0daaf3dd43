"""Lookup: which thing a person means by the first digits of its id, or by its name.

One finder for every kind of id that a person types. It returns the thing with its unit and, where
that is no personal value, with its name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from node.domain.refusal import Refused
from node.domain.register import Register
from node.domain.sheet_values import read_value
from node.domain.units import AmbiguousUnit, UnknownUnit
from node.services.records.rules import registered
from node.store.postings import COUNTED
from sync.model.change import ID_BYTES
from sync.store.sql import execute

if TYPE_CHECKING:
    from node.office import Office

FOUND_MAX = 50
_HEX = re.compile(r"[0-9a-f]{4,32}")


class Kind(StrEnum):
    """What has an id that a person may type."""

    RECORD = "record"
    CONFLICT = "conflict"
    CORRECTION = "correction"
    CASE = "case"
    QUARANTINED = "quarantined_change"
    ASSIGNMENT = "assignment"
    ORDER = "order"
    TRANSFER = "transfer"
    POSTING = "posting"


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that may be meant. `text`: its name; "" where that is personal."""

    id: bytes
    unit: int | None = None
    register: str = ""
    text: str = ""


def find(
    office: Office, kind: Kind, text: str, *, register: str = "", unit: int | None = None
) -> tuple[Found, ...]:
    """Return what may be meant, at most FOUND_MAX: by its name or key, else by its first digits.

    A record (of `register`, of `unit` or else of any unit here, our own first): its key, its name,
    or for one a unit the unit. Conflicts, correction requests: the record's key as well. Work: its
    title. A transfer: the other office, while it is on its way.
    Raises: UnknownRegister, SystemRegister.
    """
    stated = text.strip()
    with office.store.read() as tx:
        named = tuple(_named(tx, office, kind, stated, register, unit))
        if named:
            return named[:FOUND_MAX]
        digits = stated.casefold().replace("-", "")
        if not _HEX.fullmatch(digits):
            return ()
        return tuple(_by_digits(tx, office, kind, digits, register, unit))[:FOUND_MAX]


# -- by its first digits --------------------------------------------------------------------------


def _by_digits(
    tx: Connection, office: Office, kind: Kind, digits: str, register: str, unit: int | None
) -> Iterator[Found]:
    if kind is Kind.RECORD:
        yield from _records(tx, office, registered(office, register), unit, *_between(digits))
        return
    parameters: tuple[Any, ...]
    if kind in _OF_TEXT:
        query, parameters = _OF_TEXT[kind], (digits, digits + "g")  # after every digit
    else:
        where, parameters = _between(digits)
        query = _OF_BYTES[kind].format(where=where.format(id="id"))
    for id_, unit_, of, called in execute(tx, f"{query} LIMIT {FOUND_MAX}", parameters).fetchall():
        found = bytes.fromhex(id_) if isinstance(id_, str) else bytes(id_)
        yield Found(found, unit_, of or "", called or "")


# Where the ids of a kind are, as bytes: id, unit, register, name.
_OF_BYTES: Mapping[Kind, str] = {
    Kind.CONFLICT: "SELECT id, unit, register, field FROM conflict WHERE {where} ORDER BY id",
    Kind.QUARANTINED: "SELECT id, unit, register, reason FROM quarantine WHERE {where} ORDER BY id",
    Kind.ASSIGNMENT: "SELECT id, assignee, '', title FROM assignment WHERE {where} ORDER BY id",
    Kind.ORDER: (
        "SELECT id, NULL, '', min(title) FROM (SELECT work_order AS id, title FROM assignment) a "
        "WHERE {where} GROUP BY id ORDER BY id"
    ),
    Kind.POSTING: (
        "SELECT id, unit, '', f_kind FROM r_posting "
        "WHERE {where} AND causal_length % 2 = 1 ORDER BY id"
    ),
}
# And as hexadecimal text.
_OF_TEXT: Mapping[Kind, str] = {
    Kind.CORRECTION: (
        "SELECT f_correction, f_record_unit, f_register, '' FROM r_correction "
        "WHERE f_correction>=? AND f_correction<? AND f_kind='ask' ORDER BY f_correction"
    ),
    Kind.CASE: (
        "SELECT f_mark, min(unit), '', min(f_kind) FROM r_case WHERE f_mark>=? AND f_mark<? "
        "GROUP BY f_mark ORDER BY f_mark"
    ),
    Kind.TRANSFER: (
        "SELECT f_transfer, unit, '', f_fund FROM r_posting WHERE f_transfer>=? AND f_transfer<? "
        "AND f_kind IN ('release','return') ORDER BY f_transfer"
    ),
}


def _between(digits: str) -> tuple[str, tuple[bytes, ...]]:
    """Return the condition that an id begins with these digits; `{id}` becomes the column."""
    low = bytes.fromhex(digits.ljust(ID_BYTES * 2, "0"))
    high = bytes.fromhex(digits.ljust(ID_BYTES * 2, "f"))
    return "{id}>=? AND {id}<=?", (low, high)


# -- by its name ----------------------------------------------------------------------------------


def _named(
    tx: Connection, office: Office, kind: Kind, text: str, register: str, unit: int | None
) -> Iterable[Found]:
    if not text:
        return ()
    match kind:
        case Kind.RECORD:
            return _living_first(
                _records_named(tx, office, registered(office, register), unit, text)
            )
        case Kind.CONFLICT | Kind.CORRECTION:
            return _about(tx, office, kind, text)
        case Kind.ASSIGNMENT | Kind.ORDER:
            column = "id" if kind is Kind.ASSIGNMENT else "work_order"
            rows = execute(
                tx,
                f"SELECT {column}, min(assignee) FROM assignment WHERE title=? "  # noqa: S608
                f"GROUP BY {column} ORDER BY {column} LIMIT {FOUND_MAX}",
                (text,),
            )
            assignee = kind is Kind.ASSIGNMENT
            return [Found(bytes(r[0]), r[1] if assignee else None, "", text) for r in rows]
        case Kind.TRANSFER:
            return _on_the_way(tx, office, text)
        case _:
            return ()


def _records_named(
    tx: Connection, office: Office, register: Register, unit: int | None, text: str
) -> Iterator[tuple[bool, Found]]:
    """Yield (alive, record) of those with this key or this name."""
    for where, parameters in _names(office, register, text):
        for found, alive in _select(tx, office, register, unit, where, parameters):
            yield alive, found


def _names(office: Office, register: Register, text: str) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Yield the conditions under which a record of the register has this name."""
    if register.singleton:
        with suppress(UnknownUnit, AmbiguousUnit):
            yield "unit=?", (office.tree.find(text).unit_id,)
        return
    parts = text.split("/") if len(register.key) > 1 else [text]
    columns = [register.key] if len(parts) == len(register.key) and register.key else []
    if "name" in register.fields and register.key != ("name",):
        columns.append(("name",))
    for names in columns:
        values = parts if names == register.key else [text]
        with suppress(Refused):
            stored = [
                read_value(register.fields[name], value)
                for name, value in zip(names, values, strict=True)
            ]
            yield " AND ".join(f"f_{name}=?" for name in names), tuple(stored)


def _living_first(found: Iterable[tuple[bool, Found]]) -> list[Found]:
    """Return the active ones; those that have ended only where there is none."""
    pairs = list(dict.fromkeys(found))
    living = [one for alive, one in pairs if alive]
    return living or [one for _, one in pairs]


def _records(
    tx: Connection, office: Office, register: Register, unit: int | None, where: str,
    parameters: Sequence[Any],
) -> Iterator[Found]:  # fmt: skip
    for found, _ in _select(tx, office, register, unit, where.format(id="id"), parameters):
        yield found


def _select(
    tx: Connection, office: Office, register: Register, unit: int | None, where: str,
    parameters: Sequence[Any],
) -> Iterator[tuple[Found, bool]]:  # fmt: skip
    """Yield records for which a condition holds: of a unit, or else our own before those below."""
    called = register.key or (("name",) if "name" in register.fields else ())
    reported = called and not any(register.fields[name].personal for name in called)
    columns = ", ".join(
        ["unit", "id", "causal_length", *(f"f_{name}" for name in called if reported)]
    )
    me = office.identity.unit
    if unit is not None:
        where, parameters = f"unit=? AND ({where})", (unit, *parameters)
    rows = execute(
        tx,
        f"SELECT {columns} FROM r_{register.name} WHERE {where} "  # noqa: S608
        f"ORDER BY CASE WHEN unit=? THEN 0 ELSE 1 END, unit, id LIMIT {FOUND_MAX}",
        (*parameters, me),
    ).fetchall()
    own = [row for row in rows if row[0] == me]
    for row in own or rows:
        name = "/".join(str(value) for value in row[3:] if value is not None)
        yield Found(bytes(row[1]), row[0], register.name, name), row[2] % 2 == 1


def _about(tx: Connection, office: Office, kind: Kind, text: str) -> Iterator[Found]:
    """Yield open conflicts, or correction requests, about records with this name."""
    for register in office.catalogue.registers.values():
        if register.system:
            continue
        for _, record in _records_named(tx, office, register, None, text):
            if kind is Kind.CONFLICT:
                rows = execute(
                    tx,
                    "SELECT id, field FROM conflict WHERE register=? AND unit=? AND record=? "
                    "AND state='open' ORDER BY id",
                    (register.name, record.unit, record.id),
                ).fetchall()
                yield from (
                    Found(bytes(r[0]), record.unit, register.name, f"{record.text} {r[1]}".strip())
                    for r in rows
                )
            else:
                rows = execute(
                    tx,
                    "SELECT f_correction FROM r_correction WHERE f_kind='ask' AND f_register=? "
                    "AND f_record=? ORDER BY f_correction",
                    (register.name, record.id.hex()),
                ).fetchall()
                yield from (
                    Found(bytes.fromhex(r[0]), record.unit, register.name, record.text)
                    for r in rows
                )


def _on_the_way(tx: Connection, office: Office, text: str) -> Iterator[Found]:
    """Yield the transfers between this office and another that nobody has answered."""
    try:
        other = office.tree.find(text).unit_id
    except (UnknownUnit, AmbiguousUnit):
        return
    me = office.identity.unit
    rows = execute(
        tx,
        "SELECT p.f_transfer, p.unit, p.f_fund FROM r_posting p WHERE p.causal_length % 2 = 1 "  # noqa: S608
        f"AND p.f_kind IN ('release','return') AND {COUNTED} "
        "AND ((p.unit=? AND p.f_peer=?) OR (p.unit=? AND p.f_peer=?)) "
        "AND NOT EXISTS (SELECT 1 FROM r_posting q WHERE q.f_transfer=p.f_transfer "
        f"AND q.unit=p.f_peer) ORDER BY p.f_transfer LIMIT {FOUND_MAX}",
        (me, other, other, me),
    )
    for transfer, unit, fund in rows.fetchall():
        yield Found(bytes.fromhex(transfer), unit, "", fund)
