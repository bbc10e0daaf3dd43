"""Errors of the ledger: why a posting is refused, one class for each remedy."""

from __future__ import annotations

from node.domain.funds import FUNDS
from node.domain.numbers import yuan
from sync.model.errors import ErrorKind, SilianError

_DATED = {  # kinds of posting that ask whether their year is open, as nouns
    "appropriate": ("appropriation", "安排"),
    "match": ("match", "配套"),
    "release": ("release", "下拨"),
    "spend": ("expenditure", "支出"),
}


def fund_name(fund: str) -> tuple[str, str]:
    """Return a fund's id with its English and its Chinese name."""
    known = FUNDS.get(fund)
    return (f"{fund} ({known.en})", f"{fund}({known.zh})") if known else (fund, fund)


class LedgerError(SilianError):
    """Base class of the ledger's refusals; the books are unchanged after one."""


class InsufficientFunds(LedgerError):
    """The amount is more than the office has. Use less, or wait until money is received."""

    code = "over_release"
    kind = ErrorKind.FAILED_PRECONDITION

    def __init__(self, *, fund: str, held_fen: int, asked_fen: int) -> None:
        missing_fen = asked_fen - held_fen
        en, zh = fund_name(fund)
        super().__init__(
            f"Fund {en} holds {yuan(held_fen)} yuan; {yuan(asked_fen)} were asked, "
            f"{yuan(missing_fen)} are missing.",
            f"{zh}现有{yuan(held_fen)}元，申请{yuan(asked_fen)}元，缺{yuan(missing_fen)}元。",
            remedy_en="Reduce the amount, or wait until more has been received.",
            remedy_zh="请减少金额，或待款项到账后再办理。",
        )
        self.held_fen = held_fen
        self.asked_fen = asked_fen
        self.missing_fen = missing_fen


class OverLimit(LedgerError):
    """A yearly ceiling or an amount due would be exceeded; the limit is published by the city."""

    code = "over_limit"
    kind = ErrorKind.FAILED_PRECONDITION

    def __init__(self, what: str, *, fund: str, year: int, limit_fen: int, asked_fen: int) -> None:
        en, zh = fund_name(fund)
        super().__init__(
            f"A {what} of fund {en} in {year} may come to {yuan(limit_fen)} yuan; "
            f"this would make it {yuan(asked_fen)}.",
            f"{zh}{year}年限额{yuan(limit_fen)}元，本次将达{yuan(asked_fen)}元。",
            remedy_en="Reduce the amount.",
            remedy_zh="请减少金额。",
        )
        self.limit_fen = limit_fen
        self.asked_fen = asked_fen


class TransferReused(LedgerError):
    """A transfer id belongs to one content for ever; make a new id for another transfer."""

    code = "transfer_reused"
    kind = ErrorKind.ALREADY_EXISTS

    def __init__(self) -> None:
        super().__init__(
            "This transfer id already stands for something else.",
            "该业务编号已用于另一笔记录。",
            remedy_en="Nothing was booked. Look at the first posting; a new one needs a new id.",
            remedy_zh="未入账。请核对原记录；新的业务须使用新编号。",
        )


class TransferUnknown(LedgerError):
    """The transfer that this posting answers has not arrived; synchronise, then post it again."""

    code = "transfer_unknown"
    kind = ErrorKind.NOT_FOUND

    def __init__(self, what_en: str, what_zh: str) -> None:
        super().__init__(
            f"The {what_en} that this answers has not arrived here.",
            f"本单位尚未收到对应的{what_zh}。",
            remedy_en="Synchronise, then post it again.",
            remedy_zh="请先同步，再办理。",
        )


class TransferResolved(LedgerError):
    """The transfer was received or returned before; return received money by a new transfer."""

    code = "transfer_resolved"
    kind = ErrorKind.FAILED_PRECONDITION

    def __init__(self) -> None:
        super().__init__(
            "This transfer was received or returned before.",
            "该笔款项已到账或已退回。",
            remedy_en="Give back money that was received as a return of its own.",
            remedy_zh="已到账的款项如需退回，请另行登记退款。",
        )


class ReceiptMismatch(LedgerError):
    """The received amount differs from the released one; post a DISPUTE with both figures."""

    code = "receipt_mismatch"
    kind = ErrorKind.FAILED_PRECONDITION

    def __init__(self, *, sent_fen: int, booked_fen: int) -> None:
        super().__init__(
            f"{yuan(sent_fen)} yuan were sent; this says {yuan(booked_fen)}.",
            f"对方记{yuan(sent_fen)}元，此处记{yuan(booked_fen)}元，金额不符。",
            remedy_en="Post a dispute with both figures.",
            remedy_zh="请登记争议，注明双方金额。",
        )
        self.sent_fen = sent_fen
        self.booked_fen = booked_fen


class NotDescendant(LedgerError):
    """Money is released only to offices below; choose one of them."""

    code = "not_descendant"
    kind = ErrorKind.PERMISSION_DENIED

    def __init__(self, *, unit_id: int, to_unit: int) -> None:
        super().__init__(
            f"Unit {to_unit} is not below unit {unit_id}.",
            f"单位{to_unit}不是单位{unit_id}的下级。",
            remedy_en="Release to an office below; money for others goes by the common office.",
            remedy_zh="只能拨付给下级单位；其他单位的款项由共同上级拨付。",
        )


class YearNotOpen(LedgerError):
    """The fiscal year is not open for this; `node.domain.fiscal` says which years are."""

    code = "year_not_open"
    kind = ErrorKind.FAILED_PRECONDITION

    def __init__(self, kind: str, year: int, years: range, *, began: bool) -> None:
        en, zh = _DATED[kind]
        why, why_zh = ("is not open", "年度未开放") if began else ("has not begun", "年度尚未开始")
        first, last = years[0] if years else year, years[-1] if years else year
        listed = str(first) if first == last else f"{first} to {last}"
        listed_zh = f"{first}年" if first == last else f"{first}年至{last}年"
        super().__init__(
            f"Fiscal year {year} {why}: it takes no {en} now.",
            f"{year}{why_zh}，现在不能办理{zh}。",
            remedy_en=f"Check --year: {en} is open for {listed}." if years else "Check the clock.",
            remedy_zh=f"请核对年度（--year）：{zh}现开放{listed_zh}。"
            if years
            else "请检查系统时钟。",
        )
        self.year = year
        self.years = years


class FundRule(LedgerError):
    """The fund's rule forbids it; use another fund, category or assignment."""

    code = "fund_rule"
    kind = ErrorKind.FAILED_PRECONDITION

    def __init__(self, fund: str, en: str, zh: str, *, remedy_en: str, remedy_zh: str) -> None:
        name_en, name_zh = fund_name(fund)
        super().__init__(
            f"Fund {name_en} {en}.", f"{name_zh}{zh}。", remedy_en=remedy_en, remedy_zh=remedy_zh
        )


class SamePerson(LedgerError):
    """Who released money may not confirm its arrival too; let another person do it."""

    code = "two_persons"
    kind = ErrorKind.PERMISSION_DENIED

    def __init__(self, actor: str) -> None:
        super().__init__(
            f"{actor} released this money and cannot confirm its arrival, too.",
            f"该笔款项由{actor}下拨，不能由同一人确认到账。",
            remedy_en="Let another person receive it: --as NAME.",
            remedy_zh="请由另一人确认到账：--as 姓名。",
        )


class NotReversible(LedgerError):
    """Another office may have used it, or it was reversed before; post the opposite instead."""

    code = "not_reversible"
    kind = ErrorKind.FAILED_PRECONDITION

    def __init__(self, kind: str) -> None:
        super().__init__(
            f"A {kind} cannot be reversed: another office may have built on it.",
            "该笔记录不能冲正：其他单位可能已据此入账。",
            remedy_en="Ask the receiver to return the money, or post the opposite.",
            remedy_zh="请收款单位退回，或另作相反登记。",
        )


class BadPosting(LedgerError):
    """The posting contradicts itself; it is a fault of the program that made it."""

    code = "bad_posting"
    kind = ErrorKind.MALFORMED

    def __init__(self, kind: str, wrong: str) -> None:
        super().__init__(
            f"A {kind} contradicts itself: {wrong}.",
            "该笔记录自相矛盾，未予入账。",
            remedy_en="Report it to whoever runs the office's system.",
            remedy_zh="请联系本单位系统管理员。",
        )
