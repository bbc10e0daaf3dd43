"""Indicators and derived measures: the seed's own figures, exactly."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import pytest

from node.domain.catalogue import CellKey, load_catalogue
from node.domain.indicators import (
    Figure,
    NotFromCells,
    UnknownDimension,
    breakdown,
    evaluate,
    measures_of,
)
from node.domain.norms import Norms

CATALOGUE = load_catalogue()
K = CATALOGUE.indicators
DAY = date(2026, 11, 23)


def cell(measure: str, amount: int, dims: str = "", period: str = "") -> tuple[CellKey, int]:
    return CellKey(measure, period, dims), amount


def resident(year: int | str, sex: str, amount: int, alone: int = 0) -> tuple[CellKey, int]:
    return cell("residents", amount, f"birth_year={year};lives_alone={alone};sex={sex}")


HOUSEHOLDS = [
    cell("households", 2900, "household_kind=resident"),
    cell("households", 100, "household_kind=floating"),
]
AREA = [
    cell("premises_area", 50000, "premises_use=office;tenure=owned"),
    cell("premises_area", 16000, "premises_use=activity;tenure=rented"),
]


def test_wanjia_garden_has_22_square_metres_to_a_hundred_households():
    # 660 m2 and 3,000 households (N4): the showcase community misses the norm of 30.
    figure = evaluate(K["K5"], [*HOUSEHOLDS, *AREA], DAY)
    assert figure == Figure(numerator=66000, denominator=3000)
    assert K["K5"].value(figure) == 22


def test_an_index_by_use_divides_the_area_and_not_the_households():
    parts = breakdown(K["K5"], "premises_use", [*HOUSEHOLDS, *AREA], DAY)
    assert parts == {
        "activity": Figure(numerator=16000, denominator=3000),
        "office": Figure(numerator=50000, denominator=3000),
    }


def test_sixty_and_over_is_exact_on_any_day_of_the_year():
    cells = [resident(1966, "male", 3), resident(1967, "female", 7)]
    for day in (date(2026, 1, 1), date(2026, 12, 31)):
        assert evaluate(K["K4"], cells, day) == Figure(numerator=3, denominator=10)
    assert evaluate(K["K4"], cells, date(2027, 1, 1)) == Figure(numerator=10, denominator=10)


def test_a_person_without_a_birth_year_is_in_no_age_band():
    cells = [resident("unknown", "male", 2), resident(1940, "male", 1)]
    assert evaluate(K["K4"], cells, DAY) == Figure(numerator=1, denominator=3)
    bands = breakdown(K["K3"], "age_band", cells, DAY)
    assert list(bands) == ["80+", "unknown"]


def test_age_bands_begin_at_their_edge():
    years = (2026, 2012, 2011, 1967, 1966, 1962, 1961, 1947, 1946, 1900)
    cells = [resident(year, "male", 1) for year in years]
    bands = breakdown(K["K3"], "age_band", cells, DAY)
    assert {band: figure.numerator for band, figure in bands.items()} == {
        "0-14": 2,
        "15-59": 2,
        "60-64": 2,
        "65-79": 2,
        "80+": 2,
    }
    assert list(bands) == ["0-14", "15-59", "60-64", "65-79", "80+"]


def test_direct_election_of_eight_in_twelve_communities_is_two_thirds():
    cells = [cell("latest_elections", 1, "election_method=all_voters")] * 8
    cells += [cell("latest_elections", 1, "election_method=household_reps")] * 4
    figure = evaluate(K["K15"], cells, DAY)
    assert figure == Figure(numerator=8, denominator=12)
    assert K["K15"].value(figure) == Fraction(200, 3)


def test_a_share_is_measured_against_the_total():
    cells = [cell("latest_elections", 3, "election_method=all_voters")]
    cells += [cell("latest_elections", 1, "election_method=member_reps")]
    assert breakdown(K["K14"], "election_method", cells, DAY) == {
        "all_voters": Figure(numerator=3, denominator=4),
        "member_reps": Figure(numerator=1, denominator=4),
    }


def test_a_ratio_over_nothing_has_no_value():
    figure = evaluate(K["K6"], [], DAY)
    assert figure == Figure(numerator=0, denominator=0)
    assert K["K6"].value(figure) is None


def test_facility_completeness_is_over_twelve_places_a_community():
    cells = [cell("facility_sets", 2), cell("facilities", 2, "facility=party_room")]
    cells += [cell("facilities", 1, "facility=police_room")]
    assert evaluate(K["K7"], cells, DAY) == Figure(numerator=3, denominator=24)
    each = breakdown(K["K7_each"], "facility", cells, DAY)
    assert each["police_room"] == Figure(numerator=1, denominator=2)


def test_workers_are_measured_against_one_in_four_hundred_households():
    cells = [*HOUSEHOLDS, cell("workers", 6, "worker_post=member")]
    assert K["K9"].value(evaluate(K["K9"], cells, DAY)) == Fraction(4, 5)


PLACEMENTS = [
    cell("placements", 5, "channel=C1", "2025-12"),
    cell("placements", 7, "channel=C1", "2026-01"),
    cell("placements", 11, "channel=C4", "2026-11"),
    cell("placements", 13, "channel=C4", "2026-12"),
]


def test_placements_count_from_january_to_the_month_of_the_day():
    assert evaluate(K["K30"], PLACEMENTS, DAY) == Figure(numerator=18)
    assert breakdown(K["K30"], "channel", PLACEMENTS, DAY) == {
        "C1": Figure(numerator=7),
        "C4": Figure(numerator=11),
    }
    assert list(breakdown(K["K30"], "month", PLACEMENTS, DAY)) == ["2026-01", "2026-11"]


def money(kind: str, amount: int, dims: str, year: str = "2026") -> tuple[CellKey, int]:
    return cell(f"money_{kind}", amount, dims, year)


MONEY = [
    money("appropriated", 1000, "fund=F1;level=0"),
    money("appropriated", 500, "fund=F7;level=0"),
    money("appropriated", 900, "fund=F1;level=0", "2025"),
    money("released", 800, "from=0;fund=F1;to=1"),
    money("received", 800, "from=0;fund=F1;to=1"),
    money("released", 700, "from=1;fund=F1;to=3"),
    money("received", 600, "from=1;fund=F1;to=3"),
    money("reclaimed", 40, "from=1;fund=F1;to=3"),
    money("spent", 150, "category=wages;fund=F1;level=3"),
    money("spent", 99, "category=office;fund=F7;level=0"),
]


def test_money_counts_in_its_fiscal_year_and_by_year_all_years_show():
    assert evaluate(K["K20"], MONEY, DAY) == Figure(numerator=1500)
    assert K["K20"].value(Figure(numerator=1500)) == 15
    assert breakdown(K["K20"], "year", MONEY, DAY) == {
        "2025": Figure(numerator=900),
        "2026": Figure(numerator=1500),
    }


def test_what_was_released_and_neither_received_nor_reclaimed_is_in_transit():
    assert evaluate(K["K21_in_transit"], MONEY, DAY) == Figure(numerator=60)
    hops = breakdown(K["K21_in_transit"], "to", MONEY, DAY)
    assert hops == {"1": Figure(numerator=0), "3": Figure(numerator=60)}


def test_funds_reach_communities_only_at_communities_and_office_money_is_not_theirs():
    assert evaluate(K["K22"], MONEY, DAY) == Figure(numerator=600, denominator=1000)
    assert evaluate(K["K24_rate"], MONEY, DAY) == Figure(numerator=150, denominator=600)


def test_every_breakdown_of_a_plain_sum_adds_up_to_it():
    for dimension in ("fund", "level"):
        parts = breakdown(K["K20"], dimension, MONEY, DAY)
        assert sum(f.numerator for f in parts.values()) == 1500


def test_a_dimension_that_an_indicator_lacks_is_refused_with_those_it_has():
    with pytest.raises(UnknownDimension) as refused:
        breakdown(K["K5"], "sex", [], DAY)
    assert "premises_use" in refused.value.remedy_en


def test_units_are_counted_on_the_tree_and_not_on_cells():
    assert K["K1"].source == "tree"
    with pytest.raises(NotFromCells):
        evaluate(K["K1"], [], DAY)
    with pytest.raises(NotFromCells):
        breakdown(K["K1"], "level", [], DAY)


def test_an_indicator_names_all_measures_it_needs():
    assert measures_of(K["K5"]) == {"premises_area", "households"}
    assert measures_of(K["K1"]) == frozenset()


@pytest.mark.parametrize(("area", "met"), [(89999, 0), (90000, 1)])
def test_the_premises_norm_is_met_from_exactly_thirty_square_metres_a_hundred(area, met):
    cells = dict([*HOUSEHOLDS, cell("premises_area", area, "premises_use=office;tenure=owned")])
    assert CATALOGUE.derive(cells) == {
        CellKey("premises_norm", "", f"met={met}"): 1,
        CellKey("workers_norm", "", "met=0"): 1,
    }


def test_a_community_without_households_is_not_measured_against_the_norm():
    assert CATALOGUE.derive(dict(AREA)) == {}


@pytest.mark.parametrize(
    ("members", "committees", "missing"), [(99, 0, 0), (100, 0, 1), (250, 0, 1), (100, 1, 0)]
)
def test_a_hundred_members_without_a_committee_are_counted(members, committees, missing):
    cells = dict([cell("party_members", members), cell("party_committees", committees)])
    derived = CATALOGUE.derive(cells)
    assert derived.get(CellKey("committee_missing", "", ""), 0) == missing


def test_the_norms_of_a_rule_are_the_ones_published():
    cells = dict([cell("party_members", 60)])
    assert CATALOGUE.derive(cells, Norms(committee_members_min=50)) != {}


@pytest.mark.parametrize(("workers", "met"), [(6, 0), (7, 1)])
def test_about_one_worker_to_four_hundred_households_means_nine_tenths(workers, met):
    # 3,000 households ask for 7.5 workers; nine tenths of it are 6.75.
    cells = dict([*HOUSEHOLDS, cell("workers", workers, "worker_post=member")])
    assert CATALOGUE.derive(cells)[CellKey("workers_norm", "", f"met={met}")] == 1


def test_only_the_latest_election_counts_for_method_and_turnout():
    elections = CATALOGUE.registers["election"]
    cells: dict[CellKey, int] = {}
    for day, method, electorate, ballots in (
        ("2020-05-10", "all_voters", 900, 850),
        ("2026-05-10", "household_reps", 400, 390),
        ("2023-05-10", "member_reps", 60, 55),
    ):
        values = {"date": day, "method": method, "electorate": electorate, "ballots": ballots}
        cells |= elections.contributions_of(values, "2026-11-30")
    derived = CATALOGUE.derive(cells)
    assert derived == {
        CellKey("latest_elections", "", "election_method=household_reps"): 1,
        CellKey("latest_electorate", "", "election_method=household_reps"): 400,
        CellKey("latest_ballots", "", "election_method=household_reps"): 390,
    }
    assert evaluate(K["K16"], derived.items(), DAY) == Figure(numerator=390, denominator=400)


def test_a_value_of_a_dimension_has_a_name_for_people():
    assert CATALOGUE.dimensions["channel"].label("C2", "en") == "Start-up"
    assert CATALOGUE.dimensions["facility"].label("police_room") == "警务室"
    assert CATALOGUE.dimensions["birth_year"].label("1960") == "1960"
    assert CATALOGUE.dimensions["sex"].label("unknown") == "未填"
