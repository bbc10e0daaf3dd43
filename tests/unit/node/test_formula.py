"""The money formulas, to the fen, and the laws that keep sums exact."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.domain.formula import (
    TwoPayers,
    YearBeforeBase,
    ceilings_fen,
    party_dues,
    party_work_fen,
    share_out,
    standard_fen,
    work_funds,
    year_end,
)
from node.domain.norms import Growth, MatchBase, Norms, Rounding

NORMS = Norms()
fen = st.integers(min_value=0, max_value=10**12)


def test_the_standard_grows_from_the_base_and_not_from_a_rounded_year() -> None:
    series = [standard_fen(2004 + n, NORMS) for n in range(7)]
    assert series == [400_000, 420_000, 441_000, 463_050, 486_203, 510_513, 536_038]
    from_rounded = [400_000]
    for _ in range(20):
        from_rounded.append((from_rounded[-1] * 105 + 50) // 100)
    assert from_rounded[20] != standard_fen(2024, NORMS)


def test_simple_growth_differs_from_the_second_year_on() -> None:
    simple = replace(NORMS, work_growth=Growth.SIMPLE)
    series = [standard_fen(2004 + n, simple) for n in range(4)]
    assert series == [400_000, 420_000, 440_000, 460_000]


def test_a_year_before_the_base_is_refused_in_both_languages() -> None:
    with pytest.raises(YearBeforeBase) as refused:
        standard_fen(2003, NORMS)
    assert all("2003" in refused.value.text(lang) for lang in ("en", "zh"))


def test_the_district_matches_the_city_one_to_one() -> None:
    assert work_funds(1200, 2004, NORMS) == TwoPayers(city_fen=4_800_000, district_fen=4_800_000)
    assert work_funds(1, 2004, NORMS).city_fen == 4_000
    assert work_funds(1234, 2008, NORMS).city_fen == 5_999_745  # 59,997.4502 yuan


def test_half_a_fen_is_rounded_up() -> None:
    assert work_funds(50, 2008, NORMS).city_fen == 243_102  # 486,203 x 50 / 100 = 243,101.5


def test_the_standard_may_be_read_as_the_total_and_still_sums() -> None:
    total = replace(NORMS, match_base=MatchBase.TOTAL)
    even = work_funds(1200, 2004, total)
    assert (even.city_fen, even.district_fen) == (2_400_000, 2_400_000)
    odd = work_funds(1234, 2008, total)
    assert (odd.city_fen, odd.district_fen) == (2_999_873, 2_999_872)


def test_full_hundreds_are_a_parameter() -> None:
    assert work_funds(199, 2004, replace(NORMS, work_hundreds=Rounding.FLOOR)).city_fen == 400_000
    assert work_funds(101, 2004, replace(NORMS, work_hundreds=Rounding.CEIL)).city_fen == 800_000


def test_party_money_is_flat_for_a_committee_and_ten_yuan_for_a_member() -> None:
    assert (party_work_fen(True, NORMS), party_work_fen(False, NORMS)) == (6_400_000, 0)
    assert party_dues(137, NORMS) == TwoPayers(city_fen=68_500, district_fen=68_500)


def test_the_city_specials_are_3_3_million_a_year() -> None:
    assert sum(ceilings_fen(NORMS).values()) == 330_000_000


def test_the_last_fen_go_to_the_largest_remainders() -> None:
    assert share_out(100, {1: 100, 2: 100, 3: 100}) == {1: 34, 2: 33, 3: 33}
    assert share_out(10, {1: 1, 2: 2, 3: 97}) == {1: 0, 2: 0, 3: 10}
    assert share_out(5, {}) == {}


@given(fen, st.dictionaries(st.integers(1, 99), fen))
def test_a_shortfall_is_shared_exactly_and_nobody_gets_more_than_its_due(
    available: int, wanted: dict[int, int]
) -> None:
    shares = share_out(available, wanted)
    assert sum(shares.values()) == min(available, sum(wanted.values()))
    assert all(0 <= shares[unit] <= wanted[unit] for unit in wanted)
    assert shares == share_out(available, dict(reversed(wanted.items())))


def test_income_closes_the_gap_before_anything_is_a_reward() -> None:
    end = year_end(income_fen=1_000, gap_fen=400, tax_fen=100, surplus_fen=0, norms=NORMS)
    assert (end.gap_covered_fen, end.tax_fen, end.rewards_fen, end.carried_fen) == (
        400,
        100,
        250,
        250,
    )
    all_gap = year_end(income_fen=300, gap_fen=400, tax_fen=100, surplus_fen=0, norms=NORMS)
    assert (all_gap.gap_covered_fen, all_gap.rewards_fen) == (300, 0)


def test_the_full_surplus_may_be_rewards_when_the_city_decides_so() -> None:
    norms = replace(NORMS, reward_takes_all_surplus=True)
    end = year_end(income_fen=100, gap_fen=0, tax_fen=0, surplus_fen=60, norms=norms)
    assert (end.rewards_fen, end.carried_fen) == (110, 50)


@given(fen, fen, fen, fen, st.integers(0, 100), st.booleans())
def test_the_year_end_loses_no_fen(
    income: int, gap: int, tax: int, surplus: int, share: int, everything: bool
) -> None:
    norms = replace(NORMS, reward_share_max_percent=share, reward_takes_all_surplus=everything)
    end = year_end(income_fen=income, gap_fen=gap, tax_fen=tax, surplus_fen=surplus, norms=norms)
    parts = (end.gap_covered_fen, end.tax_fen, end.rewards_fen, end.carried_fen)
    assert sum(parts) == income + surplus
    assert min(parts) >= 0
