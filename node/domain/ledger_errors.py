"""Why the ledger refused a posting: one class for each remedy."""

from __future__ import annotations

from node.domain.funds import FUNDS
from sync.model.errors import SilianError


def yuan(amount_fen: int) -> str:
    """Return an amount for people: 123456 fen is "1,234.56"."""
    sign = "-" if amount_fen < 0 else ""
    whole, rest = divmod(abs(amount_fen), 100)
    return f"{sign}{whole:,}.{rest:02d}"


def fund_name(fund: str) -> tuple[str, str]:
    """Return a fund's id with its English and its Chinese name."""
    known = FUNDS.get(fund)
    return (f"{fund} ({known.en})", f"{fund}({known.zh})") if known else (fund, fund)


class LedgerError(SilianError):
    """Base class of the ledger's refusals; the books are unchanged after one."""


class InsufficientFunds(LedgerError):
    """The amount is more than the office has. Use less, or wait until money is received."""

    code = "over_release"

    def __init__(self, *, fund: str, held_fen: int, asked_fen: int) -> None:
        missing_fen = asked_fen - held_fen
        en, zh = fund_name(fund)
        super().__init__(
            f"Fund {en} holds {yuan(held_fen)} yuan; {yuan(asked_fen)} were asked, "
            f"{yuan(missing_fen)} are missing.",
            f"{zh}现有{yuan(held_fen)}元,申请{yuan(asked_fen)}元,缺{yuan(missing_fen)}元。",
            remedy_en="Reduce the amount, or wait until more has been received.",
            remedy_zh="请减少金额,或待款项到账后再办理。",
        )
        self.held_fen = held_fen
        self.asked_fen = asked_fen
        self.missing_fen = missing_fen


class OverLimit(LedgerError):
    """A yearly ceiling or an amount due would be exceeded; the limit is published by the city."""

    code = "over_limit"

    def __init__(self, what: str, *, fund: str, year: int, limit_fen: int, asked_fen: int) -> None:
        en, zh = fund_name(fund)
        super().__init__(
            f"A {what} of fund {en} in {year} may come to {yuan(limit_fen)} yuan; "
            f"this would make it {yuan(asked_fen)}.",
            f"{zh}{year}年限额{yuan(limit_fen)}元,本次将达{yuan(asked_fen)}元。",
            remedy_en="Reduce the amount.",
            remedy_zh="请减少金额。",
        )
        self.limit_fen = limit_fen
        self.asked_fen = asked_fen


class TransferReused(LedgerError):
    """A transfer id belongs to one content for ever; make a new id for another transfer."""

    code = "transfer_reused"

    def __init__(self) -> None:
        super().__init__(
            "This transfer id already stands for something else.",
            "该业务编号已用于另一笔记录。",
            remedy_en="Nothing was booked. Look at the first posting; a new one needs a new id.",
            remedy_zh="未入账。请核对原记录;新的业务须使用新编号。",
        )


class TransferUnknown(LedgerError):
    """The transfer that this posting answers has not arrived; synchronise, then post it again."""

    code = "transfer_unknown"

    def __init__(self, what_en: str, what_zh: str) -> None:
        super().__init__(
            f"The {what_en} that this answers has not arrived here.",
            f"本单位尚未收到对应的{what_zh}。",
            remedy_en="Synchronise, then post it again.",
            remedy_zh="请先同步,再办理。",
        )


class TransferResolved(LedgerError):
    """The transfer was received or returned before; return received money by a new transfer."""

    code = "transfer_resolved"

    def __init__(self) -> None:
        super().__init__(
            "This transfer was received or returned before.",
            "该笔款项已到账或已退回。",
            remedy_en="Give back money that was received as a return of its own.",
            remedy_zh="已到账的款项如需退回,请另行登记退款。",
        )


class ReceiptMismatch(LedgerError):
    """The received amount differs from the released one; post a DISPUTE with both figures."""

    code = "receipt_mismatch"

    def __init__(self, *, sent_fen: int, booked_fen: int) -> None:
        super().__init__(
            f"{yuan(sent_fen)} yuan were sent; this says {yuan(booked_fen)}.",
            f"对方记{yuan(sent_fen)}元,此处记{yuan(booked_fen)}元,金额不符。",
            remedy_en="Post a dispute with both figures.",
            remedy_zh="请登记争议,注明双方金额。",
        )
        self.sent_fen = sent_fen
        self.booked_fen = booked_fen


class NotDescendant(LedgerError):
    """Money is released only to offices below; choose one of them."""

    code = "not_descendant"

    def __init__(self, *, unit_id: int, to_unit: int) -> None:
        super().__init__(
            f"Unit {to_unit} is not below unit {unit_id}.",
            f"单位{to_unit}不是单位{unit_id}的下级。",
            remedy_en="Release to an office below; money for others goes by the common office.",
            remedy_zh="只能拨付给下级单位;其他单位的款项由共同上级拨付。",
        )


class FundRule(LedgerError):
    """The fund's rule forbids it; use another fund, category or assignment."""

    code = "fund_rule"

    def __init__(self, fund: str, en: str, zh: str, *, remedy_en: str, remedy_zh: str) -> None:
        name_en, name_zh = fund_name(fund)
        super().__init__(
            f"Fund {name_en} {en}.", f"{name_zh}{zh}。", remedy_en=remedy_en, remedy_zh=remedy_zh
        )


class NotReversible(LedgerError):
    """Another office may have used it, or it was reversed before; post the opposite instead."""

    code = "not_reversible"

    def __init__(self, kind: str) -> None:
        super().__init__(
            f"A {kind} cannot be reversed: another office may have built on it.",
            "该笔记录不能冲正:其他单位可能已据此入账。",
            remedy_en="Ask the receiver to return the money, or post the opposite.",
            remedy_zh="请收款单位退回,或另作相反登记。",
        )


class BadPosting(LedgerError):
    """The posting contradicts itself; it is a fault of the program that made it."""

    code = "bad_posting"

    def __init__(self, kind: str, wrong: str) -> None:
        super().__init__(
            f"A {kind} contradicts itself: {wrong}.",
            "该笔记录自相矛盾,未予入账。",
            remedy_en="Report it to whoever runs the office's system.",
            remedy_zh="请联系本单位系统管理员。",
        )
