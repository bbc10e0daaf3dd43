"""The ledger of one office: refuse a posting that breaks a rule, fold one that does not.

An office writes only its own accounts, so it can check its balance alone, with every link down. It
needs its own postings and the received ones that other offices addressed to it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

from node.domain.conservation import FundLine, conservation
from node.domain.fiscal import FiscalYears
from node.domain.funds import FUNDS, Category, Fund
from node.domain.ledger_errors import (
    BadPosting,
    FundRule,
    InsufficientFunds,
    NotDescendant,
    NotReversible,
    OverLimit,
    TransferResolved,
    TransferReused,
    TransferUnknown,
)
from node.domain.posting import (
    HELD,
    REVERSIBLE,
    SOURCE,
    Account,
    AccountKind,
    Posting,
    PostingKind,
    posting_id_for,
)
from node.domain.posting_checks import check_fund, check_same_money, check_shape, money_mixed

__all__ = [
    "FUNDS",
    "Account",
    "AccountKind",
    "Books",
    "Category",
    "FundLine",
    "Posting",
    "PostingKind",
    "conservation",
]


class Books:
    """The journal of one office and its balances.

    `is_descendant(below, above)` returns whether one unit is under another in the tree of today.
    `level`: 0 city to 3 community. `ceilings_fen`: yearly limits of what may be appropriated, by
    fund. `years`: which years are open; None: every one. Books of one fund and year may be built
    from the postings of that fund and year alone; only MATCH looks at two funds, F1 and F2.
    """

    def __init__(
        self,
        unit_id: int,
        *,
        level: int,
        is_descendant: Callable[[int, int], bool],
        ceilings_fen: Mapping[str, int] | None = None,
        years: FiscalYears | None = None,
        journal: Iterable[Posting] = (),
    ) -> None:
        self.unit_id = unit_id
        self._level = level
        self._is_descendant = is_descendant
        self._ceilings_fen = ceilings_fen or {}
        self._years = years
        self._postings: dict[bytes, Posting] = {}
        self._transfers: set[bytes] = set()
        self._balances: dict[tuple[str, int, Account], int] = defaultdict(int)
        self._held_for: dict[tuple[str, int, bytes | None], int] = defaultdict(int)
        for posting in journal:
            self.apply(posting)

    def post(self, posting: Posting) -> bool:
        """Check one new posting of this office and fold it; False if it was posted before.

        Raises: a LedgerError; the books are then unchanged, and its remedy says what to do.
        """
        check_shape(posting)
        if posting.unit_id != self.unit_id:
            raise BadPosting(posting.kind.value, "an office posts only to its own accounts")
        if self._known(posting):
            return False
        fund = FUNDS[posting.fund]
        check_fund(fund, posting)
        if self._years is not None:
            self._years.check(posting.kind, posting.year)
        match posting.kind:
            case PostingKind.APPROPRIATE | PostingKind.MATCH:
                self._check_source(fund, posting)
            case PostingKind.RELEASE:
                self._check_release(fund, posting)
            case PostingKind.RETURN if posting.credit == HELD:
                self._check_give_back(posting)
            case PostingKind.RECEIPT | PostingKind.DISPUTE | PostingKind.RETURN:
                self._check_answer(posting)
            case PostingKind.RECLAIM:
                self._check_reclaim(posting)
            case PostingKind.SPEND:
                self._check_spend(fund, posting)
            case PostingKind.REVERSE:
                self._check_reverse(posting)
        self._check_held(fund, posting)
        self._fold(posting)
        return True

    def apply(self, posting: Posting) -> bool:
        """Fold an existing posting: of the own journal, or of another office.

        In any order and any number of times. A posting that is neither of this office nor addressed
        to it is ignored. False if nothing changed. Raises: BadPosting, TransferReused: a fault of
        the sender.
        """
        check_shape(posting)
        if self.unit_id not in (posting.unit_id, posting.peer_unit) or self._known(posting):
            return False
        self._fold(posting)
        return True

    def held_fen(self, fund: str, year: int) -> int:
        """Return what the office may release or spend of a fund and year."""
        return self.balance_fen(fund, year, HELD)

    def balance_fen(self, fund: str, year: int, account: Account) -> int:
        """Return an account's debits minus its credits."""
        return self._balances.get((fund, year, account), 0)

    def balances(self) -> dict[tuple[str, int, Account], int]:
        """Return every account that is not empty; the sum of all is 0."""
        return {key: fen for key, fen in self._balances.items() if fen}

    def match_due_fen(self, year: int) -> int:
        """Return the district's match still due: city money received minus F2 matched to it.

        Source: N8, "区财政另按1:1的原则配套".
        """
        received = sum(
            posting.amount_fen
            for posting in self._own(PostingKind.RECEIPT)
            if (posting.fund, posting.year) == ("F1", year)
        )
        returned = sum(
            posting.amount_fen
            for posting in self._own(PostingKind.RETURN)
            if (posting.fund, posting.year) == ("F1", year) and posting.credit == HELD
        )
        matched = sum(
            posting.amount_fen for posting in self._own(PostingKind.MATCH) if posting.year == year
        )
        return received - returned - matched

    def _own(self, kind: PostingKind) -> list[Posting]:
        return [
            posting
            for posting in self._postings.values()
            if posting.kind is kind and posting.unit_id == self.unit_id
        ]

    def _of_transfer(self, transfer: bytes, unit_id: int, kind: PostingKind) -> Posting | None:
        posting_id = posting_id_for(unit_id, kind, transfer)
        return self._postings.get(posting_id)

    def _resolved(self, transfer: bytes) -> bool:
        """Return whether this office received or returned a release; a dispute leaves it open."""
        return any(
            self._of_transfer(transfer, self.unit_id, kind) is not None
            for kind in (PostingKind.RECEIPT, PostingKind.RETURN)
        )

    def _known(self, posting: Posting) -> bool:
        before = self._postings.get(posting.posting_id)
        if before is not None and before.content != posting.content:
            raise TransferReused
        return before is not None

    def _fold(self, posting: Posting) -> None:
        self._postings[posting.posting_id] = posting
        self._transfers.add(posting.transfer)
        if posting.unit_id != self.unit_id:
            return
        for account, fen in (
            (posting.debit, posting.amount_fen),
            (posting.credit, -posting.amount_fen),
        ):
            self._balances[posting.fund, posting.year, account] += fen
            if account == HELD:
                self._held_for[posting.fund, posting.year, posting.assignment] += fen

    def _check_held(self, fund: Fund, posting: Posting) -> None:
        if posting.credit != HELD:
            return
        held_fen = self.held_fen(posting.fund, posting.year)
        # Relayed work has another assignment id on each hop. So only spending and returning money,
        # which leave the way down, are tied to the assignment that brought the money.
        if fund.needs_assignment and posting.kind is not PostingKind.RELEASE:
            bound_fen = self._held_for.get((posting.fund, posting.year, posting.assignment), 0)
            held_fen = min(held_fen, bound_fen)
        if posting.amount_fen > held_fen:
            raise InsufficientFunds(
                fund=posting.fund, held_fen=max(held_fen, 0), asked_fen=posting.amount_fen
            )

    def _check_new_transfer(self, posting: Posting) -> None:
        if posting.transfer in self._transfers:
            raise TransferReused

    def _check_source(self, fund: Fund, posting: Posting) -> None:
        self._check_new_transfer(posting)
        if self._level not in fund.payers:
            raise FundRule(
                fund.id,
                "is not put in by an office of this level",
                "不由本级单位安排",
                remedy_en="Have the office that pays this fund appropriate it.",
                remedy_zh="请由该项资金的出资单位安排。",
            )
        put_in_fen = -self.balance_fen(posting.fund, posting.year, SOURCE) + posting.amount_fen
        ceiling_fen = self._ceilings_fen.get(posting.fund)
        if ceiling_fen is not None and put_in_fen > ceiling_fen:
            raise _over_limit(posting, ceiling_fen, put_in_fen)
        if posting.kind is PostingKind.MATCH:
            due_fen = max(0, self.match_due_fen(posting.year))
            if posting.amount_fen > due_fen:
                raise _over_limit(posting, due_fen, posting.amount_fen)

    def _check_release(self, fund: Fund, posting: Posting) -> None:
        self._check_new_transfer(posting)
        if len(fund.path) == 1:
            raise FundRule(
                fund.id,
                "stays with the office that holds it",
                "只能由持有单位使用",
                remedy_en="Spend it here, or release another fund.",
                remedy_zh="请在本单位支出，或下拨其他资金。",
            )
        assert posting.peer_unit is not None
        if not self._is_descendant(posting.peer_unit, self.unit_id):
            raise NotDescendant(unit_id=self.unit_id, to_unit=posting.peer_unit)

    def _check_spend(self, fund: Fund, posting: Posting) -> None:
        self._check_new_transfer(posting)
        if self._level not in fund.spenders:
            raise FundRule(
                fund.id,
                "only passes through an office of this level and is not spent here",
                "在本级只转拨，不得支出",
                remedy_en="Release it to the office below, or give it back.",
                remedy_zh="请下拨给下级单位，或退回上级。",
            )

    def _check_give_back(self, posting: Posting) -> None:
        self._check_new_transfer(posting)
        payer = str(posting.peer_unit)
        kinds = (AccountKind.TRANSFER_IN, AccountKind.DISPUTED, AccountKind.RETURNED)
        received_fen = -sum(
            self.balance_fen(posting.fund, posting.year, Account(kind, payer)) for kind in kinds
        )
        if posting.amount_fen > received_fen:
            raise _over_limit(posting, received_fen, posting.amount_fen)

    def _check_answer(self, posting: Posting) -> None:
        assert posting.peer_unit is not None
        released = self._of_transfer(posting.transfer, posting.peer_unit, PostingKind.RELEASE)
        if released is None or released.peer_unit != self.unit_id:
            raise TransferUnknown("release", "下拨")
        if self._resolved(posting.transfer):
            raise TransferResolved
        check_same_money(released, posting)
        disputed = self._of_transfer(posting.transfer, self.unit_id, PostingKind.DISPUTE)
        expected = AccountKind.DISPUTED if disputed else AccountKind.TRANSFER_IN
        if posting.credit.kind is not expected:
            raise BadPosting(posting.kind.value, f"it must be taken from {expected.value}")

    def _check_reclaim(self, posting: Posting) -> None:
        assert posting.peer_unit is not None
        returned = self._of_transfer(posting.transfer, posting.peer_unit, PostingKind.RETURN)
        if returned is None or returned.peer_unit != self.unit_id:
            raise TransferUnknown("return", "退款")
        if self._of_transfer(posting.transfer, posting.peer_unit, PostingKind.RECEIPT):
            raise TransferResolved
        check_same_money(returned, posting)
        sent_fen = self.balance_fen(posting.fund, posting.year, posting.credit)
        if posting.amount_fen > sent_fen:
            raise _over_limit(posting, sent_fen, posting.amount_fen)

    def _check_reverse(self, posting: Posting) -> None:
        undone = self._postings.get(posting.transfer)
        if undone is None or undone.unit_id != self.unit_id:
            raise TransferUnknown("posting to be reversed", "待冲正的记录")
        if undone.kind not in REVERSIBLE:
            raise NotReversible(undone.kind.value)
        mirrored = (undone.credit, undone.debit, undone.amount_fen, undone.assignment)
        if mirrored != (posting.debit, posting.credit, posting.amount_fen, posting.assignment):
            raise BadPosting(posting.kind.value, "a reversal mirrors its posting")
        if (undone.fund, undone.year) != (posting.fund, posting.year):
            raise money_mixed(undone.fund)


def _over_limit(posting: Posting, limit_fen: int, asked_fen: int) -> OverLimit:
    return OverLimit(
        posting.kind.value,
        fund=posting.fund,
        year=posting.year,
        limit_fen=limit_fen,
        asked_fen=asked_fen,
    )
