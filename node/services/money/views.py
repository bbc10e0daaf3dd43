"""Views of money: balances, what waits for its receipt, transfers, the journal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from node.domain.ledger import Posting, PostingKind
from node.domain.posting import HELD
from node.domain.units import Level
from node.services.common.pages import PAGE_MAX
from node.services.money.errors import BadAllocation
from node.store.postings import COUNTED, Line, line_by_id, lines_where, of_transfers
from sync.store.sql import pieces, sql

if TYPE_CHECKING:
    from node.office import Office


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """One account of one office, in one fund and year."""

    unit: int
    fund: str
    year: int
    account: str  # held, source, in_transit:<unit>, spent:<category>, ... as on the postings
    fen: int  # debits minus credits


class TransferState(StrEnum):
    """How far money that one office sent to another has come."""

    IN_TRANSIT = "in_transit"
    RECEIVED = "received"
    DISPUTED = "disputed"
    RETURNED = "returned"


class Direction(StrEnum):
    """Which transfers: from this office's place in them."""

    IN = "in"  # sent to this office, or given back to it
    OUT = "out"  # sent or given back by it
    ALL = "all"  # also those between offices below


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """Money on its way from one office to the next, or arrived.

    `given_back`: it goes up again after its receipt; such a transfer is RETURNED from the start.
    """

    transfer: bytes
    from_unit: int
    to_unit: int
    fund: str
    year: int
    amount_fen: int
    sent_ms: int
    state: TransferState
    given_back: bool = False
    counted_fen: int | None = None  # what arrived according to the receiver, if it ever disputed
    answered_ms: int | None = None
    assignment: bytes | None = None
    note: str = ""  # the sender's
    answer_note: str = ""  # the receiver's last


@dataclass(frozen=True, slots=True)
class TransferPage:
    """A part of a list, newest first, and how many there are in all."""

    transfers: tuple[Transfer, ...]
    total: int


@dataclass(frozen=True, slots=True)
class LinePage:
    """A part of the journal, newest first, and how many lines there are in all."""

    lines: tuple[Line, ...]
    total: int


def balances(
    office: Office,
    unit: int | None = None,
    *,
    subtree: bool = False,
    fund: str | None = None,
    year: int | None = None,
) -> tuple[Balance, ...]:
    """Return the accounts that are not empty, by unit, fund, year and account.

    `unit`: this office (None) or one below it; with `subtree` also all below that one.
    Raises: BadAllocation (`not_seen`).
    """
    top = _visible_unit(office, unit)
    units = office.tree.subtree(top) if subtree else (top,)
    where, params = money_where("", fund, year)
    found: list[Balance] = []
    with office.store.read() as tx:
        for part in pieces(units):
            rows = tx.exec_driver_sql(
                sql(
                    tx,
                    "SELECT unit, fund, year, account, fen FROM balance "  # noqa: S608
                    f"WHERE fen <> 0 AND unit IN ({','.join('?' * len(part))}){where}",
                ),
                (*part, *params),
            )
            found += [
                Balance(unit=unit, fund=fund, year=year, account=account, fen=int(fen))
                for unit, fund, year, account, fen in rows
            ]
    return tuple(sorted(found, key=lambda b: (b.unit, b.fund, b.year, b.account)))


def waiting(
    office: Office, *, fund: str | None = None, year: int | None = None
) -> tuple[Transfer, ...]:
    """Return the releases that this office has neither received nor returned, oldest first."""
    with office.store.read() as tx:
        lines = list(unanswered(office, tx, fund=fund, year=year, disputed=True))
        found = _with_answers(tx, lines)
    return tuple(sorted(found, key=lambda one: (one.sent_ms, one.transfer)))


def waiting_page(
    office: Office,
    *,
    state: TransferState | None = None,
    fund: str | None = None,
    year: int | None = None,
    offset: int = 0,
    limit: int | None = None,
) -> TransferPage:
    """Return a part of what waits, oldest first. `limit`: None for all of it."""
    found = [one for one in waiting(office, fund=fund, year=year) if state in (None, one.state)]
    end = None if limit is None else offset + min(limit, PAGE_MAX)
    return TransferPage(tuple(found[offset:end]), len(found))


def unanswered(
    office: Office,
    tx: Connection,
    *,
    fund: str | None = None,
    year: int | None = None,
    disputed: bool = False,
) -> Iterator[Line]:
    """Yield the releases that wait for this office; those it disputed only if asked for."""
    me = office.identity.unit
    where, params = money_where("f_", fund, year)
    resolved = "'receipt','return'" if disputed else "'receipt','return','dispute'"
    # Only the offices above send money down, so nothing of those below is looked at.
    for part in pieces(_senders(office, tx)):
        yield from lines_where(
            tx,
            f"unit IN ({','.join('?' * len(part))}) AND f_kind='release' AND f_peer=?{where} "  # noqa: S608
            "AND NOT EXISTS (SELECT 1 FROM r_posting q WHERE q.f_transfer = p.f_transfer "
            f"AND q.unit=? AND q.f_kind IN ({resolved}))",
            (*part, me, *params, me),
        )


def transfers(
    office: Office,
    direction: Direction = Direction.ALL,
    *,
    state: TransferState | None = None,
    fund: str | None = None,
    year: int | None = None,
    offset: int = 0,
    limit: int = 50,
) -> TransferPage:
    """Return a page of transfers that this office sees, newest first."""
    where, params = money_where("f_", fund, year)
    where = f"(f_kind='release' OR (f_kind='return' AND f_credit='{HELD}')){where}"
    if direction is not Direction.ALL:
        where += " AND unit=?" if direction is Direction.OUT else " AND f_peer=?"
        params = (*params, office.identity.unit)
    if state is not None:
        where += f" AND {_STATES[state]}"
    with office.store.read() as tx:
        lines, total = _page(tx, where, params, offset, limit)
        return TransferPage(tuple(_with_answers(tx, lines)), total)


def history(
    office: Office,
    unit: int | None = None,
    *,
    fund: str | None = None,
    year: int | None = None,
    kind: PostingKind | None = None,
    offset: int = 0,
    limit: int = 50,
) -> LinePage:
    """Return a page of the journal of this office, or of one below it, newest first.

    Raises: BadAllocation (`not_seen`).
    """
    where, params = money_where("f_", fund, year)
    where, params = f"unit=?{where}", (_visible_unit(office, unit), *params)
    if kind is not None:
        where, params = f"{where} AND f_kind=?", (*params, kind.value)
    with office.store.read() as tx:
        lines, total = _page(tx, where, params, offset, limit)
    return LinePage(tuple(lines), total)


# -- what the questions share ----------------------------------------------------------------


def _answer_exists(*kinds: str) -> str:
    listed = ",".join(f"'{kind}'" for kind in kinds)
    return (
        "EXISTS (SELECT 1 FROM r_posting q WHERE q.f_transfer = p.f_transfer "  # noqa: S608
        f"AND q.unit = p.f_peer AND q.f_kind IN ({listed}) AND NOT EXISTS (SELECT 1 "
        "FROM uncounted_posting u WHERE u.unit = q.unit AND u.id = q.id))"
    )


_STATES = {
    TransferState.RECEIVED: f"(f_kind='release' AND {_answer_exists('receipt')})",
    TransferState.RETURNED: f"(f_kind='return' OR {_answer_exists('return')})",
    TransferState.DISPUTED: (
        f"(f_kind='release' AND {_answer_exists('dispute')} "
        f"AND NOT {_answer_exists('receipt', 'return')})"
    ),
    TransferState.IN_TRANSIT: (
        f"(f_kind='release' AND NOT {_answer_exists('receipt', 'return', 'dispute')})"
    ),
}


def _with_answers(tx: Connection, sent: Sequence[Line]) -> list[Transfer]:
    answers: dict[tuple[bytes, int, PostingKind], Posting] = {
        (line.posting.transfer, line.posting.unit_id, line.posting.kind): line.posting
        for line in of_transfers(tx, [line.posting.transfer for line in sent])
    }
    return [_transfer(line.posting, answers) for line in sent]


def _transfer(sent: Posting, answers: dict[tuple[bytes, int, PostingKind], Posting]) -> Transfer:
    assert sent.peer_unit is not None
    by_kind = {
        kind: answers.get((sent.transfer, sent.peer_unit, kind))
        for kind in (PostingKind.RECEIPT, PostingKind.RETURN, PostingKind.DISPUTE)
    }
    disputed = by_kind[PostingKind.DISPUTE]
    given_back = sent.kind is PostingKind.RETURN
    if given_back:
        state, last = TransferState.RETURNED, None
    elif last := by_kind[PostingKind.RECEIPT]:
        state = TransferState.RECEIVED
    elif last := by_kind[PostingKind.RETURN]:
        state = TransferState.RETURNED
    elif last := disputed:
        state = TransferState.DISPUTED
    else:
        state = TransferState.IN_TRANSIT
    return Transfer(
        transfer=sent.transfer,
        from_unit=sent.unit_id,
        to_unit=sent.peer_unit,
        fund=sent.fund,
        year=sent.year,
        amount_fen=sent.amount_fen,
        sent_ms=sent.at_ms,
        state=state,
        given_back=given_back,
        counted_fen=disputed.counted_fen if disputed else None,
        answered_ms=last.at_ms if last else None,
        assignment=sent.assignment,
        note=sent.note,
        answer_note=last.note if last else "",
    )


def posting_of(office: Office, unit: int, posting_id: bytes) -> tuple[Line, bool] | None:
    """Return a line of an office's journal, and whether it counts; None: there is none."""
    with office.store.read() as tx:
        line = line_by_id(tx, unit, posting_id)
        counted = list(lines_where(tx, "unit=? AND id=?", (unit, posting_id)))
    return None if line is None else (line, bool(counted))


def _page(
    tx: Connection, where: str, params: tuple[Any, ...], offset: int, limit: int
) -> tuple[list[Line], int]:
    count = (
        f"SELECT count(*) FROM r_posting p WHERE (causal_length & 1) = 1 "  # noqa: S608
        f"AND {COUNTED} AND {where}"
    )
    total = tx.exec_driver_sql(sql(tx, count), params).scalar_one()
    ordered = f"{where} ORDER BY f_at_ms DESC, id LIMIT ? OFFSET ?"
    lines = lines_where(tx, ordered, (*params, max(0, min(limit, PAGE_MAX)), max(0, offset)))
    return list(lines), int(total)


def _senders(office: Office, tx: Connection) -> list[int]:
    """Return the units not below this office whose postings were received: those above it."""
    if office.level is Level.CITY:
        return []
    tree, me = office.tree, office.identity.unit
    below = frozenset(tree.subtree(me)) if me in tree else frozenset((me,))
    found, after = [], -1
    step = sql(tx, "SELECT min(unit) FROM r_posting WHERE unit > ?")  # hops along the key
    while (unit := tx.exec_driver_sql(step, (after,)).scalar_one()) is not None:
        if unit not in below:
            found.append(unit)
        after = unit
    return found


def money_where(prefix: str, fund: str | None, year: int | None) -> tuple[str, tuple[Any, ...]]:
    """Return conditions on columns named so, each begun by AND, and their parameters."""
    where, params = "", tuple[Any, ...]()
    if fund is not None:
        where, params = f"{where} AND {prefix}fund=?", (*params, fund)
    if year is not None:
        where, params = f"{where} AND {prefix}year=?", (*params, year)
    return where, params


def _visible_unit(office: Office, unit: int | None) -> int:
    me = office.identity.unit
    if unit is None or unit == me:
        return me
    if unit not in office.tree or not office.tree.within(unit, me):
        named = office.tree.get(unit).name if unit in office.tree else f"#{unit}"
        raise BadAllocation("not_seen", named)
    return unit
