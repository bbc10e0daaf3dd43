"""Money by formula: the yearly standard, a community's amounts, shortfall, year end.

Everything is exact: whole fen in, whole fen out, fractions between, never a float. Household and
member counts are those of the register at 31 December of the year before (N8 f).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from node.domain.norms import Growth, MatchBase, Norms, Rounding
from node.domain.units import Level
from sync.model.errors import ErrorKind, SilianError


class YearBeforeBase(SilianError):
    """There is no standard for a year before the base year; choose a later year or another base."""

    code = "year_before_base"
    kind = ErrorKind.INVALID_ARGUMENT


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoPayers:
    """One amount of a formula in fen, by payer."""

    city_fen: int
    district_fen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FormulaLine:
    """What one payer owes one community of one fund in a year, and by which rule."""

    fund: str
    payer: Level
    amount_fen: int
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class YearEnd:
    """Where a community's own income and unspent money go, in fen. The parts add up."""

    gap_covered_fen: int
    tax_fen: int
    rewards_fen: int
    carried_fen: int


def round_half_up(value: Fraction) -> int:
    """Round a non-negative fraction to the nearest whole number, a half up."""
    assert value >= 0
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)


def standard_fen(year: int, norms: Norms) -> int:
    """Return the work-fund standard of `year`, in fen per 100 households.

    Always computed from the base year, never from last year's rounded figure.
    Raises: YearBeforeBase; the base year is a published norm.
    Source: N8 c-e, "以每年5个百分点的速度递增".
    """
    years = year - norms.work_base_year
    if years < 0:
        raise YearBeforeBase(
            f"The work-fund standard begins in {norms.work_base_year}; {year} is before it.",
            f"工作经费标准自{norms.work_base_year}年起执行，{year}年没有标准。",
            remedy_en="Choose a later year, or have the city publish another base year.",
            remedy_zh="请选择之后的年份，或由市里发布新的基准年。",
        )
    rate = Fraction(norms.work_growth_percent, 100)
    growth = (1 + rate) ** years if norms.work_growth is Growth.COMPOUND else 1 + rate * years
    return round_half_up(norms.work_standard_fen * growth)


def work_funds(households: int, year: int, norms: Norms) -> TwoPayers:
    """Return a community's work funds of a year: the city's part and the district's equal match.

    When the standard is read as the total of both, an odd fen is the city's, so that the sum is
    exactly the formula's.
    Source: N8 a-b, "按每百户4000元 ... 区财政另按1:1的原则配套".
    """
    assert households >= 0
    hundreds = Fraction(households, 100)
    if norms.work_hundreds is Rounding.FLOOR:
        hundreds = Fraction(households // 100)
    elif norms.work_hundreds is Rounding.CEIL:
        hundreds = Fraction(-(-households // 100))
    amount = round_half_up(standard_fen(year, norms) * hundreds)
    if norms.match_base is MatchBase.CITY_PART:
        return TwoPayers(city_fen=amount, district_fen=amount)
    return TwoPayers(city_fen=amount - amount // 2, district_fen=amount // 2)


def party_work_fen(has_committee: bool, norms: Norms) -> int:
    """Return the yearly Party-work money of a community: flat, unmatched, without growth.

    Source: N9, "建立党委的社区每年增加6.4万元的社区党务工作经费".
    """
    return norms.party_work_fen if has_committee else 0


def party_dues(members: int, norms: Norms) -> TwoPayers:
    """Return the Party dues sent down to a community, by organisation department.

    Source: N10, "每个党员每年10元,由市、区委组织部从党费中下拨给社区".
    """
    assert members >= 0
    return TwoPayers(
        city_fen=members * norms.dues_city_fen_per_member,
        district_fen=members * norms.dues_district_fen_per_member,
    )


def formula_money(
    year: int, *, households: int, members: int, committee: bool, norms: Norms
) -> tuple[FormulaLine, ...]:
    """Return all that a community is due by formula in a year, one line a fund and payer.

    `members`: of the Party; `committee`: whether the community has a Party committee.
    Raises: YearBeforeBase. Source: N8, N9, N10.
    """
    work, dues = work_funds(households, year, norms), party_dues(members, norms)
    due = (
        ("F1", Level.CITY, work.city_fen, "N8"),
        ("F2", Level.DISTRICT, work.district_fen, "N8"),
        ("F3", Level.CITY, party_work_fen(committee, norms), "N9"),
        ("F4", Level.CITY, dues.city_fen, "N10"),
        ("F4", Level.DISTRICT, dues.district_fen, "N10"),
    )
    return tuple(FormulaLine(fund=f, payer=p, amount_fen=fen, rule=r) for f, p, fen, r in due)


def ceilings_fen(norms: Norms) -> dict[str, int]:
    """Return the yearly hard ceilings by fund; nothing moves between them.

    Source: N11, "180万 ... 120万"; N12, "还给 ... 30万元办公经费".
    """
    return {
        "F5": norms.award_ceiling_fen,
        "F6": norms.premium_ceiling_fen,
        "F7": norms.office_ceiling_fen,
    }


def share_out(available_fen: int, wanted_fen: Mapping[int, int]) -> dict[int, int]:
    """Divide the available money in proportion to what is due, exact to the fen.

    If there is enough for all, each gets what it is due. Otherwise each gets its exact share
    rounded down, and the remaining fen go to the largest remainders, ties to the lower unit_id;
    none gets more than it is due. Keys are unit ids; the order of the mapping does not matter.
    Source: the largest-remainder method (Hamilton); the report is silent on shortfalls.
    """
    assert min([available_fen, *wanted_fen.values()]) >= 0
    due_fen = sum(wanted_fen.values())
    if available_fen >= due_fen:
        return dict(wanted_fen)
    exact = {unit: divmod(available_fen * fen, due_fen) for unit, fen in wanted_fen.items()}
    left = available_fen - sum(whole for whole, _ in exact.values())
    by_remainder = sorted(exact, key=lambda unit: (-exact[unit][1], unit))
    rounded_up = frozenset(by_remainder[:left])
    return {unit: whole + (unit in rounded_up) for unit, (whole, _) in exact.items()}


def year_end(
    *, income_fen: int, gap_fen: int, tax_fen: int, surplus_fen: int, norms: Norms
) -> YearEnd:
    """Return what becomes of a community's own income and its unspent work funds.

    Income covers the funding gap first; of the after-tax rest and the surplus at most
    `reward_share_max_percent` may be rewards (rounded down); what remains is carried forward.
    The tax is paid from what the gap leaves, and is cut to it when that is less.
    Source: N18, "社区劳务收入,除补充社区建设经费不足之外,允许一部分 ... 用于奖励".
    """
    assert min(income_fen, gap_fen, tax_fen, surplus_fen) >= 0
    covered = min(income_fen, gap_fen)
    tax = min(income_fen - covered, tax_fen)
    rest = income_fen - covered - tax
    share = norms.reward_share_max_percent
    if norms.reward_takes_all_surplus:
        rewards = rest * share // 100 + surplus_fen
    else:
        rewards = (rest + surplus_fen) * share // 100
    return YearEnd(
        gap_covered_fen=covered,
        tax_fen=tax,
        rewards_fen=rewards,
        carried_fen=rest + surplus_fen - rewards,
    )
