"""Why the ledger refused a posting: one class for each thing that a person can do about it."""

from __future__ import annotations

from node.domain.funds import FUNDS
from sync.errors import SilianError


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


class NotHeld(LedgerError):
    """More was asked than the office holds. Ask for less, or wait until money is received."""

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


class TransferReused(LedgerError):
    """A transfer id stands for one content for ever; make a new id for another transfer."""

    code = "transfer_reused"


class TransferUnknown(LedgerError):
    """What this posting answers has not arrived here; synchronise, then post it again."""

    code = "transfer_unknown"


class TransferResolved(LedgerError):
    """The transfer was received or returned before; money already received is given back anew."""

    code = "transfer_resolved"


class ReceiptMismatch(LedgerError):
    """What arrived is not what was released; post a DISPUTE with both figures."""

    code = "receipt_mismatch"


class NotDescendant(LedgerError):
    """Money is released only to offices below; choose one of them."""

    code = "not_descendant"


class FundRule(LedgerError):
    """The fund's own rule forbids it; use another fund, category or assignment."""

    code = "fund_rule"


class NotReversible(LedgerError):
    """Another office may have built on it, or it was reversed before; post the opposite instead."""

    code = "not_reversible"


class BadPosting(LedgerError):
    """The posting contradicts itself; it is a fault of the program that made it."""

    code = "bad_posting"
