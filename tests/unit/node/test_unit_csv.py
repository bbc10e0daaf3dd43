"""The file of units: what is read, and what is refused with which words at which line."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from node.domain import units
from node.domain.unit_csv import BadUnitFile, read_units
from node.domain.units import Level, Tree
from node.reference import SHIPPED_FROM, shipped_tree_bytes

TREE_2020 = Path(__file__).resolve().parents[2] / "data/hangzhou_divisions_2020.csv"

DAY = date(2024, 1, 1)
GOOD = """code,name,level,parent_code
330100000000,杭州市,city,
330102000000,上城区,district,330100000000
330102013000,闸弄口街道,street,330102000000
330102013009,万家花园社区,community,330102013000
330102013010,董家社区,community,330102013000
"""


def faults_of(data: str | bytes) -> list[tuple[int, str]]:
    """Return (line, code) of every fault of a file that must be refused."""
    raw = data if isinstance(data, bytes) else data.encode()
    with pytest.raises(BadUnitFile) as refusal:
        read_units(raw, "units.csv", DAY)
    for fault in refusal.value.faults:
        assert fault.en
        assert fault.zh
    return [(fault.line, fault.code) for fault in refusal.value.faults]


def both(one: int, two: int, code: str) -> list[tuple[int, str]]:
    return [(one, code), (two, code)]


def edited(line: int, text: str) -> str:
    lines = GOOD.splitlines()
    lines[line - 1] = text
    return "\n".join(lines) + "\n"


def test_a_good_file_is_read_in_its_order() -> None:
    read = read_units(GOOD.encode(), "units.csv", DAY)
    assert [unit.name for unit in read] == [
        "杭州市", "上城区", "闸弄口街道", "万家花园社区", "董家社区",
    ]  # fmt: skip
    assert [unit.level for unit in read] == [*Level, Level.COMMUNITY]
    assert all(unit.valid_from == DAY and unit.valid_to is None for unit in read)
    assert Tree(read, DAY).path(read[3].unit_id) == "杭州市/上城区/闸弄口街道/万家花园社区"


@pytest.mark.parametrize(
    "same",
    [
        GOOD.encode("utf-8-sig"),
        GOOD.replace("\n", "\r\n").encode(),
        GOOD.replace("\n", "\r").encode(),
        GOOD.rstrip("\n").encode(),
        ("\n" + GOOD.replace("\n", "\n\n,,,\n  \n")).encode(),  # blank lines and blank rows
        GOOD.replace(",", " ,\u3000").encode(),  # spaces, half and full width
        GOOD.replace("code,name,level,parent_code", "Code,NAME,Level,parent_code").encode(),
        GOOD.replace("万家花园社区", '"万家花园社区"').encode(),
        GOOD.replace("city", "市").replace("district", "区").encode(),
        GOOD.replace(",street", ",街").replace(",community", ",居").encode(),
        GOOD.replace("city", "0").replace(",street", ",2").replace(",community", ",3").encode(),
        GOOD.replace("city", "City").replace(",street", ",STREET").encode(),
        "\n".join(f"{line},备注" for line in GOOD.splitlines()).encode(),  # a further column
    ],
)
def test_harmless_variations_are_tolerated(same: bytes) -> None:
    assert read_units(same, "units.csv", DAY) == read_units(GOOD.encode(), "units.csv", DAY)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("", [(1, "missing_column")] * 4),
        ("\n\n", [(1, "missing_column")] * 4),
        ("code,name,level,parent_code\n", [(1, "no_root")]),
        (GOOD.replace("name", "title", 1), [(1, "missing_column")]),
        (GOOD.replace("name", "code", 1), [(1, "missing_column"), (1, "repeated_column")]),
        (edited(6, "330102013009,董家社区,居,330102013000"), both(5, 6, "duplicate_code")),
        (edited(6, "330102013010,万家花园社区,居,330102013000"), both(5, 6, "duplicate_name")),
        (edited(6, "330102013010,董家社区,居,330102019000"), [(6, "orphan_parent")]),
        (edited(6, "330102013010,董家社区,居,330102000000"), [(6, "wrong_level")]),
        (edited(6, "330102013010,董家社区,居,330102013009"), [(6, "wrong_level")]),
        (edited(6, "330102013010,董家社区,居,"), [(6, "no_parent")]),
        (edited(6, "330102013010,,居,330102013000"), [(6, "empty_name")]),
        (edited(6, "330102013010,东/西社区,居,330102013000"), [(6, "bad_name")]),
        (edited(6, "330102013010,董\ufffd社区,居,330102013000"), [(6, "bad_name")]),
        (edited(6, "33010201301,董家社区,居,330102013000"), [(6, "bad_code")]),
        (edited(6, "3301020130100,董家社区,居,330102013000"), [(6, "bad_code")]),
        (edited(6, "３３０１０２０１３０１０,董家社区,居,330102013000"), [(6, "bad_code")]),
        (edited(6, ",董家社区,居,330102013000"), [(6, "bad_code")]),
        (edited(6, "330102013010,董家社区,居,33010201300x"), [(6, "bad_code")]),
        (edited(6, "330102013010,董家社区,village,330102013000"), [(6, "unknown_level")]),
        (edited(6, "330102013010,董家社区,,330102013000"), [(6, "unknown_level")]),
        (edited(6, "330102013010,董家社区,居"), [(6, "wrong_cell_count")]),
        (edited(6, "330102013010,董家,社区,居,330102013000"), [(6, "wrong_cell_count")]),
        (edited(6, '330102013010,"董家社区,居,330102013000'), [(6, "bad_quotes")]),
        (
            edited(2, "330100000000,杭州市,city,330102000000"),
            [(2, "cycle"), (2, "wrong_level"), (3, "cycle")],
        ),
        (edited(2, "330100000000,杭州市,city,330100000000"), [(2, "cycle"), (2, "wrong_level")]),
        (edited(2, "330100000000,杭州市,省,"), [(2, "unknown_level")]),
        (edited(2, ""), [(1, "no_root"), (3, "orphan_parent")]),
        (GOOD + "330200000000,宁波市,city,\n", both(2, 7, "two_roots")),
    ],
)  # fmt: skip
def test_every_kind_of_fault_is_named_at_its_line(
    data: str, expected: list[tuple[int, str]]
) -> None:
    assert faults_of(data) == expected


def test_a_bad_file_is_refused_entirely_with_every_fault_by_line() -> None:
    data = (
        "code,name,level,parent_code\n"
        "330100000000,杭州市,city,\n"
        "\n"
        "330102000000,,district,330100000000\n"
        "3301,闸弄口街道,street,330102000000\n"
        "330102013009,万家花园社区,hamlet,330102013000\n"
    )
    with pytest.raises(BadUnitFile) as refusal:
        read_units(data.encode(), "units.csv", DAY)
    assert [(fault.line, fault.code) for fault in refusal.value.faults] == [
        (4, "empty_name"), (5, "bad_code"), (6, "unknown_level"),
    ]  # fmt: skip
    assert refusal.value.code == "bad_unit_file"
    assert refusal.value.text().startswith("units.csv: 3 faults; nothing was imported. Line 4:")
    assert "第 5 行：code “3301”不是 12 位数字" in refusal.value.text("zh")
    assert refusal.value.report().splitlines()[0].startswith("units.csv:4: empty_name: ")
    assert refusal.value.report("zh").count("\n") == 2


def test_a_line_after_a_quoted_line_break_keeps_its_number() -> None:
    data = GOOD.replace("杭州市", '"杭州\n市"') + "1,甲社区,居,330102013000\n"
    assert faults_of(data) == [(2, "bad_name"), (8, "bad_code")]


def test_a_file_in_another_encoding_is_one_fault_with_its_position() -> None:
    with pytest.raises(BadUnitFile) as refusal:
        read_units(GOOD.encode("gb18030"), "units.csv", DAY)
    (fault,) = refusal.value.faults
    assert (fault.line, fault.code) == (2, "not_utf8")
    assert fault.en.startswith("byte 14 is not UTF-8; save the file as 'CSV UTF-8'")
    assert "另存为" in fault.zh


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_a_file_in_utf_16_is_refused(encoding: str) -> None:
    assert faults_of(GOOD.encode(encoding))


def test_one_damaged_line_does_not_hide_the_faults_of_others() -> None:
    raw = edited(6, "330102013010,董家社区,village,330102013000").encode()
    cut = raw.replace("闸弄口".encode(), "闸弄口".encode()[:-1])
    assert faults_of(cut) == [(4, "bad_name"), (4, "not_utf8"), (6, "unknown_level")]


def test_a_number_made_by_a_spreadsheet_gets_the_spreadsheets_remedy() -> None:
    with pytest.raises(BadUnitFile, match="format the column as text"):
        read_units(edited(6, "3.30102E+11,董家社区,居,330102013000").encode(), "u", DAY)


def test_the_text_of_a_refusal_stays_short_when_the_faults_do_not() -> None:
    data = GOOD + "".join(f"{n},甲{n}社区,居,330102013000\n" for n in range(500))
    with pytest.raises(BadUnitFile, match=r"500 faults.*And 490 more") as refusal:
        read_units(data.encode(), "units.csv", DAY)
    assert len(refusal.value.faults) == 500
    assert refusal.value.report().count("\n") == 499


def test_two_codes_that_would_share_an_id_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        units, "unit_id_for", lambda code, _: 7 if code > "330102013" else int(code)
    )
    assert faults_of(GOOD) == [(5, "id_collision"), (6, "id_collision")]


@pytest.mark.parametrize(
    ("data", "day", "counts"),
    [
        (shipped_tree_bytes(), SHIPPED_FROM, [1, 13, 196, 3320]),
        (TREE_2020.read_bytes(), date(2020, 6, 30), [1, 13, 196, 3153]),
    ],
)
def test_the_real_offices_are_read_to_the_last_one(
    data: bytes, day: date, counts: list[int]
) -> None:
    tree = Tree(read_units(data, "shipped", day), day)
    levels = Counter(unit.level for unit in tree)
    assert [levels[level] for level in Level] == counts
