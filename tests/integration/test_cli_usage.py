"""Wrong usage of a verb is reported like every other error; lists come in one envelope."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.silian import COMMUNITY, silian

WRONG = {
    "no_argument": ("record", "show"),
    "no_amount": ("money", "appropriate"),
    "no_verb": ("recor", "ls"),
    "no_verb_of_a_group": ("record", "lss"),
    "no_option": ("status", "--jsn"),
    "no_number": ("record", "ls", "--limit", "x"),
    "too_great": ("record", "ls", "--limit", "9999"),
    "too_small": ("money", "transfers", "--limit", "0"),
    "no_language": ("record", "ls", "--lang", "fr"),
    "too_much": ("record", "ls", "a", "b"),
    "no_value": ("status", "--dir"),
    "a_value_too_many": ("status", "--check=1"),
    "a_verb_without_a_folder": ("version", "--dir", "x"),
}


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("usage") / "office"
    assert silian("init", "--dir", folder, "--unit", COMMUNITY).exit == 0
    return folder


@pytest.mark.parametrize("arguments", WRONG.values(), ids=WRONG)
def test_wrong_usage_is_one_line_or_one_json_object_in_both_languages(
    arguments: tuple[str, ...],
) -> None:
    asked = ("--json", *arguments)
    refused = silian(*asked)
    assert (refused.exit, refused.out, refused.error["code"]) == (2, "", "usage")
    assert refused.error.keys() == {"code", "message", "hint", "retryable"}
    assert refused.error["hint"]
    assert len(refused.err.splitlines()) == 1
    for lang, start in (("en", "error: "), ("zh", "错误：")):
        reported = silian(*arguments, lang=lang)
        assert reported.exit == 2
        assert reported.err.startswith(start)
        assert len(reported.err.splitlines()) == 1
        assert "╭" not in reported.err
    chinese = silian(*asked, lang="zh").error["message"]
    known = re.sub(r"--[a-z-]+|“.*?”|[a-z]+$|\b(zh|en|a|b)\b", "", chinese)
    assert not re.search(r"[A-Za-z]{4,}", known), chinese


@pytest.mark.parametrize("before", [("--lang", "zh"), ("--lang=zh",), ("--json", "--lang", "zh")])
def test_what_belongs_to_a_verb_may_stand_before_it(office: Path, before: tuple[str, ...]) -> None:
    assert (
        silian("--dir", office, *before, "register", "show", "居民们", lang="en").err.count("居民")
        >= 1
    )
    shown = silian("--dir", office, *before, "register", "show", "resident", lang="en")
    assert shown.exit == 0
    assert "公民身份号码" in shown.out


def test_the_version_is_asked_for_as_of_any_program() -> None:
    reported = silian("--version")
    assert (reported.exit, reported.out.split()[0]) == (0, "silian")


def test_a_field_that_does_not_exist_is_named_with_those_that_may_be_meant(office: Path) -> None:
    at = ("--dir", office, "--json")
    refused = silian("record", "create", "household", "houshold_no=H001", "kind=常住", *at)
    assert (refused.exit, refused.error["code"]) == (2, "invalid_record")
    assert "'houshold_no'" in refused.error["message"]
    assert "hh_no" in refused.error["hint"]
    meant = silian("record", "create", "resident", "id_no=1", *at).error["hint"]
    assert meant.startswith("id_no: Use one of: id_number")
    assert "Identity number, Name, Birth date: Fill it in." in meant  # each remedy with its fields
    # Of persons only what looks like a field's name is said again.
    for slip in ("张三", "110101199003072316"):
        refused = silian("record", "create", "resident", f"{slip}=x", *at)
        assert slip not in refused.err
    named = silian("record", "create", "premises", "面积呢=1", "--dir", office, lang="zh")
    assert "没有字段“面积呢”" in named.err
    assert "建筑面积" in named.err


# -- JSON -----------------------------------------------------------------------------------------

LISTS = (
    ("record", "ls", "premises"), ("register", "ls"), ("conflict", "ls"), ("correction", "ls"),
    ("duplicate", "ls"), ("quarantine", "ls"), ("clone", "ls"), ("work", "ls"), ("money", "ls"),
    ("money", "transfers"), ("money", "balance"), ("unit", "ls"), ("unit", "find", "社区"),
    ("indicator", "ls"), ("repair", "ls"), ("order", "ls"), ("cert", "ls"),
)  # fmt: skip


@pytest.mark.parametrize("verb", LISTS, ids=" ".join)
def test_every_list_comes_in_the_same_envelope(office: Path, verb: tuple[str, ...]) -> None:
    hall = ("name=一号楼", "use=office", "area_m2=1")
    silian("record", "create", "premises", *hall, "--dir", office)
    found = silian(*verb, "--dir", office, "--json")
    assert found.exit == 0, found.err
    document = found.json
    assert document.keys() >= {"items", "next", "total"}  # and the other fields of a list
    assert isinstance(document["items"], list)
    assert isinstance(document["next"], str)
    assert document["total"] >= len(document["items"])
    plain = silian(*verb, "--dir", office, "--lang", "zh").err
    assert f"共 {document['total']} " in plain


def numbers(document: Any) -> Iterator[int]:
    if isinstance(document, dict):
        for value in document.values():
            yield from numbers(value)
    elif isinstance(document, list):
        for value in document:
            yield from numbers(value)
    elif isinstance(document, int):
        yield document


@pytest.mark.parametrize("verb", [*LISTS, ("status",), ("unit", "ls", "--all")], ids=" ".join)
def test_no_number_in_json_is_rounded_by_whoever_reads_it(
    office: Path, verb: tuple[str, ...]
) -> None:
    """A program that keeps numbers as doubles reads what was written."""
    out = silian(*verb, "--dir", office, "--json").out
    assert all(abs(number) < 2**53 for number in numbers(json.loads(out)))
    doubles = json.loads(out, parse_int=lambda text: int(float(text)))
    assert doubles == json.loads(out)
