"""What offices may rely on when money goes down, comes back and is spent over late lines."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pytest

from node.config import OfficeConfig
from node.domain import posting as postings
from node.domain.catalogue import Catalogue, load_catalogue
from node.domain.funds import Category
from node.domain.ledger_errors import (
    FundRule,
    InsufficientFunds,
    LedgerError,
    NotDescendant,
    NotReversible,
    OverLimit,
    SamePerson,
    TransferResolved,
    TransferReused,
    TransferUnknown,
    YearNotOpen,
)
from node.domain.posting import PostingKind, posting_id_for
from node.domain.posting_judge import Fault
from node.folds.ledger import LedgerFold
from node.office import Office
from node.open import open_office
from node.services.common.reason import ReasonMissing
from node.services.figures import rollup
from node.services.health.status import status
from node.services.money import postings as money
from node.services.money import receipts as answers
from node.services.money import views
from node.services.money.conservation import check_conservation
from node.services.money.errors import BadAllocation
from node.services.money.views import Direction, TransferState
from node.services.upkeep.quarantine import page_of
from node.setup import init_office
from node.store import uncounted
from node.store.postings import POSTING, Line, values_of
from sync.apply.compose import NotWritable
from sync.model.change import Edit, Operation, RecordKey
from sync.store.sql import execute
from tests.support.money_network import (
    CITY,
    DISTRICT,
    FIRST,
    SECOND,
    START_MS,
    STREET,
    TREE_CSV,
    MoneyNetwork,
    assert_kept,
    assert_verified,
    build,
    held_fen,
    match_due_fen,
    needed,
)
from tests.unit.node import offices

YEAR = 2026
DAY_MS = 86_400_000
TRANSFER_ID = bytes(range(16))
TASK = b"task".rjust(16)
F1 = {"fund": "F1", "year": YEAR, "actor": "clerk"}
CHAIN = (CITY, DISTRICT, STREET, FIRST)


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return needed(load_catalogue())


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory, catalogue: Catalogue) -> Path:
    return build(tmp_path_factory.mktemp("template"), catalogue)


@pytest.fixture
def net(template: Path, catalogue: Catalogue, tmp_path: Path) -> Iterator[MoneyNetwork]:
    network = MoneyNetwork(template, tmp_path / "net", catalogue)
    yield network
    network.close()


def send_down(net: MoneyNetwork, amount_fen: int, to: str = DISTRICT) -> bytes:
    """Put money in at the city, release it down to `to`, and return the last transfer's number."""
    money.appropriate(net[CITY], amount_fen=amount_fen, **F1)
    last = b""
    for above, below in pairwise(CHAIN):
        line = money.release(net[above], to=net.unit(below), amount_fen=amount_fen, **F1)
        last = line.posting.transfer
        net.settle()
        if below == to:
            break
        answers.receive(net[below], last, actor="cashier")
    return last


def balances_of(net: MoneyNetwork, *codes: str, fund: str = "F1") -> list[int]:
    return [held_fen(net[code], fund, YEAR) for code in codes]


# -- down ------------------------------------------------------------------------------------


def test_money_is_in_transit_until_the_receiver_confirms_it(net):
    number = send_down(net, 900)
    assert balances_of(net, CITY, DISTRICT) == [0, 0]
    (line,) = check_conservation(net[CITY]).lines
    assert (line.in_transit_fen, line.difference_fen) == (900, 0)
    with pytest.raises(InsufficientFunds):
        money.release(net[DISTRICT], to=net.unit(STREET), amount_fen=1, **F1)
    answers.receive(net[DISTRICT], number, actor="cashier")
    assert balances_of(net, CITY, DISTRICT) == [0, 900]
    net.settle()
    (line,) = check_conservation(net[CITY]).lines
    assert (line.held_fen, line.in_transit_fen, line.difference_fen) == (900, 0, 0)


def test_money_reaches_a_community_hop_by_hop_and_every_office_above_sees_it_spent(net):
    answers.receive(net[FIRST], send_down(net, 1_000, FIRST), actor="cashier")
    money.spend(net[FIRST], amount_fen=250, category="wages", note="五月", **F1)
    net.settle()
    for code in CHAIN:
        (line,) = check_conservation(net[code]).lines
        assert (line.held_fen, line.spent_fen, line.difference_fen) == (750, 250, 0), code
    assert_kept(net)
    assert_verified(net)


def test_the_figures_of_hops_are_broken_down_by_the_levels_of_both_offices(net):
    answers.receive(net[FIRST], send_down(net, 1_000, FIRST), actor="cashier")
    money.spend(net[FIRST], amount_fen=250, category="wages", **F1)
    net.settle()
    for indicator, by, expected in (
        ("K20", "level", {"0": 1_000}),
        ("K21_released", "to", {"1": 1_000, "2": 1_000, "3": 1_000}),
        ("K21_received", "to", {"1": 1_000, "2": 1_000, "3": 1_000}),
        ("K24", "level", {"3": 250}),
    ):
        rows = rollup.answer(net[CITY], indicator, by=by).rows
        assert {row.key: row.shown.numerator for row in rows} == expected, indicator
    reached = rollup.answer(net[CITY], "K22").shown
    assert (reached.numerator, reached.denominator) == (1_000, 1_000)


def test_an_insufficient_balance_is_refused_with_the_missing_amount(net):
    money.appropriate(net[CITY], amount_fen=100, **F1)
    with pytest.raises(InsufficientFunds) as refused:
        money.release(net[CITY], to=net.unit(DISTRICT), amount_fen=350, **F1)
    assert refused.value.missing_fen == 250
    assert views.history(net[CITY]).total == 1


def test_money_goes_one_level_down_and_nowhere_else(net):
    money.appropriate(net[CITY], amount_fen=100, **F1)
    with pytest.raises(BadAllocation) as refused:
        money.release(net[CITY], to=net.unit(FIRST), amount_fen=1, **F1)
    assert refused.value.reason == "not_next"
    assert "甲社区" in refused.value.zh
    for elsewhere in (net.unit(CITY), 4_711):
        with pytest.raises(NotDescendant):
            money.release(net[CITY], to=elsewhere, amount_fen=1, **F1)
    send_down(net, 10)
    with pytest.raises(NotDescendant):
        money.release(net[DISTRICT], to=net.unit(CITY), amount_fen=1, **F1)


def test_an_appropriation_repeated_with_the_same_number_is_booked_once(net):
    terms = {**F1, "amount_fen": 100, "transfer": TRANSFER_ID}
    assert money.appropriate(net[CITY], **terms) == money.appropriate(net[CITY], **terms)
    assert balances_of(net, CITY) == [100]
    with pytest.raises(TransferReused):
        money.appropriate(net[CITY], **terms | {"amount_fen": 101})
    assert balances_of(net, CITY) == [100]


def test_a_release_repeated_with_the_same_number_is_booked_once(net):
    money.appropriate(net[CITY], amount_fen=100, **F1)
    terms = {**F1, "to": net.unit(DISTRICT), "transfer": TRANSFER_ID}
    once = money.release(net[CITY], amount_fen=60, **terms)
    again = money.release(net[CITY], amount_fen=60, **terms | {"actor": "another"})
    assert again == once
    assert balances_of(net, CITY) == [40]
    for other in ({"amount_fen": 61}, {"amount_fen": 60, "fund": "F3"}, {"amount_fen": 1}):
        with pytest.raises(TransferReused):
            money.release(net[CITY], **terms | other)
    assert balances_of(net, CITY) == [40]
    assert views.history(net[CITY]).total == 2


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        ({"amount_fen": 0}, "amount"),
        ({"amount_fen": -5}, "amount"),
        ({"amount_fen": 10**15 + 1}, "amount"),
        ({"fund": "F13"}, "fund"),
        ({"year": 1492}, "year"),
        ({"note": "长" * 501}, "note"),
        ({"transfer": b"short"}, "transfer"),
    ],
)
def test_invalid_posting_input_is_refused_with_a_remedy(net, terms, reason):
    with pytest.raises(BadAllocation) as refused:
        money.appropriate(net[CITY], **{**F1, "amount_fen": 5, **terms})
    assert refused.value.reason == reason
    assert refused.value.remedy_en
    assert refused.value.remedy_zh
    assert views.history(net[CITY]).total == 0


def test_a_fund_is_put_in_by_its_payer_and_within_its_yearly_ceiling(net):
    with pytest.raises(FundRule):
        money.appropriate(net[DISTRICT], amount_fen=1, **F1)
    award = {"fund": "F5", "year": YEAR, "actor": "mayor"}
    money.appropriate(net[CITY], amount_fen=180_000_000, **award)
    with pytest.raises(OverLimit):
        money.appropriate(net[CITY], amount_fen=1, **award)
    with pytest.raises(FundRule):
        money.spend(net[CITY], amount_fen=1, category="office", **{**F1, "fund": "F9"})
    with pytest.raises(BadAllocation):
        money.spend(net[CITY], amount_fen=1, category="holidays", **F1)


def test_a_street_passes_money_on_and_does_not_spend_it(net):
    answers.receive(net[STREET], send_down(net, 500, STREET), actor="cashier")
    with pytest.raises(FundRule) as refused:
        money.spend(net[STREET], amount_fen=1, category="wages", **F1)
    assert "只转拨" in refused.value.zh
    assert balances_of(net, STREET) == [500]


@pytest.mark.parametrize("operation", [Operation.UPDATE, Operation.DELETE])
def test_an_office_does_not_rewrite_what_it_booked(net, operation):
    line = money.appropriate(net[CITY], amount_fen=400, **F1)
    key = RecordKey(POSTING, net.unit(CITY), line.posting.posting_id)
    values = {"amount_fen": 1} if operation is Operation.UPDATE else {}
    with pytest.raises(NotWritable):
        net[CITY].commit(lambda _tx: [Edit(key=key, operation=operation, values=values)])
    assert balances_of(net, CITY) == [400]


# -- years -----------------------------------------------------------------------------------


@pytest.mark.parametrize("year", [2003, 2024, 2028, 2062])
def test_no_budget_is_put_in_for_a_year_long_over_or_beyond_the_next(net, year):
    with pytest.raises(YearNotOpen) as refused:
        money.appropriate(net[CITY], amount_fen=100, **F1 | {"year": year})
    assert refused.value.years == range(2025, 2028)
    assert "2025 to 2027" in refused.value.text("en")
    assert "2025年至2027年" in refused.value.text("zh")
    assert views.history(net[CITY]).total == 0


def test_next_years_money_is_put_in_and_sent_down_but_not_spent_before_the_year_begins(net):
    coming = F1 | {"year": YEAR + 1}
    money.appropriate(net[CITY], amount_fen=100, **coming)
    number = money.release(net[CITY], to=net.unit(DISTRICT), amount_fen=60, **coming)
    net.settle()
    answers.receive(net[DISTRICT], number.posting.transfer, actor="cashier")
    with pytest.raises(YearNotOpen) as refused:
        money.spend(net[CITY], amount_fen=1, category="office", **coming)
    assert "has not begun" in refused.value.en
    net.now_ms += 220 * DAY_MS  # the next year has begun
    assert money.spend(net[CITY], amount_fen=1, category="office", **coming)


def test_money_of_a_year_before_the_network_is_neither_sent_nor_spent(net):
    before = F1 | {"year": 2003}  # its tree begins in 2004
    with pytest.raises(YearNotOpen):
        money.release(net[CITY], to=net.unit(DISTRICT), amount_fen=1, **before)
    with pytest.raises(YearNotOpen):
        money.spend(net[CITY], amount_fen=1, category="office", **before)


# -- two persons -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["clerk", " Clerk", "ｃｌｅｒｋ"])
def test_who_released_money_does_not_confirm_its_arrival(net, name):
    number = send_down(net, 500)
    for receive in (
        lambda: answers.receive(net[DISTRICT], number, actor=name),
        lambda: answers.receive_all(net[DISTRICT], actor=name),
    ):
        with pytest.raises(SamePerson):
            receive()
    assert balances_of(net, DISTRICT) == [0]
    answers.receive(net[DISTRICT], number, actor="cashier")
    assert balances_of(net, DISTRICT) == [500]


def test_a_dispute_is_not_settled_by_the_person_who_released_the_money(net):
    number = send_down(net, 500)
    answers.receive(net[DISTRICT], number, counted_fen=480, actor="clerk")
    with pytest.raises(SamePerson):
        answers.receive(net[DISTRICT], number, actor="clerk", counted_fen=500)
    assert answers.receive(net[DISTRICT], number, actor="cashier").posting.kind == "receipt"


def test_money_is_not_received_by_nobody(net):
    number = send_down(net, 500)
    for actor in ("", "  "):
        with pytest.raises(BadAllocation) as refused:
            answers.receive(net[DISTRICT], number, actor=actor)
        assert refused.value.reason == "nobody"


# -- answers ---------------------------------------------------------------------------------


def test_another_figure_is_a_dispute_until_the_right_one_is_given(net):
    number = send_down(net, 500)
    line = answers.receive(net[DISTRICT], number, counted_fen=480, note="少20", actor="cashier")
    assert (line.posting.kind, line.posting.counted_fen) == ("dispute", 480)
    assert balances_of(net, DISTRICT) == [0]
    net.settle()
    (shown,) = views.transfers(net[CITY]).transfers
    assert (shown.state, shown.amount_fen, shown.counted_fen) == ("disputed", 500, 480)
    assert shown.answer_note == "少20"
    (line,) = check_conservation(net[CITY]).lines
    assert (line.in_transit_fen, line.disputed_fen, line.difference_fen) == (500, 500, 0)
    answers.receive(net[DISTRICT], number, counted_fen=500, actor="cashier")
    assert balances_of(net, DISTRICT) == [500]
    assert views.waiting(net[DISTRICT]) == ()


def test_a_repeated_receipt_counts_once_and_is_final(net):
    number = send_down(net, 500)
    once = answers.receive(net[DISTRICT], number, actor="cashier")
    assert answers.receive(net[DISTRICT], number, actor="cashier") == once
    assert balances_of(net, DISTRICT) == [500]
    with pytest.raises(TransferResolved):
        answers.return_(net[DISTRICT], number, reason="晚了", actor="clerk")
    with pytest.raises(TransferResolved):
        answers.receive(net[DISTRICT], number, counted_fen=400, actor="cashier")


def test_only_a_release_addressed_to_the_office_and_already_arrived_can_be_received(net):
    money.appropriate(net[CITY], amount_fen=100, **F1)
    line = money.release(net[CITY], to=net.unit(DISTRICT), amount_fen=100, **F1)
    for code in (DISTRICT, STREET, CITY):  # not arrived; never addressed there
        with pytest.raises(TransferUnknown):
            answers.receive(net[code], line.posting.transfer, actor="cashier")


# -- back ------------------------------------------------------------------------------------


def test_a_payer_books_returned_money_once_in_the_transaction_that_receives_it(net):
    number = send_down(net, 500)
    with pytest.raises(ReasonMissing):
        answers.return_(net[DISTRICT], number, reason=" ", actor="clerk")
    answers.return_(net[DISTRICT], number, reason="不属本区", actor="clerk")
    assert balances_of(net, CITY) == [0]
    net.send(DISTRICT, CITY)
    assert balances_of(net, CITY) == [500]
    for _ in range(2):
        net.send(DISTRICT, CITY, again=True)
        net.reopen(CITY)
    assert balances_of(net, CITY) == [500]
    assert [p.kind for p in net.journal(CITY)].count("reclaim") == 1
    (shown,) = views.transfers(net[CITY], state=TransferState.RETURNED).transfers
    assert (shown.answer_note, shown.given_back) == ("不属本区", False)
    assert_verified(net)


def test_unspent_money_is_returned_to_its_origin_and_no_more_than_that(net):
    answers.receive(net[DISTRICT], send_down(net, 500), actor="cashier")
    back = {**F1, "reason": "结余"}
    with pytest.raises(OverLimit):
        money.give_back(net[DISTRICT], amount_fen=501, **back)
    money.give_back(net[DISTRICT], amount_fen=120, **back)
    net.settle()
    assert balances_of(net, CITY, DISTRICT) == [120, 380]
    with pytest.raises(BadAllocation) as refused:
        money.give_back(net[CITY], amount_fen=1, **back)
    assert refused.value.reason == "no_payer"


def test_a_return_of_money_that_was_never_sent_is_not_booked_and_does_not_stop_the_link(net):
    district = net[DISTRICT]
    values = {
        "kind": "return", "fund": "F1", "year": YEAR, "transfer": TRANSFER_ID.hex(),
        "debit": f"returned:{net.unit(CITY)}", "credit": "held", "amount_fen": 5, "level": 1,
        "peer": net.unit(CITY), "peer_level": 0, "at_ms": START_MS,
    }  # fmt: skip
    lawful = posting_id_for(net.unit(DISTRICT), PostingKind.RETURN, TRANSFER_ID)
    for record, terms in (
        (lawful, values),
        (bytes(16), values),  # an id of its own choice
        (b"x" * 16, {**values, "debit": "gold"}),
        (b"y" * 16, {**values, "fund": "F" * 4_000, "year": 10**12}),
    ):
        key = RecordKey(POSTING, net.unit(DISTRICT), record)
        edit = Edit(key=key, operation=Operation.CREATE, values=terms, audiences=("up:city",))
        district.commit(lambda tx, edit=edit: [edit])
    net.send(DISTRICT, CITY, quarantined=1)  # of a senseless year; none of them is in a cell
    assert balances_of(net, CITY) == [0]
    assert net.lines(CITY) == []
    with net[CITY].store.read() as tx:
        (reasons,) = uncounted.named(tx).values()
    assert reasons == {Fault.OVERDRAWN: 1, Fault.BAD_POSTING: 2}  # the judge stopped the fourth
    assert_kept(net)


def test_a_posting_that_does_not_count_is_in_no_cell_and_comes_back_once_it_is_covered(net):
    """Else the figures of every office above would have the money that no balance has."""
    spent = postings.spend(
        unit_id=net.unit(FIRST), transfer=TRANSFER_ID, fund="F11", year=YEAR, amount_fen=500,
        category=Category.OFFICE, at_ms=START_MS,
    )  # fmt: skip
    key = RecordKey(POSTING, net.unit(FIRST), spent.posting_id)
    edit = Edit(key=key, operation=Operation.CREATE, values=values_of(Line(posting=spent, level=3)),
                audiences=("up:city",))  # fmt: skip
    net[FIRST].commit(lambda tx: [edit])
    net.settle()
    for code in CHAIN:
        assert money_cells(net, code, "money_spent") == 0, code
    own = {"fund": "F11", "year": YEAR, "actor": "clerk"}
    money.appropriate(net[FIRST], amount_fen=600, **own)
    net.settle()
    for code in CHAIN:
        assert money_cells(net, code, "money_spent") == 500, code
        assert net.kept(code)[net.unit(FIRST), "F11", YEAR, "held"] == 100
    assert_verified(net)


def money_cells(net, code: str, measure: str) -> int:
    with net[code].store.read() as tx:
        statement = "SELECT coalesce(sum(f_amount), 0) FROM r_cell WHERE f_measure=?"
        return int(execute(tx, statement, (measure,)).fetchone()[0])


def test_the_first_start_after_an_upgrade_judges_what_an_older_program_counted(net):
    number = send_down(net, 500)
    answers.receive(net[DISTRICT], number, actor="cashier")
    spent = postings.spend(
        unit_id=net.unit(DISTRICT), transfer=TRANSFER_ID, fund="F8", year=YEAR, amount_fen=5,
        category=Category.OFFICE, at_ms=START_MS,
    )  # fmt: skip
    key = RecordKey(POSTING, net.unit(DISTRICT), spent.posting_id)
    values = values_of(Line(posting=spent, level=1))
    edit = Edit(key=key, operation=Operation.CREATE, values=values, audiences=("up:city",))
    net[DISTRICT].commit(lambda tx: [edit])
    right = net.kept(DISTRICT)

    def as_before(tx) -> None:
        for statement in (
            "DELETE FROM uncounted_posting",
            "UPDATE balance SET fen=-5 WHERE fund='F8' AND account='held'",
            "UPDATE balance SET fen=5 WHERE fund='F8' AND account='spent:office'",
            "INSERT INTO meta (key, value) VALUES ('postings_unjudged', '1')",
        ):
            tx.exec_driver_sql(statement)

    net[DISTRICT].store.write(as_before)
    net.reopen(DISTRICT)
    assert net.kept(DISTRICT) == right
    assert_verified(net)


def test_an_office_that_could_not_book_a_return_on_arrival_books_it_later_once(net, monkeypatch):
    number = send_down(net, 500)
    answers.return_(net[DISTRICT], number, reason="不符", actor="clerk")
    with monkeypatch.context() as patch:  # as while a restored office answers nothing
        patch.setattr(LedgerFold, "_booked", lambda *_: [])
        net.send(DISTRICT, CITY)
    assert balances_of(net, CITY) == [0]
    fold = LedgerFold(net[CITY].context)
    for _ in range(2):
        net[CITY].commit(lambda tx: list(fold.pending_bookings(tx)))
        assert balances_of(net, CITY) == [500]
    assert_verified(net)


def test_only_a_posting_on_which_nobody_depends_is_reversed_and_only_once(net):
    money.appropriate(net[CITY], amount_fen=100, **F1)
    spent = money.spend(net[CITY], amount_fen=30, category="office", **F1)
    sent = money.release(net[CITY], to=net.unit(DISTRICT), amount_fen=60, **F1)
    once = money.reverse(net[CITY], spent.posting.posting_id, actor="clerk", note="误记")
    assert money.reverse(net[CITY], spent.posting.posting_id, actor="clerk") == once
    assert balances_of(net, CITY) == [40]
    with pytest.raises(NotReversible):
        money.reverse(net[CITY], sent.posting.posting_id, actor="clerk")
    with pytest.raises(TransferUnknown):
        money.reverse(net[CITY], TRANSFER_ID, actor="clerk")
    rows = rollup.answer(net[CITY], "K24").rows
    assert [row.shown.numerator for row in rows] in ([], [0])


def test_a_district_matches_the_citys_money_that_it_received_and_no_more(net):
    with pytest.raises(BadAllocation) as refused:
        money.match(net[DISTRICT], year=YEAR, actor="clerk")
    assert refused.value.reason == "nothing_due"
    answers.receive(net[DISTRICT], send_down(net, 500), actor="cashier")
    assert match_due_fen(net[DISTRICT], YEAR) == 500
    money.match(net[DISTRICT], year=YEAR, amount_fen=200, actor="clerk", transfer=TRANSFER_ID)
    money.match(net[DISTRICT], year=YEAR, amount_fen=200, actor="clerk", transfer=TRANSFER_ID)
    with pytest.raises(OverLimit):
        money.match(net[DISTRICT], year=YEAR, amount_fen=301, actor="clerk")
    assert money.match(net[DISTRICT], year=YEAR, actor="clerk").posting.amount_fen == 300
    assert balances_of(net, DISTRICT, fund="F2") == [500]
    with pytest.raises(BadAllocation):  # nothing is due at the city
        money.match(net[CITY], year=YEAR, actor="clerk")


def test_task_money_is_spent_on_its_assignment_only(net):
    fee = {"fund": "F9", "year": YEAR, "actor": "clerk"}
    money.appropriate(net[CITY], amount_fen=100, assignment=TASK, **fee)
    with pytest.raises(InsufficientFunds):
        money.spend(net[CITY], amount_fen=1, category="service", assignment=TRANSFER_ID, **fee)
    line = money.spend(net[CITY], amount_fen=100, category="service", assignment=TASK, **fee)
    assert line.posting.assignment == TASK


# -- at the same time ------------------------------------------------------------------------


def rush(office: Office, to: int) -> tuple[int, int]:
    """Have eight threads release 7 of 100 fen, 24 times in all; return (booked, refused)."""
    money.appropriate(office, amount_fen=100, **F1)

    def one(_: int) -> bool:
        try:
            money.release(office, to=to, amount_fen=7, **F1)
        except InsufficientFunds:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(one, range(24)))
    assert held_fen(office, "F1", YEAR) == 100 - 7 * sum(done)
    return sum(done), len(done) - sum(done)


def test_threads_cannot_release_more_than_the_balance_on_sqlite(net):
    assert rush(net[CITY], net.unit(DISTRICT)) == (14, 10)
    assert_kept(net)


def test_threads_with_one_number_release_once(net):
    money.appropriate(net[CITY], amount_fen=100, **F1)
    terms = {**F1, "to": net.unit(DISTRICT), "amount_fen": 30, "transfer": TRANSFER_ID}
    with ThreadPoolExecutor(4) as pool:
        lines = list(pool.map(lambda _: money.release(net[CITY], **terms), range(8)))
    assert len(set(lines)) == 1
    assert balances_of(net, CITY) == [70]


def test_threads_cannot_release_more_than_the_balance_on_postgresql(
    tmp_path, catalogue, fresh_postgres_url
):
    config, rng = OfficeConfig(unit=CITY, store=fresh_postgres_url), random.Random(3)
    init_office(tmp_path / "pg", config, catalogue, rng=rng, tree_csv=TREE_CSV)
    office = open_office(tmp_path / "pg", wall_ms=lambda: START_MS, rng=rng, catalogue=catalogue)
    try:
        district = office.tree.find(DISTRICT).unit_id
        assert rush(office, district) == (14, 10)
        (line,) = check_conservation(office).lines
        assert (line.held_fen, line.in_transit_fen, line.holds) == (2, 98, True)
        sent = views.transfers(office, Direction.OUT, state=TransferState.IN_TRANSIT, limit=5)
        assert (sent.total, len(sent.transfers)) == (14, 5)
        spent = money.spend(office, amount_fen=2, category="office", **F1)
        money.reverse(office, spent.posting.posting_id, actor="clerk")
        assert views.waiting(office) == ()
        assert held_fen(office, "F1", YEAR) == 2
    finally:
        office.close()


# -- reading ---------------------------------------------------------------------------------


def test_all_waiting_releases_are_received_at_once_except_disputed_ones(net):
    money.appropriate(net[CITY], amount_fen=100, **F1)
    money.appropriate(net[CITY], amount_fen=100, **F1 | {"fund": "F3"})
    for fund in ("F1", "F1", "F3"):
        money.release(net[CITY], to=net.unit(DISTRICT), amount_fen=40, **F1 | {"fund": fund})
    net.settle()
    waiting = views.waiting(net[DISTRICT])
    assert [one.fund for one in waiting] == ["F1", "F1", "F3"]
    answers.receive(net[DISTRICT], waiting[0].transfer, counted_fen=39, actor="clerk")
    done = answers.receive_all(net[DISTRICT], fund="F1", actor="cashier")
    assert [line.posting.transfer for line in done] == [waiting[1].transfer]
    assert len(answers.receive_all(net[DISTRICT], actor="cashier")) == 1
    assert answers.receive_all(net[DISTRICT], actor="cashier") == ()
    assert [one.state for one in views.waiting(net[DISTRICT])] == ["disputed"]


def test_transfers_are_listed_by_direction_and_state_and_the_journal_page_by_page(net):
    send_down(net, 500, STREET)
    everything = views.transfers(net[DISTRICT])
    assert everything.total == 2
    (coming,) = views.transfers(net[DISTRICT], Direction.IN).transfers
    (going,) = views.transfers(net[DISTRICT], Direction.OUT).transfers
    assert (coming.state, going.state) == ("received", "in_transit")
    for state, total in (("received", 1), ("in_transit", 1), ("disputed", 0), ("returned", 0)):
        found = views.transfers(net[CITY], state=TransferState(state))
        assert (state, found.total, len(found.transfers)) == (state, total, total)
    first, second = (views.history(net[DISTRICT], limit=1, offset=n) for n in (0, 1))
    assert (first.total, second.total) == (2, 2)
    assert [p.lines[0].posting.kind for p in (first, second)] == ["release", "receipt"]
    below = views.history(net[CITY], net.unit(DISTRICT), fund="F1", year=YEAR)
    assert [line.posting for line in below.lines] == [
        line.posting for page in (first, second) for line in page.lines
    ]


def test_the_books_of_an_office_above_or_of_a_sibling_are_not_shown(net):
    answers.receive(net[STREET], send_down(net, 500, STREET), actor="cashier")
    for read in (views.balances, views.history):
        for code in (CITY, DISTRICT):
            with pytest.raises(BadAllocation) as refused:
                read(net[STREET], net.unit(code))
            assert refused.value.reason == "not_seen"
        with pytest.raises(BadAllocation):
            read(net[FIRST], net.unit(SECOND))
    net.settle()
    accounts = {b.account: b.fen for b in views.balances(net[CITY], net.unit(STREET))}
    assert accounts == {"held": 500, f"transfer_in:{net.unit(DISTRICT)}": -500}
    everybody = views.balances(net[CITY], subtree=True, fund="F1", year=YEAR)
    assert {b.unit for b in everybody} == {net.unit(c) for c in (CITY, DISTRICT, STREET)}
    assert sum(b.fen for b in everybody) == 0


def test_a_conservation_check_below_the_city_is_marked_partial(net):
    number = send_down(net, 500, STREET)
    answers.return_(net[STREET], number, reason="不符", actor="clerk")
    assert not check_conservation(net[CITY]).partial
    for code in (DISTRICT, STREET):
        account = check_conservation(net[code])
        assert (account.partial, account.holds) == (True, True)
    (line,) = check_conservation(net[DISTRICT]).lines
    assert (line.from_above_fen, line.in_transit_fen) == (500, 500)


def test_a_refusal_leaves_no_trace(net):
    money.appropriate(net[CITY], amount_fen=100, **F1)
    before = net.lines(CITY), net.kept(CITY)
    with pytest.raises(LedgerError):
        money.spend(net[CITY], amount_fen=101, category="office", **F1)
    assert (net.lines(CITY), net.kept(CITY)) == before


# -- on its way ------------------------------------------------------------------------------------


def test_money_on_its_way_is_shown_for_every_part_of_the_network(net):
    """Of the hop that enters a subtree only the receipt is written in it: it is not counted."""
    send_down(net, 1_000, FIRST)  # every hop received but the last
    money.appropriate(net[CITY], amount_fen=70, **F1)
    money.release(net[CITY], to=net.unit(DISTRICT), amount_fen=70, **F1)
    net.settle()

    def on_its_way(at: str, code: str) -> tuple[int | None, dict[str, int | None]]:
        found = rollup.answer(net[at], "K21_in_transit", net.unit(code), by="unit")
        return found.shown.numerator, {row.key: row.shown.numerator for row in found.rows}

    for at in (CITY, DISTRICT, STREET):
        assert on_its_way(at, STREET)[0] == 1_000, at
    assert on_its_way(CITY, DISTRICT)[0] == 1_000
    assert on_its_way(FIRST, FIRST) == (0, {})
    assert on_its_way(CITY, CITY) == (1_070, {DISTRICT: 1_000, CITY: 70})
    # Nothing was ever received of the two communities: unknown, which is not zero.
    assert on_its_way(CITY, STREET) == (1_000, {FIRST: None, SECOND: None, STREET: 1_000})


# -- a program that lies -------------------------------------------------------------------------


@pytest.mark.parametrize("operation", [Operation.UPDATE, Operation.DELETE])
def test_a_posting_that_its_office_rewrites_is_quarantined_and_the_figures_stand(
    tmp_path, monkeypatch, operation
):
    clock = offices.Clock()
    community = offices.new_office(tmp_path / "community", offices.COMMUNITY, clock)
    street = offices.new_office(tmp_path / "street", offices.STREET, clock)
    terms = {"fund": "F11", "year": YEAR, "actor": "clerk"}
    line = money.appropriate(community, amount_fen=400, **terms)
    key = RecordKey(POSTING, community.identity.unit, line.posting.posting_id)
    rewritten = Edit(
        key=key, operation=operation, audiences=("up:city",),
        values={"amount_fen": 1} if operation is Operation.UPDATE else {},
    )  # fmt: skip
    offices.exchange(community, street)
    monkeypatch.setattr("sync.apply.compose.denial_reason", lambda *_, **__: None)
    community.commit(lambda _tx: [rewritten])
    monkeypatch.undo()
    offices.exchange(community, street)
    assert [quarantine.reason for quarantine in page_of(street).lines] == ["append_only"]
    below = views.balances(street, community.identity.unit)
    assert {b.account: b.fen for b in below} == {"held": 400, "source": -400}
    money.appropriate(community, amount_fen=7, **terms)
    offices.exchange(community, street)
    assert views.history(street, community.identity.unit).total == 2
    community.close()
    street.close()


def test_money_that_waits_for_this_office_is_shown_by_status(net: MoneyNetwork) -> None:
    def waiting(code: str) -> list[str]:
        return [p.en for p in status(net[code]).problems if p.code == "money_waiting"]

    assert waiting(DISTRICT) == []
    money.appropriate(net[CITY], amount_fen=100, **F1)
    line = money.release(net[CITY], to=net.unit(DISTRICT), amount_fen=40, **F1)
    assert waiting(DISTRICT) == []  # it has not received it
    net.settle()
    assert waiting(DISTRICT) == ["1 release to this office waits to be confirmed"]
    assert waiting(CITY) == []
    answers.receive(net[DISTRICT], line.posting.transfer, actor="cashier")
    assert waiting(DISTRICT) == []
