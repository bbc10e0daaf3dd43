"""Checks of a posting alone, and against the one that it answers; they do not use the books."""

from __future__ import annotations

from node.domain.funds import FUNDS, Fund
from node.domain.ledger_errors import BadPosting, FundRule, ReceiptMismatch
from node.domain.numbers import AMOUNT_FEN_MAX
from node.domain.posting import (
    ACCOUNTS,
    PEER_ACCOUNTS,
    UNDIVIDED,
    Posting,
    PostingKind,
    posting_id_for,
)


def check_shape(posting: Posting) -> None:
    """Refuse a posting that contradicts itself, whoever wrote it."""
    wrong = ""
    pair = (posting.debit.kind, posting.credit.kind)
    peers = [a for a in (posting.debit, posting.credit) if a.kind in PEER_ACCOUNTS]
    reversing = posting.kind is PostingKind.REVERSE
    counted = posting.counted_fen
    if not 0 < posting.amount_fen <= AMOUNT_FEN_MAX:
        wrong = "the amount is not a positive number of fen"
    elif posting.fund not in FUNDS:
        wrong = "the fund is unknown"
    elif len(posting.transfer) != 16 or posting.posting_id != posting_id_for(
        posting.unit_id, posting.kind, posting.transfer
    ):
        wrong = "its id is not that of its author, kind and transfer"
    elif not reversing and pair not in ACCOUNTS[posting.kind]:
        wrong = "its kind does not go between these accounts"
    elif any(a.ref for a in (posting.debit, posting.credit) if a.kind in UNDIVIDED):
        wrong = "an account that has no parts is named with one"
    elif any(account.ref != str(posting.peer_unit) for account in peers):
        wrong = "its accounts are not those of the other office"
    elif not peers and posting.peer_unit is not None:
        wrong = "it names another office without an account of it"
    elif posting.peer_unit == posting.unit_id:
        wrong = "an office does not pay itself"
    elif posting.kind is PostingKind.SPEND and (
        posting.category is None or posting.debit.ref != posting.category.value
    ):
        wrong = "its account is not that of its category"
    elif (posting.kind is PostingKind.DISPUTE) is (counted is None) or (
        counted is not None and (counted < 0 or counted == posting.amount_fen)
    ):
        wrong = "only a dispute names a second, different figure"
    if wrong:
        raise BadPosting(posting.kind.value, wrong)


def check_fund(fund: Fund, posting: Posting) -> None:
    """Refuse what the fund's own rule forbids.

    Source: the report, "F4 only party work; F9 only its assignment"; F2 follows F1 (N8).
    """
    if fund.needs_assignment and posting.assignment is None:
        raise FundRule(
            fund.id,
            "pays for one assignment, and none is named",
            "须对应具体任务，尚未注明",
            remedy_en="Name the assignment.",
            remedy_zh="请注明对应的任务。",
        )
    if posting.kind is PostingKind.SPEND and posting.category not in fund.categories:
        raise FundRule(
            fund.id,
            "may not be spent on this",
            "不得用于该类支出",
            remedy_en="Choose another category or another fund.",
            remedy_zh="请选择其他支出类别或其他资金。",
        )
    if posting.kind is PostingKind.MATCH and fund.id != "F2":
        raise FundRule(
            fund.id,
            "is not a match",
            "不是配套资金",
            remedy_en="Match with fund F2.",
            remedy_zh="请使用F2配套。",
        )


def check_same_money(first: Posting, second: Posting) -> None:
    """Refuse an answer whose fund, year, assignment or amount differs from what it answers."""
    if (first.fund, first.year, first.assignment) != (
        second.fund,
        second.year,
        second.assignment,
    ):
        raise money_mixed(first.fund)
    if first.amount_fen != second.amount_fen:
        raise ReceiptMismatch(sent_fen=first.amount_fen, booked_fen=second.amount_fen)


def money_mixed(fund: str) -> FundRule:
    """Return the error for a posting that would mix the money of two funds."""
    return FundRule(
        fund,
        "keeps its fund, year and assignment",
        "的资金来源、年度和对应任务不得变更",
        remedy_en="Answer it under the fund, year and assignment that it came with.",
        remedy_zh="请按原资金来源、年度和任务登记。",
    )
