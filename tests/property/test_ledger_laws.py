"""Four offices move money over lines that cut, delay and repeat: what holds after every step."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.domain.funds import FUNDS as FUND_TABLE
from node.domain.funds import Category
from node.domain.ledger import Books, Posting, PostingKind, conservation
from node.domain.ledger_errors import LedgerError
from node.domain.posting import (
    AccountKind,
    answer,
    appropriate,
    give_back,
    match,
    reclaim,
    release,
    reverse,
    send_back,
    settle,
    spend,
)

# 1 city, 2 district, 3 and 4 its communities (one hop by-passed); 3 and 4 are siblings.
LEVELS = {1: 0, 2: 1, 3: 3, 4: 3}
ABOVE = {2: 1, 3: 2, 4: 2}
UNITS = sorted(LEVELS)
FUNDS = ["F1", "F2", "F4", "F9", "F11"]
YEARS = [2004, 2004, 2005]
TASK = b"task".rjust(16)
ACTIONS = ["appropriate", "release", "answer", "give_back", "reclaim", "spend", "match"] * 3
ACTIONS += ["send_back", "reverse", "again", "forge"]


def is_descendant(below: int, above: int) -> bool:
    while below in ABOVE:
        below = ABOVE[below]
        if below == above:
            return True
    return False


def empty_books(unit: int, *journal: Posting) -> Books:
    return Books(unit, level=LEVELS[unit], is_descendant=is_descendant, journal=journal)


class World:
    """Four offices; the other party receives a posting when and as often as it happens."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.books = {unit: empty_books(unit) for unit in UNITS}
        self.journal: dict[int, list[Posting]] = {unit: [] for unit in UNITS}
        self.mail: list[Posting] = []
        self.received: dict[int, list[Posting]] = {unit: [] for unit in UNITS}
        self.done: Counter[str] = Counter()
        self.transfers = 0

    @property
    def everything(self) -> list[Posting]:
        return [posting for journal in self.journal.values() for posting in journal]

    def step(self) -> None:
        if self.mail and self.random.random() < 0.4:
            self.deliver(self.random.choice(self.mail))  # late, out of order, and stays: repeated
            return
        unit = self.random.choice(UNITS)
        name = self.random.choice(ACTIONS)
        posting = self.perform(name, unit)
        if posting is None:
            return
        before = self.books[unit].balances()
        try:
            new = self.books[unit].post(posting)
        except LedgerError as refused:
            assert self.books[unit].balances() == before
            self.done[refused.code] += 1
            return
        if not new:
            assert self.books[unit].balances() == before
            self.done["repeated"] += 1
            return
        self.done[f"{posting.kind.value}"] += 1
        self.journal[unit].append(posting)
        if posting.peer_unit is not None:
            self.mail.append(posting)

    def deliver(self, posting: Posting) -> None:
        assert posting.peer_unit is not None
        self.books[posting.peer_unit].apply(posting)
        if posting not in self.received[posting.peer_unit]:
            self.received[posting.peer_unit].append(posting)

    def perform(self, name: str, unit: int) -> Posting | None:
        random = self.random
        self.transfers += 1
        fund, year = self.money_of(unit, name)
        shared: dict[str, Any] = {
            "unit_id": unit,
            "transfer": self.transfers.to_bytes(16),
            "year": year,
        }
        amount = random.choice([1, 7, 50, 100, 1_000])
        task = TASK if fund == "F9" else None
        received = [p for p in self.received[unit] if p.kind is PostingKind.RELEASE]
        match name:
            case "appropriate":
                return appropriate(
                    **shared, fund=fund, amount_fen=100 * amount, at_ms=0, assignment=task
                )
            case "match":
                return match(**shared, amount_fen=amount, at_ms=0)
            case "release" | "give_back":
                make = release if name == "release" else give_back
                return make(
                    **shared,
                    to_unit=self.peer_of(unit, down=name == "release"),
                    fund=fund,
                    amount_fen=amount,
                    at_ms=0,
                    assignment=task,
                )
            case "spend":
                category = random.choice([Category.PARTY, Category.OFFICE])
                return spend(
                    **shared,
                    fund=fund,
                    amount_fen=amount,
                    category=category,
                    at_ms=0,
                    assignment=task,
                )
            case "answer" if received:
                released = random.choice(received)
                if random.random() < 0.3:
                    return settle(released, at_ms=0)
                counted = released.amount_fen + random.choice([0, 0, 0, 1])
                return answer(released, counted_fen=counted, at_ms=0)
            case "send_back" if received:
                return send_back(random.choice(received), disputed=random.random() < 0.5, at_ms=0)
            case "reclaim":
                returns = [p for p in self.received[unit] if p.kind is PostingKind.RETURN]
                return reclaim(random.choice(returns), at_ms=0) if returns else None
            case "reverse" if self.journal[unit]:
                return reverse(random.choice(self.journal[unit]), at_ms=0)
            case "again" if self.journal[unit]:
                return replace(random.choice(self.journal[unit]), at_ms=99)
            case "forge" if self.journal[unit]:
                old = random.choice(self.journal[unit])
                return replace(old, amount_fen=old.amount_fen + 1)
        return None

    def money_of(self, unit: int, name: str) -> tuple[str, int]:
        """Return a fund and year: mostly one that this deed can lawfully be about here."""
        fitting = [
            (fund, year)
            for (fund, year, account) in self.books[unit].balances()
            if account.kind is AccountKind.HELD
        ]
        if name == "appropriate":
            paid = [fund for fund in FUNDS if LEVELS[unit] in FUND_TABLE[fund].payers]
            fitting = [(fund, year) for fund in paid for year in YEARS]
        if fitting and self.random.random() < 0.9:
            return self.random.choice(fitting)
        return self.random.choice(FUNDS), self.random.choice(YEARS)

    def peer_of(self, unit: int, *, down: bool) -> int:
        """Return mostly an office that money may go to from here, and sometimes any other."""
        fitting = [
            other
            for other in UNITS
            if (is_descendant(other, unit) if down else is_descendant(unit, other))
        ]
        others = [other for other in UNITS if other != unit]
        return self.random.choice(fitting if fitting and self.random.random() < 0.8 else others)

    def check(self) -> None:
        for unit, books in self.books.items():
            assert sum(books.balances().values()) == 0, "debits are not credits"
            for (fund, year, account), fen in books.balances().items():
                if account.kind in (AccountKind.HELD, AccountKind.IN_TRANSIT, AccountKind.SPENT):
                    assert fen >= 0, (unit, fund, year, account)
        for line in conservation(self.everything):
            assert line.difference_fen == 0, line
            parts = (line.held_fen, line.spent_fen, line.in_transit_fen, line.disputed_fen)
            assert min(parts) >= 0
            held = sum(books.held_fen(line.fund, line.year) for books in self.books.values())
            assert line.held_fen == held

    def unanswered(self, unit: int) -> list[Posting]:
        """The releases to a unit that it neither received nor returned, by id."""
        ends = (PostingKind.RECEIPT, PostingKind.RETURN)
        ended = {p.transfer for p in self.journal[unit] if p.kind in ends}
        releases = {
            p.transfer: p
            for p in self.received[unit]
            if p.kind is PostingKind.RELEASE and p.peer_unit == unit and p.transfer not in ended
        }
        return [releases[transfer] for transfer in sorted(releases)]

    def settle_everything(self) -> None:
        """The links are back: all is received, every release answered, every return booked."""
        for _ in range(2):
            for posting in list(self.mail):
                self.deliver(posting)
            for unit in self.books:
                for released in self.unanswered(unit):
                    sure = answer(released, counted_fen=released.amount_fen, at_ms=9)
                    disputed = any(
                        p.kind is PostingKind.DISPUTE and p.transfer == released.transfer
                        for p in self.journal[unit]
                    )
                    self.post_at(unit, settle(released, at_ms=9) if disputed else sure)
                for returned in [p for p in self.received[unit] if p.kind is PostingKind.RETURN]:
                    self.post_at(unit, reclaim(returned, at_ms=9))
            self.check()

    def post_at(self, unit: int, posting: Posting) -> None:
        if self.books[unit].post(posting):
            self.journal[unit].append(posting)


def world_after(seed: int, steps: int) -> World:
    world = World(Random(seed))
    for _ in range(steps):
        world.step()
        world.check()
    return world


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 400))
def test_no_fen_is_lost_created_or_owed_whatever_the_links_do(seed: int, steps: int) -> None:
    world_after(seed, steps)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 400))
def test_nothing_stays_in_transit_once_the_links_work_again(seed: int, steps: int) -> None:
    world = world_after(seed, steps)
    world.settle_everything()
    for line in conservation(world.everything):
        assert (line.in_transit_fen, line.disputed_fen, line.difference_fen) == (0, 0, 0)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 400))
def test_balances_are_the_fold_of_the_journal_in_any_order(seed: int, steps: int) -> None:
    world = world_after(seed, steps)
    for unit, books in world.books.items():
        journal = [*world.journal[unit], *world.received[unit], *world.journal[unit][:3]]
        world.random.shuffle(journal)
        assert empty_books(unit, *journal).balances() == books.balances()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 400))
def test_a_transfer_posts_once_on_each_side_and_resolves_once(seed: int, steps: int) -> None:
    world = world_after(seed, steps)
    releases = {p.transfer for p in world.everything if p.kind is PostingKind.RELEASE}
    answers = Counter(
        p.transfer
        for p in world.everything
        if p.kind in (PostingKind.RECEIPT, PostingKind.RETURN) and p.transfer in releases
    )
    assert set(answers.values()) <= {1}
    kinds = Counter((p.unit_id, p.kind, p.transfer) for p in world.everything)
    assert set(kinds.values()) <= {1}


def test_the_random_runs_cover_every_kind_of_posting_and_every_possible_refusal() -> None:
    met: Counter[str] = Counter()
    for seed in range(30):
        met += world_after(seed, 400).done
    assert {kind.value for kind in PostingKind} <= set(met)
    refusals = {"over_release", "over_limit", "transfer_reused", "transfer_resolved"}
    refusals |= {"not_descendant", "not_reversible", "fund_rule", "bad_posting", "repeated"}
    assert refusals <= set(met)


@pytest.mark.parametrize("held", [1, 99, 100])
def test_two_offices_cut_off_from_each_other_cannot_spend_the_same_fen(held: int) -> None:
    city = empty_books(1)
    city.post(
        appropriate(unit_id=1, transfer=bytes(16), fund="F1", year=2004, amount_fen=held, at_ms=0)
    )
    sent = [
        release(
            unit_id=1,
            transfer=n.to_bytes(16),
            to_unit=unit,
            fund="F1",
            year=2004,
            amount_fen=held,
            at_ms=0,
        )
        for n, unit in ((1, 3), (2, 4))
    ]
    assert city.post(sent[0])
    with pytest.raises(LedgerError):
        city.post(sent[1])
