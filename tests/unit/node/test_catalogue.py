"""The catalogue: what ships is whole, and a file that is wrong is refused with its key named."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from node.domain.assignment_rules import Duty, State
from node.domain.catalogue import BadCatalogue, CellKey, load_catalogue, parse_catalogue
from node.domain.contribution import UNKNOWN, dims_text, parse_dims
from node.domain.funds import FUNDS, Category
from node.domain.norms import Nature
from node.domain.numbers import AMOUNT_FEN_MAX
from node.domain.posting import (
    Posting,
    PostingKind,
    answer,
    appropriate,
    give_back,
    reclaim,
    release,
    reverse,
    send_back,
    settle,
    spend,
)
from node.domain.units import Level

CATALOGUE = load_catalogue()
DAY = "2026-11-30"
PERSONS = ("household", "resident", "placement", "aid_case")

SMALL = """
[register.pond]
zh = "水塘"
en = "Pond"
lane = "bulk"
audience = "up:city"
level = "community"
owners = ["community"]
key = ["name"]
[register.pond.field]
name = { zh = "名称", en = "Name", type = "text", required = true }
kind = { zh = "类型", en = "Kind", type = "choice", choices = { big = ["大", "Big"] } }
depth = { zh = "深度", en = "Depth", type = "int" }
since = { zh = "始于", en = "Since", type = "int", required = true }
dug_on = { zh = "开挖日期", en = "Dug on", type = "date" }
[[register.pond.contribution]]
measure = "ponds"
amount = 1
dims = { pond_kind = "kind" }
[dimension.pond_kind]
zh = "类型"
en = "Kind"
values = "pond.kind"
[measure.ponds]
zh = "水塘数"
en = "Ponds"
dims = ["pond_kind"]
[indicator.P1]
zh = "水塘数"
en = "Ponds"
unit = "个"
type = "L"
numerator = [{ measure = "ponds" }]
by = ["pond_kind"]
"""


def refusal(old: str, new: str) -> BadCatalogue:
    assert old in SMALL
    with pytest.raises(BadCatalogue) as refused:
        parse_catalogue([("small.toml", SMALL.replace(old, new).encode())])
    return refused.value


def test_the_shipped_catalogue_loads_completely():
    offices = [r for r in CATALOGUE.registers.values() if not r.system]
    assert len(offices) == 11
    assert {r.name for r in CATALOGUE.registers.values() if r.system} == {
        "unit",
        "cell",
        "work_order",
        "assignment_event",
        "correction",
        "posting",
        "fund_setting",
        "mark_key",
        "mark",
        "zero_report",
        "case",
    }
    asked = {f"K{n}" for n in (1, 2, 3, 4, 5, 6, 7, 9, 15, 16, 20, 22, 24, 30, 34, 35)}
    assert asked <= set(CATALOGUE.indicators)
    assert {"K12_missing", "K21_in_transit"} <= set(CATALOGUE.indicators)


@pytest.mark.parametrize("name", PERSONS)
def test_persons_stay_in_the_community(name):
    assert CATALOGUE.registers[name].audience == "local"


def test_no_register_that_leaves_its_office_has_a_personal_field():
    for register in CATALOGUE.registers.values():
        if register.audience != "local":
            assert not [f for f in register.fields.values() if f.personal and f.required]


def test_everything_has_a_chinese_and_an_english_name():
    for group in (
        CATALOGUE.registers,
        CATALOGUE.measures,
        CATALOGUE.dimensions,
        CATALOGUE.indicators,
    ):
        for entry in group.values():
            assert entry.zh
            assert entry.en
    for register in CATALOGUE.registers.values():
        assert all(f.zh and f.en for f in register.fields.values())


def test_premises_can_be_completed_by_the_street_and_conflict_only_where_a_person_decides():
    fields = CATALOGUE.registers["premises"].fields
    assert fields["area_m2"].owners == (Level.COMMUNITY,)
    assert fields["verified_area_m2"].owners == (Level.STREET,)
    shared = {name for name, f in fields.items() if len(f.owners) == 2}
    assert shared == {"address", "tenure", "remark"}
    assert {fields[name].policy for name in shared} == {"manual"}


def test_the_facility_set_is_five_rooms_three_stations_two_boards_a_school_and_a_place():
    facilities = CATALOGUE.registers["facility_set"]
    assert facilities.singleton
    assert len(facilities.fields) == 12
    share = facilities.contributions_of(dict.fromkeys(facilities.fields, 1), DAY)
    assert sum(n for key, n in share.items() if key.measure == "facilities") == 12


def test_the_verified_area_wins_where_it_is_present():
    premises = CATALOGUE.registers["premises"]
    claimed = {"use": "office", "tenure": "owned", "area_m2": 70000, "verified_area_m2": None}
    key = CellKey("premises_area", "", "premises_use=office;tenure=owned")
    assert premises.contributions_of(claimed, DAY) == {key: 70000}
    assert premises.contributions_of(claimed | {"verified_area_m2": 66000}, DAY) == {key: 66000}


def test_a_moved_household_no_longer_counts():
    household = CATALOGUE.registers["household"]
    key = CellKey("households", "", "household_kind=floating")
    assert household.contributions_of({"kind": "floating", "status": None}, DAY) == {key: 1}
    assert household.contributions_of({"kind": "floating", "status": "moved_out"}, DAY) == {}


def test_a_value_that_is_missing_is_counted_as_unknown():
    resident = CATALOGUE.registers["resident"]
    assert resident.contributions_of({"birth_date": "1950-03-01"}, DAY) == {
        CellKey("residents", "", "birth_year=1950;lives_alone=unknown;sex=unknown"): 1
    }


def test_a_placement_counts_in_its_month_and_without_a_date_in_none():
    placement = CATALOGUE.registers["placement"]
    key = CellKey("placements", "2026-07", "channel=C2")
    assert placement.contributions_of({"channel": "C2", "date": "2026-07-31"}, DAY) == {key: 1}
    assert placement.contributions_of({"channel": "C2", "date": None}, DAY) == {}


def test_an_aid_case_counts_once_and_once_under_each_layer():
    case = CATALOGUE.registers["aid_case"]
    assert case.contributions_of({"layers": "L1,L5", "closed_on": None}, DAY) == {
        CellKey("aid_cases", "", ""): 1,
        CellKey("aid_layers", "", "aid_layer=L1"): 1,
        CellKey("aid_layers", "", "aid_layer=L5"): 1,
    }
    assert case.contributions_of({"layers": "L1,L5", "closed_on": "2026-01-01"}, DAY) == {}


def counted(*postings: Posting) -> dict[str, int]:
    """The sums by measure that some postings leave in the cells, zeros left out."""
    sums: Counter[str] = Counter()
    for posting in postings:
        values = {
            "kind": posting.kind.value,
            "fund": posting.fund,
            "year": posting.year,
            "amount_fen": posting.amount_fen,
            "debit": str(posting.debit),
            "credit": str(posting.credit),
            "category": posting.category.value if posting.category else None,
            "level": 3,
            "peer_level": 1,
        }
        for key, amount in CATALOGUE.registers["posting"].contributions_of(values, DAY).items():
            sums[key.measure.removeprefix("money_")] += amount
    return {measure: amount for measure, amount in sums.items() if amount}


POSTING_FIELDS = {"transfer": b"t" * 16, "fund": "F1", "year": 2026, "amount_fen": 100, "at_ms": 0}


def test_a_reversed_posting_subtracts_exactly_what_it_reverses():
    appropriated = appropriate(unit_id=1, **POSTING_FIELDS)
    spent = spend(unit_id=1, category=Category.WAGES, **POSTING_FIELDS)
    assert counted(appropriated) == {"appropriated": 100}
    assert counted(appropriated, reverse(appropriated, at_ms=1)) == {}
    assert counted(spent) == {"spent": 100}
    assert counted(spent, reverse(spent, at_ms=1)) == {}


def test_a_dispute_ends_with_the_receipt_or_the_return():
    released = release(unit_id=1, to_unit=2, **POSTING_FIELDS)
    disputed = answer(released, counted_fen=90, at_ms=1)
    assert counted(released, disputed) == {"released": 100, "disputed": 100}
    assert counted(released, disputed, settle(released, at_ms=2)) == {
        "released": 100,
        "received": 100,
    }
    sent_back = send_back(released, disputed=True, at_ms=2)
    assert counted(released, disputed, sent_back) == {"released": 100, "returned": 100}


def test_returned_money_is_in_transit_until_it_is_reclaimed():
    released = release(unit_id=1, to_unit=2, **POSTING_FIELDS)
    received = answer(released, counted_fen=100, at_ms=1)
    back = give_back(unit_id=2, to_unit=1, **POSTING_FIELDS)

    def in_transit(*postings: Posting) -> int:
        sums = counted(*postings)
        parts = CATALOGUE.indicators["K21_in_transit"].numerator
        return sum(p.times * sums.get(p.measure.removeprefix("money_"), 0) for p in parts)

    assert in_transit(released) == 100
    assert in_transit(released, received) == 0
    assert in_transit(released, received, back) == 100
    assert in_transit(released, received, back, reclaim(back, at_ms=2)) == 0
    sent_back = send_back(released, disputed=False, at_ms=1)
    assert in_transit(released, sent_back) == 100
    assert in_transit(released, sent_back, reclaim(sent_back, at_ms=2)) == 0


# Dates that no figure goes by, and why.
UNCOUNTED = {
    "premises.checked_on": "says when the street looked; the area counts as soon as it is known",
    "placement.closed_on": "a placement was one, however long it lasted",
}


def test_every_day_of_a_register_is_one_from_or_until_which_it_counts():
    for register in CATALOGUE.registers.values():
        if register.system:
            continue
        days = {name for name, field in register.fields.items() if field.type == "date"}
        left = {f"{register.name}.{name}" for name in days - register.days}
        assert left <= UNCOUNTED.keys()
        for each in register.contributions:
            assert not set(each.days) & set(each.where), "a day is no condition by its presence"


@pytest.mark.parametrize(
    ("name", "since", "until"),
    [
        ("service_outlet", "opened_on", "closed_on"),
        ("aid_case", "opened_on", "closed_on"),
        ("community_worker", "", "left_on"),
        ("placement", "date", ""),
        ("assembly", "date", ""),
        ("election", "date", ""),
        ("resident", "birth_date", ""),
    ],
)
def test_what_has_not_come_is_not_counted_and_what_has_not_ended_is(name, since, until):
    register = CATALOGUE.registers[name]
    values = {field: 1 if f.is_number else "2026-01-01" for field, f in register.fields.items()}
    values |= {each: None for each in (until,) if each}
    now = register.contributions_of(values, DAY)
    assert now
    if since:
        assert register.contributions_of(values | {since: "2099-12-31"}, DAY) == {}
        assert register.contributions_of(values | {since: DAY}, DAY)
    if until:
        assert register.contributions_of(values | {until: "2099-12-31"}, DAY) == now
        assert register.contributions_of(values | {until: DAY}, DAY) == {}


def test_what_offices_wrote_and_booked_is_only_appended():
    kept = {name for name, register in CATALOGUE.registers.items() if register.append_only}
    assert kept == {"posting", "work_order", "assignment_event", "correction"}
    assert all(CATALOGUE.registers[name].system for name in kept)


def test_money_has_the_kinds_funds_and_categories_of_the_ledger():
    fields = CATALOGUE.registers["posting"].fields
    assert set(fields["kind"].choices) == {kind.value for kind in PostingKind}
    assert set(fields["fund"].choices) == set(FUNDS)
    assert set(fields["category"].choices) == {category.value for category in Category}
    assert fields["amount_fen"].maximum == AMOUNT_FEN_MAX


def test_work_has_the_states_and_duties_of_the_assignment_machine():
    assert set(CATALOGUE.dimensions["state"].choices) == {state.value for state in State}
    order = CATALOGUE.registers["work_order"].fields
    assert set(order["kind"].choices) == {duty.value for duty in Duty}
    assert set(order["nature"].choices) == {nature.value for nature in Nature}


def test_only_contributing_fields_can_move_a_cell():
    assert CATALOGUE.registers["household"].contributing_fields == {"kind", "status"}
    assert CATALOGUE.registers["work_order"].contributing_fields == frozenset()


def test_two_lines_of_one_record_for_one_cell_add_up():
    line = '[[register.pond.contribution]]\nmeasure = "ponds"\namount = "depth"\n'
    line += 'dims = { pond_kind = "kind" }\nwhere = { depth = { min = 3, max = 5 } }\n'
    ponds = parse_catalogue([("small.toml", (SMALL + line).encode())]).registers["pond"]
    key = CellKey("ponds", "", "pond_kind=big")
    for depth, amount in ((2, 1), (3, 4), (5, 6), (6, 1)):
        assert ponds.contributions_of({"kind": "big", "depth": depth}, DAY) == {key: amount}


def test_a_value_that_would_break_the_key_counts_as_unknown():
    assert dims_text({"b": "x;y=1", "a": "1"}) == f"a=1;b={UNKNOWN}"
    assert parse_dims(dims_text({"b": "2", "a": "1"})) == {"a": "1", "b": "2"}
    assert parse_dims("") == {}


def test_a_heading_is_found_whatever_its_width_case_asterisk_or_unit():
    premises = CATALOGUE.registers["premises"]
    for heading in ("建筑面积", " 面积（平方米） ", "面积(m²)", "AREA", "area_m2", "*面积"):
        assert premises.field_for(heading) is premises.fields["area_m2"], heading
    assert premises.field_for("使用性质（必填）") is premises.fields["use"]
    assert premises.field_for("面子") is None


def test_a_column_in_another_unit_is_not_matched_to_the_field():
    assert CATALOGUE.registers["premises"].field_for("面积（亩）") is None
    placement = CATALOGUE.registers["placement"]
    assert placement.field_for("补贴金额（元）") is placement.fields["subsidy"]
    assert placement.field_for("补贴金额（万元）") is None


def test_the_catalogue_version_follows_from_its_content(tmp_path: Path):
    assert load_catalogue().version == CATALOGUE.version
    more = tmp_path / "more.toml"
    more.write_text(SMALL, "utf-8")
    assert load_catalogue([more]).version != CATALOGUE.version


def test_an_office_adds_its_own_fields_and_registers(tmp_path: Path):
    more = tmp_path / "more.toml"
    own = 'dog = { zh = "养犬数", en = "Dogs", type = "int" }\n'
    more.write_text(SMALL + "\n[extend.household.field]\n" + own, "utf-8")
    catalogue = load_catalogue([more])
    assert catalogue.registers["household"].fields["dog"].local
    assert "dog" not in CATALOGUE.registers["household"].fields
    assert catalogue.registers["pond"].contributions_of({"kind": "big"}, DAY) == {
        CellKey("ponds", "", "pond_kind=big"): 1
    }


def test_an_own_field_is_never_required(tmp_path: Path):
    more = tmp_path / "more.toml"
    own = 'dog = { zh = "养犬数", en = "Dogs", type = "int", required = true }\n'
    more.write_text("[extend.household.field]\n" + own, "utf-8")
    with pytest.raises(BadCatalogue, match="never required"):
        load_catalogue([more])


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('lane = "bulk"', 'lane = "bulk"\nlan = 1', "register.pond.lan"),
        ('type = "int" }', 'type = "int", min = 0 }', "register.pond.field.depth.min"),
        ('type = "int" }', 'type = "integer" }', "register.pond.field.depth.type"),
        ('en = "Pond"', 'en = ""', "register.pond.en"),
        ('key = ["name"]', 'key = ["nam"]', "register.pond.key"),
        ('key = ["name"]', 'key = ["depth"]', "register.pond.key"),
        ('measure = "ponds"\namount', 'measure = "pond"\namount', "register.pond.contribution[0]"),
        ("amount = 1", 'amount = "deep"', "register.pond.contribution[0]"),
        ("amount = 1", 'amount = "kind"', "register.pond.contribution[0].amount"),
        ("amount = 1", 'amount = 1\nwhere = { kind = "bg" }', "contribution[0].where.kind"),
        ("amount = 1", 'amount = 1\nwhere = { depth = { max = "asof-1" } }', "where.depth"),
        ('dims = ["pond_kind"]', 'dims = ["pond_kind"]\nperiod = "year"', "contribution[0].period"),
        (
            "amount = 1",
            'amount = 1\nperiod = "year:dug_on"',
            "register.pond.contribution[0].period",
        ),
        ('pond_kind = "kind"', 'pond_kind = "name"', "register.pond.contribution[0].dims"),
        ('pond_kind = "kind"', 'pond_sort = "kind"', "register.pond.contribution[0].dims"),
        ('values = "pond.kind"', 'values = "pond.sort"', "dimension.pond_kind.values"),
        ('dims = ["pond_kind"]', 'dims = ["sort"]', "register.pond.contribution[0].dims"),
        ('numerator = [{ measure = "ponds" }]', 'numerator = [{ measure = "p" }]', "numerator"),
        ('by = ["pond_kind"]', 'by = ["sex"]', "indicator.P1.by"),
        ('"ponds" }]', '"ponds", where = { pond_kind = "bg" } }]', "numerator.where.pond_kind"),
        (
            "[measure.ponds]",
            '[measure.lakes]\nzh = "湖"\nen = "L"\n[measure.ponds]',
            "measure.lakes",
        ),
        ('by = ["pond_kind"]', 'by = ["year"]', "indicator.P1.by"),
        ('type = "L"', 'type = "R"', "indicator.P1.denominator"),
        ('"Big"]', '"Big"], huge = ["大", "Huge"]', "register.pond.field.kind.choices"),
        ('"Big"]', '"Big"], unknown = ["未知", "Unknown"]', "choices.unknown"),
        ('audience = "up:city"', 'audience = "up:moon"', "register.pond.audience"),
        ('"text", required', '"text", sensitivity = "personal", required', "field.name"),
    ],
)
def test_a_wrong_file_is_refused_with_its_key_named(old: str, new: str, key: str):
    refused = refusal(old, new)
    assert refused.file == "small.toml"
    assert key in refused.key
    assert "small.toml" in refused.zh
    assert "small.toml" in refused.text("en")


def test_a_heading_that_means_two_fields_is_refused():
    refused = refusal(
        'en = "Depth", type = "int"', 'en = "Depth", type = "int", aliases = ["类 型"]'
    )
    assert refused.key == "register.pond.field.depth.aliases"


def test_a_year_in_a_number_needs_bounds_of_four_digits():
    by_year = SMALL.replace("amount = 1", 'amount = 1\nperiod = "int:since"').replace(
        'dims = ["pond_kind"]', 'dims = ["pond_kind"]\nperiod = "year"'
    )
    with pytest.raises(BadCatalogue, match="four digits"):
        parse_catalogue([("small.toml", by_year.encode())])
    bounds = 'type = "int", minimum = 1990, maximum = 2200, required'
    bounded = by_year.replace('type = "int", required', bounds)
    ponds = parse_catalogue([("small.toml", bounded.encode())]).registers["pond"]
    assert ponds.contributions_of({"kind": "big", "since": 2004}, DAY) == {
        CellKey("ponds", "2004", "pond_kind=big"): 1
    }


def test_a_file_that_is_not_toml_is_refused_by_name():
    with pytest.raises(BadCatalogue, match=r"broken\.toml"):
        parse_catalogue([("broken.toml", b"[register")])
    with pytest.raises(BadCatalogue, match=r"broken\.toml"):
        parse_catalogue([("broken.toml", "户".encode("gb18030"))])


def test_a_duplicate_name_is_refused():
    with pytest.raises(BadCatalogue, match=r"again\.toml: register\.pond"):
        parse_catalogue([("small.toml", SMALL.encode()), ("again.toml", SMALL.encode())])
