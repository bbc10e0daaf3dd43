"""Receipts: how an office answers money that was sent to it: received, disputed, returned whole.

As in allocations: one transaction a verb, checked under the store's lock.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from node.domain import posting as postings
from node.domain.ledger import Posting, PostingKind
from node.domain.ledger_errors import SamePerson, TransferUnknown
from node.domain.posting import posting_id_for
from node.folds.ledger import JournalSession, Money
from node.services.money.checks import (
    check_amount,
    check_note,
    check_person,
    check_reason,
    check_transfer,
    is_same_person,
)
from node.services.money.views import unanswered
from node.store.postings import Line, of_transfers
from sync.model.change import Edit
from sync.model.limits import TRANSACTION_CHANGES_MAX
from sync.store.sql import pieces

if TYPE_CHECKING:
    from node.office import Office


def receive(
    office: Office,
    transfer: bytes,
    *,
    actor: str,
    counted_fen: int | None = None,
    note: str = "",
) -> Line:
    """Receive a release: a receipt when what arrived is what was released, otherwise a dispute.

    `counted_fen`: what arrived; None: what was released. A disputed release is received after all
    when the right figure is given.
    Raises: TransferUnknown, TransferResolved, SamePerson, BadAllocation.
    """
    return _answer(office, transfer, counted_fen, note, actor)


def return_(office: Office, transfer: bytes, *, reason: str, actor: str) -> Line:
    """Return a release whole instead of receiving it; its payer books it when the return arrives.

    Raises: TransferUnknown, TransferResolved (after its receipt: `give_back`), BadAllocation.
    """
    check_reason(reason)
    check_transfer(transfer)

    def make_posting(session: JournalSession, line: Line) -> Posting:
        disputed = _own(session, PostingKind.DISPUTE, transfer) is not None
        return postings.send_back(
            line.posting, disputed=disputed, at_ms=session.now_ms, note=reason
        )

    return _reply(office, transfer, make_posting, actor)


def receive_all(
    office: Office, *, actor: str, fund: str | None = None, year: int | None = None, note: str = ""
) -> tuple[Line, ...]:
    """Receive every undisputed release that waits here, in as few transactions as possible.

    None at all when one of them was released by the same person. Raises: SamePerson, BadAllocation.
    """
    check_note(note)
    check_person(actor)
    with office.store.read() as tx:
        lines = list(unanswered(office, tx, fund=fund, year=year))
    for line in lines:
        _check_two_persons(line, actor)
    waiting = sorted((line.posting for line in lines), key=_money_of)
    booked: list[Line] = []
    for _, group in groupby(waiting, key=_money_of):
        for part in pieces([p.transfer for p in group], TRANSACTION_CHANGES_MAX):
            booked += _receive_part(office, part, actor, note)
    return tuple(booked)


def _answer(
    office: Office,
    transfer: bytes,
    counted_fen: int | None,
    note: str,
    actor: str,
) -> Line:
    check_note(note)
    check_transfer(transfer)
    check_person(actor)
    if counted_fen is not None:
        check_amount(counted_fen, least=0)

    def make_posting(session: JournalSession, line: Line) -> Posting:
        released = line.posting
        counted = released.amount_fen if counted_fen is None else counted_fen
        same = counted == released.amount_fen
        if same and _own(session, PostingKind.RECEIPT, transfer) is None:
            _check_two_persons(line, actor)
        if same and _own(session, PostingKind.DISPUTE, transfer) is not None:
            return postings.settle(released, at_ms=session.now_ms, note=note)
        return postings.answer(released, counted_fen=counted, at_ms=session.now_ms, note=note)

    return _reply(office, transfer, make_posting, actor)


def _reply(
    office: Office,
    transfer: bytes,
    make_posting: Callable[[JournalSession, Line], Posting],
    actor: str,
) -> Line:
    """Book this office's answer to a release that was addressed to it."""
    booked: list[Line] = []

    def work(tx: Connection) -> list[Edit]:
        booked.clear()
        released = _release_here(office, tx, transfer)
        session = JournalSession(office.context, tx, [_money_of(released.posting)], [transfer])
        booked.append(session.post(make_posting(session, released), actor=actor))
        return session.edits

    office.commit(work)
    return booked[0]


def _receive_part(office: Office, transfers: Sequence[bytes], actor: str, note: str) -> list[Line]:
    booked: list[Line] = []

    def work(tx: Connection) -> list[Edit]:
        booked.clear()
        asked = set(transfers)
        # Read again under the lock: somebody may have answered one of them meanwhile.
        lines = [line for line in unanswered(office, tx) if line.posting.transfer in asked]
        for line in lines:
            _check_two_persons(line, actor)
        waiting = [line.posting for line in lines]
        session = JournalSession(
            office.context, tx, [_money_of(p) for p in waiting], [p.transfer for p in waiting]
        )
        for released in waiting:
            receipt = postings.answer(
                released, counted_fen=released.amount_fen, at_ms=session.now_ms, note=note
            )
            booked.append(session.post(receipt, actor=actor))
        return session.edits

    office.commit(work)
    return booked


def _check_two_persons(released: Line, actor: str) -> None:
    if is_same_person(released.actor, actor):
        raise SamePerson(actor)


def _release_here(office: Office, tx: Connection, transfer: bytes) -> Line:
    me = office.identity.unit
    for line in of_transfers(tx, [transfer]):
        if line.posting.kind is PostingKind.RELEASE and line.posting.peer_unit == me:
            return line
    raise TransferUnknown("release", "下拨")


def _own(session: JournalSession, kind: PostingKind, transfer: bytes) -> Line | None:
    return session.line(posting_id_for(session.unit, kind, transfer))


def _money_of(posting: Posting) -> Money:
    return posting.fund, posting.year
