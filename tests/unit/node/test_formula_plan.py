"""The year's formula money: reckoned from frozen figures, put in once, shared out to the fen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.domain.catalogue import Catalogue, load_catalogue
from node.domain.formula import YearBeforeBase
from node.ids import natural_id
from node.services.figures import closings
from node.services.money import formula_plan
from node.services.money import postings as money
from node.services.money import receipts as answers
from node.services.money.conservation import check_conservation
from node.services.money.errors import BadAllocation
from sync.model.change import Edit, Operation, RecordKey
from tests.support.money_network import (
    CITY,
    DISTRICT,
    FIRST,
    SECOND,
    STREET,
    MoneyNetwork,
    assert_kept,
    assert_verified,
    build,
    held_fen,
    needed,
)

YEAR = 2026  # the standard is 400,000 x 1.05^22 = 1,170,104 fen per 100 households
WORK = {FIRST: 585_052, SECOND: 351_031}  # 50 and 30 households
MEMBERS = {FIRST: 120, SECOND: 15}
PARTY = 6_400_000


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return needed(load_catalogue())


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory, catalogue: Catalogue) -> Path:
    """Two communities of 50 and 30 households, the first with a committee, all of it reported."""
    folder = build(tmp_path_factory.mktemp("template"), catalogue)
    net = MoneyNetwork(folder, folder.parent / "filling", catalogue)
    settle(net, FIRST, households=50, members=MEMBERS[FIRST], kind="committee")
    settle(net, SECOND, households=30, members=MEMBERS[SECOND], kind="branch")
    for office in net.offices.values():
        office.close()
    return folder.parent / "filling"


@pytest.fixture
def net(template: Path, catalogue: Catalogue, tmp_path: Path) -> Iterator[MoneyNetwork]:
    network = MoneyNetwork(template, tmp_path / "net", catalogue)
    yield network
    network.close()


def settle(net: MoneyNetwork, code: str, *, households: int, members: int = 0, kind: str = ""):
    """Add households and a Party organisation to a community and let everybody receive it."""
    unit = net.unit(code)
    people = [
        Edit(
            key=RecordKey("household", unit, natural_id(code, str(net.now_ms), str(n))),
            operation=Operation.CREATE,
            values={"hh_no": str(n), "kind": "resident"},
        )
        for n in range(households)
    ]
    if kind:
        party = Edit(
            key=RecordKey("party_organisation", unit, natural_id(code, "party")),
            operation=Operation.CREATE,
            values={"name": "党组织", "kind": kind, "members_n": members},
            audiences=("up:city",),
        )
        people.append(party)
    net[code].commit(lambda tx: people)
    net.settle()


def due(net: MoneyNetwork, code: str) -> dict[tuple[str, str], int]:
    codes = {net.unit(each): each for each in (FIRST, SECOND)}
    lines = formula_plan.plan(net[code], YEAR).lines
    return {(line.fund, codes[line.basis.unit]): line.due_fen for line in lines}


def pass_down(net: MoneyNetwork) -> None:
    """Let every office put in and release what it can, and receive what came, until it is there."""
    for code in (CITY, DISTRICT, STREET, FIRST, SECOND):
        net.settle()
        answers.receive_all(net[code], actor="cashier")
        formula_plan.appropriate_plan(net[code], YEAR, actor="clerk")
        formula_plan.release_plan(net[code], YEAR, actor="clerk")
    net.settle()


def balances_of(net: MoneyNetwork, code: str) -> dict[str, int]:
    found = {fund: held_fen(net[code], fund, YEAR) for fund in formula_plan.FUNDS_PLANNED}
    return {fund: fen for fund, fen in found.items() if fen}


def test_each_community_is_due_the_norm_amount_from_the_office_that_owes_it(net):
    from_city = {
        ("F1", FIRST): WORK[FIRST], ("F1", SECOND): WORK[SECOND], ("F3", FIRST): PARTY,
        ("F4", FIRST): 120 * 500, ("F4", SECOND): 15 * 500,
    }  # fmt: skip
    assert due(net, CITY) == from_city
    from_both = {
        **from_city,
        ("F2", FIRST): WORK[FIRST], ("F2", SECOND): WORK[SECOND],
        ("F4", FIRST): 120 * 1_000, ("F4", SECOND): 15 * 1_000,
    }  # fmt: skip
    assert due(net, DISTRICT) == due(net, STREET) == from_both
    assert due(net, SECOND) == {key: n for key, n in from_both.items() if key[1] == SECOND}
    own = {one.fund: one.own_fen for one in formula_plan.plan(net[DISTRICT], YEAR).funds}
    assert own == {"F1": 0, "F2": sum(WORK.values()), "F3": 0, "F4": 135 * 500}


def test_the_formula_money_arrives_in_full_at_every_community(net):
    pass_down(net)
    assert balances_of(net, FIRST) == {
        "F1": WORK[FIRST],
        "F2": WORK[FIRST],
        "F3": PARTY,
        "F4": 120_000,
    }
    assert balances_of(net, SECOND) == {"F1": WORK[SECOND], "F2": WORK[SECOND], "F4": 15_000}
    assert [balances_of(net, code) for code in (CITY, DISTRICT, STREET)] == [{}, {}, {}]
    account = check_conservation(net[CITY])
    assert account.holds
    assert sum(line.in_transit_fen for line in account.lines) == 0
    assert_kept(net)
    assert_verified(net)


def test_a_plan_executed_again_books_only_what_grew(net):
    pass_down(net)
    before = len(net.everything())
    pass_down(net)
    assert len(net.everything()) == before
    settle(net, SECOND, households=20)
    pass_down(net)
    assert balances_of(net, SECOND)["F1"] == WORK[FIRST]  # 50 households now
    assert balances_of(net, FIRST)["F1"] == WORK[FIRST]


def test_one_posting_per_fund_is_appropriated_and_one_per_child_and_fund_is_released(net):
    put_in = formula_plan.appropriate_plan(net[CITY], YEAR, actor="mayor")
    assert [(line.posting.fund, line.posting.amount_fen) for line in put_in] == [
        ("F1", sum(WORK.values())), ("F3", PARTY), ("F4", 135 * 500)
    ]  # fmt: skip
    sent = formula_plan.release_plan(net[CITY], YEAR, actor="mayor")
    assert [line.posting.peer_unit for line in sent] == [net.unit(DISTRICT)] * 3
    assert {(line.level, line.peer_level) for line in sent} == {(0, 1)}
    only = formula_plan.release_plan(net[CITY], YEAR, actor="mayor", funds=["F1"])
    assert only == ()


def test_a_shortage_is_shared_pro_rata_and_to_the_fen(net):
    formula_plan.appropriate_plan(net[CITY], YEAR, actor="mayor", budget_fen={"F1": 100_001})
    one = next(f for f in formula_plan.plan(net[CITY], YEAR).funds if f.fund == "F1")
    assert (one.available_fen, one.short_fen) == (100_001, sum(WORK.values()) - 100_001)
    shares = {
        line.basis.unit: line.share_fen
        for line in formula_plan.plan(net[CITY], YEAR).lines
        if line.fund == "F1"
    }
    # 100,001 x 585,052 / 936,083 = 62,500.6 and 37,500.4
    assert shares == {net.unit(FIRST): 62_501, net.unit(SECOND): 37_500}
    for code in (CITY, DISTRICT, STREET):
        answers.receive_all(net[code], actor="cashier")
        formula_plan.release_plan(net[code], YEAR, actor="clerk", funds=["F1"])
        net.settle()
    for code, fen in ((FIRST, 62_501), (SECOND, 37_500)):
        (receipt,) = answers.receive_all(net[code], fund="F1", actor="cashier")
        assert receipt.posting.amount_fen == fen


def test_a_child_that_got_too_much_does_not_block_the_others(net):
    terms = {"fund": "F1", "year": YEAR, "actor": "clerk"}
    money.appropriate(net[CITY], amount_fen=936_083, **terms)
    money.release(net[CITY], to=net.unit(DISTRICT), amount_fen=936_083, **terms)
    net.settle()
    answers.receive_all(net[DISTRICT], actor="cashier")
    money.release(net[DISTRICT], to=net.unit(STREET), amount_fen=936_083, **terms)
    net.settle()
    answers.receive_all(net[STREET], actor="cashier")
    money.release(net[STREET], to=net.unit(FIRST), amount_fen=700_000, **terms)
    (line,) = formula_plan.release_plan(net[STREET], YEAR, actor="clerk", funds=["F1"])
    assert (line.posting.peer_unit, line.posting.amount_fen) == (net.unit(SECOND), 236_083)


def test_the_figures_are_those_of_the_last_day_of_the_year_where_that_month_was_closed(net):
    closings.close_period(net[FIRST], "2025-12")
    settle(net, FIRST, households=7)
    settle(net, SECOND, households=7)
    bases = {line.basis for line in formula_plan.plan(net[CITY], YEAR).lines}
    found = {(b.unit, b.households, b.frozen) for b in bases}
    assert found == {(net.unit(FIRST), 50, True), (net.unit(SECOND), 37, False)}
    assert not formula_plan.plan(net[CITY], YEAR).frozen
    assert formula_plan.plan(net[FIRST], YEAR).frozen
    assert formula_plan.plan(net[FIRST], YEAR).lines[0].basis.has_committee


def test_a_community_of_fewer_than_five_households_is_planned_without_any_and_named(net):
    """It does not say how many they are; the plan says so, and counts none in silence."""
    gone = [
        Edit(
            key=RecordKey("household", net.unit(SECOND), bytes(record)),
            operation=Operation.UPDATE, values={"status": "moved_out"},
        )
        for record in household_ids(net, SECOND)[:27]
    ]  # fmt: skip
    net[SECOND].commit(lambda tx: gone)
    net.settle()
    bases = {line.basis for line in formula_plan.plan(net[CITY], YEAR).lines}
    found = {(b.unit, b.households, b.households_withheld) for b in bases}
    assert found == {(net.unit(FIRST), 50, False), (net.unit(SECOND), 0, True)}


def household_ids(net: MoneyNetwork, code: str) -> list[bytes]:
    with net[code].store.read() as tx:
        rows = tx.exec_driver_sql(
            "SELECT id FROM r_household WHERE unit=?", (net.unit(code),)
        ).fetchall()
    return [bytes(row[0]) for row in rows]


def test_what_a_community_spent_still_counts_as_received(net):
    pass_down(net)
    money.spend(
        net[SECOND], fund="F1", year=YEAR, amount_fen=1_000, category="office", actor="clerk"
    )
    lines = formula_plan.plan(net[SECOND], YEAR).lines
    assert Counter({x.fund: x.share_fen for x in lines})["F1"] == WORK[SECOND]


def test_a_year_without_a_standard_has_no_plan(net):
    with pytest.raises(YearBeforeBase):
        formula_plan.plan(net[CITY], 2003)
    with pytest.raises(BadAllocation):
        formula_plan.appropriate_plan(net[CITY], 1066, actor="mayor")
    assert net.everything() == []
