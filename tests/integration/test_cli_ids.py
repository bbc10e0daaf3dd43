"""What a person copies from a list works in the next command; names do as well as ids and codes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from node.store.engine import sqlite_driver
from tests.support.filled import ARGUMENTS, Pair, filled_pair, good, lists
from tests.support.silian import on_screen, on_terminal, silian
from tests.support.tier import GARDEN, ORCHID, eventually, tier_of

LISTS = lists()
ALSO = {  # further tables
    "conflict ls --settled": ("conflict", "ls", "--settled"),
    "record ls resident": ("record", "ls", "resident"),
    "register show premises": ("register", "show", "premises"),
    "record show --history": ("record", "show", "premises", "一号楼", "--history"),
    "conflict show": ("conflict", "show", "二号楼"),
    "order show": ("order", "show", "楼道灯排查"),
}


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with filled_pair(tmp_path_factory.mktemp("pair")) as found:
        yield found


def clean(shown: str) -> list[str]:
    """Return the lines on a screen without what colours them."""
    return [line.rstrip() for line in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown).splitlines()]


def ids_in(document: Any) -> list[str]:
    """Return the ids of a JSON document's items."""
    if isinstance(document, dict):
        lists = [v for v in document.values() if isinstance(v, list) and v]
        return [i for each in lists for i in ids_in(each)]
    return [str(item["id"]) for item in document if isinstance(item, dict) and "id" in item]


def test_every_list_that_is_given_arguments_is_still_there() -> None:
    assert ARGUMENTS.keys() <= LISTS.keys()


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("verb", [*LISTS, *ALSO])
def test_on_a_terminal_of_80_columns_no_id_is_broken_and_every_table_fits(
    pair: Pair, verb: str, lang: str
) -> None:
    stated = (LISTS | ALSO)[verb]
    for office in (pair.community, pair.street):
        asked = (*stated, "--dir", office, "--lang", lang)
        document = silian(*asked, "--json")
        if document.exit == 3:
            continue  # the street has no conflict of that name: it was decided below
        if document.exit == 4 and document.error["code"] == "kept_elsewhere":
            continue  # residents stay in their community
        lines = clean(on_screen(*asked, columns=80))
        assert max(map(cell_len, lines)) <= 80, "\n".join(lines)
        if verb in ALSO and verb.split()[1] == "show":
            continue
        listed = [i for i in ids_in(document.json) if re.fullmatch("[0-9a-f]{32}", i)]
        tokens = [t for line in lines for t in re.findall(r"(?<![0-9a-f-])[0-9a-f]{8,32}\b", line)]
        for each in listed:
            assert len([t for t in tokens if each.startswith(t)]) == 1, "\n".join(lines)


def test_where_the_whole_id_fits_it_is_shown_whole(pair: Pair) -> None:
    wide = clean(on_terminal("money", "transfers", "--dir", pair.community, columns=200))
    (first, *_) = good(pair.below("money", "transfers", "--json"))["items"]
    assert any(first["id"] in line for line in wide)
    assert first["id"] in pair.below("money", "transfers").out  # and in a pipe


def test_what_a_list_shows_is_taken_by_the_next_verb(pair: Pair) -> None:
    """Copied from the screen, into each verb that takes an id of that kind."""
    forms = {
        ("record", "ls", "premises"): ("record", "show", "premises"),
        ("conflict", "ls"): ("conflict", "show"),
        ("correction", "ls"): ("correction", "show"),
        ("work", "ls"): ("work", "show"),
    }
    for listing, showing in forms.items():
        lines = clean(on_terminal(*listing, "--dir", pair.community, "--lang", "en", columns=80))
        short = next(t for line in lines for t in re.findall(r"^[0-9a-f]{8,32}\b", line))
        assert pair.below(*showing, short, "--json").exit == 0
    assert pair.below("where", "premises", "一号楼").exit == 0
    lines = clean(on_terminal("money", "transfers", "--dir", pair.community, columns=80))
    short = next(t for line in lines for t in re.findall(r"^[0-9a-f]{8,32}\b", line))
    given = pair.below("money", "return", short, "--reason", "重复", "--json")
    assert given.exit == 0, given.err
    (waiting,) = good(pair.below("money", "transfers", "--way", "waiting", "--json"))["items"]
    taken = pair.below("money", "receive", "闸弄口街道", "--as", "出纳", "--json")
    assert taken.exit == 0, taken.err
    assert taken.json["items"][0]["transfer"] == waiting["id"]


def test_a_record_is_named_by_its_key_its_name_or_the_first_digits_of_its_id(pair: Pair) -> None:
    found = good(pair.below("record", "ls", "premises", "--json"))["items"]
    record = next(r for r in found if r["values"]["name"] == "文体中心")
    for stated in ("文体中心", record["id"], record["id"][:12], record["id"][:12].upper()):
        shown = good(pair.below("record", "show", "premises", stated, "--json"))
        assert shown["record"]["id"] == record["id"]
    # Above, too, and without saying whose it is.
    for stated in ("文体中心", record["id"], record["id"][:12]):
        assert (
            good(pair.above("record", "show", "premises", stated, "--json"))["record"]["id"]
            == (record["id"])
        )
    by_number = pair.below("record", "show", "resident", "110101199003072316", "--json")
    assert good(by_number)["record"]["values"]["name"] == "张秀敏"


def test_what_fits_several_names_them_and_does_nothing(pair: Pair) -> None:
    transfers = good(pair.below("money", "transfers", "--json"))["items"]
    several = pair.below("money", "return", transfers[0]["id"][:6], "--reason", "x", "--json")
    assert (several.exit, several.error["code"]) == (2, "ambiguous_id")
    assert "F10 闸弄口街道" in several.error["hint"]
    refused = pair.below("record", "end", "resident", "张秀敏", "--json")
    assert (refused.exit, refused.error["code"]) == (2, "ambiguous_id")
    listed = good(pair.below("record", "ls", "resident", "--json"))["items"]
    assert all(r["id"][:8] in refused.error["hint"] for r in listed)
    assert "110101" not in refused.err  # whose number it is, no error says
    assert "张秀敏" not in refused.err


@pytest.mark.parametrize(
    "stated", ["0000", "zzzz", "没有这栋楼", "abc", "-", "%", "' OR 1=1 --", "٣٣٣٣"]
)
def test_what_fits_nothing_is_refused_in_a_line(pair: Pair, stated: str) -> None:
    for verb in (
        ("record", "show", "premises"), ("conflict", "show"), ("correction", "show"),
        ("duplicate", "show"), ("quarantine", "show"), ("work", "show"), ("work", "tree"),
        ("money", "receive"), ("money", "reverse"),
    ):  # fmt: skip
        refused = silian(*verb, "--json", "--dir", pair.community, "--", stated)
        assert (refused.exit, refused.error["code"]) == (3, "unknown_id"), verb


# -- names for codes ------------------------------------------------------------------------------


def test_registers_and_fields_are_called_as_people_call_them(pair: Pair) -> None:
    assert good(pair.below("register", "show", "居民", "--json"))["name"] == "resident"
    assert good(pair.below("register", "show", "Premises", "--json"))["name"] == "premises"
    values = ("用房名称=四号楼", "用途=活动", "建筑面积=12.5")
    made = pair.below("record", "create", "社区用房", *values, "--json")
    assert good(made)["values"]["area_m2"] == 1_250
    changed = pair.below("record", "change", "社区用房", "四号楼", "备注=新", "--json")
    assert good(changed)["values"]["remark"] == "新"
    listed = pair.below("record", "ls", "居民", "--where", "姓名=张秀敏", "--json")
    assert good(listed)["total"] == 2
    assert pair.below("where", "社区用房", "四号楼").exit == 0
    conflicts = pair.below("conflict", "ls", "--register", "社区用房", "--json")
    assert good(conflicts)["total"] == 1
    twice = pair.below("record", "change", "premises", "四号楼", "备注=a", "remark=b", "--json")
    assert (twice.exit, twice.error["code"]) == (2, "bad_request")
    again = pair.below("record", "change", "premises", "四号楼", "备注=a", "备注=b", "--json")
    assert (again.exit, again.error["code"]) == (2, "usage")
    assert "备注" in again.error["message"]


def test_funds_and_indicators_are_called_as_people_call_them(pair: Pair) -> None:
    for fund in ("F10", "创业补贴", "Start-up subsidy"):
        found = pair.above("money", "balance", "--fund", fund, "--json")
        assert {b["fund"] for b in good(found)["items"]} == {"F10"}, fund
    listed = good(pair.above("indicator", "ls", "--json"))["items"]
    for one in listed[:8]:
        for stated in (one["id"], one["label"]["zh"], one["label"]["en"]):
            ran = pair.above("rollup", stated, "--json")
            if ran.exit == 0:
                assert ran.json["indicator"]["id"] == one["id"]
            else:
                assert ran.error["code"] != "unknown_indicator", stated


def test_a_household_number_is_taken_by_either_of_its_names(pair: Pair) -> None:
    made = pair.below("record", "create", "household", "household_no=H001", "kind=常住", "--json")
    assert good(made)["values"]["hh_no"] == "H001"
    person = pair.below(
        "record", "change", "resident", "110101199003072316", "hh_no=H001", "--json"
    )
    assert good(person)["values"]["household_no"] == "H001"


def test_a_register_that_is_nearly_named_is_suggested_in_the_words_of_the_person(
    pair: Pair,
) -> None:
    refused = pair.below("record", "ls", "居民们", lang="zh")
    assert (refused.exit, "居民" in refused.err) == (3, True)
    assert "silian register ls" in pair.below("record", "ls", "没有的东西", lang="zh").err


def test_a_case_names_this_offices_own_record_and_is_taken_by_its_first_digits(
    tmp_path: Path,
) -> None:
    person = ("id_number=110101199003072316", "name=张秀敏", "birth_date=1990-03-07")
    with tier_of(tmp_path):
        at = ("--dir", tmp_path / GARDEN)
        eventually(lambda: key_has_come(tmp_path / GARDEN) and key_has_come(tmp_path / ORCHID))
        for code in (GARDEN, ORCHID):
            made = silian("record", "create", "resident", *person, "--dir", tmp_path / code)
            assert made.exit == 0, made.err
        eventually(lambda: silian("duplicate", "ls", *at, "--json").json["items"])
        (case,) = silian("duplicate", "ls", *at, "--json").json["items"]
        shown = silian("duplicate", "show", case["id"][:6], *at, lang="zh")
        assert shown.exit == 0, shown.err
        assert "张秀敏" in shown.out
        assert "待核实" in shown.out
        assert "居民 公民身份号码" in shown.out  # and not the codes of register and field


def key_has_come(folder: Path) -> bool:
    """Say whether the city's key of marks is here: before it nothing is compared.

    By the program's own SQLite: closing a file in another SQLite of one process drops its locks.
    """
    with closing(sqlite_driver.connect(folder / "office.db")) as store:
        return bool(store.execute("SELECT count(*) FROM r_mark_key").fetchone()[0])
