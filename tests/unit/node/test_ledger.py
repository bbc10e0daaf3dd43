"""The office's books: each rule with the refusal that holds it, and money followed down and up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from node.domain.formula import ceilings_fen
from node.domain.funds import FUNDS, Category
from node.domain.ledger import Account, AccountKind, Books, Posting, PostingKind, conservation
from node.domain.ledger_errors import (
    BadPosting,
    FundRule,
    InsufficientFunds,
    LedgerError,
    NotDescendant,
    NotReversible,
    OverLimit,
    ReceiptMismatch,
    TransferResolved,
    TransferReused,
    TransferUnknown,
)
from node.domain.norms import Norms
from node.domain.numbers import yuan
from node.domain.posting import (
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

CITY, DISTRICT, STREET, COMMUNITY = 1, 2, 3, 4
YEAR = 2004
TASK, OTHER_TASK = b"task".rjust(16), b"other".rjust(16)


def t(n: int) -> bytes:
    return n.to_bytes(16)


def is_below(below: int, above: int) -> bool:
    return below > above  # the four units form one line


def books_of(unit_id: int, *postings: Posting) -> Books:
    return Books(
        unit_id,
        level=unit_id - 1,
        is_descendant=is_below,
        ceilings_fen=ceilings_fen(Norms()),
        journal=postings,
    )


def put_in(amount_fen: int = 10_000, fund: str = "F1", unit_id: int = CITY, n: int = 1) -> Posting:
    return appropriate(
        unit_id=unit_id,
        transfer=t(n),
        fund=fund,
        year=YEAR,
        amount_fen=amount_fen,
        at_ms=0,
        assignment=TASK if FUNDS[fund].needs_assignment else None,
    )


def send(
    amount_fen: int = 6_000,
    *,
    n: int = 2,
    unit_id: int = CITY,
    to_unit: int = DISTRICT,
    fund: str = "F1",
    assignment: bytes | None = None,
) -> Posting:
    return release(
        unit_id=unit_id,
        transfer=t(n),
        to_unit=to_unit,
        fund=fund,
        year=YEAR,
        amount_fen=amount_fen,
        at_ms=0,
        assignment=assignment,
    )


def use(
    amount_fen: int,
    *,
    n: int = 9,
    unit_id: int = DISTRICT,
    fund: str = "F1",
    category: Category = Category.OFFICE,
    assignment: bytes | None = None,
) -> Posting:
    return spend(
        unit_id=unit_id,
        transfer=t(n),
        fund=fund,
        year=YEAR,
        amount_fen=amount_fen,
        category=category,
        at_ms=0,
        assignment=assignment,
    )


def refuses(books: Books, posting: Posting, error: type[LedgerError]) -> LedgerError:
    """Assert that the posting is refused for this reason and leaves the books as they were."""
    before = books.balances()
    with pytest.raises(error) as refused:
        books.post(posting)
    assert books.balances() == before
    assert refused.value.zh
    return refused.value


def test_money_counts_as_the_receivers_only_after_its_receipt() -> None:
    city, district, sent = books_of(CITY, put_in()), books_of(DISTRICT), send()
    assert city.post(sent)
    assert district.apply(sent)
    assert (city.held_fen("F1", YEAR), district.held_fen("F1", YEAR)) == (4_000, 0)
    line = conservation([put_in(), sent])[0]
    assert (line.held_fen, line.in_transit_fen, line.difference_fen) == (4_000, 6_000, 0)
    received = answer(sent, counted_fen=6_000, at_ms=1)
    assert district.post(received)
    assert district.held_fen("F1", YEAR) == 6_000
    line = conservation([put_in(), sent, received])[0]
    assert (line.held_fen, line.in_transit_fen, line.difference_fen) == (10_000, 0, 0)


def test_more_than_the_balance_is_refused_with_the_missing_amount_in_yuan() -> None:
    error = refuses(books_of(CITY, put_in(123_456)), send(200_000), InsufficientFunds)
    assert error.code == "over_release"
    for figure in ("1,234.56", "2,000.00", "765.44", "F1"):
        assert figure in error.text("en")
        assert figure in error.text("zh")


def test_money_in_transit_cannot_be_released_or_spent_by_anybody() -> None:
    city, sent = books_of(CITY, put_in(6_000)), send(6_000)
    city.post(sent)
    refuses(city, send(1, n=3), InsufficientFunds)
    refuses(
        books_of(DISTRICT, sent), send(1, n=4, unit_id=DISTRICT, to_unit=STREET), InsufficientFunds
    )
    last = send(6_000, unit_id=STREET, to_unit=COMMUNITY)
    refuses(books_of(COMMUNITY, last), use(1, unit_id=COMMUNITY), InsufficientFunds)


@pytest.mark.parametrize("fund", sorted(FUNDS))
@pytest.mark.parametrize("unit_id", [CITY, DISTRICT, STREET, COMMUNITY])
def test_only_who_pays_a_fund_in_and_who_is_last_on_its_way_spend_it(
    unit_id: int, fund: str
) -> None:
    level, known = unit_id - 1, FUNDS[fund]
    category = Category.PARTY if fund == "F4" else Category.OFFICE
    spent = use(1, unit_id=unit_id, fund=fund, category=category, assignment=TASK)
    ends = level in known.payers or level == known.path[-1]
    error = refuses(books_of(unit_id), spent, InsufficientFunds if ends else FundRule)
    assert ends or "passes through" in error.en


def test_one_years_money_does_not_pay_for_another_year() -> None:
    refuses(books_of(CITY, put_in()), replace(send(), year=YEAR + 1), InsufficientFunds)


def test_one_funds_money_does_not_pay_for_another_fund() -> None:
    refuses(books_of(CITY, put_in(fund="F4")), send(fund="F3"), InsufficientFunds)


def test_money_is_released_only_to_offices_below() -> None:
    district = books_of(DISTRICT, put_in(fund="F2", unit_id=DISTRICT))
    refuses(district, send(unit_id=DISTRICT, to_unit=CITY, fund="F2"), NotDescendant)
    assert district.post(send(unit_id=DISTRICT, to_unit=COMMUNITY, fund="F2"))


def test_the_same_release_again_books_nothing_and_another_under_its_id_is_refused() -> None:
    city = books_of(CITY, put_in())
    assert city.post(send())
    assert not city.post(replace(send(), at_ms=99, note="sent again"))
    assert city.held_fen("F1", YEAR) == 4_000
    assert refuses(city, send(5_000), TransferReused).code == "transfer_reused"
    refuses(city, send(to_unit=STREET), TransferReused)
    refuses(city, use(100, n=2, unit_id=CITY), TransferReused)


def test_a_payer_that_changes_a_release_is_detected_by_the_receiver() -> None:
    district = books_of(DISTRICT, send(6_000))
    with pytest.raises(TransferReused):
        district.apply(send(7_000))


def test_an_answer_waits_for_what_it_answers() -> None:
    refuses(books_of(DISTRICT), answer(send(), counted_fen=6_000, at_ms=1), TransferUnknown)
    returned = send_back(send(), disputed=False, at_ms=1)
    refuses(books_of(CITY, put_in(), send()), reclaim(returned, at_ms=2), TransferUnknown)


def test_a_release_is_received_or_returned_and_never_both() -> None:
    received = answer(send(), counted_fen=6_000, at_ms=1)
    returned = send_back(send(), disputed=False, at_ms=1)
    refuses(books_of(DISTRICT, send(), received), returned, TransferResolved)
    refuses(books_of(DISTRICT, send(), returned), received, TransferResolved)


def test_a_receipt_of_another_amount_is_refused_and_a_dispute_keeps_both_figures() -> None:
    district, sent = books_of(DISTRICT, send()), send()
    refuses(district, answer(send(5_000), counted_fen=5_000, at_ms=1), ReceiptMismatch)
    dispute = answer(sent, counted_fen=5_000, at_ms=1)
    assert dispute.kind is PostingKind.DISPUTE
    assert (dispute.amount_fen, dispute.counted_fen) == (6_000, 5_000)
    assert district.post(dispute)
    assert district.held_fen("F1", YEAR) == 0
    line = conservation([put_in(), sent, dispute])[0]
    assert (line.disputed_fen, line.in_transit_fen, line.difference_fen) == (6_000, 0, 0)


@pytest.mark.parametrize(
    ("settled", "held_fen"),
    [(settle(send(), at_ms=2), 6_000), (send_back(send(), disputed=True, at_ms=2), 0)],
)
def test_a_dispute_ends_with_a_receipt_or_a_return(settled: Posting, held_fen: int) -> None:
    dispute = answer(send(), counted_fen=5_000, at_ms=1)
    district = books_of(DISTRICT, send(), dispute)
    refuses(district, answer(send(), counted_fen=6_000, at_ms=2), BadPosting)
    assert district.post(settled)
    assert district.held_fen("F1", YEAR) == held_fen
    assert conservation([put_in(), send(), dispute, settled])[0].difference_fen == 0


def test_a_return_is_the_payers_again_only_when_the_payer_books_it() -> None:
    sent, returned = send(), send_back(send(), disputed=False, at_ms=1)
    city = books_of(CITY, put_in(), sent)
    assert books_of(DISTRICT, sent).post(returned)
    city.apply(returned)
    assert city.held_fen("F1", YEAR) == 4_000
    assert conservation([put_in(), sent, returned])[0].in_transit_fen == 6_000
    booked = reclaim(returned, at_ms=2)
    assert city.post(booked)
    assert not city.post(booked)
    assert city.held_fen("F1", YEAR) == 10_000
    assert conservation([put_in(), sent, returned, booked])[0].difference_fen == 0


def test_unspent_money_is_returned_to_its_sender_and_no_more_than_was_received() -> None:
    received = answer(send(), counted_fen=6_000, at_ms=1)
    district = books_of(DISTRICT, send(), received)

    def back(amount_fen: int, n: int, to_unit: int = CITY) -> Posting:
        return give_back(
            unit_id=DISTRICT,
            transfer=t(n),
            to_unit=to_unit,
            fund="F1",
            year=YEAR,
            amount_fen=amount_fen,
            at_ms=2,
        )

    refuses(district, back(6_001, 3), OverLimit)
    refuses(district, back(1, 3, to_unit=STREET), OverLimit)
    assert district.post(back(2_000, 3))
    refuses(district, back(4_001, 4), OverLimit)
    city = books_of(CITY, put_in(), send(), back(2_000, 3))
    assert city.post(reclaim(back(2_000, 3), at_ms=3))
    assert city.held_fen("F1", YEAR) == 6_000


def test_a_reclaim_of_a_release_that_was_received_is_refused() -> None:
    received = answer(send(), counted_fen=6_000, at_ms=1)
    returned = send_back(send(), disputed=False, at_ms=1)  # a cheat: both answers to one release
    city = books_of(CITY, put_in(), send(), received, returned)
    refuses(city, reclaim(returned, at_ms=2), TransferResolved)
    assert conservation([put_in(), send(), received, returned])[0].difference_fen != 0


def test_an_expenditure_is_corrected_by_its_mirror_once() -> None:
    city = books_of(CITY, put_in())
    spent = use(3_000, unit_id=CITY)
    city.post(spent)
    undone = reverse(spent, at_ms=5)
    assert city.post(undone)
    assert not city.post(undone)
    assert city.held_fen("F1", YEAR) == 10_000
    assert city.balance_fen("F1", YEAR, Account(AccountKind.SPENT, "office")) == 0
    refuses(city, reverse(undone, at_ms=6), NotReversible)


def test_a_budget_line_already_used_cannot_be_reversed() -> None:
    city = books_of(CITY, put_in(), send())
    refuses(city, reverse(put_in(), at_ms=5), InsufficientFunds)


@pytest.mark.parametrize(
    ("unit_id", "journal", "undone"),
    [
        (CITY, [put_in(), send()], send()),
        (
            DISTRICT,
            [send(), answer(send(), counted_fen=6_000, at_ms=1)],
            answer(send(), counted_fen=6_000, at_ms=1),
        ),
        (
            DISTRICT,
            [send(), send_back(send(), disputed=False, at_ms=1)],
            send_back(send(), disputed=False, at_ms=1),
        ),
    ],
)
def test_a_posting_on_which_another_office_may_depend_is_never_reversed(
    unit_id: int, journal: list[Posting], undone: Posting
) -> None:
    refuses(books_of(unit_id, *journal), reverse(undone, at_ms=5), NotReversible)


def test_nobody_reverses_anothers_posting_or_a_changed_one() -> None:
    city = books_of(CITY, put_in())
    city.post(use(3_000, unit_id=CITY))
    undone = reverse(use(3_000, unit_id=CITY), at_ms=5)
    refuses(city, replace(undone, amount_fen=9_000), BadPosting)
    refuses(city, replace(undone, fund="F3"), FundRule)
    refuses(city, reverse(use(1, unit_id=CITY, n=77), at_ms=5), TransferUnknown)
    refuses(books_of(DISTRICT), undone, BadPosting)


def test_party_dues_are_spent_on_party_work_alone() -> None:
    city = books_of(CITY, put_in(fund="F4"))
    refuses(city, use(100, unit_id=CITY, fund="F4"), FundRule)
    assert city.post(use(100, unit_id=CITY, fund="F4", category=Category.PARTY))


def test_money_keeps_its_fund_year_and_assignment_on_the_way() -> None:
    district, received = books_of(DISTRICT, send()), answer(send(), counted_fen=6_000, at_ms=1)
    for changed in (
        replace(received, fund="F4"),
        replace(received, year=YEAR + 1),
        replace(received, assignment=TASK),
    ):
        refuses(district, changed, FundRule)


def test_a_task_fee_names_its_assignment_and_pays_for_no_other() -> None:
    city = books_of(CITY, put_in(fund="F9"))
    refuses(city, send(fund="F9"), FundRule)
    sent = send(fund="F9", assignment=TASK)
    city.post(sent)
    other = replace(send(3_000, n=5, fund="F9", assignment=OTHER_TASK))
    community = books_of(DISTRICT, sent, answer(sent, counted_fen=6_000, at_ms=1))
    community.apply(other)
    community.post(answer(other, counted_fen=3_000, at_ms=1))
    refuses(community, use(6_001, fund="F9", assignment=TASK), InsufficientFunds)
    assert community.post(use(6_000, fund="F9", assignment=TASK))
    refuses(community, use(3_001, n=10, fund="F9", assignment=OTHER_TASK), InsufficientFunds)


def test_each_fund_is_put_in_by_the_level_that_pays_it() -> None:
    refuses(books_of(DISTRICT), put_in(unit_id=DISTRICT), FundRule)
    refuses(books_of(COMMUNITY), put_in(fund="F12", unit_id=COMMUNITY), FundRule)
    assert books_of(DISTRICT).post(put_in(fund="F2", unit_id=DISTRICT))
    assert books_of(COMMUNITY).post(put_in(fund="F11", unit_id=COMMUNITY))


def test_own_income_and_office_money_are_not_released() -> None:
    refuses(books_of(CITY, put_in(fund="F7")), send(fund="F7"), FundRule)


@pytest.mark.parametrize(("fund", "ceiling"), ceilings_fen(Norms()).items())
def test_awards_equipment_and_office_money_stay_under_their_ceilings(
    fund: str, ceiling: int
) -> None:
    city = books_of(CITY)
    assert city.post(put_in(ceiling - 1, fund))
    refuses(city, put_in(2, fund, n=3), OverLimit)
    assert city.post(put_in(1, fund, n=3))


def test_a_district_matches_what_it_received_and_no_more() -> None:
    def matched(amount_fen: int, n: int) -> Posting:
        return match(unit_id=DISTRICT, transfer=t(n), year=YEAR, amount_fen=amount_fen, at_ms=2)

    district = books_of(DISTRICT, send())
    refuses(district, matched(1, 20), OverLimit)
    district.post(answer(send(), counted_fen=6_000, at_ms=1))
    assert district.match_due_fen(YEAR) == 6_000
    assert district.post(matched(4_000, 20))
    assert district.match_due_fen(YEAR) == 2_000
    refuses(district, matched(2_001, 21), OverLimit)
    assert district.held_fen("F2", YEAR) == 4_000


@pytest.mark.parametrize(
    "spoil",
    [
        lambda p: replace(p, amount_fen=0),
        lambda p: replace(p, amount_fen=-1),
        lambda p: replace(p, amount_fen=10**15 + 1),
        lambda p: replace(p, fund="F13"),
        lambda p: replace(p, transfer=b"short"),
        lambda p: replace(p, posting_id=t(5)),
        lambda p: replace(p, debit=p.credit, credit=p.debit),
        lambda p: replace(p, credit=Account(AccountKind.HELD, "side door")),
        lambda p: replace(p, debit=Account(AccountKind.IN_TRANSIT, str(STREET))),
        lambda p: replace(p, peer_unit=None),
        lambda p: replace(p, peer_unit=CITY, debit=Account(AccountKind.IN_TRANSIT, str(CITY))),
        lambda p: replace(p, counted_fen=5),
    ],
)
def test_a_self_contradictory_posting_is_neither_written_nor_accepted(
    spoil: Callable[[Posting], Posting],
) -> None:
    spoiled = spoil(send())
    refuses(books_of(CITY, put_in()), spoiled, BadPosting)
    with pytest.raises(BadPosting):
        books_of(DISTRICT).apply(spoiled)


def test_an_office_posts_to_its_own_books_only() -> None:
    refuses(books_of(STREET), put_in(), BadPosting)
    assert not books_of(STREET).apply(send())


def test_conservation_finds_money_that_came_from_nowhere() -> None:
    received = answer(send(), counted_fen=6_000, at_ms=1)
    assert conservation([put_in(), received])[0].difference_fen == -6_000
    inflated = replace(received, amount_fen=7_000)
    assert conservation([put_in(), send(), inflated])[0].difference_fen == -1_000
    assert conservation([put_in(), send(), received, received])[0].difference_fen == 0


def test_amounts_read_as_yuan() -> None:
    assert [yuan(n) for n in (0, 5, 123_456_789, -150)] == ["0.00", "0.05", "1,234,567.89", "-1.50"]
