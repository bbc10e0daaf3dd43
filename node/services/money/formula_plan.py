"""The plan of a year's formula money: what each community is due, put in and sent down hop by hop.

Source: N8 (work funds), N9 (Party work), N10 (Party dues). A plan is computed each time from the
cells and the books, so whatever was appropriated or released before is never booked twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from node.domain import posting as postings
from node.domain.disclosure import WITHHELD, withheld_dims
from node.domain.formula import formula_money, share_out
from node.domain.norms import Norms
from node.domain.posting import SOURCE, AccountKind, Posting
from node.domain.units import Level, Tree
from node.folds.ledger import JournalSession, Money
from node.services.figures.closings import CLOSING, stock_at, stock_measures
from node.services.money.checks import check_fund, check_request
from node.services.money.errors import BadAllocation
from node.services.money.postings import new_transfer, release_of
from node.store.cells import cells_of
from node.store.postings import Line
from sync.model.change import Edit
from sync.model.limits import TRANSACTION_CHANGES_MAX
from sync.store.sql import pieces

if TYPE_CHECKING:
    from node.office import Office

FUNDS_PLANNED = ("F1", "F2", "F3", "F4")
_MEASURES = ("households", "party_members", "party_committees")
_HOUSEHOLDS_WITHHELD = withheld_dims("households")


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What a community's money is computed from.

    `frozen`: the figures of 31 December of the year before (N8 f); else those of now, because the
    community did not close that month. `households_withheld`: it has one to four of them, and this
    office counts none (ADR 0044).
    """

    unit: int
    households: int
    party_members: int
    has_committee: bool
    frozen: bool
    households_withheld: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanLine:
    """One fund of one community, in fen. `share_fen`: what this office can give, up to the due."""

    basis: Basis
    fund: str
    due_fen: int
    share_fen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FundPlan:
    """One fund at this office, in fen."""

    fund: str
    own_fen: int  # due from this office's own budget
    due_fen: int  # due to all communities below from this office and those above it
    available_fen: int  # here now and released from here before; at a community also spent
    appropriated_fen: int  # put in here before
    released_fen: int  # sent down from here before, less what came back

    @property
    def short_fen(self) -> int:
        """What is missing; shares are scaled so that they add up to what there is."""
        return max(0, self.due_fen - self.available_fen)


@dataclass(frozen=True, slots=True)
class Plan:
    """The formula money of a year, as this office sees it."""

    year: int
    funds: tuple[FundPlan, ...]
    lines: tuple[PlanLine, ...]

    @property
    def frozen(self) -> bool:
        """Whether every community's figures are those of the day that counts."""
        return all(line.basis.frozen for line in self.lines)


def plan(office: Office, year: int, *, funds: Iterable[str] = FUNDS_PLANNED) -> Plan:
    """Compute what each community at and below this office is due, and what it can be given now.

    Raises: YearBeforeBase, BadAllocation (`year`, `not_planned`).
    """
    planned = _planned(funds)
    check_request("F1", year, 1, "")
    dues = _dues(office, year)
    with office.store.read() as tx:
        session = JournalSession(office.context, tx, [(fund, year) for fund in planned])
    of_funds = tuple(_fund_plan(session, dues, fund, year) for fund in planned)
    lines = []
    for one in of_funds:
        due = dues.to_communities(one.fund)
        shares = share_out(min(one.available_fen, one.due_fen), due)
        lines += [
            PlanLine(basis=dues.basis[unit], fund=one.fund, due_fen=fen, share_fen=shares[unit])
            for unit, fen in sorted(due.items())
            if fen
        ]
    return Plan(year, of_funds, tuple(lines))


def appropriate_plan(
    office: Office,
    year: int,
    *,
    actor: str,
    funds: Iterable[str] = FUNDS_PLANNED,
    budget_fen: Mapping[str, int] | None = None,
    note: str = "",
) -> tuple[Line, ...]:
    """Put in what this office's own budget owes the communities, in one transaction.

    The city puts in F1, F3 and its half of F4; a district its half of F4, and F2 as far as the
    city's money that it matches was received. Repeated, it puts in only what is missing since.
    `budget_fen`: at most so much in all of a fund, for a year in which there is not enough.
    Raises: YearBeforeBase, BadAllocation, LedgerError.
    """
    check_request("F1", year, 1, note)
    planned, limits = _planned(funds), budget_fen or {}
    _planned(limits)
    dues = _dues(office, year)
    booked: list[Line] = []

    def work(tx: Connection) -> list[Edit]:
        booked.clear()
        money = [(fund, year) for fund in FUNDS_PLANNED]
        session = JournalSession(office.context, tx, money, matching=True)
        for fund in planned:
            one = _fund_plan(session, dues, fund, year)
            wanted_fen = min(one.own_fen, limits.get(fund, one.own_fen)) - one.appropriated_fen
            if fund == "F2":
                wanted_fen = min(wanted_fen, session.books.match_due_fen(year))
            if wanted_fen > 0:
                made = _put_in(office, session, fund, year, wanted_fen, note)
                booked.append(session.post(made, actor=actor))
        return session.edits

    office.commit(work)
    return tuple(booked)


def release_plan(
    office: Office,
    year: int,
    *,
    actor: str,
    funds: Iterable[str] = FUNDS_PLANNED,
    note: str = "",
) -> tuple[Line, ...]:
    """Send the formula money that is here one level down, one line for each child and fund.

    Each child gets what its communities are due less what it got before. Where there is not
    enough, each gets its part pro rata (largest remainder). One transaction for each fund; it can
    be repeated and sends what has become possible since. The next office does the same for its own.
    Raises: YearBeforeBase, BadAllocation, LedgerError.
    """
    check_request("F1", year, 1, note)
    dues = _dues(office, year)
    booked: list[Line] = []
    for fund in _planned(funds):
        due = dues.to_children(fund)
        for part in pieces(sorted(due), TRANSACTION_CHANGES_MAX):
            booked += _release_fund(office, (fund, year), due, part, actor, note)
    return tuple(booked)


def _planned(funds: Iterable[str]) -> tuple[str, ...]:
    """Return the funds if each has a formula. Raises: BadAllocation."""
    chosen = tuple(dict.fromkeys(funds))
    for fund in chosen:
        check_fund(fund)
        if fund not in FUNDS_PLANNED:
            raise BadAllocation("not_planned", fund)
    return chosen


# -- what is due -----------------------------------------------------------------------------


class _Dues:
    """What the communities at and below an office are due in a year, by fund and by payer."""

    def __init__(self, office: Office, tx: Connection, year: int) -> None:
        self._tree = tree = office.tree
        self._me = me = office.identity.unit
        self.basis = {basis.unit: basis for basis in _bases(office, tx, year)}
        # fund -> community -> (from the city, from the district)
        due = {unit: _payers(basis, year, office.norms) for unit, basis in self.basis.items()}
        self._due = {
            fund: {unit: of_fund[fund] for unit, of_fund in due.items()} for fund in FUNDS_PLANNED
        }
        self._level = tree.level(me)

    def to_communities(self, fund: str) -> dict[int, int]:
        """Return what each is due from this office and those above it, in fen."""
        top = 1 if self._level is Level.CITY else 2
        return {unit: sum(parts[:top]) for unit, parts in self._due[fund].items()}

    def own_fen(self, fund: str) -> int:
        """Return what is due from this office's own budget."""
        if self._level > Level.DISTRICT:
            return 0
        return sum(parts[self._level] for parts in self._due[fund].values())

    def to_children(self, fund: str) -> dict[int, int]:
        """Return what each child of this office should pass on or keep, in fen."""
        found: Counter[int] = Counter()
        for unit, fen in self.to_communities(fund).items():
            child = self._tree.next_hop(self._me, unit)
            if child is not None:
                found[child] += fen
        return dict(found)


def _dues(office: Office, year: int) -> _Dues:
    with office.store.read() as tx:
        return _Dues(office, tx, year)


def _payers(basis: Basis, year: int, norms: Norms) -> dict[str, tuple[int, int]]:
    """Return fund -> (from the city, from the district) of one community."""
    due = dict.fromkeys(FUNDS_PLANNED, (0, 0))
    for line in formula_money(
        year, households=basis.households, members=basis.party_members,
        committee=basis.has_committee, norms=norms,
    ):  # fmt: skip
        city_fen, district_fen = due[line.fund]
        if line.payer is Level.CITY:
            city_fen += line.amount_fen
        else:
            district_fen += line.amount_fen
        due[line.fund] = city_fen, district_fen
    return due


def _bases(office: Office, tx: Connection, year: int) -> Iterable[Basis]:
    """Yield the figures of each community: of the year's eve where it closed that month."""
    eve = f"{year - 1}-12"
    stock = stock_measures(office.catalogue)
    for unit in _communities(office.tree, office.identity.unit):
        cells = list(cells_of(tx, (unit,), (*_MEASURES, CLOSING, WITHHELD)))
        frozen = any(k.measure == CLOSING and k.period == eve and n for k, n in cells)
        counts: Counter[str] = Counter()
        for key, amount in stock_at(cells, stock, eve if frozen else ""):
            if key.measure != WITHHELD or key.dims == _HOUSEHOLDS_WITHHELD:
                counts[key.measure] += amount
        yield Basis(
            unit=unit,
            households=max(0, counts["households"]),
            party_members=max(0, counts["party_members"]),
            has_committee=counts["party_committees"] > 0,
            frozen=frozen,
            households_withheld=counts[WITHHELD] > 0,
        )


def _communities(tree: Tree, top: int) -> list[int]:
    return [unit for unit in tree.subtree(top) if tree.level(unit) is Level.COMMUNITY]


# -- the books --------------------------------------------------------------------------------


def _fund_plan(session: JournalSession, dues: _Dues, fund: str, year: int) -> FundPlan:
    released_fen = sum(_sums(session, fund, year, AccountKind.IN_TRANSIT).values())
    used_fen = 0
    if session.level == Level.COMMUNITY:
        used_fen = sum(_sums(session, fund, year, AccountKind.SPENT).values())
    return FundPlan(
        fund=fund,
        own_fen=dues.own_fen(fund),
        due_fen=sum(dues.to_communities(fund).values()),
        available_fen=session.books.held_fen(fund, year) + released_fen + used_fen,
        appropriated_fen=-session.books.balance_fen(fund, year, SOURCE),
        released_fen=released_fen,
    )


def _released(session: JournalSession, fund: str, year: int) -> dict[int, int]:
    """Return what each office was sent from here, less what it sent back."""
    sent = _sums(session, fund, year, AccountKind.IN_TRANSIT)
    return {int(unit): fen for unit, fen in sent.items()}


def _sums(session: JournalSession, fund: str, year: int, kind: AccountKind) -> dict[str, int]:
    return {
        account.ref: fen
        for (its_fund, its_year, account), fen in session.books.balances().items()
        if (its_fund, its_year, account.kind) == (fund, year, kind)
    }


def _put_in(
    office: Office, session: JournalSession, fund: str, year: int, amount_fen: int, note: str
) -> Posting:
    number = new_transfer(office)
    if fund == "F2":
        return postings.match(
            unit_id=session.unit, transfer=number, year=year, amount_fen=amount_fen,
            at_ms=session.now_ms, note=note,
        )  # fmt: skip
    return postings.appropriate(
        unit_id=session.unit, transfer=number, fund=fund, year=year, amount_fen=amount_fen,
        at_ms=session.now_ms, note=note,
    )  # fmt: skip


def _release_fund(
    office: Office,
    money: Money,
    due: Mapping[int, int],
    children: Sequence[int],
    actor: str,
    note: str,
) -> list[Line]:
    fund, year = money
    booked: list[Line] = []

    def work(tx: Connection) -> list[Edit]:
        booked.clear()
        session = JournalSession(office.context, tx, [money])
        sent = _released(session, fund, year)
        held_fen = session.books.held_fen(fund, year)
        # What is due was computed before the lock; what this office has is read under it.
        fair = share_out(held_fen + sum(sent.get(unit, 0) for unit in due), due)
        # Somebody may have sent one child more than its share: the others share what is left.
        wanted = {unit: max(0, fen - sent.get(unit, 0)) for unit, fen in fair.items()}
        now = share_out(held_fen, wanted)
        for unit in children:
            if now[unit]:
                made = release_of(session, new_transfer(office), unit, fund, year, now[unit], note)
                booked.append(session.post(made, actor=actor))
        return session.edits

    office.commit(work)
    return booked
