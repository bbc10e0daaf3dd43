"""Postings of an office's money: put in, sent down, given back, spent, undone.

Every verb is one transaction: the books are read and the posting is written under the store's
lock, so that what was checked is still true when it is committed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from node.domain import posting as postings
from node.domain.funds import Category
from node.domain.ledger import Posting, PostingKind
from node.domain.ledger_errors import TransferUnknown
from node.domain.posting import posting_id_for
from node.folds.ledger import JournalSession, Money
from node.ids import uuid7
from node.services.money.checks import check_next, check_note, check_reason, check_request
from node.services.money.errors import BadAllocation
from node.store.postings import Line, line_by_id
from sync.model.change import Edit

if TYPE_CHECKING:
    from node.office import Office


def appropriate(
    office: Office,
    *,
    fund: str,
    year: int,
    amount_fen: int,
    actor: str,
    note: str = "",
    transfer: bytes | None = None,
    assignment: bytes | None = None,
) -> Line:
    """Put money of this office's budget into a fund.

    `transfer`: 16 bytes made by the caller before the first try, so that a repeat counts once;
    this holds for every verb that takes one.
    Raises: BadAllocation, FundRule, OverLimit (N11, N12), TransferReused.
    """
    check_request(fund, year, amount_fen, note, transfer)
    number = transfer or new_transfer(office)

    def make_posting(session: JournalSession) -> Posting:
        return postings.appropriate(
            unit_id=session.unit, transfer=number, fund=fund, year=year, amount_fen=amount_fen,
            at_ms=session.now_ms, assignment=assignment, note=note,
        )  # fmt: skip

    return _book(office, make_posting, money=[(fund, year)], transfers=[number], actor=actor)


def match(
    office: Office,
    *,
    year: int,
    actor: str,
    amount_fen: int | None = None,
    note: str = "",
    transfer: bytes | None = None,
) -> Line:
    """Add a district's own money (F2) to the city's that it received; all that is due.

    Raises: BadAllocation (`nothing_due`), FundRule at another level, OverLimit, TransferReused.
    """
    check_request("F2", year, 1 if amount_fen is None else amount_fen, note, transfer)
    number = transfer or new_transfer(office)

    def make_posting(session: JournalSession) -> Posting:
        before = session.line(posting_id_for(session.unit, PostingKind.MATCH, number))
        due_fen = before.posting.amount_fen if before else session.books.match_due_fen(year)
        asked_fen = due_fen if amount_fen is None else amount_fen
        if asked_fen <= 0:
            raise BadAllocation("nothing_due", year)
        return postings.match(
            unit_id=session.unit, transfer=number, year=year, amount_fen=asked_fen,
            at_ms=session.now_ms, note=note,
        )  # fmt: skip

    money = [("F1", year), ("F2", year)]
    return _book(office, make_posting, money=money, transfers=[number], actor=actor, matching=True)


def release(
    office: Office,
    *,
    to: int,
    fund: str,
    year: int,
    amount_fen: int,
    actor: str,
    note: str = "",
    transfer: bytes | None = None,
    assignment: bytes | None = None,
) -> Line:
    """Send money to the office `to`, one level down; it is in transit until that one receives it.

    Raises: InsufficientFunds, NotDescendant, BadAllocation (`not_next`), FundRule, TransferReused.
    """
    check_request(fund, year, amount_fen, note, transfer)
    number = transfer or new_transfer(office)

    def make_posting(session: JournalSession) -> Posting:
        if session.line(posting_id_for(session.unit, PostingKind.RELEASE, number)) is None:
            check_next(office, to)
        return release_of(session, number, to, fund, year, amount_fen, note, assignment)

    return _book(office, make_posting, money=[(fund, year)], transfers=[number], actor=actor)


def give_back(
    office: Office,
    *,
    fund: str,
    year: int,
    amount_fen: int,
    reason: str,
    actor: str,
    to: int | None = None,
    transfer: bytes | None = None,
    assignment: bytes | None = None,
) -> Line:
    """Send back money that was received and not spent. `to`: its payer; None: the office above.

    Raises: InsufficientFunds, OverLimit (more than came from there), BadAllocation, TransferReused.
    """
    check_request(fund, year, amount_fen, reason, transfer)
    check_reason(reason)
    number = transfer or new_transfer(office)
    payer = to if to is not None else office.tree.parent(office.identity.unit)
    if payer is None or payer == office.identity.unit:
        raise BadAllocation("no_payer")

    def make_posting(session: JournalSession) -> Posting:
        return postings.give_back(
            unit_id=session.unit, transfer=number, to_unit=payer, fund=fund, year=year,
            amount_fen=amount_fen, at_ms=session.now_ms, assignment=assignment, note=reason,
        )  # fmt: skip

    return _book(office, make_posting, money=[(fund, year)], transfers=[number], actor=actor)


def spend(
    office: Office,
    *,
    fund: str,
    year: int,
    amount_fen: int,
    category: str,
    actor: str,
    note: str = "",
    transfer: bytes | None = None,
    assignment: bytes | None = None,
) -> Line:
    """Record an expenditure. `category`: a code of `Category`.

    Raises: InsufficientFunds, FundRule (F4 is for Party work, F9 for its assignment),
    BadAllocation, TransferReused.
    """
    check_request(fund, year, amount_fen, note, transfer)
    number = transfer or new_transfer(office)
    try:
        on = Category(category)
    except ValueError as error:
        raise BadAllocation("category", category) from error

    def make_posting(session: JournalSession) -> Posting:
        return postings.spend(
            unit_id=session.unit, transfer=number, fund=fund, year=year, amount_fen=amount_fen,
            category=on, at_ms=session.now_ms, assignment=assignment, note=note,
        )  # fmt: skip

    return _book(office, make_posting, money=[(fund, year)], transfers=[number], actor=actor)


def reverse(office: Office, posting_id: bytes, *, actor: str, note: str = "") -> Line:
    """Undo one of this office's own appropriations or expenditures by its opposite, once.

    Raises: TransferUnknown, NotReversible, InsufficientFunds (it was passed on meanwhile),
    BadAllocation.
    """
    check_note(note)
    booked: list[Line] = []

    def work(tx: Connection) -> list[Edit]:
        booked.clear()
        line = line_by_id(tx, office.identity.unit, posting_id)
        if line is None:
            raise TransferUnknown("posting to be reversed", "待冲正的记录")
        undone = line.posting
        session = JournalSession(
            office.context, tx, [(undone.fund, undone.year)], [undone.transfer, undone.posting_id]
        )
        mirror = postings.reverse(undone, at_ms=session.now_ms, note=note)
        booked.append(session.post(mirror, actor=actor))
        return session.edits

    office.commit(work)
    return booked[0]


# -- what the verbs share --------------------------------------------------------------------


def new_transfer(office: Office) -> bytes:
    """Return a number for a new transfer."""
    return uuid7(office.clock.now_ms(), office.rng)


def release_of(
    session: JournalSession, number: bytes, to: int, fund: str, year: int, amount_fen: int,
    note: str = "", assignment: bytes | None = None,
) -> Posting:  # fmt: skip
    """Return the posting that sends money to `to`."""
    return postings.release(
        unit_id=session.unit, transfer=number, to_unit=to, fund=fund, year=year,
        amount_fen=amount_fen, at_ms=session.now_ms, assignment=assignment, note=note,
    )  # fmt: skip


def _book(
    office: Office,
    make_posting: Callable[[JournalSession], Posting],
    *,
    money: Iterable[Money],
    transfers: Iterable[bytes],
    actor: str,
    matching: bool = False,
) -> Line:
    booked: list[Line] = []

    def work(tx: Connection) -> list[Edit]:
        booked.clear()
        session = JournalSession(office.context, tx, money, transfers, matching=matching)
        booked.append(session.post(make_posting(session), actor=actor))
        return session.edits

    office.commit(work)
    return booked[0]
