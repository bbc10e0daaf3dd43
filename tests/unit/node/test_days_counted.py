"""A record counts on the days that it speaks of: not before it opens, and until it has closed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from node.office import Office
from node.services.figures.closings import close_period
from node.services.figures.days_counted import follow_days
from node.services.figures.rollup import answer
from node.services.health.verify import verify
from node.services.records import edits
from tests.support.tables import import_table
from tests.unit.node.offices import COMMUNITY, STREET, Clock, exchange, new_office

DAY_MS = 86_400_000


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def office(tmp_path: Path, clock: Clock) -> Iterator[Office]:
    made = new_office(tmp_path / "community", COMMUNITY, clock)
    yield made
    made.close()


def outlet(office: Office, name: str, **days: date) -> bytes:
    values = {field: day.isoformat() for field, day in days.items()}
    return edits.create(office, "service_outlet", {"name": name, "kind": "outlet", **values}).id


def outlets(office: Office) -> int | None:
    """Return K34; whatever is derived from the records must fit them, too."""
    found = answer(office, "K34").shown.numerator
    assert verify(office).sound
    return found


def in_days(office: Office, days: int) -> date:
    return office.today() + timedelta(days=days)


def test_what_closes_in_times_to_come_is_open_and_what_opens_then_is_not(office):
    outlet(office, "甲", closed_on=date(2099, 12, 31))
    assert outlets(office) == 1
    outlet(office, "乙", opened_on=date(2099, 12, 31))
    assert outlets(office) == 1
    outlet(office, "丙", opened_on=in_days(office, 0))
    outlet(office, "丁", closed_on=in_days(office, 0))
    assert outlets(office) == 2


def test_the_figure_moves_by_itself_when_the_day_has_come(office, clock):
    outlet(office, "甲", opened_on=in_days(office, 2))
    outlet(office, "乙", closed_on=in_days(office, 4))
    seen = []
    for _ in range(6):
        follow_days(office)
        seen.append(outlets(office))
        clock.forward(DAY_MS)
    assert seen == [1, 1, 2, 2, 1, 1]


def test_a_day_on_which_nothing_happens_writes_no_entry(office, clock):
    outlet(office, "甲", opened_on=in_days(office, 2))
    with office.store.read() as tx:
        before = tx.exec_driver_sql("SELECT count(*) FROM entry").scalar_one()
    clock.forward(DAY_MS)
    assert not follow_days(office)
    with office.store.read() as tx:
        assert tx.exec_driver_sql("SELECT count(*) FROM entry").scalar_one() == before
    clock.forward(DAY_MS)
    assert follow_days(office)
    assert not follow_days(office)


def test_an_office_that_nobody_serves_answers_with_the_days_that_came(office, clock):
    outlet(office, "甲", opened_on=in_days(office, 3))
    clock.forward(10 * DAY_MS)
    assert outlets(office) == 1


def test_an_edit_of_a_later_day_takes_the_days_between_along(office, clock):
    first = outlet(office, "甲", opened_on=in_days(office, 2))
    clock.forward(5 * DAY_MS)
    outlet(office, "乙", opened_on=in_days(office, -1))
    assert outlets(office) == 2
    edits.change(
        office, "service_outlet", office.identity.unit, first,
        {"opened_on": in_days(office, 1).isoformat()},
    )  # fmt: skip
    assert outlets(office) == 1
    edits.end(office, "service_outlet", first)
    clock.forward(3 * DAY_MS)
    follow_days(office)
    assert outlets(office) == 1


def test_a_clock_that_is_set_back_takes_back_what_had_not_come(office, clock):
    outlet(office, "甲", opened_on=in_days(office, 2))
    clock.forward(3 * DAY_MS)
    follow_days(office)
    assert outlets(office) == 1
    clock.forward(-3 * DAY_MS)
    follow_days(office)
    assert outlets(office) == 0
    clock.forward(4 * DAY_MS)
    follow_days(office)
    assert outlets(office) == 1


def test_a_month_that_ended_is_kept_before_the_next_ones_days_are_counted(office, clock):
    """The office was off over the end of the month; what opened after it is not in its stock."""
    today = office.today()
    first = (today.replace(day=1) + timedelta(days=40)).replace(day=1)  # of the next month
    outlet(office, "甲", opened_on=first - timedelta(days=1))
    outlet(office, "乙", opened_on=first)
    clock.forward(((first - today).days + 5) * DAY_MS)
    follow_days(office)
    assert outlets(office) == 2
    ended = first - timedelta(days=1)
    assert close_period(office, f"{ended:%Y-%m}").cells == 0  # it was closed on the way
    assert answer(office, "K34", as_of=ended).shown.numerator == 1


def test_elections_aid_cases_and_workers_count_by_their_days(office, clock):
    later = in_days(office, 3).isoformat()
    edits.create(office, "election", {
        "date": "2025-03-01", "method": "household_reps", "electorate": 10, "ballots": 9,
    })  # fmt: skip
    edits.create(office, "election", {
        "date": later, "method": "all_voters", "electorate": 100, "ballots": 1,
    })  # fmt: skip
    edits.create(office, "aid_case", {
        "case_no": "1", "layers": "L1", "opened_on": "2026-01-01", "closed_on": later,
    })  # fmt: skip
    edits.create(office, "community_worker", {
        "worker_no": "1", "post": "chief", "left_on": later,
    })  # fmt: skip

    def figures() -> list[int | None]:
        return [answer(office, name).shown.numerator for name in ("K16", "K33", "K9")]

    assert figures() == [9, 1, 1]
    clock.forward(3 * DAY_MS)
    follow_days(office)
    assert figures() == [1, 0, 0]


def test_a_sheet_is_counted_by_the_same_days(office):
    rows = [f"点{n},网点,{in_days(office, n - 2)}" for n in range(5)]
    data = "\n".join(["网点名称,网点类型,开办日期", *rows]).encode()
    assert import_table(office, "service_outlet", data, "a.csv").new == 5
    assert outlets(office) == 3


def test_an_upper_office_shows_what_the_community_counted(tmp_path, office, clock):
    street = new_office(tmp_path / "street", STREET, clock)
    outlet(office, "甲", opened_on=in_days(office, 1))
    exchange(office, street)
    assert answer(street, "K34").shown.numerator == 0
    clock.forward(DAY_MS)
    follow_days(office)
    exchange(office, street)
    assert answer(street, "K34").shown.numerator == 1
    street.close()
