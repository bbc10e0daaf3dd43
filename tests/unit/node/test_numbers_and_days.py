"""Amounts, numbers and days: one reader each, wherever they are written."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.china import end_of_day_ms
from node.domain import sheet_values
from node.domain.days import FIRST, LAST, LAST_MS, day_of, day_text, time_text, without_time
from node.domain.numbers import AMOUNT_FEN_MAX, check_fen, fen_of, number_of, whole_of, yuan
from node.domain.refusal import Refused
from node.domain.register import Field
from node.domain.sheet_cell import Formatted
from node.domain.sheet_values import read_value

AMOUNT_CELL = Field(name="subsidy", zh="补贴", en="Subsidy", type="decimal", scale=2, unit="元")
DAY_CELL = Field(name="opened_on", zh="开业日期", en="Opened on", type="date")
GOOD = {
    "1500": 150_000,
    "1,500": 150_000,
    "1,234.50": 123_450,
    "1234.5": 123_450,
    "１００": 10_000,
    "１，５００．０５": 150_005,
    "0.01": 1,
    "+5": 500,
    " 7 ": 700,
    "12元": 1_200,
    "10,000,000,000,000": AMOUNT_FEN_MAX,
}
BAD = (
    "1,50", "1,400,00.00", "1_000", "1e3", "1E3", "1,5000", ",500", "1,,500", "1.5.0", "1.005",
    "", " ", "-", "元", "0x10", "1 000", "十", "NaN", "Infinity", "10²", "½", "٣", "1’000",
    "1.234,50", "￥", "--5", "1,234,5", "\0", "1\n2", "9" * 41, "🙂",
)  # fmt: skip


@pytest.mark.parametrize(("text", "fen"), GOOD.items())
def test_an_amount_is_read_alike_on_the_command_line_and_in_a_sheet(text: str, fen: int) -> None:
    assert fen_of(text) == fen
    assert read_value(AMOUNT_CELL, text) == fen


@pytest.mark.parametrize("text", BAD)
def test_what_is_not_plainly_an_amount_is_refused_in_both(text: str) -> None:
    with pytest.raises(Refused) as refused:
        fen_of(text)
    assert refused.value.suggestion_en
    assert refused.value.suggestion_zh
    if text.strip():  # an empty cell says nothing, and is no fault
        with pytest.raises(Refused):
            read_value(AMOUNT_CELL, text)


@pytest.mark.parametrize(("text", "least"), [("-5", 0), ("0", 1), ("10,000,000,000,000.01", 0)])
def test_an_amount_that_cannot_be_is_refused_with_its_bounds(text: str, least: int) -> None:
    with pytest.raises(Refused) as refused:
        fen_of(text, least=least)
    assert yuan(AMOUNT_FEN_MAX) in refused.value.en
    assert yuan(AMOUNT_FEN_MAX) in refused.value.zh


@given(st.integers(0, AMOUNT_FEN_MAX))
def test_an_amount_that_was_shown_is_read_back(fen: int) -> None:
    assert fen_of(yuan(fen)) == fen
    assert check_fen(fen, least=0) == fen


@given(st.text(st.characters(codec="utf-8") | st.sampled_from("0123456789,.+-eE_元"), max_size=50))
def test_a_text_is_read_exactly_or_refused(text: str) -> None:
    try:
        number = number_of(text)
    except Refused:
        return
    digits = "".join(c for c in text if c.isdecimal())
    assert digits
    assert Decimal(digits).scaleb(number.as_tuple().exponent) == abs(number)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["1_0", "1e1", "1.5", "-1", "101", "９９９", "x", ""])
def test_a_whole_number_outside_its_bounds_or_written_oddly_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        whole_of(text, least=0, most=100)


def test_a_whole_number_is_read_in_either_width() -> None:
    assert [whole_of(text, least=0, most=3000) for text in ("2,026", "２０２６", "2026.0")] == [
        2026
    ] * 3


@pytest.mark.parametrize(
    "text",
    [
        "2026-07-01",
        "2026/7/1",
        "2026.7.1",
        "20260701",
        "2026年7月1日",
        "２０２６－０７－０１",
        " 2026-07-01 ",
        "2026-07-01 00:00:00",
        "2026-07-01T00:00:00.000",
        "2026年7月1日 0:00",
    ],
)
def test_a_day_is_read_as_people_write_it(text: str) -> None:
    assert day_of(text) == date(2026, 7, 1)
    assert read_value(DAY_CELL, text) == "2026-07-01"


@pytest.mark.parametrize(
    "raw",
    ["2026/7/1 9:05", "2026-07-01T23:59:59.999", "2026年7月1日9:30",
     "２０２６－０７－０１　９：３０", datetime(2026, 7, 1, 8, 30), 46204.5,  # noqa: DTZ001
     Formatted(46204.75, "yyyy/m/d h:mm")],
)  # fmt: skip
def test_no_time_of_day_is_dropped_by_a_reader_of_days(raw: object) -> None:
    """Whoever has a place for a note takes the time off; nobody else reads the day in silence."""
    readers = [lambda: read_value(DAY_CELL, raw)]
    readers += [lambda: day_of(raw)] if isinstance(raw, str) else []
    for read in readers:
        with pytest.raises(Refused) as refused:
            read()
        assert refused.value.code == "time_of_day"
    day = sheet_values.without_time(raw)
    assert day != raw
    assert read_value(DAY_CELL, day) == "2026-07-01"


@given(st.datetimes(datetime(1900, 3, 1), datetime(2199, 12, 31)))  # noqa: DTZ001
def test_a_moment_without_its_time_is_its_day_in_every_form(moment: datetime) -> None:
    whole = moment.replace(microsecond=0)
    days_counted = (whole - datetime(1899, 12, 30)) / timedelta(days=1)  # noqa: DTZ001
    for raw in (whole, f"{whole:%Y-%m-%d %H:%M:%S}", f"{whole:%Y/%-m/%-d %-H:%M:%S}"):
        kept = sheet_values.without_time(raw)
        assert (kept is raw) == (whole.time() == datetime.min.time())
        assert read_value(DAY_CELL, kept) == f"{whole:%Y-%m-%d}"
        assert sheet_values.without_time(kept) is kept
    if days_counted >= sheet_values.SERIAL_FIRST:
        kept = sheet_values.without_time(Formatted(days_counted, "yyyy-mm-dd hh:mm"))
        assert read_value(DAY_CELL, kept) == f"{whole:%Y-%m-%d}"


@given(st.text(max_size=30))
def test_what_is_no_day_with_a_time_is_left_as_it_is(text: str) -> None:
    kept = without_time(text)
    assert without_time(kept) == kept
    with suppress(Refused):  # what is a day stays the same one
        assert day_of(kept) == day_of(text)


@pytest.mark.parametrize(
    "text",
    ["2026-02-30", "26-07-01", "2026-W27-3", "2026-7", "07/01/2026", "yesterday", "", "1798-01-01",
     "9999-12-31", "0001-01-01", "3000-01-01", "+2026-07-01", "2026-07-01 25:61",
     "2026-07-01 24:00", "2026-07-01 12:60", "2026-07-01 12:00:60"],
)  # fmt: skip
def test_what_is_no_day_or_no_sensible_one_is_refused(text: str) -> None:
    for read in (day_of, lambda text: read_value(DAY_CELL, text)):
        if text:  # an empty cell says nothing, and is no fault
            with pytest.raises(Refused):
                read(text)


@pytest.mark.parametrize("day", [date(9999, 12, 31), LAST + timedelta(1), FIRST - timedelta(1)])
def test_a_day_of_a_record_and_of_an_order_has_the_same_bounds(day: date) -> None:
    for read, raw in ((day_of, day.isoformat()), *((partial(read_value, DAY_CELL), each)
                      for each in (day, day.isoformat(), f"{day:%Y%m%d}"))):  # fmt: skip
        with pytest.raises(Refused) as refused:
            read(raw)  # type: ignore[arg-type]
        assert refused.value.code == "day_out_of_range"
    for bound in (FIRST, LAST):
        assert day_of(bound.isoformat()) == bound
        assert read_value(DAY_CELL, bound) == bound.isoformat()


@pytest.mark.parametrize("digits", [41, 400, 5000])
def test_a_number_with_too_many_digits_is_called_too_long_and_not_no_number(digits: int) -> None:
    for read in (fen_of, partial(whole_of, least=0, most=9), partial(read_value, AMOUNT_CELL)):
        with pytest.raises(Refused) as refused:
            read("9" * digits)
        assert refused.value.code == "out_of_range"
        assert str(digits) in refused.value.en
        assert str(digits) in refused.value.zh


@given(st.dates(FIRST, LAST))
def test_the_last_moment_of_a_day_is_shown_as_that_day(day: date) -> None:
    ms = end_of_day_ms(day)
    assert day_text(ms) == day.isoformat()
    assert day_text(ms + 1) != day.isoformat()


@given(st.integers(-(2**63), 2**63 - 1))
def test_any_moment_that_a_store_can_hold_is_shown(ms: int) -> None:
    assert time_text(ms)
    assert day_text(LAST_MS) == LAST.isoformat()
