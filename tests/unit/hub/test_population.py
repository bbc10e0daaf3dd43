"""The generated street gives the report's figures, validates, and holds nobody who could exist."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path

import openpyxl
import pytest

from hub.demo.figures import SEED_FIGURES, SHOWCASE_NAME, STREET_NAME, published
from hub.demo.population import StreetPlan, plan_streets
from hub.demo.records import Row, generate
from hub.demo.sheets import GENERATED_ZH, write_community_workbook
from node.domain.catalogue import load_catalogue
from node.domain.units import Level, Tree, Unit, unit_id_for
from node.domain.validate import check
from node.workbook.book import open_book
from node.workbook.limits import Limits
from node.workbook.reader import table_of
from node.workbook.sheets import NOT_READ
from node.workbook.writer import shown

AS_OF = date(2026, 12, 31)
SINCE = date(2023, 6, 30)
REGISTERS = load_catalogue().registers
NAMES = ["天杭", "闸弄口", "春晖", "天仙", "三里亭", "红梅", "闻皇庙", "京惠", "万家花园", "董家",
         "兰苑", "天运", "麦苗", "蓝天", "濮家", "机神", "天城"]  # fmt: skip


def unit(code: str, name: str, level: Level, parent: str | None) -> Unit:
    above = None if parent is None else unit_id_for(parent, SINCE)
    return Unit(unit_id_for(code, SINCE), code, name, level, above, SINCE)


def small_city() -> Tree:
    units = [
        unit("330100000000", "杭州市", Level.CITY, None),
        unit("330102000000", "上城区", Level.DISTRICT, "330100000000"),
        unit("330102013000", STREET_NAME, Level.STREET, "330102000000"),
        unit("330102008000", "凯旋街道", Level.STREET, "330102000000"),
    ]
    for i, name in enumerate(NAMES, start=1):
        code = f"330102013{i:03d}"
        units.append(unit(code, f"{name}社区", Level.COMMUNITY, "330102013000"))
    for i in range(1, 5):
        units.append(unit(f"33010200800{i}", f"甲{i}社区", Level.COMMUNITY, "330102008000"))
    return Tree(units, AS_OF)


TREE = small_city()


def street(scale: float, *, seed: int = 1, name: str = STREET_NAME) -> StreetPlan:
    found = TREE.find(name).unit_id
    (plan,) = plan_streets(TREE, found, as_of=AS_OF, seed=seed, scale=scale)
    return plan


@pytest.fixture(scope="module")
def full_size() -> dict[str, dict[str, list[Row]]]:
    return {plan.unit.name: generate(plan) for plan in street(1.0).communities}


def total(street: dict[str, dict[str, list[Row]]], register: str) -> list[Row]:
    return [row for records in street.values() for row in records[register]]


Records = dict[str, dict[str, list[Row]]]


def test_households_are_those_of_the_report(full_size: Records) -> None:
    sizes = {name: len(records["household"]) for name, records in full_size.items()}
    assert len(sizes) == 17
    assert min(sizes.values()) == published("households_smallest")
    assert max(sizes, key=lambda name: sizes[name]) == SHOWCASE_NAME
    assert sizes[SHOWCASE_NAME] > published("households_largest")
    assert sum(sizes.values()) == pytest.approx(25_000, rel=0.01)
    assert len(total(full_size, "resident")) == pytest.approx(70_000, rel=0.02)


def test_the_ageing_share_by_calendar_year_is_the_published_one(full_size: Records) -> None:
    years = [int(str(row["birth_date"])[:4]) for row in total(full_size, "resident")]
    elders = sum(year <= AS_OF.year - 60 for year in years)
    assert round(1_000 * elders / len(years), 1) == published("ageing_permille")


def test_the_showcase_misses_the_premises_norm_and_the_others_are_mixed(
    full_size: Records,
) -> None:
    areas = {name: sum(int(str(row["area_m2"])) for row in records["premises"])
             for name, records in full_size.items()}  # fmt: skip
    assert areas[SHOWCASE_NAME] == published("premises_m2_showcase") * 100
    assert min(areas.values()) >= published("premises_m2") * 100
    met = {name for name, area in areas.items() if area >= 30 * len(full_size[name]["household"])}
    assert SHOWCASE_NAME not in met
    assert 5 <= len(met) <= 12


def test_outlets_by_kind_are_those_of_the_report(full_size: Records) -> None:
    kinds = Counter(row["kind"] for row in total(full_size, "service_outlet"))
    assert kinds["outlet"] > published("outlets")
    for kind in ("corridor", "nursing_home", "culture_sport"):
        assert kinds[kind] == published({"corridor": "corridors", "nursing_home": "nursing_homes"}
                                        .get(kind, kind))  # fmt: skip


def test_eight_communities_elect_directly_with_more_than_ninety_percent_turnout(
    full_size: Records,
) -> None:
    elections = total(full_size, "election")
    assert len(elections) == 17
    direct = [row for row in elections if row["method"] == "all_voters"]
    assert len(direct) == published("direct_elections")
    assert all(10 * int(str(r["ballots"])) > 9 * int(str(r["electorate"])) for r in direct)
    assert {row["method"] for row in elections} == {"all_voters", "household_reps", "member_reps"}


def test_placements_are_of_january_to_august_by_all_four_channels(full_size: Records) -> None:
    placements = total(full_size, "placement")
    assert len(placements) > published("placements")
    assert {row["channel"] for row in placements} == {"C1", "C2", "C3", "C4"}
    assert {str(row["date"])[:7] for row in placements} == {f"2026-0{m}" for m in range(1, 9)}
    assert all(row.get("subsidy") == (500_000 if row["channel"] == "C2" else None)
               for row in placements)  # fmt: skip
    for records in full_size.values():
        posts = sum(row["channel"] == "C4" for row in records["placement"])
        assert posts <= published("posts_per_community")


def test_staff_party_and_aid_show_both_sides_of_each_norm(full_size: Records) -> None:
    kinds = [row["kind"] for row in total(full_size, "party_organisation")]
    assert {"committee", "general_branch"} <= set(kinds)
    eligible = [r for r in total(full_size, "party_organisation") if int(str(r["members_n"])) > 99]
    assert 1 < kinds.count("committee") == len(eligible) - 1  # one has not founded its committee
    flagged = sum(int(str(row["party_member"])) for row in total(full_size, "resident"))
    assert flagged == sum(int(str(r["members_n"])) for r in total(full_size, "party_organisation"))
    per_400 = len(total(full_size, "community_worker")) / (25_000 / 400)
    assert 0.9 < per_400 < 1.05
    layers = {
        code for row in total(full_size, "aid_case") for code in str(row["layers"]).split(",")
    }
    assert layers == {"L1", "L2", "L3", "L4", "L5"}


def test_every_generated_record_passes_validation_and_nothing_is_keyed_twice() -> None:
    for plan in street(0.1).communities:
        for name, rows in generate(plan).items():
            register = REGISTERS[name]
            keys = set()
            for row in rows:
                typed = {key: shown(register.fields[key], value) for key, value in row.items()}
                assert check(register, typed, Level.COMMUNITY) == (row, [])
                keys.add(tuple(row[field] for field in register.key))
            assert len(keys) == len(rows)


def test_no_generated_identity_number_can_be_a_real_persons_and_none_occurs_twice() -> None:
    numbers = [
        str(row["id_number"])
        for plan in plan_streets(TREE, TREE.root, as_of=AS_OF, scale=0.2)
        for community in plan.communities
        for row in generate(community)["resident"]
    ]
    assert {number[:2] for number in numbers} == {"99"}  # provinces are 11 to 82, abroad is 91
    assert len(set(numbers)) == len(numbers)


def test_the_same_seed_gives_the_same_street_and_another_seed_another() -> None:
    def records(seed: int) -> list[dict[str, list[Row]]]:
        return [generate(plan) for plan in street(0.02, seed=seed).communities]

    assert records(1) == records(1)
    assert records(1) != records(2)


def test_any_other_street_gets_plausible_numbers_and_no_figure_of_the_report() -> None:
    plan = street(1.0, name="凯旋街道")
    assert [c.unit.name for c in plan.communities] == ["甲1社区", "甲2社区", "甲3社区", "甲4社区"]
    assert all(800 <= c.households <= 2_600 for c in plan.communities)
    assert all(c.elders < c.residents / 3 for c in plan.communities)


def test_scale_multiplies_people_and_rooms_alike_so_that_norms_keep_their_answers() -> None:
    small = {c.unit.name: c for c in street(0.1).communities}
    assert sum(c.households for c in small.values()) == pytest.approx(2_500, rel=0.02)
    assert small[SHOWCASE_NAME].area_centi_m2 < 30 * small[SHOWCASE_NAME].households
    assert len(generate(small[SHOWCASE_NAME])["resident"]) == small[SHOWCASE_NAME].residents


def test_a_communitys_workbook_states_what_it_is_and_round_trips(tmp_path: Path) -> None:
    plan = street(0.02)
    community = plan.communities[8]
    path = tmp_path / f"{community.unit.code}_{community.unit.name}.xlsx"
    counts = write_community_workbook(path, community, REGISTERS)
    notes = openpyxl.load_workbook(path).worksheets[0]
    assert notes.title == "说明"
    assert [notes["A1"].value, notes["A2"].value] == [NOT_READ["zh"], GENERATED_ZH]
    book = open_book(path.read_bytes(), path.name, Limits())
    for name, rows in generate(community).items():
        if not rows:
            assert REGISTERS[name].zh not in [sheet.name for sheet in book.sheets]
            continue
        table = table_of(book, REGISTERS[name])
        assert (table.sheet, table.unknown_headers) == (REGISTERS[name].zh, ())
        assert len(table.rows) == counts[name] == len(rows)
        for (_, cells), row in zip(table.rows, rows, strict=True):
            assert check(REGISTERS[name], cells, Level.COMMUNITY) == (row, [])


def test_every_published_figure_carries_its_sentence() -> None:
    assert len({figure.key for figure in SEED_FIGURES}) == len(SEED_FIGURES)
    assert all(figure.quote and figure.section for figure in SEED_FIGURES)
