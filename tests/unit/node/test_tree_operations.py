"""Tree operations: a new file of units becomes dated changes, and no unit is lost on the way."""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from node.domain.tree_operations import (
    BadTreeOperation,
    Match,
    OperationKind,
    TreeOperation,
    apply_operations,
    diff_units,
)
from node.domain.unit_csv import read_units
from node.domain.units import BadTree, Level, Tree, Unit, unit_id_for
from node.reference import SHIPPED_FROM, shipped_tree_bytes

DATA = Path(__file__).resolve().parents[2] / "data"
CROSSWALK = DATA / "hangzhou_crosswalk_2020_2021.csv"

D1, D2, D3 = date(2020, 1, 1), date(2021, 1, 1), date(2022, 1, 1)
CODES = {"甲街道": "330102001000", "乙街道": "330102002000", "丙街道": "330102003000"}
BEFORE = [
    ("330102001001", "东社区", "甲街道"),
    ("330102001002", "南社区", "甲街道"),
    ("330102001003", "西社区", "甲街道"),
    ("330102002001", "北社区", "乙街道"),
]


def units_of(communities: list[tuple[str, str, str]], day: date) -> tuple[Unit, ...]:
    lines = [
        "code,name,level,parent_code",
        "330100000000,杭州市,0,",
        "330102000000,上城区,1,330100000000",
    ]
    lines += [f"{code},{name},2,330102000000" for name, code in CODES.items()]
    lines += [f"{code},{name},3,{CODES[street]}" for code, name, street in communities]
    return read_units("\n".join(lines).encode(), "units.csv", day)


BASE = units_of(BEFORE, D1)
IDS = {unit.name: unit.unit_id for unit in BASE}


def operations_to(after: list[tuple[str, str, str]]) -> list[TreeOperation]:
    return diff_units(Tree(BASE, D2), units_of(after, D2), D2)


def test_the_same_file_again_changes_nothing() -> None:
    assert operations_to(BEFORE) == []


def test_a_new_name_with_the_same_code_is_a_rename() -> None:
    after = [("330102001001", "新东社区", "甲街道"), *BEFORE[1:]]
    assert operations_to(after) == [
        TreeOperation(
            OperationKind.RENAME, IDS["东社区"], D2, name="新东社区", matched_by=Match.CODE
        )
    ]


def test_a_new_code_with_the_same_name_in_the_same_street_is_a_recode() -> None:
    after = [("330102001051", "东社区", "甲街道"), *BEFORE[1:]]
    assert operations_to(after) == [
        TreeOperation(
            OperationKind.RECODE, IDS["东社区"], D2, code="330102001051", matched_by=Match.NAME
        )
    ]


def test_a_unit_that_changes_street_and_code_keeps_its_id_by_its_unique_name() -> None:
    after = [("330102002051", "东社区", "乙街道"), *BEFORE[1:]]
    assert operations_to(after) == [
        TreeOperation(
            OperationKind.RECODE,
            IDS["东社区"],
            D2,
            code="330102002051",
            matched_by=Match.UNIQUE_NAME,
        ),
        TreeOperation(
            OperationKind.MOVE,
            IDS["东社区"],
            D2,
            parent_id=IDS["乙街道"],
            matched_by=Match.UNIQUE_NAME,
        ),
    ]


def test_a_name_used_twice_is_no_proof_that_a_unit_moved() -> None:
    """Either 东社区 may have gone to 丙街道; to guess would hand over the other's records."""
    old = Tree(units_of([*BEFORE[:3], ("330102002001", "东社区", "乙街道")], D1), D2)
    after = [*BEFORE[1:3], ("330102003001", "东社区", "丙街道")]
    operations = diff_units(old, units_of(after, D2), D2)
    kinds = Counter(operation.kind for operation in operations)
    assert kinds == {OperationKind.CREATE: 1, OperationKind.CLOSE: 2}


def test_a_new_unit_gets_the_id_that_every_office_mints() -> None:
    (created,) = operations_to([*BEFORE, ("330102002002", "中社区", "乙街道")])
    assert created == TreeOperation(
        OperationKind.CREATE,
        unit_id_for("330102002002", D2),
        D2,
        "330102002002",
        "中社区",
        Level.COMMUNITY,
        IDS["乙街道"],
    )


def test_a_unit_that_is_no_longer_in_the_file_is_closed() -> None:
    assert operations_to(BEFORE[1:]) == [TreeOperation(OperationKind.CLOSE, IDS["东社区"], D2)]


def test_a_street_removed_with_its_communities_is_closed_after_them() -> None:
    new = tuple(unit for unit in units_of(BEFORE[:3], D2) if unit.name != "乙街道")
    operations = diff_units(Tree(BASE, D2), new, D2)
    assert [(o.kind, o.unit_id) for o in operations] == [
        (OperationKind.CLOSE, IDS["北社区"]),
        (OperationKind.CLOSE, IDS["乙街道"]),
    ]


def test_records_follow_the_name_when_a_street_is_renumbered() -> None:
    """西社区 closes and the rest move down by one: no code is with its old unit any more."""
    after = [
        ("330102001001", "新社区", "甲街道"),
        ("330102001002", "东社区", "甲街道"),
        ("330102001003", "南社区", "甲街道"),
        BEFORE[3],
    ]
    tree = Tree(apply_operations(BASE, operations_to(after)), D2)
    assert tree.find("330102001002").unit_id == IDS["东社区"]
    assert tree.find("330102001003").unit_id == IDS["南社区"]
    # What the names left over is joined by nothing: 001 is a new unit, 西社区 is closed.
    assert tree.find("330102001001").unit_id == unit_id_for("330102001001", D2)
    assert IDS["西社区"] not in tree


def test_two_units_that_swap_codes_keep_their_ids() -> None:
    after = [
        ("330102001002", "东社区", "甲街道"),
        ("330102001001", "南社区", "甲街道"),
        *BEFORE[2:],
    ]
    tree = Tree(apply_operations(BASE, operations_to(after)), D2)
    assert tree.find("330102001001").unit_id == IDS["南社区"]
    assert tree.find("330102001002").unit_id == IDS["东社区"]


def test_the_day_before_shows_the_tree_of_its_time() -> None:
    after = [("330102002051", "新东社区", "乙街道"), *BEFORE[1:]]
    records = apply_operations(BASE, operations_to(after))
    eve = D2 - timedelta(days=1)
    assert Tree(records, eve).find("东社区").code == "330102001001"
    assert [u.name for u in Tree(records, eve)] == [u.name for u in Tree(BASE, eve)]


def test_a_second_change_on_one_day_replaces_the_first() -> None:
    once = apply_operations(
        BASE, [TreeOperation(OperationKind.RENAME, IDS["东社区"], D2, name="误")]
    )
    twice = apply_operations(
        once, [TreeOperation(OperationKind.RENAME, IDS["东社区"], D2, name="正")]
    )
    dated = [unit for unit in twice if unit.unit_id == IDS["东社区"]]
    assert [(u.name, u.valid_from, u.valid_to) for u in dated] == [
        ("东社区", D1, D2),
        ("正", D2, None),
    ]


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        (TreeOperation(OperationKind.CLOSE, 99, D2), "not open on that day"),
        (TreeOperation(OperationKind.RENAME, IDS["东社区"], D2), "does not say to what"),
        (TreeOperation(OperationKind.RECODE, IDS["东社区"], D2), "does not say to what"),
        (TreeOperation(OperationKind.MOVE, IDS["东社区"], D2), "does not say to what"),
        (TreeOperation(OperationKind.CREATE, 99, D2, name="无"), "needs a code"),
        (
            TreeOperation(
                OperationKind.CREATE, IDS["东社区"], D2, "1" * 12, "重", Level.COMMUNITY, 1
            ),
            "exists already",
        ),
        (
            TreeOperation(OperationKind.RENAME, IDS["东社区"], D1 - timedelta(days=1), name="早"),
            "begins on 2020-01-01, later",
        ),
    ],
)
def test_an_operation_that_matches_no_unit_is_refused(
    operation: TreeOperation, message: str
) -> None:
    with pytest.raises(BadTreeOperation, match=message) as refusal:
        apply_operations(BASE, [operation])
    assert refusal.value.code == "bad_tree_operation"
    assert refusal.value.zh
    assert refusal.value.remedy_zh


def test_an_operation_before_a_later_record_is_refused_not_silently_undone() -> None:
    later = apply_operations(
        BASE, [TreeOperation(OperationKind.RENAME, IDS["东社区"], D3, name="新")]
    )
    with pytest.raises(BadTreeOperation, match="begins on 2022-01-01, later"):
        apply_operations(later, [TreeOperation(OperationKind.CLOSE, IDS["东社区"], D2)])


def test_a_street_cannot_close_over_its_communities() -> None:
    with pytest.raises(BadTree, match="北社区 is not open"):
        apply_operations(BASE, [TreeOperation(OperationKind.CLOSE, IDS["乙街道"], D2)])


def test_a_change_that_breaks_a_future_day_is_refused() -> None:
    """A community is to be created under 乙街道 in 2022; closing the street in 2021 breaks that."""
    planned = TreeOperation(
        OperationKind.CREATE, 77, D3, "330102002009", "后社区", Level.COMMUNITY, IDS["乙街道"]
    )
    records = apply_operations(BASE, [planned])
    closing = [TreeOperation(OperationKind.CLOSE, IDS[name], D2) for name in ("北社区", "乙街道")]
    with pytest.raises(BadTree, match="后社区 is not open on 2022-01-01"):
        apply_operations(records, closing)


def test_the_file_of_another_city_is_refused() -> None:
    other = replace(units_of(BEFORE, D2)[0], code="330200000000", name="宁波市")
    with pytest.raises(BadTreeOperation, match="宁波市"):
        diff_units(Tree(BASE, D2), (other, *units_of(BEFORE, D2)[1:]), D2)


def test_one_code_for_two_units_on_their_first_day_is_refused() -> None:
    after = [
        ("330102001009", "东社区", "甲街道"),
        ("330102001001", "中社区", "甲街道"),
        *BEFORE[1:],
    ]
    with pytest.raises(BadTreeOperation, match="would get the id") as refusal:
        diff_units(Tree(BASE, D1), units_of(after, D1), D1)
    assert "next day" in refusal.value.text()


def test_a_tree_of_another_day_is_a_programming_error() -> None:
    with pytest.raises(ValueError, match="2020-01-01"):
        diff_units(Tree(BASE, D1), BASE, D2)


class TestHangzhouFrom2020To2023:
    """The reorganisation of 2021, on the real files (domain section 5)."""

    old_units = read_units(
        (DATA / "hangzhou_divisions_2020.csv").read_bytes(), "2020", date(2020, 6, 30)
    )
    new_units = read_units(shipped_tree_bytes(), "2023", SHIPPED_FROM)
    old = Tree(old_units, SHIPPED_FROM)
    operations = diff_units(old, new_units, SHIPPED_FROM)
    records = apply_operations(old_units, operations)
    new = Tree(records, SHIPPED_FROM)

    def test_no_unit_is_lost(self) -> None:
        kinds = Counter(operation.kind for operation in self.operations)
        kept = [unit.unit_id for unit in self.old if unit.unit_id in self.new]
        assert len(kept) + kinds[OperationKind.CLOSE] == len(self.old) == 3363
        assert len(kept) + kinds[OperationKind.CREATE] == len(self.new) == 3530
        assert {unit.unit_id for unit in self.old_units} <= {u.unit_id for u in self.records}

    def test_the_day_of_the_new_file_shows_the_new_file(self) -> None:
        file_tree = Tree(self.new_units, SHIPPED_FROM)
        assert {self.new.path(u.unit_id): u.code for u in self.new} == {
            file_tree.path(u.unit_id): u.code for u in file_tree
        }

    def test_the_day_before_still_shows_2020(self) -> None:
        eve = Tree(self.records, SHIPPED_FROM - timedelta(days=1))
        assert {u.unit_id: eve.path(u.unit_id) for u in eve} == {
            u.unit_id: self.old.path(u.unit_id) for u in self.old
        }

    def test_all_196_streets_keep_their_ids_and_31_change_district(self) -> None:
        streets = [u.unit_id for u in self.old if u.level is Level.STREET]
        assert all(unit_id in self.new for unit_id in streets)
        moved = [i for i in streets if self.old.parent(i) != self.new.parent(i)]
        assert len(moved) == 31

    def test_the_seeds_street_keeps_its_id_though_every_code_in_it_changed(self) -> None:
        street = self.old.find("330104007000")
        home = self.old.find("330104007063")
        assert self.new.get(street.unit_id).code == "330102013000"
        assert self.new.path(home.unit_id) == "杭州市/上城区/闸弄口街道/万家花园社区"

    def test_it_agrees_with_the_published_crosswalk(self) -> None:
        """Where a code of 2021 stands unrenamed in 2023, both say which unit of 2020 it was."""
        pairs = [
            row
            for row in csv.DictReader(io.StringIO(CROSSWALK.read_text(encoding="utf-8")))
            if row["old_code"] and row["new_code"] and row["old_name"] == row["new_name"]
        ]
        standing = {unit.code: unit for unit in self.new}
        compared = [
            row
            for row in pairs
            if row["new_code"] in standing and standing[row["new_code"]].name == row["new_name"]
        ]
        assert len(compared) > 3200
        for row in compared:
            before = self.old.find(row["old_code"])
            assert standing[row["new_code"]].unit_id == before.unit_id, row

    def test_districts_that_were_abolished_are_closed(self) -> None:
        closed = {o.unit_id for o in self.operations if o.kind is OperationKind.CLOSE}
        names = {u.name for u in self.old if u.unit_id in closed and u.level is Level.DISTRICT}
        assert names == {"江干区", "下城区"}
