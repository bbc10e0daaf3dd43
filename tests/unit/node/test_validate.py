"""Validation: what clerks' sheets really hold, read right or refused with a remedy."""

from __future__ import annotations

from datetime import date, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.domain.catalogue import load_catalogue
from node.domain.identity import check_digit
from node.domain.memo_reader import KNOWN_MAX, MemoReader
from node.domain.refusal import Refused
from node.domain.sheet_cell import Unknown
from node.domain.sheet_values import read_value
from node.domain.units import Level
from node.domain.validate import Fault, check
from node.services.records.rules import InvalidRecord
from sync.model.change import Value

CATALOGUE = load_catalogue()
COMMUNITY = Level.COMMUNITY
IDENTITY = "330102196003014510"[:17] + check_digit("33010219600301451")
RESIDENT = {"id_number": IDENTITY, "name": "张三", "birth_date": "1960-03-01"}
ELECTION = {"date": "2026-05-10", "method": "all_voters", "electorate": 1000, "ballots": 900}


def one(register: str, name: str, raw: object) -> tuple[Value, list[Fault]]:
    stored, faults = check(CATALOGUE.registers[register], {name: raw}, COMMUNITY, partial=True)
    return stored.get(name), faults


def code(register: str, name: str, raw: object) -> str:
    _, faults = one(register, name, raw)
    assert len(faults) == 1
    assert faults[0].field == name
    assert faults[0].zh.endswith("。")
    assert faults[0].suggestion_en
    assert faults[0].suggestion_zh
    return faults[0].code


def test_a_valid_record_is_stored_completely():
    sheet = RESIDENT | {"sex": "男", "lives_alone": "是", "phone": "", "status": None}
    stored, faults = check(CATALOGUE.registers["resident"], sheet, COMMUNITY)
    assert faults == []
    assert stored == {
        "id_number": IDENTITY,
        "name": "张三",
        "birth_date": "1960-03-01",
        "sex": "male",
        "lives_alone": 1,
        "phone": None,
        "status": None,
    }


def test_the_check_digit_is_that_of_the_standard():
    # The two worked examples of GB 11643-1999: 11010519491231002X and 440524188001010014.
    assert check_digit("11010519491231002") == "X"
    assert check_digit("44052418800101001") == "4"


@pytest.mark.parametrize(
    "raw",
    [
        "11010519491231002X",
        "11010519491231002x",
        " 110105 19491231 002X ",
        "１１０１０５１９４９１２３１００２Ｘ",
        "'11010519491231002X",
        "\ufeff11010519491231002X",
    ],
)
def test_an_identity_number_is_read_however_it_was_typed(raw):
    assert one("resident", "id_number", raw) == ("11010519491231002X", [])


@pytest.mark.parametrize(
    "raw",
    [1.23e17, 1.23e17 + 0.0, 330102196003010000, "1.23E+17", "3.30102E17", "330102196003011000"],
)
def test_an_identity_number_that_excel_kept_as_a_number_is_named_as_such(raw):
    _, faults = one("resident", "id_number", raw)
    assert [f.code for f in faults] == ["id_mangled"]
    assert "文本格式" in faults[0].suggestion_zh
    assert "as text" in faults[0].suggestion_en


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("110105194912310021", "id_checksum"),
        ("110105491231002", "id_length"),
        ("1101051949123100X2", "id_characters"),
        ("护照 E12345", "id_characters"),
        ("11010519491331002" + check_digit("11010519491331002"), "id_birth"),
    ],
)
def test_a_wrong_identity_number_names_the_mistake(raw, expected):
    assert code("resident", "id_number", raw) == expected


@pytest.mark.parametrize(
    "raw",
    [
        "2026-11-23",
        "2026/11/23",
        "2026.11.23",
        "20261123",
        20261123,
        20261123.0,
        "2026年11月23日",
        "２０２６－１１－２３",
        "2026/11/23 00:00:00",
        datetime(2026, 11, 23),  # noqa: DTZ001 - what a sheet gives has no zone
        date(2026, 11, 23),
        46349,
        46349.0,
    ],
)
def test_a_date_is_read_in_every_form_that_sheets_have(raw):
    assert one("election", "date", raw) == ("2026-11-23", [])


def test_months_and_days_of_one_digit_are_dates_too():
    assert one("election", "date", "2026/7/1")[0] == "2026-07-01"
    assert one("election", "date", "2026年7月1日")[0] == "2026-07-01"


@pytest.mark.parametrize(
    "raw",
    ["2026-02-30", "26-11-23", "11/23/2026", "2026", 2026, "2026/11-23", True, "昨天", "46349"],
)
def test_what_is_no_date_is_refused(raw):
    assert code("election", "date", raw) == "not_a_date"


@pytest.mark.parametrize("raw", ["是", "有", "1", 1, 1.0, "true", "TRUE", True, "√", "Ｙ"])
def test_yes_has_many_spellings(raw):
    assert one("resident", "lives_alone", raw) == (1, [])


@pytest.mark.parametrize("raw", ["否", "无", "0", 0, 0.0, "false", False, "没有", "×"])
def test_no_has_many_spellings(raw):
    assert one("resident", "lives_alone", raw) == (0, [])


@pytest.mark.parametrize("raw", ["也许", 2, "-"])
def test_neither_yes_nor_no_is_refused(raw):
    assert code("resident", "lives_alone", raw) == "not_yes_or_no"


@pytest.mark.parametrize("raw", ["all_voters", "All voters", "全体有选举权居民", "ALL VOTERS"])
def test_a_choice_is_read_by_code_or_label(raw):
    assert one("election", "method", raw) == ("all_voters", [])


def test_an_unknown_choice_gets_the_nearest_one_suggested():
    _, faults = one("election", "method", "户代表选举")
    assert faults[0].code == "not_a_choice"
    assert faults[0].suggestion_zh == "是否应为：户代表？"
    _, faults = one("election", "method", "???")
    assert "全体有选举权居民" in faults[0].suggestion_zh


def test_a_set_is_sorted_and_without_repetition():
    assert one("aid_case", "layers", "最低生活保障、一对一结对，L5") == ("L1,L5", [])
    assert code("aid_case", "layers", "L1,L9") == "not_a_choice"


@pytest.mark.parametrize(
    ("raw", "stored"),
    [("1,200", 1200), ("１２００", 1200), (1200.0, 1200), ("1200人", 1200), ("1，200 人", 1200)],
)
def test_an_integer_is_read_with_separators_and_its_unit(raw, stored):
    assert one("election", "electorate", raw) == (stored, [])


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("1,2345", "not_a_number"),
        ("一千", "not_a_number"),
        ("1e3", "not_a_number"),
        (float("inf"), "out_of_range"),
        (datetime(2026, 1, 1), "not_a_number"),  # noqa: DTZ001
        ("12.5", "not_whole"),
        (-1, "out_of_range"),
        ("9" * 30, "out_of_range"),
        ("9" * 5000, "out_of_range"),
    ],
)
def test_what_is_no_such_number_is_refused(raw, expected):
    assert code("election", "electorate", raw) == expected


@pytest.mark.parametrize(
    ("raw", "stored"), [("660", 66000), (660.5, 66050), ("1,200.25m²", 120025), (0.1 + 0.2, 30)]
)
def test_a_decimal_is_stored_exactly(raw, stored):
    assert one("premises", "area_m2", raw) == (stored, [])


def test_a_decimal_is_never_rounded_silently():
    assert code("premises", "area_m2", "12.345") == "too_precise"
    assert code("premises", "area_m2", "12345678.000000000000000000000000001") == "too_precise"


@pytest.mark.parametrize(
    "bad", ["\x00", "\x07", "\ud800", "\u202e", "\uffff", "\U0001ffff", "\x85"]
)
def test_characters_that_cannot_be_stored_are_refused(bad):
    assert code("premises", "name", f"活动{bad}室") == "control_character"


def test_every_control_surrogate_bidi_and_non_character_is_refused():
    controls = {*range(0x20), *range(0x7F, 0xA0)} - {0x09, 0x0A, 0x0D}
    turners = {*range(0x202A, 0x202F), *range(0x2066, 0x206A)}
    halves = set(range(0xD800, 0xE000))
    ends = {plane << 16 | end for plane in range(17) for end in (0xFFFE, 0xFFFF)}
    for bad in controls | turners | halves | ends | {*range(0xFDD0, 0xFDF0)}:
        with pytest.raises(Refused, match="control_character"):
            read_value(CATALOGUE.registers["premises"].fields["name"], f"活动{chr(bad)}室")


def test_text_is_trimmed_converted_to_half_width_and_keeps_its_punctuation():
    raw = "\u3000１号楼（东）\u200b\r\nＡ座\xa0"
    assert one("premises", "name", raw) == ("1号楼（东）\nA座", [])
    assert one("premises", "name", 12.0) == ("12", [])


@pytest.mark.parametrize("raw", [datetime(2026, 3, 2), date(2026, 3, 2), time(3, 2), 1.2345e19])  # noqa: DTZ001
def test_a_house_number_that_excel_turned_into_a_date_is_not_kept_as_one(raw):
    assert code("household", "hh_no", raw) == "text_mangled"


@pytest.mark.parametrize(
    "raw", ["3月1日", "2026年3月", "1-Mar", "Mar-01", "2026/3/1", "2026/3/1 0:00"]
)
def test_a_house_number_that_a_csv_shows_as_a_day_is_not_kept_as_one(raw):
    assert code("household", "hh_no", raw) == "text_mangled"
    assert code("resident", "household_no", raw) == "text_mangled"
    assert one("household", "remark", raw) == (raw, [])


@pytest.mark.parametrize("raw", ["3-1", "3-1-101", "2026-3-1", "12/3/101", "3幢1单元", "A1-Mar"])
def test_a_house_number_that_is_no_day_stays_good(raw):
    assert one("household", "hh_no", raw) == (raw, [])


@pytest.mark.parametrize(
    "raw", ["#N/A", "#N/D", "#N/V", "#Н/Д", "#NV", "#YOK", "#ССЫЛКА!", "#字段!"]
)
def test_an_error_in_any_language_is_no_value(raw):
    assert code("household", "address", raw) == "excel_error"


def test_a_text_has_a_length():
    assert one("premises", "name", "室" * 100)[1] == []
    assert code("premises", "name", "室" * 101) == "too_long"


def test_both_limits_are_included():
    assert one("household", "members_n", "0") == (0, [])
    assert one("household", "members_n", "99") == (99, [])
    assert code("household", "members_n", "100") == "out_of_range"
    assert one("assembly", "date", "1990-01-01") == ("1990-01-01", [])
    assert code("assembly", "date", "1989-12-31") == "out_of_range"


def test_an_error_of_the_spreadsheet_is_named():
    assert code("premises", "area_m2", "#REF!") == "excel_error"


@pytest.mark.parametrize("raw", ["13812345678", 13812345678, 13812345678.0, "0571-8700 0000"])
def test_a_telephone_number_stays_text(raw):
    value, faults = one("resident", "phone", raw)
    assert faults == []
    assert isinstance(value, str)


def test_a_telephone_number_has_digits():
    assert code("resident", "phone", "不详") == "bad_phone"


@pytest.mark.parametrize("empty", [None, "", "  ", "\u3000", "\u200b"])
def test_an_empty_required_cell_is_one_fault(empty):
    _, faults = check(CATALOGUE.registers["election"], ELECTION | {"method": empty}, COMMUNITY)
    assert [(f.field, f.code) for f in faults] == [("method", "required")]


@pytest.mark.parametrize("field", ["date", "method", "electorate"])
@pytest.mark.parametrize(
    ("cell", "code"),
    [
        (float("nan"), "not_a_number"),
        (Unknown("excel_error", "#FIELD!"), "excel_error"),
        (Unknown("formula_not_calculated"), "formula_not_calculated"),
        (Unknown("merged_cell", "B2:C3"), "merged_cell"),
    ],
)
def test_what_is_not_known_is_not_empty(field, cell, code):
    stored, faults = check(CATALOGUE.registers["election"], ELECTION | {field: cell}, COMMUNITY)
    assert [(f.field, f.code) for f in faults] == [(field, code)]
    assert field not in stored


def test_separators_alone_are_no_empty_set():
    assert code("service_outlet", "services", " 、，") == "not_a_choice"


def test_a_missing_required_column_is_a_fault_unless_the_edit_is_partial():
    register = CATALOGUE.registers["election"]
    _, faults = check(register, {"ballots": 1}, COMMUNITY)
    assert {f.field for f in faults} == {"date", "method", "electorate"}
    assert check(register, {"ballots": 1}, COMMUNITY, partial=True) == ({"ballots": 1}, [])


def test_a_field_of_another_level_is_not_required_at_this_one():
    stored, faults = check(
        CATALOGUE.registers["premises"], {"verified_area_m2": "660"}, Level.STREET
    )
    assert (stored, faults) == ({"verified_area_m2": 66000}, [])


def test_more_ballots_than_voters_are_refused():
    _, faults = check(CATALOGUE.registers["election"], ELECTION | {"ballots": 1001}, COMMUNITY)
    assert [(f.field, f.code) for f in faults] == [("ballots", "rule_at_most")]
    assert check(CATALOGUE.registers["election"], ELECTION | {"ballots": 1000}, COMMUNITY)[1] == []


def test_a_birth_date_that_differs_from_the_identity_number_is_refused():
    _, faults = check(
        CATALOGUE.registers["resident"], RESIDENT | {"birth_date": "1960-03-02"}, COMMUNITY
    )
    assert [f.code for f in faults] == ["rule_id_birth"]


def test_every_fault_of_a_record_is_listed_at_once():
    sheet = {"date": "x", "method": "y", "electorate": "z", "ballots": None, "colour": "red"}
    _, faults = check(CATALOGUE.registers["election"], sheet, COMMUNITY)
    assert [f.code for f in faults] == [
        "not_a_date",
        "not_a_choice",
        "not_a_number",
        "unknown_field",
        "required",
    ]


@pytest.mark.parametrize("register", ["resident", "household", "placement", "aid_case"])
def test_no_fault_quotes_a_value_of_a_register_of_persons(register):
    secret = "张三330102196003014519"
    fields = CATALOGUE.registers[register].fields
    _, faults = check(CATALOGUE.registers[register], dict.fromkeys(fields, secret), COMMUNITY)
    assert faults
    for fault in faults:
        texts = (fault.en, fault.zh, fault.suggestion_en, fault.suggestion_zh)
        assert not any("张三" in text or "3301021" in text for text in texts)


def test_a_fault_elsewhere_quotes_the_value_shortened():
    _, faults = one("premises", "area_m2", "约六百六十平方米" * 20)
    assert "约六百六十平方米" in faults[0].zh
    assert len(faults[0].zh) < 100


PREMISES = CATALOGUE.registers["premises"].fields
RESIDENTS = CATALOGUE.registers["resident"].fields
COLUMNS = [PREMISES["use"], PREMISES["name"], PREMISES["area_m2"], RESIDENTS["lives_alone"],
           RESIDENTS["birth_date"]]  # fmt: skip
CELLS = ["是", "否", "办公", "辦公", "2026-5-1", "2026-02-30", " ", "\u0007", 1, 1.0, True, False,
         0.0, -0.0, float("nan"), 45000, 45000.0, date(2026, 5, 1), None, time(1, 2),
         datetime(2026, 5, 1), "1", "#N/A"]  # noqa: DTZ001  # fmt: skip


def outcome(read, field, raw):
    try:
        value = read(field, raw)
    except Refused as refused:
        return refused.code, refused.zh, refused.suggestion_zh
    return type(value), value


@given(st.lists(st.tuples(st.sampled_from(COLUMNS), st.sampled_from(CELLS)), max_size=60))
def test_a_cached_cell_reads_the_same_as_an_uncached_one(cells):
    read = MemoReader()
    for field, raw in cells:
        assert outcome(read, field, raw) == outcome(read_value, field, raw)


def test_only_repeating_columns_are_cached_and_only_up_to_a_limit():
    read = MemoReader()
    for number in range(KNOWN_MAX + 5):
        outcome(read, RESIDENTS["birth_date"], f"{number}")
        outcome(read, RESIDENTS["name"], f"张{number}")
    assert {name: len(known) for name, known in read.known.items()} == {"birth_date": KNOWN_MAX}


def test_a_refusal_raised_for_every_row_keeps_no_reference_to_earlier_rows():
    read, depths = MemoReader(), []
    for _ in range(5):
        with pytest.raises(Refused) as caught:
            read(PREMISES["use"], "不知道")
        depths.append(len(caught.traceback))
    assert len(set(depths)) == 1


def test_several_empty_fields_have_one_remedy_and_it_is_given_once() -> None:
    register = CATALOGUE.registers["resident"]
    _, faults = check(register, {"name": None}, COMMUNITY)
    assert len(faults) > 1
    refused = InvalidRecord(register, faults)
    assert refused.remedy_en == "Fill it in."
    assert refused.remedy_zh.count("。") == 1
