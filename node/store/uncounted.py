"""Postings that count in no balance, kept with their reason; each is listed in quarantine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection

from node.domain.posting_judge import Fault
from node.store.postings import POSTING, Line
from sync.model.change import RecordKey
from sync.store import quarantine
from sync.store.sql import execute, execute_many, pieces

Money = tuple[tuple[str, ...], int]
"""Funds that are judged together, and a fiscal year."""
_SAVE = (
    "INSERT INTO uncounted_posting (unit, id, fund, year, reason) VALUES (?,?,?,?,?) "
    "ON CONFLICT (unit, id) DO UPDATE SET reason=excluded.reason"
)
NAMED = frozenset(Fault) - {Fault.WAITS}


def exist(tx: Connection) -> bool:
    """Say whether there is any such posting."""
    return execute(tx, "SELECT 1 FROM uncounted_posting LIMIT 1").fetchone() is not None


def of_money(tx: Connection, money: Money) -> dict[bytes, tuple[int, Fault]]:
    """Return those of a fund and year: id -> unit, reason."""
    funds, year = money
    statement = (
        f"SELECT id, unit, reason FROM uncounted_posting "  # noqa: S608
        f"WHERE year=? AND fund IN ({','.join('?' * len(funds))})"
    )
    rows = execute(tx, statement, (year, *funds)).fetchall()
    return {bytes(i): (int(unit), Fault(reason)) for i, unit, reason in rows}


def all_of(tx: Connection) -> dict[tuple[int, bytes], Fault]:
    """Return all of them: unit and id -> reason."""
    rows = execute(tx, "SELECT unit, id, reason FROM uncounted_posting").fetchall()
    return {(int(unit), bytes(i)): Fault(reason) for unit, i, reason in rows}


def of_ids(tx: Connection, ids: Sequence[bytes]) -> set[bytes]:
    """Return those of these postings that do not count."""
    found: set[bytes] = set()
    for part in pieces(ids):
        statement = f"SELECT id FROM uncounted_posting WHERE id IN ({','.join('?' * len(part))})"  # noqa: S608
        found.update(bytes(row[0]) for row in execute(tx, statement, tuple(part)))
    return found


def touches(tx: Connection, money: Money, unit: int) -> bool:
    """Say whether an office has any of a fund and year."""
    funds, year = money
    statement = (
        "SELECT 1 FROM uncounted_posting "  # noqa: S608
        f"WHERE unit=? AND year=? AND fund IN ({','.join('?' * len(funds))}) LIMIT 1"
    )
    return execute(tx, statement, (unit, year, *funds)).fetchone() is not None


def first_overdrawn(tx: Connection, unit: int, fund: str, year: int) -> bytes | None:
    """Return the version of an office's first posting that overdraws what it holds; None: of none.

    Nothing that it draws later from there counts before this one does.
    """
    row = execute(
        tx,
        "SELECT min(p.created) FROM uncounted_posting u "
        "JOIN r_posting p ON p.unit = u.unit AND p.id = u.id "
        "WHERE u.unit=? AND u.fund=? AND u.year=? AND u.reason=? "
        "AND p.f_kind IN ('spend','release')",
        (unit, fund, year, Fault.OVERDRAWN.value),
    ).fetchone()
    return bytes(row[0]) if row[0] is not None else None


def kinds_of_money(tx: Connection) -> set[tuple[str, int]]:
    """Return the funds and years of all of them."""
    rows = execute(tx, "SELECT DISTINCT fund, year FROM uncounted_posting").fetchall()
    return {(fund, int(year)) for fund, year in rows}


def named(tx: Connection) -> Mapping[int, Mapping[Fault, int]]:
    """Return unit -> how many of its postings do not count, by the reasons that are its own."""
    found: dict[int, dict[Fault, int]] = {}
    statement = "SELECT unit, reason, count(*) FROM uncounted_posting GROUP BY unit, reason"
    for unit, reason, count in execute(tx, statement).fetchall():
        if Fault(reason) in NAMED:
            found.setdefault(int(unit), {})[Fault(reason)] = int(count)
    return found


def cells_behind(tx: Connection, unit: int) -> tuple[list[bytes], list[bytes]]:
    """Return which own postings the own cells still have and should not, and the reverse."""
    surplus = execute(
        tx,
        "SELECT id FROM uncounted_posting WHERE unit=? "
        "AND id NOT IN (SELECT id FROM uncelled_posting)",
        (unit,),
    ).fetchall()
    missing = execute(
        tx,
        "SELECT id FROM uncelled_posting "
        "WHERE id NOT IN (SELECT id FROM uncounted_posting WHERE unit=?)",
        (unit,),
    ).fetchall()
    return [bytes(row[0]) for row in surplus], [bytes(row[0]) for row in missing]


def cells_follow(tx: Connection, unit: int) -> None:
    """Note that the own cells have what counts, and nothing else."""
    execute(tx, "DELETE FROM uncelled_posting")
    statement = "INSERT INTO uncelled_posting SELECT id FROM uncounted_posting WHERE unit=?"
    execute(tx, statement, (unit,))


def leave_out(
    tx: Connection, lines: Iterable[tuple[Line, bytes, Fault]], *, now_ms: int
) -> None:  # fmt: skip
    """Note that postings do not count, or do not for another reason, and list them."""
    rows = []
    for line, version, fault in lines:
        at = line.posting
        rows.append((at.unit_id, at.posting_id, at.fund, at.year, fault.value))
        quarantine.list_record(
            tx, RecordKey(POSTING, at.unit_id, at.posting_id), POSTING, version=version,
            reason=fault.value, detail=f"{at.kind.value} {at.fund} {at.year}", now_ms=now_ms,
        )  # fmt: skip
    if rows:
        execute_many(tx, _SAVE, rows)


def leave_out_unreadable(
    tx: Connection, unit: int, posting_id: bytes, fund: str, year: int, *, now_ms: int
) -> None:  # fmt: skip
    """Note that a record of a posting contradicts itself, and list it."""
    row = (unit, posting_id, fund, year, Fault.BAD_POSTING.value)
    execute(tx, _SAVE, row)
    quarantine.list_record(
        tx, RecordKey(POSTING, unit, posting_id), POSTING,
        reason=Fault.BAD_POSTING.value, detail=f"{fund} {year}", now_ms=now_ms,
    )  # fmt: skip


def take_back(tx: Connection, keys: Iterable[tuple[int, bytes]]) -> None:
    """Note that postings count again, or are no more."""
    keys = list(keys)
    if keys:
        execute_many(tx, "DELETE FROM uncounted_posting WHERE unit=? AND id=?", keys)
    for unit, posting_id in keys:
        quarantine.unlist_record(tx, RecordKey(POSTING, unit, posting_id), POSTING)
