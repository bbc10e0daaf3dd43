"""Units and the tree: identity, dates, ways of moving, and refusals that help."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from node.domain.unit_csv import read_units
from node.domain.units import AmbiguousUnit, BadTree, Level, Tree, Unit, UnknownUnit, unit_id_for
from node.reference import SHIPPED_FROM, shipped_tree_bytes

D2020, D2021, D2022 = date(2020, 1, 1), date(2021, 1, 1), date(2022, 1, 1)
CITY = Unit(1, "330100000000", "杭州市", Level.CITY, None, D2020)
WEST = Unit(2, "330106000000", "西湖区", Level.DISTRICT, 1, D2020)
EAST = Unit(3, "330104000000", "江干区", Level.DISTRICT, 1, D2020)
STREET = Unit(4, "330104007000", "闸弄口街道", Level.STREET, 3, D2020)
HOME = Unit(5, "330104007063", "万家花园社区", Level.COMMUNITY, 4, D2020)
NEXT_DOOR = Unit(6, "330104007064", "董家社区", Level.COMMUNITY, 4, D2020)
UNITS = (CITY, WEST, EAST, STREET, HOME, NEXT_DOOR)


@pytest.fixture
def tree() -> Tree:
    return Tree(UNITS, D2020)


@pytest.fixture(scope="module")
def hangzhou() -> Tree:
    return Tree(read_units(shipped_tree_bytes(), "shipped", SHIPPED_FROM), SHIPPED_FROM)


def test_the_levels_are_named_as_in_the_four_level_network() -> None:
    assert [level.zh for level in Level] == ["市", "区", "街道", "社区"]
    assert [level.en for level in Level] == ["city", "district", "street", "community"]


def test_an_id_is_the_same_at_every_office_for_ever() -> None:
    assert unit_id_for("330100000000", SHIPPED_FROM) == 5185828111350758344


def test_a_code_that_is_set_up_again_is_another_unit() -> None:
    assert unit_id_for("330102000000", D2020) != unit_id_for("330102000000", D2021)


def test_ids_are_positive_and_fit_in_63_bits(hangzhou: Tree) -> None:
    ids = [unit.unit_id for unit in hangzhou]
    assert all(0 < unit_id < 2**63 for unit_id in ids)
    assert len(set(ids)) == len(ids) == 3530


def test_the_tree_can_be_walked_in_every_direction(tree: Tree) -> None:
    assert tree.root == 1
    assert tree.parent(5) == 4
    assert tree.parent(1) is None
    assert tree.children(4) == (5, 6)
    assert tree.children(5) == ()
    assert tree.ancestors(5) == (4, 3, 1)
    assert tree.subtree(3) == (3, 4, 5, 6)
    assert tree.level(4) is Level.STREET
    assert tree.path(5) == "杭州市/江干区/闸弄口街道/万家花园社区"
    assert [unit.unit_id for unit in tree] == [1, 3, 4, 5, 6, 2]  # siblings by code
    assert len(tree) == 6
    assert 5 in tree
    assert 7 not in tree
    assert tree.within(5, 3)
    assert tree.within(5, 5)
    assert not tree.within(5, 2)


@pytest.mark.parametrize(
    ("frm", "target", "hop"),
    [(1, 5, 3), (3, 5, 4), (4, 5, 5), (5, 5, None), (2, 5, None), (5, 1, None), (6, 5, None)],
)
def test_the_next_hop_is_the_child_on_the_way_down(
    tree: Tree, frm: int, target: int, hop: int | None
) -> None:
    assert tree.next_hop(frm, target) == hop


def test_a_unit_shows_the_record_in_force_on_the_day() -> None:
    moved = (
        *(unit for unit in UNITS if unit is not STREET),
        replace(STREET, valid_to=D2021),
        replace(STREET, code="330106020000", parent_id=2, valid_from=D2021),
    )
    assert Tree(moved, D2020).path(5) == "杭州市/江干区/闸弄口街道/万家花园社区"
    assert Tree(moved, D2021).path(5) == "杭州市/西湖区/闸弄口街道/万家花园社区"
    assert Tree(moved, D2021).ancestors(5) == (4, 2, 1)


def test_a_closed_unit_is_absent_from_its_end_date_on() -> None:
    closed = (*UNITS[:-1], replace(NEXT_DOOR, valid_to=D2021))
    assert 6 in Tree(closed, D2020)
    assert 6 not in Tree(closed, D2021)
    with pytest.raises(UnknownUnit) as refusal:
        Tree(closed, D2021).get(6)
    assert "董家社区 (2020-01-01 - 2021-01-01)" in refusal.value.text()


OVERLAP = replace(STREET, name="闸弄口", valid_from=D2021)


@pytest.mark.parametrize(
    ("units", "message"),
    [
        ((*UNITS, OVERLAP), "overlap from 2021-01-01"),
        ((*UNITS[:3], replace(STREET, valid_to=D2022), *UNITS[4:], OVERLAP), "overlap"),
        ((*UNITS[:-1], replace(NEXT_DOOR, valid_to=D2020)), "before it begins"),
        ((*UNITS[:-1], replace(NEXT_DOOR, code=HOME.code)), "both bear code 330104007063"),
        ((*UNITS[:-1], replace(NEXT_DOOR, name=HOME.name)), "both called 万家花园社区"),
        ((*UNITS[:-1], replace(NEXT_DOOR, parent_id=9)), "董家社区 is not open"),
        ((*UNITS[:-1], replace(NEXT_DOOR, parent_id=3)), "exactly one level up"),
        ((*UNITS[:-1], replace(NEXT_DOOR, parent_id=None)), "330104007064 董家社区"),
        ((*UNITS, replace(CITY, unit_id=7, code="330200000000")), "one root"),
        ((), "no parent: none"),
    ],
)
def test_records_that_make_no_tree_are_refused_by_name(
    units: tuple[Unit, ...], message: str
) -> None:
    with pytest.raises(BadTree, match=message) as refusal:
        Tree(units, D2021)
    assert refusal.value.code == "bad_tree"
    assert refusal.value.zh
    assert refusal.value.remedy_zh


def test_records_that_touch_do_not_overlap() -> None:
    with_versions_replaced = (
        *UNITS[:3],
        replace(STREET, valid_to=D2021),
        *UNITS[4:],
        replace(STREET, name="新名街道", valid_from=D2021),
    )
    assert Tree(with_versions_replaced, D2021).get(4).name == "新名街道"


def test_a_unit_is_found_by_code_name_or_the_end_of_its_path(tree: Tree) -> None:
    for asked in (
        "330104007063",
        "万家花园社区",
        " 闸弄口街道/万家花园社区 ",
        "江干区 / 闸弄口街道 / 万家花园社区",
        "/杭州市/江干区/闸弄口街道/万家花园社区",
    ):
        assert tree.find(asked) == HOME


def test_an_ambiguous_name_is_refused_with_every_path(hangzhou: Tree) -> None:
    with pytest.raises(AmbiguousUnit) as refusal:
        hangzhou.find("新城社区")
    assert refusal.value.code == "ambiguous_unit"
    assert refusal.value.candidates == (
        "330113002004 杭州市/临平区/南苑街道/新城社区",
        "330127100015 杭州市/淳安县/千岛湖镇/新城社区",
    )
    assert hangzhou.find("南苑街道/新城社区").code == "330113002004"
    assert "330127100015" in refusal.value.text("zh")


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("330102013909", "330102013009"),  # one digit wrong
        ("303102013009", "330102013009"),  # two digits swapped
        ("33010201300", "330102013000"),  # a digit missing at the end
        ("万家花圆社区", "330102013009"),  # a wrong character
        ("闸弄口", "330102013000"),  # a part of the name
        ("上城区/闸弄口街", "330102013000"),
    ],
)
def test_an_unknown_unit_is_refused_with_the_nearest_one(
    hangzhou: Tree, asked: str, meant: str
) -> None:
    with pytest.raises(UnknownUnit) as refusal:
        hangzhou.find(asked)
    assert refusal.value.code == "unknown_unit"
    assert any(near.startswith(meant) for near in refusal.value.suggestions)
    assert len(refusal.value.suggestions) <= 5
    assert meant in refusal.value.text("zh")


def test_a_former_code_leads_to_the_unit_that_had_it() -> None:
    recoded = (
        *UNITS[:-1],
        replace(NEXT_DOOR, valid_to=D2021),
        replace(NEXT_DOOR, code="999999999999", valid_from=D2021),
    )
    with pytest.raises(UnknownUnit) as refusal:
        Tree(recoded, D2021).find(NEXT_DOOR.code)
    assert refusal.value.suggestions[0].startswith("999999999999 ")


def test_an_unknown_unit_without_a_similar_one_is_reported_plainly(tree: Tree) -> None:
    with pytest.raises(UnknownUnit) as refusal:
        tree.find("zzz")
    assert refusal.value.suggestions == ()
    assert "Check the code" in refusal.value.text()
    with pytest.raises(UnknownUnit):
        tree.find("")


def test_the_street_of_the_seed_is_at_its_place_in_the_tree(hangzhou: Tree) -> None:
    street = hangzhou.find("闸弄口街道")
    assert street.code == "330102013000"
    assert len(hangzhou.children(street.unit_id)) == 17
    home = hangzhou.find("万家花园社区")
    assert hangzhou.path(home.unit_id) == "杭州市/上城区/闸弄口街道/万家花园社区"
