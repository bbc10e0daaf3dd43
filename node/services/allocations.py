"""Money at one office: put in, sent down, taken in, sent back, spent, undone.

Every verb is one transaction: the books are read and the posting is written under the store's
lock, so that what was checked still holds when it is committed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from node.domain import posting as deeds
from node.domain.funds import Category
from node.domain.ledger import Posting, PostingKind
from node.domain.ledger_errors import TransferUnknown
from node.domain.posting import AMOUNT_FEN_MAX, posting_id_for
from node.folds.ledger import Desk, Money
from node.ids import uuid7
from node.services.allocation_checks import (
    check_next,
    check_note,
    check_reason,
    check_said,
    check_transfer,
)
from node.services.allocation_errors import BadAllocation
from node.services.allocation_views import unanswered
from node.store.postings import Line, line_by_id, of_transfers
from sync.change import Edit
from sync.limits import TRANSACTION_CHANGES_MAX
from sync.registers import pieces

if TYPE_CHECKING:
    from node.app import Office


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
    check_said(fund, year, amount_fen, note, transfer)
    number = transfer or new_transfer(office)

    def deed(desk: Desk) -> Posting:
        return deeds.appropriate(
            unit_id=desk.unit, transfer=number, fund=fund, year=year, amount_fen=amount_fen,
            at_ms=desk.now_ms, assignment=assignment, note=note,
        )  # fmt: skip

    return _book(office, deed, money=[(fund, year)], transfers=[number], actor=actor)


def match(
    office: Office,
    *,
    year: int,
    actor: str,
    amount_fen: int | None = None,
    note: str = "",
    transfer: bytes | None = None,
) -> Line:
    """Put a district's own money (F2) beside the city's that it received; all that is due.

    Raises: BadAllocation (`nothing_due`), FundRule at another level, OverLimit, TransferReused.
    """
    check_said("F2", year, 1 if amount_fen is None else amount_fen, note, transfer)
    number = transfer or new_transfer(office)

    def deed(desk: Desk) -> Posting:
        before = desk.line(posting_id_for(desk.unit, PostingKind.MATCH, number))
        due_fen = before.posting.amount_fen if before else desk.books.match_due_fen(year)
        asked_fen = due_fen if amount_fen is None else amount_fen
        if asked_fen <= 0:
            raise BadAllocation("nothing_due", year)
        return deeds.match(
            unit_id=desk.unit, transfer=number, year=year, amount_fen=asked_fen,
            at_ms=desk.now_ms, note=note,
        )  # fmt: skip

    money = [("F1", year), ("F2", year)]
    return _book(office, deed, money=money, transfers=[number], actor=actor, matching=True)


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

    Raises: NotHeld, NotDescendant, BadAllocation (`not_next`), FundRule, TransferReused.
    """
    check_said(fund, year, amount_fen, note, transfer)
    number = transfer or new_transfer(office)

    def deed(desk: Desk) -> Posting:
        if desk.line(posting_id_for(desk.unit, PostingKind.RELEASE, number)) is None:
            check_next(office, to)
        return release_of(desk, number, to, fund, year, amount_fen, note, assignment)

    return _book(office, deed, money=[(fund, year)], transfers=[number], actor=actor)


def receive(
    office: Office,
    transfer: bytes,
    *,
    actor: str,
    counted_fen: int | None = None,
    note: str = "",
) -> Line:
    """Take a release in: a receipt when what arrived is what was released, otherwise a dispute.

    `counted_fen`: what arrived; None: what was released. A disputed release is received after all
    when the right figure is given.
    Raises: TransferUnknown, TransferResolved, BadAllocation.
    """
    return _answer(office, transfer, counted_fen, note, actor)


def dispute(
    office: Office, transfer: bytes, *, counted_fen: int, actor: str, note: str = ""
) -> Line:
    """Say that another amount arrived than was released; nobody may use it until it is settled.

    Raises: TransferUnknown, TransferResolved, BadAllocation (`same_figure`).
    """
    return _answer(office, transfer, counted_fen, note, actor, disputing=True)


def return_(office: Office, transfer: bytes, *, reason: str, actor: str) -> Line:
    """Send a release back whole, instead of receiving it; its payer books it when it hears of it.

    Raises: TransferUnknown, TransferResolved (after its receipt: `give_back`), BadAllocation.
    """
    check_reason(reason)
    check_transfer(transfer)

    def deed(desk: Desk, released: Posting) -> Posting:
        disputed = _own(desk, PostingKind.DISPUTE, transfer) is not None
        return deeds.send_back(released, disputed=disputed, at_ms=desk.now_ms, note=reason)

    return _reply(office, transfer, deed, actor)


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

    Raises: NotHeld, OverLimit (more than came from there), BadAllocation, TransferReused.
    """
    check_said(fund, year, amount_fen, reason, transfer)
    check_reason(reason)
    number = transfer or new_transfer(office)
    payer = to if to is not None else office.tree.parent(office.identity.unit)
    if payer is None or payer == office.identity.unit:
        raise BadAllocation("no_payer")

    def deed(desk: Desk) -> Posting:
        return deeds.give_back(
            unit_id=desk.unit, transfer=number, to_unit=payer, fund=fund, year=year,
            amount_fen=amount_fen, at_ms=desk.now_ms, assignment=assignment, note=reason,
        )  # fmt: skip

    return _book(office, deed, money=[(fund, year)], transfers=[number], actor=actor)


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

    Raises: NotHeld, FundRule (F4 is for Party work, F9 for its assignment), BadAllocation,
    TransferReused.
    """
    check_said(fund, year, amount_fen, note, transfer)
    number = transfer or new_transfer(office)
    try:
        on = Category(category)
    except ValueError as error:
        raise BadAllocation("category", category) from error

    def deed(desk: Desk) -> Posting:
        return deeds.spend(
            unit_id=desk.unit, transfer=number, fund=fund, year=year, amount_fen=amount_fen,
            category=on, at_ms=desk.now_ms, assignment=assignment, note=note,
        )  # fmt: skip

    return _book(office, deed, money=[(fund, year)], transfers=[number], actor=actor)


def reverse(office: Office, posting_id: bytes, *, actor: str, note: str = "") -> Line:
    """Undo one of this office's own appropriations or expenditures by its mirror, once.

    Raises: TransferUnknown, NotReversible, NotHeld (it was passed on meanwhile), BadAllocation.
    """
    check_note(note)
    booked: list[Line] = []

    def work(tx: Connection) -> list[Edit]:
        line = line_by_id(tx, office.identity.unit, posting_id)
        if line is None:
            raise TransferUnknown("posting to be reversed", "待冲正的记录")
        undone = line.posting
        desk = Desk(office, tx, [(undone.fund, undone.year)], [undone.transfer, undone.posting_id])
        mirror = deeds.reverse(undone, at_ms=desk.now_ms, note=note)
        booked.append(desk.post(mirror, actor=actor))
        return desk.edits

    office.commit(work)
    return booked[0]


def receive_all(
    office: Office, *, actor: str, fund: str | None = None, year: int | None = None, note: str = ""
) -> tuple[Line, ...]:
    """Take in every undisputed release that waits here, in as few transactions as may be."""
    check_note(note)
    with office.store.read() as tx:
        waiting = [line.posting for line in unanswered(office, tx, fund=fund, year=year)]
    waiting.sort(key=_money_of)
    booked: list[Line] = []
    for _, group in groupby(waiting, key=_money_of):
        for part in pieces([p.transfer for p in group], TRANSACTION_CHANGES_MAX):
            booked += _receive_part(office, part, actor, note)
    return tuple(booked)


# -- what the verbs share --------------------------------------------------------------------


def new_transfer(office: Office) -> bytes:
    """Return a number for a new transfer."""
    return uuid7(office.clock.now_ms(), office.rng)


def release_of(
    desk: Desk, number: bytes, to: int, fund: str, year: int, amount_fen: int, note: str = "",
    assignment: bytes | None = None,
) -> Posting:  # fmt: skip
    """Return the posting that sends money to `to`."""
    return deeds.release(
        unit_id=desk.unit, transfer=number, to_unit=to, fund=fund, year=year,
        amount_fen=amount_fen, at_ms=desk.now_ms, assignment=assignment, note=note,
    )  # fmt: skip


def _book(
    office: Office,
    deed: Callable[[Desk], Posting],
    *,
    money: Iterable[Money],
    transfers: Iterable[bytes],
    actor: str,
    matching: bool = False,
) -> Line:
    booked: list[Line] = []

    def work(tx: Connection) -> list[Edit]:
        desk = Desk(office, tx, money, transfers, matching=matching)
        booked.append(desk.post(deed(desk), actor=actor))
        return desk.edits

    office.commit(work)
    return booked[0]


def _answer(
    office: Office,
    transfer: bytes,
    counted_fen: int | None,
    note: str,
    actor: str,
    *,
    disputing: bool = False,
) -> Line:
    check_note(note)
    check_transfer(transfer)
    if counted_fen is not None and not 0 <= counted_fen <= AMOUNT_FEN_MAX:
        raise BadAllocation("amount", counted_fen)

    def deed(desk: Desk, released: Posting) -> Posting:
        counted = released.amount_fen if counted_fen is None else counted_fen
        same = counted == released.amount_fen
        if disputing and same:
            raise BadAllocation("same_figure")
        if same and _own(desk, PostingKind.DISPUTE, transfer) is not None:
            return deeds.settle(released, at_ms=desk.now_ms, note=note)
        return deeds.answer(released, counted_fen=counted, at_ms=desk.now_ms, note=note)

    return _reply(office, transfer, deed, actor)


def _reply(
    office: Office, transfer: bytes, deed: Callable[[Desk, Posting], Posting], actor: str
) -> Line:
    """Book what this office says to a release that was addressed to it."""
    booked: list[Line] = []

    def work(tx: Connection) -> list[Edit]:
        released = _release_here(office, tx, transfer)
        desk = Desk(office, tx, [(released.fund, released.year)], [transfer])
        booked.append(desk.post(deed(desk, released), actor=actor))
        return desk.edits

    office.commit(work)
    return booked[0]


def _receive_part(office: Office, transfers: Sequence[bytes], actor: str, note: str) -> list[Line]:
    booked: list[Line] = []

    def work(tx: Connection) -> list[Edit]:
        asked = set(transfers)
        # Read again under the lock: somebody may have answered one of them meanwhile.
        waiting = [p for p in (line.posting for line in unanswered(office, tx))
                   if p.transfer in asked]  # fmt: skip
        desk = Desk(office, tx, [_money_of(p) for p in waiting], [p.transfer for p in waiting])
        for released in waiting:
            receipt = deeds.answer(
                released, counted_fen=released.amount_fen, at_ms=desk.now_ms, note=note
            )
            booked.append(desk.post(receipt, actor=actor))
        return desk.edits

    office.commit(work)
    return booked


def _release_here(office: Office, tx: Connection, transfer: bytes) -> Posting:
    me = office.identity.unit
    for line in of_transfers(tx, [transfer]):
        if line.posting.kind is PostingKind.RELEASE and line.posting.peer_unit == me:
            return line.posting
    raise TransferUnknown("release", "拨付")


def _own(desk: Desk, kind: PostingKind, transfer: bytes) -> Line | None:
    return desk.line(posting_id_for(desk.unit, kind, transfer))


def _money_of(posting: Posting) -> Money:
    return posting.fund, posting.year
