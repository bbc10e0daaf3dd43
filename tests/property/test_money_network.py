"""Four offices, lines that carry anything at any time: no fen is made, lost or used twice."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from node.domain.catalogue import Catalogue, load_catalogue
from node.domain.ledger import Posting, PostingKind
from node.domain.ledger_errors import LedgerError
from node.services.money import postings as money
from node.services.money import receipts as answers
from node.services.money import views
from node.services.money.conservation import check_conservation
from node.services.money.errors import BadAllocation
from sync.model.limits import BATCH_BYTES_MAX
from tests.support.money_network import (
    CITY,
    DISTRICT,
    FIRST,
    PARENT,
    STREET,
    MoneyNetwork,
    assert_kept,
    assert_verified,
    build,
    folded,
    match_due_fen,
    needed,
)

OFFICES = (CITY, DISTRICT, STREET, FIRST)
BELOW = {above: code for code, above in PARENT.items() if code in OFFICES}
LINES = [(code, above) for code, above in PARENT.items() if code in OFFICES]
LINES += [(above, code) for code, above in LINES]
FUNDS = ("F1", "F4", "F9")
TASK = b"task".rjust(16)
YEAR = 2026
ALWAYS = ("appropriate", "spend", "give_back", "match", "receive_all")
AMOUNTS = (1, 7, 99, 100, 400)

moves = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.sampled_from(LINES), st.integers(0, 5)),
        st.tuples(st.just("do"), st.sampled_from(OFFICES), st.integers(0, 2**32)),
        st.tuples(st.just("do"), st.sampled_from(OFFICES), st.integers(0, 2**32)),
        st.tuples(st.just("reopen"), st.sampled_from(OFFICES), st.none()),
    ),
    min_size=10,
    max_size=70,
)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return needed(load_catalogue())


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, catalogue: Catalogue) -> Path:
    return build(tmp_path_factory.mktemp("template"), catalogue, OFFICES)


def do(net: MoneyNetwork, code: str, seed: int) -> str:
    """Let a person of `code` do something with money; return what became of it."""
    random = Random(seed)
    verb = random.choice(possible(net, code))
    before = net.kept(code)
    try:
        done = attempt(net, code, verb, random)
    except (LedgerError, BadAllocation) as refused:
        assert net.kept(code) == before, "a refusal moved money"
        return refused.code
    return verb if done else "nothing to do"


def possible(net: MoneyNetwork, code: str) -> list[str]:
    """Return what there may be to do at an office, the usual several times."""
    found = [*ALWAYS]
    if funds_with_balance(net, code):
        found += ["spend", "give_back", *(["release"] * 6 if code in BELOW else [])]
    if match_due_fen(net[code], YEAR) > 0:
        found += ["match"] * 4
    if views.waiting(net[code]):
        found += ["receive"] * 6 + ["dispute", "return"]
    if net.journal(code):
        found += ["reverse", "again"]
    return found


def funds_with_balance(net: MoneyNetwork, code: str) -> list[str]:
    keys = sorted(net.kept(code))
    return [fund for unit, fund, _, account in keys if (unit, account) == (net.unit(code), "held")]


def money_of(net: MoneyNetwork, code: str, random: Random) -> str:
    """Return a fund, mostly one that the office holds."""
    with_balance = funds_with_balance(net, code)
    return random.choice(with_balance if with_balance and random.random() < 0.8 else FUNDS)


def attempt(net: MoneyNetwork, code: str, verb: str, random: Random) -> object:
    office = net[code]
    fund = random.choice(FUNDS) if verb == "appropriate" else money_of(net, code, random)
    terms = {"fund": fund, "year": YEAR, "amount_fen": random.choice(AMOUNTS), "actor": "clerk"}
    task = {"assignment": TASK if fund == "F9" else None}
    waiting = views.waiting(office)
    asked = random.choice(waiting).transfer if waiting else b""
    match verb:
        case "appropriate":
            return money.appropriate(office, **terms | {"amount_fen": 500}, **task)
        case "release":
            below = BELOW.get(code, STREET)  # nothing is below a community: refused
            return money.release(office, to=net.unit(below), **terms, **task)
        case "spend":
            category = random.choice(("party", "office"))
            return money.spend(office, category=category, **terms, **task)
        case "give_back":
            return money.give_back(office, reason="结余", **terms, **task)
        case "match":
            return money.match(office, year=YEAR, actor="clerk")
        case "receive":
            return answers.receive(office, asked, actor="cashier")
        case "receive_all":
            return answers.receive_all(office, actor="cashier")
        case "dispute":
            counted = random.choice((0, *AMOUNTS))
            return answers.receive(office, asked, counted_fen=counted, actor="clerk")
        case "return":
            return answers.return_(office, asked, reason="不符", actor="clerk")
        case "reverse":
            chosen = random.choice(net.journal(code))
            return money.reverse(office, chosen.posting_id, actor="clerk")
        case _:
            return repeat(net, code, random.choice(net.journal(code)))


def repeat(net: MoneyNetwork, code: str, posting: Posting) -> object:
    """Repeat a step under its number, as a program does that did not receive the answer."""
    before = net.kept(code)
    if posting.kind is PostingKind.RELEASE:
        again = money.release(
            net[code], to=posting.peer_unit or 0, fund=posting.fund, year=posting.year,
            amount_fen=posting.amount_fen, actor="another", transfer=posting.transfer,
            assignment=posting.assignment,
        )  # fmt: skip
    elif posting.kind is PostingKind.RECEIPT:
        again = answers.receive(net[code], posting.transfer, actor="another")
    else:
        return None
    assert (again.posting, net.kept(code)) == (posting, before)
    return again


def in_transit_fen(everything: list[Posting]) -> Counter[str]:
    """Reckon by hand what one office has sent and another has not booked, by fund."""
    booked = {(p.unit_id, p.kind, p.transfer) for p in everything}
    found: Counter[str] = Counter()
    for posting in everything:
        there, transfer = posting.peer_unit, posting.transfer
        if posting.kind is PostingKind.RELEASE:
            back = (posting.unit_id, PostingKind.RECLAIM, transfer)
            done = (there, PostingKind.RECEIPT, transfer) in booked or back in booked
        elif posting.kind is PostingKind.RETURN and posting.credit.kind == "held":
            done = (there, PostingKind.RECLAIM, transfer) in booked
        else:
            continue
        found[posting.fund] += 0 if done else posting.amount_fen
    return found


def assert_nothing_lost(net: MoneyNetwork) -> None:
    """Put in = held + spent + in transit over all stores, and nobody has less than nothing."""
    assert_kept(net)
    sums: dict[str, Counter[str]] = {"held": Counter(), "spent": Counter(), "source": Counter()}
    for code in OFFICES:
        for (unit, fund, _, account), fen in net.kept(code).items():
            kind = account.partition(":")[0]
            if unit == net.unit(code) and kind in sums:
                assert fen > 0 or kind == "source", (code, fund, account, fen)
                sums[kind][fund] += fen
        for line in check_conservation(net[code]).lines:
            assert line.holds, (code, line)
            assert min(line.held_fen, line.spent_fen, line.in_transit_fen) >= 0, (code, line)
    underway = in_transit_fen(net.everything())
    for fund in sums["source"]:
        total = sums["held"][fund] + sums["spent"][fund] + underway[fund]
        assert total == -sums["source"][fund], fund


def assert_all_at_city(net: MoneyNetwork) -> None:
    """Once all is delivered the city has every posting, and its account of them is that of all."""
    everything = net.everything()
    at_city = [line.posting for line in net.lines(CITY)]
    assert {p.posting_id: p for p in at_city} == {p.posting_id: p for p in everything}
    assert net.kept(CITY) == folded(net.lines(CITY))
    account = check_conservation(net[CITY])
    underway = in_transit_fen(everything)
    assert (account.holds, account.partial) == (True, False)
    for fund in {posting.fund for posting in everything}:
        lines = [line for line in account.lines if line.fund == fund]
        assert sum(line.in_transit_fen for line in lines) == underway[fund]


def run(
    net: MoneyNetwork, plan: list[tuple[str, object, object]], *, check_every: int = 1
) -> Counter[str]:
    met: Counter[str] = Counter()
    for step, (move, where, what) in enumerate(plan):
        if move == "send":
            small = what in (1, 2)
            net.send(*where, bytes_max=1 if small else BATCH_BYTES_MAX, again=what in (2, 3))
        elif move == "reopen":
            net.reopen(where)
        else:
            met[do(net, where, what)] += 1
        if step % check_every == 0:
            assert_nothing_lost(net)
    net.settle()
    assert_nothing_lost(net)
    assert_all_at_city(net)
    met.update(posting.kind.value for posting in net.everything())
    return met


@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow])
@given(plan=moves)
def test_no_fen_is_created_lost_or_released_twice_whatever_the_links_do(template, catalogue, plan):
    with tempfile.TemporaryDirectory() as folder:
        net = MoneyNetwork(template, Path(folder) / "net", catalogue)
        try:
            money.appropriate(net[CITY], fund="F1", year=YEAR, amount_fen=5_000, actor="mayor")
            for what in run(net, plan):
                event(what)
            assert_verified(net)
        finally:
            net.close()


def test_long_runs_cover_every_posting_and_end_with_nothing_in_transit(
    template, catalogue, tmp_path
):
    met: Counter[str] = Counter()
    for seed in range(3):
        random = Random(seed)
        net = MoneyNetwork(template, tmp_path / f"net{seed}", catalogue)
        try:
            money.appropriate(net[CITY], fund="F1", year=YEAR, amount_fen=5_000, actor="mayor")
            plan: list[tuple[str, object, object]] = []
            for _ in range(300):
                if random.random() < 0.5:
                    plan.append(("send", random.choice(LINES), random.randrange(6)))
                else:
                    plan.append(("do", random.choice(OFFICES), random.randrange(2**32)))
            met += run(net, plan, check_every=10)
            for code in OFFICES:
                for one in views.waiting(net[code]):
                    answers.receive(net[code], one.transfer, actor="cashier")
            net.settle()
            assert_nothing_lost(net)
            assert all(line.in_transit_fen == 0 for line in check_conservation(net[CITY]).lines)
            assert_verified(net)
        finally:
            net.close()
    assert {kind.value for kind in PostingKind} <= set(met)
    refusals = {"over_release", "over_limit", "fund_rule", "not_reversible", "bad_allocation"}
    assert {"again"} | refusals <= set(met), met
