"""What a receiver counts of others' postings: all of an honest history, nothing without cover."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from node.domain.catalogue import Catalogue, load_catalogue
from node.domain.conservation import conservation
from node.domain.funds import Category
from node.domain.posting import (
    HELD,
    Account,
    AccountKind,
    Posting,
    PostingKind,
    answer,
    appropriate,
    give_back,
    match,
    posting_id_for,
    reclaim,
    release,
    send_back,
    spend,
)
from node.domain.posting_judge import Booked, Fault, Offices, judge
from node.folds.ledger import LedgerFold
from node.services.health.verify import verify
from node.store import uncounted
from node.store.postings import POSTING, Line, values_of
from sync.model.change import Block, Operation
from sync.model.version import version_of
from sync.store.sql import execute
from tests.property.test_ledger_laws import ABOVE, LEVELS, UNITS, World, is_descendant
from tests.support.money_network import CITY, DISTRICT, FIRST, SECOND, MoneyNetwork, build, needed

OFFICES = Offices(
    levels=lambda unit: {LEVELS[unit]},
    was_below=lambda lower, upper: lower == upper or is_descendant(lower, upper),
    complete=lambda _unit: True,
)
TAMPERED = 3


class OrderedWorld(World):
    """A world that notes the order in which its offices wrote."""

    def __init__(self, random: Random) -> None:
        super().__init__(random)
        self.written: list[Posting] = []

    def step(self) -> None:
        before = {unit: len(journal) for unit, journal in self.journal.items()}
        super().step()
        for unit, journal in self.journal.items():
            self.written += journal[before[unit] :]


def world_of(seed: int, steps: int) -> OrderedWorld:
    world = OrderedWorld(Random(seed))
    for _ in range(steps):
        world.step()
    return world


def booked(postings: Iterable[Posting]) -> list[Booked]:
    """Return postings with the versions of the order in which they were written."""
    return [
        Booked(
            posting=posting,
            level=LEVELS[posting.unit_id],
            peer_level=LEVELS[posting.peer_unit] if posting.peer_unit else None,
            version=version_of((place + 1) << 20, posting.unit_id),
        )
        for place, posting in enumerate(postings)
    ]


def forged(world: OrderedWorld, count: int) -> list[Posting]:
    """Return postings that a tampered community writes: what it has not, may not, or did before."""
    random, unit = world.random, TAMPERED
    found: list[Posting] = []
    for n in range(count):
        number = (1 << 100 | n).to_bytes(16)
        fund = random.choice(["F1", "F4", "F11"])
        new = {"unit_id": unit, "transfer": number, "year": 2004, "at_ms": 0}
        amount = random.choice([1, 50, 10**12])
        sent = [p for p in world.written if p.peer_unit == unit and p.kind is PostingKind.RELEASE]
        other = random.choice([1, 2, 4])
        never_sent = release(
            unit_id=ABOVE[unit], transfer=number, to_unit=unit, fund=fund, year=2004,
            amount_fen=amount, at_ms=0,
        )  # fmt: skip
        lies = [
            spend(**new, fund=fund, amount_fen=amount, category=Category.PARTY),
            appropriate(**new, fund="F1", amount_fen=amount),
            match(**new, amount_fen=amount),
            release(**new, fund="F1", amount_fen=amount, to_unit=other),
            answer(never_sent, counted_fen=amount, at_ms=0),
            reclaim(replace(send_back(never_sent, disputed=False, at_ms=0), unit_id=other,
                            peer_unit=unit), at_ms=0),
        ]  # fmt: skip
        if sent:
            one = random.choice(sent)
            lies.append(give_back(unit_id=unit, transfer=one.transfer, year=one.year, at_ms=0,
                                  fund=one.fund, amount_fen=one.amount_fen, to_unit=one.unit_id,
                                  assignment=one.assignment))  # fmt: skip
            lies.append(send_back(one, disputed=random.random() < 0.5, at_ms=0))
            lies.append(answer(replace(one, amount_fen=one.amount_fen + amount),
                               counted_fen=one.amount_fen + amount, at_ms=0))  # fmt: skip
        found.append(random.choice(lies))
    return found


def with_lies(world: OrderedWorld, lies: Iterable[Posting]) -> list[Posting]:
    """Put lies anywhere into the order; of two postings with one id the first stays."""
    postings = list(world.written)
    for lie in lies:
        postings.insert(world.random.randint(0, len(postings)), lie)
    return list({posting.posting_id: posting for posting in reversed(postings)}.values())[::-1]


seeds, sizes = st.integers(0, 2**32), st.integers(1, 300)


@settings(max_examples=40, deadline=None)
@given(seed=seeds, steps=sizes)
def test_every_posting_of_an_honest_history_counts_at_each_moment(seed: int, steps: int) -> None:
    world = world_of(seed, steps)
    lines = booked(world.written)
    for upto in {len(lines), world.random.randint(0, len(lines))}:
        assert judge(lines[:upto], OFFICES, {}) == {}


@settings(max_examples=40, deadline=None)
@given(seed=seeds, steps=sizes)
def test_an_honest_history_counts_whole_though_clocks_were_set_back(seed: int, steps: int) -> None:
    """A restored store may date its postings before those that it has lost."""
    world = world_of(seed, steps)
    lines = booked(world.written)
    versions = [line.version for line in lines]
    world.random.shuffle(versions)
    shuffled = [replace(x, version=v) for x, v in zip(lines, versions, strict=True)]
    faults = judge(shuffled, OFFICES, {})
    # The order of versions matters only to a match, which money given back afterwards lessens.
    kinds = {x.posting.kind for x in shuffled if x.posting.posting_id in faults}
    assert not kinds or PostingKind.MATCH in kinds


@settings(max_examples=60, deadline=None)
@given(seed=seeds, steps=sizes, lies=st.integers(1, 12))
def test_whatever_one_office_writes_nothing_that_counts_lacks_cover(
    seed: int, steps: int, lies: int
) -> None:
    world = world_of(seed, steps)
    postings = with_lies(world, forged(world, lies))
    lines = booked(postings)
    faults = judge(lines, OFFICES, {})
    world.random.shuffle(lines)
    assert judge(lines, OFFICES, {}) == faults
    counted = [p for p in postings if p.posting_id not in faults]
    sums: dict[tuple[object, ...], int] = {}
    for posting in counted:
        for account, fen in ((posting.debit, 1), (posting.credit, -1)):
            key = (posting.unit_id, posting.fund, posting.year, account)
            sums[key] = sums.get(key, 0) + fen * posting.amount_fen
    for (*_, account), fen in sums.items():
        if account.kind in (AccountKind.HELD, AccountKind.IN_TRANSIT, AccountKind.SPENT):
            assert fen >= 0, account
    assert all(line.difference_fen == 0 for line in conservation(counted))
    for fault in faults.values():
        event(fault)


@settings(max_examples=60, deadline=None)
@given(seed=seeds, steps=sizes, lies=st.integers(1, 12))
def test_a_false_posting_is_its_writers_fault_and_no_other_office_is_named(
    seed: int, steps: int, lies: int
) -> None:
    world = world_of(seed, steps)
    postings = with_lies(world, forged(world, lies))
    faults = judge(booked(postings), OFFICES, {})
    by_unit = {p.posting_id: p.unit_id for p in postings}
    named = {by_unit[i] for i, fault in faults.items() if fault is not Fault.WAITS}
    assert named <= {TAMPERED}
    assert {by_unit[i] for i in faults} <= {TAMPERED, *ABOVE_TAMPERED}


ABOVE_TAMPERED = {ABOVE[TAMPERED], 1}


def test_what_lacked_money_counts_once_the_money_has_come() -> None:
    year = {"fund": "F11", "year": 2004, "at_ms": 0, "unit_id": 3}
    spent = spend(**year, transfer=b"s" * 16, amount_fen=100, category=Category.OFFICE)
    later = spend(**year, transfer=b"t" * 16, amount_fen=1, category=Category.OFFICE)
    first = appropriate(**year, transfer=b"a" * 16, amount_fen=60)
    second = appropriate(**year, transfer=b"b" * 16, amount_fen=41)
    order = [first, spent, later, second]
    assert judge(booked(order[:1]), OFFICES, {}) == {}
    assert judge(booked(order[:3]), OFFICES, {}) == {
        spent.posting_id: Fault.OVERDRAWN, later.posting_id: Fault.WAITS,
    }  # fmt: skip
    assert judge(booked(order), OFFICES, {}) == {}


def test_what_depends_on_a_release_without_cover_waits_with_it() -> None:
    sent = release(
        unit_id=2, transfer=b"r" * 16, to_unit=3, fund="F8", year=2004, amount_fen=100, at_ms=0
    )
    received = answer(sent, counted_fen=100, at_ms=0)
    spent = spend(
        unit_id=3, transfer=b"s" * 16, fund="F8", year=2004, amount_fen=40,
        category=Category.OFFICE, at_ms=0,
    )  # fmt: skip
    assert judge(booked([sent, received, spent]), OFFICES, {}) == {
        sent.posting_id: Fault.OVERDRAWN,
        received.posting_id: Fault.WAITS,
        spent.posting_id: Fault.WAITS,
    }


@pytest.mark.parametrize(
    ("unit", "posting"),
    [
        (3, partial(appropriate, fund="F1", transfer=b"x" * 16)),
        (1, partial(appropriate, fund="F11", transfer=b"x" * 16)),
        (3, partial(match, transfer=b"x" * 16)),
        (2, partial(spend, fund="F1", transfer=b"x" * 16, category=Category.OFFICE)),
        (3, partial(spend, fund="F4", transfer=b"x" * 16, category=Category.OFFICE)),
        (3, partial(release, fund="F8", transfer=b"x" * 16, to_unit=4)),
        (1, partial(release, fund="F7", transfer=b"x" * 16, to_unit=2)),
        (1, partial(appropriate, fund="F9", transfer=b"x" * 16)),
    ],
    ids=["F1 by a community", "F11 by the city", "a match by a community", "F1 passed through",
         "party money on an office", "to a sibling", "F7 passed on", "F9 without a task"],
)  # fmt: skip
def test_who_may_do_what_with_a_fund_is_asked_of_the_receiver(unit: int, posting) -> None:
    made = posting(unit_id=unit, year=2004, amount_fen=1, at_ms=0)
    assert judge(booked([made]), OFFICES, {}) == {made.posting_id: Fault.NOT_ENTITLED}


# -- the same at a store -----------------------------------------------------------------------

CODES = {1: CITY, 2: DISTRICT, 3: FIRST, 4: SECOND}


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return needed(load_catalogue())


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, catalogue: Catalogue) -> Path:
    return build(tmp_path_factory.mktemp("template"), catalogue, (CITY,))


def at_offices(postings: Iterable[Posting], units: Mapping[int, int]) -> list[Posting]:
    """Return the same postings, written by offices of a tree."""

    def account(one: Account, peer: int | None) -> Account:
        refers = one.kind.value in ("in_transit", "transfer_in", "disputed", "returned")
        return Account(one.kind, str(units[peer])) if refers and peer else one

    ids: dict[bytes, bytes] = {}
    found = []
    for p in postings:
        transfer = ids.get(p.transfer, p.transfer)  # of a reversal: what it undoes
        unit = units[p.unit_id]
        made = replace(
            p, unit_id=unit, transfer=transfer, posting_id=posting_id_for(unit, p.kind, transfer),
            peer_unit=units[p.peer_unit] if p.peer_unit else None,
            debit=account(p.debit, p.peer_unit), credit=account(p.credit, p.peer_unit),
        )  # fmt: skip
        ids[p.posting_id] = made.posting_id
        found.append(made)
    return found


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=seeds, steps=st.integers(1, 120), lies=st.integers(0, 30))
def test_a_store_counts_the_same_postings_in_whatever_order_they_arrive(
    template: Path, catalogue: Catalogue, seed: int, steps: int, lies: int
) -> None:
    world = world_of(seed, steps)
    postings = with_lies(world, forged(world, lies))
    with tempfile.TemporaryDirectory() as folder:
        net = MoneyNetwork(template, Path(folder) / "net", catalogue)
        try:
            all_count = take_in_any_order(net, postings, world.random)
            event("all count" if all_count else "some do not count")
        finally:
            net.close()


def take_in_any_order(net: MoneyNetwork, postings: list[Posting], random: Random) -> bool:
    """Let the city receive postings in any order; say whether all of them count."""
    city = net[CITY]
    units = {unit: city.tree.find(CODES[unit]).unit_id for unit in UNITS}
    levels = {units[unit]: level for unit, level in LEVELS.items()}
    made = at_offices(postings, units)
    lines = [
        (
            Line(posting=p, level=levels[p.unit_id],
                 peer_level=levels[p.peer_unit] if p.peer_unit else None),
            version_of((net.now_ms + place) << 16, p.unit_id),
        )
        for place, p in enumerate(made)
    ]  # fmt: skip
    random.shuffle(lines)
    ledger: LedgerFold = city.folds.ledger
    while lines:
        part, lines = lines[: (size := random.randint(1, 9))], lines[size:]

        def take(tx, part=part) -> None:  # type: ignore[no-untyped-def]
            city.replica.begin(tx)
            effects = [
                city.replica.merger.merge(tx, block_of(line), version, line.level)
                for line, version in part
            ]
            ledger.fold(tx, [effect for effect in effects if effect is not None])
            city.replica.merger.flush(tx)

        city.store.write(take)
    report = verify(city)
    differences = [d for d in report.differences if d.check in ("postings", "balances")]
    assert differences == []
    with city.store.read() as tx:
        kept = uncounted.all_of(tx)
        listed = execute(
            tx, "SELECT record, reason FROM quarantine WHERE state='deferred'"
        ).fetchall()
        assert {(bytes(i), reason) for i, reason in listed} == {
            (i, fault.value) for (_, i), fault in kept.items()
        }
        held = execute(tx, "SELECT min(fen) FROM balance WHERE account=?", (str(HELD),)).fetchone()
    assert (held[0] or 0) >= 0
    return not kept


def block_of(line: Line) -> Block:
    values = values_of(line)
    posting = line.posting
    return Block(
        POSTING, posting.unit_id, Operation.CREATE, [posting.posting_id], fields=tuple(values),
        columns=[[value] for value in values.values()],
    )  # fmt: skip
