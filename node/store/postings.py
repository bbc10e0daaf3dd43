"""Postings in the store: write lines of the journal as records, and read them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from node.domain.funds import Category
from node.domain.ledger_errors import BadPosting
from node.domain.posting import Account, AccountKind, Posting, PostingKind
from node.domain.posting_checks import check_shape
from sync.model.change import Value
from sync.store.sql import pieces, sql

POSTING = "posting"
YEARS = range(1990, 2201)
FIELDS = (
    "kind", "fund", "year", "transfer", "debit", "credit", "amount_fen", "counted_fen", "level",
    "peer", "peer_level", "category", "assignment", "note", "at_ms", "actor",
)  # fmt: skip
COLUMNS = ",".join(("unit", "id", *(f"f_{name}" for name in FIELDS)))
COUNTED = "NOT EXISTS (SELECT 1 FROM uncounted_posting u WHERE u.unit = p.unit AND u.id = p.id)"
"""The SQL condition for postings that count (`node.domain.posting_judge`)."""
_STREAMED = {"stream_results": True, "yield_per": 2_000}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One posting with the other content of its record."""

    posting: Posting
    level: int  # the author's
    peer_level: int | None = None
    actor: str = ""


def values_of(line: Line) -> dict[str, Value]:
    """Return the fields of a line's record."""
    posting = line.posting
    return {
        "kind": posting.kind.value,
        "fund": posting.fund,
        "year": posting.year,
        "transfer": posting.transfer.hex(),
        "debit": str(posting.debit),
        "credit": str(posting.credit),
        "amount_fen": posting.amount_fen,
        "counted_fen": posting.counted_fen,
        "level": line.level,
        "peer": posting.peer_unit,
        "peer_level": line.peer_level,
        "category": posting.category.value if posting.category else None,
        "assignment": posting.assignment.hex() if posting.assignment else None,
        "note": posting.note or None,
        "at_ms": posting.at_ms,
        "actor": line.actor or None,
    }


def line_of(unit: int, record_id: bytes, values: Mapping[str, Any] | None) -> Line | None:
    """Read a record; None if it is no valid posting of its unit; then it counts nowhere.

    This is no error, because a faulty peer must not be able to stop the link.
    """
    if values is None:
        return None
    try:
        posting = Posting(
            posting_id=bytes(record_id),
            transfer=bytes.fromhex(values["transfer"]),
            kind=PostingKind(values["kind"]),
            unit_id=unit,
            fund=values["fund"],
            year=values["year"],
            amount_fen=values["amount_fen"],
            debit=account_of(values["debit"]),
            credit=account_of(values["credit"]),
            at_ms=values["at_ms"] or 0,
            peer_unit=values["peer"],
            category=Category(values["category"]) if values["category"] else None,
            assignment=bytes.fromhex(values["assignment"]) if values["assignment"] else None,
            counted_fen=values["counted_fen"],
            note=values["note"] or "",
        )
        check_shape(posting)
    except (TypeError, ValueError, AttributeError, BadPosting):
        return None
    if posting.year not in YEARS or values["level"] is None:
        return None
    return Line(
        posting=posting,
        level=values["level"],
        peer_level=values["peer_level"],
        actor=values["actor"] or "",
    )


def lines_where(
    tx: Connection, where: str, params: tuple[Any, ...] = (), *, counted: bool = True
) -> Iterator[Line]:
    """Yield the lines that satisfy a condition (written with `?`, from this program).

    `counted`: without those that count nowhere; else all of them.
    """
    condition = f"{COUNTED} AND {where}" if counted else where
    for line, _ in lines_with_versions(tx, condition, params):
        yield line


def lines_with_versions(
    tx: Connection, where: str, params: tuple[Any, ...]
) -> Iterator[tuple[Line, bytes]]:
    """Yield lines as `lines_where`, counted or not, each with the version that wrote it."""
    statement = (
        f"SELECT created, {COLUMNS} FROM r_posting p "  # noqa: S608
        f"WHERE (causal_length & 1) = 1 AND {where}"
    )
    rows = tx.exec_driver_sql(sql(tx, statement), params, execution_options=_STREAMED)
    with closing(rows):
        for created, unit, record, *values in rows:
            line = line_of(unit, bytes(record), dict(zip(FIELDS, values, strict=True)))
            if line is not None:
                yield line, bytes(created)


def of_transfers(tx: Connection, transfers: Iterable[bytes], *, counted: bool = True) -> list[Line]:
    """Return every line of these transfers, whoever wrote it; `counted` as in `lines_where`."""
    found: list[Line] = []
    for part in pieces(sorted({transfer.hex() for transfer in transfers})):
        marks = ",".join("?" * len(part))
        found += lines_where(tx, f"f_transfer IN ({marks})", tuple(part), counted=counted)
    return found


def versions_of(tx: Connection, keys: Iterable[tuple[int, bytes]]) -> dict[bytes, bytes]:
    """Return the version that wrote each of these postings."""
    statement = sql(tx, "SELECT created FROM r_posting WHERE unit=? AND id=?")
    return {
        posting_id: bytes(tx.exec_driver_sql(statement, (unit, posting_id)).scalar_one())
        for unit, posting_id in keys
    }


def line_by_id(tx: Connection, unit: int, posting_id: bytes) -> Line | None:
    """Return one line of an office, whether it counts or not."""
    found = list(lines_where(tx, "unit=? AND id=?", (unit, posting_id), counted=False))
    return found[0] if found else None


def account_of(text: str) -> Account:
    """Read an account as a posting writes it. Raises: ValueError."""
    kind, _, ref = text.partition(":")
    return Account(AccountKind(kind), ref)
