"""Postings: lines of the journal, and the functions that make them.

Each posting moves an amount from one account of one office to another account of the same office,
in one fund and one year. A transfer between two offices is two postings with one transfer id.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum

from node.domain.funds import Category


class PostingKind(StrEnum):
    """The kind of a posting; `ACCOUNTS` has the two accounts of each."""

    APPROPRIATE = "appropriate"
    MATCH = "match"  # a district's own money that matches city money that it received
    RELEASE = "release"
    RECEIPT = "receipt"
    DISPUTE = "dispute"  # arrived with another amount; nobody may spend it yet
    RETURN = "return"
    RECLAIM = "reclaim"  # the payer books a RETURN that it has received
    SPEND = "spend"
    REVERSE = "reverse"


class AccountKind(StrEnum):
    """An account's place in an office's books."""

    SOURCE = "source"
    HELD = "held"
    IN_TRANSIT = "in_transit"  # sent to one child, whether or not it has arrived
    TRANSFER_IN = "transfer_in"  # came from one payer
    DISPUTED = "disputed"
    SPENT = "spent"
    RETURNED = "returned"  # sent back to one payer


@dataclass(frozen=True, slots=True, order=True)
class Account:
    """One account of an office, within one fund and year. `ref`: the peer's unit_id, a category."""

    kind: AccountKind
    ref: str = ""

    def __str__(self) -> str:
        return f"{self.kind.value}:{self.ref}" if self.ref else self.kind.value


HELD = Account(AccountKind.HELD)
SOURCE = Account(AccountKind.SOURCE)

A, P = AccountKind, PostingKind
# kind -> the (debit, credit) pairs it may have. REVERSE swaps those of what it reverses.
ACCOUNTS: dict[PostingKind, frozenset[tuple[AccountKind, AccountKind]]] = {
    P.APPROPRIATE: frozenset({(A.HELD, A.SOURCE)}),
    P.MATCH: frozenset({(A.HELD, A.SOURCE)}),
    P.RELEASE: frozenset({(A.IN_TRANSIT, A.HELD)}),
    P.RECEIPT: frozenset({(A.HELD, A.TRANSFER_IN), (A.HELD, A.DISPUTED)}),
    P.DISPUTE: frozenset({(A.DISPUTED, A.TRANSFER_IN)}),
    P.RETURN: frozenset(
        {(A.RETURNED, A.TRANSFER_IN), (A.RETURNED, A.DISPUTED), (A.RETURNED, A.HELD)}
    ),
    P.RECLAIM: frozenset({(A.HELD, A.IN_TRANSIT)}),
    P.SPEND: frozenset({(A.SPENT, A.HELD)}),
}
UNDIVIDED = frozenset({A.SOURCE, A.HELD})
PEER_ACCOUNTS = frozenset({A.IN_TRANSIT, A.TRANSFER_IN, A.DISPUTED, A.RETURNED})
# No other office depends on these. Only its receiver undoes a release, by returning it.
REVERSIBLE = frozenset({P.APPROPRIATE, P.SPEND})


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """One immutable double entry in whole fen, written by the office whose accounts it names."""

    posting_id: (
        bytes  # 16 bytes, from (author, kind, transfer): a repeated posting is the same record
    )
    transfer: bytes  # 16 bytes, made and stored before the first send; of a REVERSE: what it undoes
    kind: PostingKind
    unit_id: int  # the author
    fund: str
    year: int
    amount_fen: int
    debit: Account
    credit: Account
    at_ms: int
    peer_unit: int | None = None
    category: Category | None = None
    assignment: bytes | None = None  # with funds that pay for one assignment
    counted_fen: int | None = None  # with DISPUTE: what arrived, against amount_fen as released
    note: str = ""

    @property
    def content(self) -> tuple[object, ...]:
        """The content that belongs to the transfer id: everything but time and note."""
        return (
            self.posting_id,
            self.transfer,
            self.kind,
            self.unit_id,
            self.fund,
            self.year,
            self.amount_fen,
            self.debit,
            self.credit,
            self.peer_unit,
            self.category,
            self.assignment,
            self.counted_fen,
        )


def posting_id_for(unit_id: int, kind: PostingKind, transfer: bytes) -> bytes:
    """Return the id of this posting: the same wherever and however often it is written."""
    text = f"silian posting {unit_id} {kind.value} ".encode() + transfer
    return hashlib.sha256(text).digest()[:16]


def appropriate(
    *, unit_id: int, transfer: bytes, fund: str, year: int, amount_fen: int, at_ms: int,
    assignment: bytes | None = None, note: str = "",
) -> Posting:  # fmt: skip
    """Appropriate money of a budget to a fund."""
    return _posting(
        PostingKind.APPROPRIATE, unit_id, transfer, fund, year, amount_fen, at_ms,
        debit=HELD, credit=SOURCE, assignment=assignment, note=note,
    )  # fmt: skip


def match(
    *, unit_id: int, transfer: bytes, year: int, amount_fen: int, at_ms: int, note: str = ""
) -> Posting:
    """Match received city money (F1) with a district's own money (F2)."""
    return _posting(
        PostingKind.MATCH, unit_id, transfer, "F2", year, amount_fen, at_ms,
        debit=HELD, credit=SOURCE, note=note,
    )  # fmt: skip


def release(
    *, unit_id: int, transfer: bytes, to_unit: int, fund: str, year: int, amount_fen: int,
    at_ms: int, assignment: bytes | None = None, note: str = "",
) -> Posting:  # fmt: skip
    """Send money down to an office below."""
    return _posting(
        PostingKind.RELEASE, unit_id, transfer, fund, year, amount_fen, at_ms,
        debit=Account(A.IN_TRANSIT, str(to_unit)), credit=HELD, peer_unit=to_unit,
        assignment=assignment, note=note,
    )  # fmt: skip


def answer(released: Posting, *, counted_fen: int, at_ms: int, note: str = "") -> Posting:
    """Answer a release: RECEIPT if the released amount arrived, otherwise DISPUTE."""
    same = counted_fen == released.amount_fen
    payer = str(released.unit_id)
    return _reply(
        released,
        PostingKind.RECEIPT if same else PostingKind.DISPUTE,
        debit=HELD if same else Account(A.DISPUTED, payer),
        credit=Account(A.TRANSFER_IN, payer),
        counted_fen=None if same else counted_fen,
        at_ms=at_ms,
        note=note,
    )


def send_back(released: Posting, *, disputed: bool, at_ms: int, note: str = "") -> Posting:
    """Return a complete release before its receipt; `disputed`: it was disputed before."""
    payer = str(released.unit_id)
    return _reply(
        released,
        PostingKind.RETURN,
        debit=Account(A.RETURNED, payer),
        credit=Account(A.DISPUTED if disputed else A.TRANSFER_IN, payer),
        at_ms=at_ms,
        note=note,
    )


def settle(released: Posting, *, at_ms: int, note: str = "") -> Posting:
    """Receive a disputed release after all, at the released figure."""
    return _reply(
        released,
        PostingKind.RECEIPT,
        debit=HELD,
        credit=Account(A.DISPUTED, str(released.unit_id)),
        at_ms=at_ms,
        note=note,
    )


def give_back(
    *, unit_id: int, transfer: bytes, to_unit: int, fund: str, year: int, amount_fen: int,
    at_ms: int, assignment: bytes | None = None, note: str = "",
) -> Posting:  # fmt: skip
    """Return received money that was not spent, by a transfer of its own, upward."""
    return _posting(
        PostingKind.RETURN, unit_id, transfer, fund, year, amount_fen, at_ms,
        debit=Account(A.RETURNED, str(to_unit)), credit=HELD, peer_unit=to_unit,
        assignment=assignment, note=note,
    )  # fmt: skip


def reclaim(returned: Posting, *, at_ms: int, note: str = "") -> Posting:
    """Book a received RETURN back into this office's balance."""
    return _reply(
        returned,
        PostingKind.RECLAIM,
        debit=HELD,
        credit=Account(A.IN_TRANSIT, str(returned.unit_id)),
        at_ms=at_ms,
        note=note,
    )


def spend(
    *, unit_id: int, transfer: bytes, fund: str, year: int, amount_fen: int, category: Category,
    at_ms: int, assignment: bytes | None = None, note: str = "",
) -> Posting:  # fmt: skip
    """Record an expenditure."""
    return _posting(
        PostingKind.SPEND, unit_id, transfer, fund, year, amount_fen, at_ms,
        debit=Account(A.SPENT, category.value), credit=HELD, category=category,
        assignment=assignment, note=note,
    )  # fmt: skip


def reverse(posting: Posting, *, at_ms: int, note: str = "") -> Posting:
    """Undo one of this office's postings by the opposite posting; the journal keeps both."""
    return _posting(
        PostingKind.REVERSE, posting.unit_id, posting.posting_id, posting.fund, posting.year,
        posting.amount_fen, at_ms, debit=posting.credit, credit=posting.debit,
        peer_unit=posting.peer_unit, category=posting.category, assignment=posting.assignment,
        note=note,
    )  # fmt: skip


def _reply(
    to: Posting, kind: PostingKind, *, debit: Account, credit: Account, at_ms: int, note: str,
    counted_fen: int | None = None,
) -> Posting:  # fmt: skip
    assert to.peer_unit is not None
    return _posting(
        kind, to.peer_unit, to.transfer, to.fund, to.year, to.amount_fen, at_ms,
        debit=debit, credit=credit, peer_unit=to.unit_id, assignment=to.assignment,
        counted_fen=counted_fen, note=note,
    )  # fmt: skip


def _posting(
    kind: PostingKind, unit_id: int, transfer: bytes, fund: str, year: int, amount_fen: int,
    at_ms: int, *, debit: Account, credit: Account, note: str, peer_unit: int | None = None,
    category: Category | None = None, assignment: bytes | None = None,
    counted_fen: int | None = None,
) -> Posting:  # fmt: skip
    return Posting(
        posting_id=posting_id_for(unit_id, kind, transfer),
        transfer=transfer,
        kind=kind,
        unit_id=unit_id,
        fund=fund,
        year=year,
        amount_fen=amount_fen,
        debit=debit,
        credit=credit,
        at_ms=at_ms,
        peer_unit=peer_unit,
        category=category,
        assignment=assignment,
        counted_fen=counted_fen,
        note=note,
    )
