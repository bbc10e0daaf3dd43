"""Conservation of money over a tree: what was appropriated against where it is now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from node.domain.posting import AccountKind, Posting, PostingKind


@dataclass(frozen=True, slots=True, kw_only=True)
class FundLine:
    """One fund and year over all offices whose postings were given, in fen."""

    fund: str
    year: int
    appropriated_fen: int
    held_fen: int
    spent_fen: int
    in_transit_fen: int  # released or returned, and not yet booked by the other side
    disputed_fen: int
    difference_fen: int  # appropriated minus all the rest; anything but 0 is an alarm


def conservation(postings: Iterable[Posting]) -> list[FundLine]:
    """Return one line per fund and year, sorted. Order and repeats of `postings` do not matter.

    Money in transit is found by pairing transfers, not as a balance of accounts, which would always
    add up. So a receipt of another amount, a second answer to one release, or a reclaim without a
    return shows as a difference.
    """
    unique = {posting.posting_id: posting for posting in postings}.values()
    sums: dict[tuple[str, int], dict[AccountKind, int]] = defaultdict(lambda: defaultdict(int))
    for posting in unique:
        line = sums[posting.fund, posting.year]
        line[posting.debit.kind] += posting.amount_fen
        line[posting.credit.kind] -= posting.amount_fen
    open_fen = _in_transit(list(unique))
    return [
        FundLine(
            fund=fund,
            year=year,
            appropriated_fen=-line[AccountKind.SOURCE],
            held_fen=line[AccountKind.HELD],
            spent_fen=line[AccountKind.SPENT],
            in_transit_fen=open_fen[fund, year],
            disputed_fen=line[AccountKind.DISPUTED],
            difference_fen=-line[AccountKind.SOURCE]
            - line[AccountKind.HELD]
            - line[AccountKind.SPENT]
            - open_fen[fund, year]
            - line[AccountKind.DISPUTED],
        )
        for (fund, year), line in sorted(sums.items())
    ]


def _in_transit(postings: list[Posting]) -> dict[tuple[str, int], int]:
    """Return the fen of releases without an answer and of returns without a reclaim."""
    answered = {
        (posting.unit_id, posting.transfer)
        for posting in postings
        if posting.credit.kind is AccountKind.TRANSFER_IN
    }
    reclaimed = {
        (posting.unit_id, posting.transfer)
        for posting in postings
        if posting.kind is PostingKind.RECLAIM
    }
    open_fen: dict[tuple[str, int], int] = defaultdict(int)
    for posting in postings:
        other_side = (posting.peer_unit, posting.transfer)
        released = posting.kind is PostingKind.RELEASE and other_side not in answered
        returned = posting.kind is PostingKind.RETURN and other_side not in reclaimed
        if released or returned:
            open_fen[posting.fund, posting.year] += posting.amount_fen
    return open_fen
