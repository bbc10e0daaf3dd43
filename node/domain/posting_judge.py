"""Which postings count: of all that are known, the largest set that keeps the rules of the books.

A receiver judges what others wrote as their own books would have. The largest set is one and the
same in whatever order postings arrive, and it has all of an honest history once that is complete.
What is outside of it waits in quarantine, and comes in when what it lacked arrives. Pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from node.domain.funds import FUNDS
from node.domain.ledger_errors import LedgerError
from node.domain.posting import (
    HELD,
    REVERSIBLE,
    AccountKind,
    Posting,
    PostingKind,
    posting_id_for,
)
from node.domain.posting_checks import check_fund, check_same_money

P, A = PostingKind, AccountKind
Bucket = tuple[object, ...]
"""What may not be drawn below zero: money held, money in transit to a child, a match due."""


class Fault(StrEnum):
    """Why a posting does not count; the reasons of quarantine. All but WAITS name its writer."""

    BAD_POSTING = "bad_posting"  # it contradicts itself
    NOT_ENTITLED = "not_entitled"  # its writer may not do this with this fund, or to this office
    ANSWERED_BEFORE = "answered_before"  # an earlier posting answered the same transfer
    CAUSE_UNKNOWN = "cause_unknown"  # what it answers has not arrived
    OVERDRAWN = "overdrawn"  # more than is there, all that is known counted
    WAITS = "cause_waits"  # it depends on postings that do not count


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """A posting as it is known here: with the levels that it states, and its version."""

    posting: Posting
    level: int
    peer_level: int | None
    version: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Offices:
    """What the tree says, now and on former days. Nothing or None: not known here."""

    levels: Callable[[int], Collection[int]]
    was_below: Callable[[int, int], bool | None]  # (lower, upper)
    complete: Callable[[int], bool]  # whether every posting of an office arrives here


def judge(
    lines: Iterable[Booked], offices: Offices, outside: Mapping[bytes, tuple[Posting, bool]]
) -> dict[bytes, Fault]:
    """Return the postings that do not count, with their reason.

    `lines`: of some offices, every one that is known here. `outside`: postings of other offices
    that belong to the same transfers, and whether they count.
    """
    return _Judgement(sorted(lines, key=_order), offices, outside).result()


def is_entitled(line: Booked, offices: Offices) -> bool:
    """Say whether an office of this level may write this posting at all."""
    posting = line.posting
    fund = FUNDS[posting.fund]
    peer = posting.peer_unit
    for unit, level in ((posting.unit_id, line.level), (peer, line.peer_level)):
        levels = offices.levels(unit) if unit is not None and level is not None else ()
        if levels and level not in levels:
            return False
    try:
        check_fund(fund, posting)
    except LedgerError:
        return False
    match posting.kind:
        case P.APPROPRIATE | P.MATCH:
            return line.level in fund.payers
        case P.SPEND:
            return line.level in fund.spenders
        case P.RELEASE:
            below = offices.was_below(peer or 0, posting.unit_id)
            return len(fund.path) > 1 and below is not False
        case P.RETURN if posting.credit == HELD:
            return offices.was_below(posting.unit_id, peer or 0) is not False
    return True


def cause_of(posting: Posting) -> bytes | None:
    """Return the id of the posting that must be known before this one; None: of none."""
    peer = posting.peer_unit or 0
    if posting.kind is P.REVERSE:
        return posting.transfer
    if posting.kind is P.RECLAIM:
        return posting_id_for(peer, P.RETURN, posting.transfer)
    if posting.credit.kind is A.DISPUTED:
        return posting_id_for(posting.unit_id, P.DISPUTE, posting.transfer)
    if posting.credit.kind is A.TRANSFER_IN:
        return posting_id_for(peer, P.RELEASE, posting.transfer)
    return None


def fits(posting: Posting, cause: Posting) -> bool:
    """Say whether a posting answers that one as the rules want it."""
    if posting.kind is P.REVERSE:
        mirrored = (cause.credit, cause.debit, cause.amount_fen, cause.fund, cause.year)
        return (
            cause.unit_id == posting.unit_id
            and cause.kind in REVERSIBLE
            and cause.assignment == posting.assignment
            and mirrored
            == (posting.debit, posting.credit, posting.amount_fen, posting.fund, posting.year)
        )
    if cause.unit_id != posting.unit_id and cause.peer_unit != posting.unit_id:
        return False
    try:
        check_same_money(cause, posting)
    except LedgerError:
        return False
    return True


def claim_of(posting: Posting) -> tuple[object, ...] | None:
    """Return what only one posting of an office may do: begin, or answer, one transfer."""
    if posting.credit.kind in (A.TRANSFER_IN, A.DISPUTED) and posting.kind is not P.REVERSE:
        return (posting.credit.kind, posting.unit_id, posting.transfer)
    if posting.kind in (P.RECLAIM, P.REVERSE):
        return None  # their ids are one for each transfer
    return ("new", posting.unit_id, posting.transfer)


def draws_on(posting: Posting) -> list[Bucket]:
    """Return what a posting takes from, of what may not go below zero."""
    at = (posting.unit_id, posting.fund, posting.year)
    found: list[Bucket] = []
    if posting.credit == HELD:
        found.append(_held(posting))
        if posting.kind is P.RETURN:
            found.append(("from", *at, posting.peer_unit))
    if posting.credit.kind is A.IN_TRANSIT:
        found.append((str(posting.credit), *at))
    if posting.kind is P.MATCH:
        found.append(("match", posting.unit_id, posting.year))
    return found


def adds_to(posting: Posting) -> list[Bucket]:
    """Return what a posting adds to."""
    at = (posting.unit_id, posting.fund, posting.year)
    found: list[Bucket] = []
    if posting.debit == HELD:
        found.append(_held(posting))
    if posting.debit.kind is A.IN_TRANSIT:
        found.append((str(posting.debit), *at))
    if posting.kind is P.RECEIPT:
        found.append(("from", *at, posting.peer_unit))
        if posting.fund == "F1":
            found.append(("match", posting.unit_id, posting.year))
    return found


def _held(posting: Posting) -> Bucket:
    of = posting.assignment if FUNDS[posting.fund].needs_assignment else None
    return ("held", posting.unit_id, posting.fund, posting.year, of)


def _order(line: Booked) -> tuple[bytes, bytes]:
    return line.version, line.posting.posting_id


@dataclass(slots=True)
class _Budget:
    """One bucket: what comes in, and what goes out in the order in which it was written.

    `needs[i]`: what must have come in for the first i + 1 of `outs`.
    """

    into: int = 0
    hoped: int = 0  # what would have come in, did everything count that is no fault
    outs: list[bytes] = field(default_factory=list)
    needs: list[int] = field(default_factory=list)
    kept: int = 0


class _Judgement:
    """From all that is no fault in itself down to what holds together: removing what lacks cover.

    Each posting removed can only leave others without cover, so the end is the same whatever is
    removed first: the greatest fixed point.
    """

    def __init__(
        self, lines: Sequence[Booked], offices: Offices,
        outside: Mapping[bytes, tuple[Posting, bool]],
    ) -> None:  # fmt: skip
        self._lines = {line.posting.posting_id: line.posting for line in lines}
        self._outside = outside
        self._offices = offices
        self._faults: dict[bytes, Fault] = {}
        self._dependents: dict[bytes, list[bytes]] = defaultdict(list)
        self._budgets: dict[Bucket, _Budget] = defaultdict(_Budget)
        self._dirty: list[bytes] = []  # removed, and its consequences not yet
        for line in lines:
            if not self._sound(line):
                self._faults[line.posting.posting_id] = Fault.NOT_ENTITLED
        self._one_claim_each()
        sound = [p for i, p in self._lines.items() if i not in self._faults]
        self._dirty += self._faults
        self._lay_out(sound)

    def result(self) -> dict[bytes, Fault]:
        for budget in self._budgets.values():
            self._cut(budget)
        while self._dirty:
            self._follow(self._dirty.pop())
        for budget in self._budgets.values():
            self._name_first_overdrawn(budget)
        return self._faults

    def _sound(self, line: Booked) -> bool:
        posting = line.posting
        cause = self._known(cause_of(posting))
        return is_entitled(line, self._offices) and (cause is None or fits(posting, cause))

    def _known(self, posting_id: bytes | None) -> Posting | None:
        if posting_id is None:
            return None
        return self._lines.get(posting_id) or self._outside.get(posting_id, (None,))[0]

    def _one_claim_each(self) -> None:
        claimed: set[tuple[object, ...]] = set()
        for posting_id, posting in self._lines.items():
            claim = claim_of(posting)
            if posting_id in self._faults or claim is None:
                continue
            if claim in claimed:
                self._faults[posting_id] = Fault.ANSWERED_BEFORE
            claimed.add(claim)

    def _lay_out(self, sound: Sequence[Posting]) -> None:
        for posting in sound:
            cause = cause_of(posting)
            if cause is None:
                continue
            if cause in self._lines:
                self._dependents[cause].append(posting.posting_id)
            elif cause not in self._outside:
                self._remove(posting.posting_id, Fault.CAUSE_UNKNOWN)
            elif not self._outside[cause][1]:
                self._remove(posting.posting_id, Fault.WAITS)
        given_back: dict[Bucket, int] = defaultdict(int)  # of F1: it lessens what is to be matched
        for posting in sound:
            if not self._offices.complete(posting.unit_id):
                continue
            matched: Bucket = ("match", posting.unit_id, posting.year)
            if posting.fund == "F1" and posting.kind is P.RETURN and posting.credit == HELD:
                given_back[matched] += posting.amount_fen
            for bucket in adds_to(posting):
                budget = self._budgets[bucket]
                budget.hoped += posting.amount_fen
                if posting.posting_id not in self._faults:
                    budget.into += posting.amount_fen
            for bucket in draws_on(posting):
                budget = self._budgets[bucket]
                budget.outs.append(posting.posting_id)
                before = budget.needs[-1] if budget.needs else 0
                extra = given_back.pop(bucket, 0)
                budget.needs.append(before + extra + posting.amount_fen)
                budget.kept += 1

    def _remove(self, posting_id: bytes, fault: Fault) -> None:
        if posting_id not in self._faults:
            self._faults[posting_id] = fault
            self._dirty.append(posting_id)

    def _follow(self, posting_id: bytes) -> None:
        for dependent in self._dependents[posting_id]:
            if dependent in self._faults:
                continue
            self._remove(dependent, Fault.WAITS)
            self._take_out(dependent)
        posting = self._lines[posting_id]
        if not self._offices.complete(posting.unit_id):
            return
        for bucket in adds_to(posting):
            if bucket in self._budgets:
                self._cut(self._budgets[bucket])

    def _take_out(self, posting_id: bytes) -> None:
        """Take what a posting adds out of the budgets, once: when it is removed."""
        posting = self._lines[posting_id]
        if self._offices.complete(posting.unit_id):
            for bucket in adds_to(posting):
                self._budgets[bucket].into -= posting.amount_fen

    def _cut(self, budget: _Budget) -> None:
        while budget.kept and budget.needs[budget.kept - 1] > budget.into:
            budget.kept -= 1
            cut = budget.outs[budget.kept]
            if cut not in self._faults:
                self._remove(cut, Fault.WAITS)
                self._take_out(cut)

    def _name_first_overdrawn(self, budget: _Budget) -> None:
        """Of what has no cover the first that nothing that waits could cover is the fault."""
        for place in range(budget.kept, len(budget.outs)):
            if budget.needs[place] > budget.hoped:
                if self._faults[budget.outs[place]] is Fault.WAITS:
                    self._faults[budget.outs[place]] = Fault.OVERDRAWN
                return
