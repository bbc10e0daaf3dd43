"""What people read in Chinese is Chinese: every verb of the program is run, and what it shows read.

The verbs come from the program itself. A verb with a new required argument needs a sample below.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from hub.cli.explain import listed
from node.config import OfficeConfig
from node.domain.catalogue import load_catalogue
from tests.support.chinese import HAN, half_width
from tests.support.filled import ACTOR, Pair, filled_pair, troubled_street
from tests.support.silian import COMMUNITY, Ran, serving, silian
from tests.support.verbs import Verb, verbs

VERBS = verbs()
ENDLESS = {"serve", "demo"}  # the first serves until it is stopped; docs/demo.md has the second
# Of these only the whole list of what can be asked is long enough to read.
READING = {
    "ls", "show", "find", "transfers", "balance", "report", "status", "today", "where", "tree",
    "rollup", "verify", "doctor", "explain", "check", "plan", "formula", "year-end",
    "version", "compare",
}  # fmt: skip
ALONE = {"explain", "version", "bundle show", "money formula", "money year-end"}
SAMPLES = {  # of a required argument, by its name
    "amount": "1", "assignment": "楼道灯排查", "case": "0000", "category": "办公",
    "conflict": "二号楼", "due": "2099-12-31", "file": "样例.xlsx", "files": "包.bundle",
    "fund": "F10", "households": "300", "indicator": "K5", "order": "楼道灯排查",
    "letter": "没有.invite", "which": COMMUNITY,
    "out": "新文件", "percent": "50", "posting": "0000", "quarantined_change": "0000",
    "reason": "测试",
    "record": "一号楼", "register": "premises", "request": "一号楼", "score": "90",
    "source": "备份.db", "take": "loser", "target": "备份.db", "text": "社区", "title": "新任务",
    "to": COMMUNITY, "unit": COMMUNITY, "values": "备注=新", "wait": "1", "year": "2026",
}  # fmt: skip
# Further options, where the required ones leave out what there is to see.
FURTHER: dict[str, list[dict[str, str]]] = {
    "status": [{"tree": ""}, {"tree": "", "problems": ""}, {"tree": "", "never": ""}],
    "explain": [{"code": "quarantined"}, {"code": "needs_consent"}, {"code": "没有的代码"}],
    "record show": [{"history": ""}],
    "record ls": [{"search": "号楼"}, {"register": "resident"}, {"register": "premises"},
                  {"register": "premises", "subtree": "", "ended": ""}],
    "register show": [{"register": "resident"}],
    "rollup": [{"by": "单位"}, {"indicator": "K20", "by": "资金"}, {"indicator": "K3"}],
    "report": [{"by": "社区", "indicator": "K2,K5"}, {"month": "2026-10"}],
    "conflict ls": [{"resolved": ""}],
    "money balance": [{"subtree": ""}],
    "unit ls": [{"all_": ""}],
    "template": [{"register": "居民"}, {"sample": ""}],
    "quarantine ls": [{"all_": ""}],
    "quarantine retry": [{"all_": ""}],
    "money receive": [{"all_": ""}],
    "retention": [{"dry_run": ""}],

    "import": [{"register": "workbook"}, {"file": "有误.csv"}, {"file": "没有.csv"}],
    "bundle show": [{"file": "包.bundle"}],
    "unit import": [{"file": "区划.csv", "on": "2099-01-01"}],
}  # fmt: skip


ACTING = {"work verify"}
# Needs the city's key and a third office: test_cli_ids.py shows one. Needs an enrolled office:
# tests/processes/test_enrolment.py has one.
NEVER_HERE = {"duplicate show", "cert show"}


def first(name: str) -> bool:
    return name.rsplit(maxsplit=1)[-1] in READING and name not in ACTING


@dataclass(frozen=True, slots=True)
class Offices:
    pair: Pair
    lonely: Path  # its parent does not answer
    troubled: Path  # a street with changes in quarantine, served by nobody
    files: Path


@pytest.fixture(scope="module")
def offices(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Offices]:
    base = tmp_path_factory.mktemp("chinese")
    lonely, files = base / "lonely", base / "files"
    files.mkdir()
    silian("init", "--dir", lonely, "--unit", COMMUNITY, "--parent", "127.0.0.1:1")
    with filled_pair(base / "pair") as pair, serving(lonely):
        sample = ("template", "--sample", "--out", files / "样例.xlsx")
        assert pair.below(*sample, lang="zh").exit == 0
        (files / "有误.csv").write_text("用房名称,建筑面积,编码\n甲,很大,1\n,3,2\n", "utf-8")
        (files / "区划.csv").write_text("code,name,level,parent_code\n33,某市,9,\n", "utf-8")
        write = ("bundle", "write", files / "包.bundle", "--to", COMMUNITY)
        assert pair.above(*write).exit == 0
        made = ("record", "create", "premises", "用房名称=旧楼", "用途=办公", "建筑面积=1")
        assert pair.below(*made).exit == 0
        assert pair.below("record", "end", "premises", "旧楼", "--reason", "拆除").exit == 0
        yield Offices(pair, lonely, troubled_street(base / "troubled"), files)


# -- what may stand in Latin letters --------------------------------------------------------------

CATALOGUE = load_catalogue()
NAMES = {  # of products, formats, units, times
    "Excel", "GiB", "KiB", "MiB", "PostgreSQL", "SQLite", "Silian", "UTC", "csv", "xls", "xlsx",
    "silian", "CSV", "TLS", "UTF",
}  # fmt: skip
SETTINGS = set(OfficeConfig.model_fields)
NAMED_SETTINGS = {name for name in SETTINGS if "_" in name} | {"parent"}
REGISTERS = {
    *CATALOGUE.registers,
    *(field for each in CATALOGUE.registers.values() for field in each.fields),
    *(code for each in CATALOGUE.registers.values() for field in each.fields.values()
      for code in field.choices),
}  # fmt: skip
CODES = {  # what a verb lists: its own codes, to be typed elsewhere
    "register ls": REGISTERS, "register show": REGISTERS,
    "explain": {str(each["code"]) for each in listed()},
    "config show": SETTINGS | {"true", "false"},
    "version": {"grpcio", "protobuf", "sqlalchemy", "python"},
    "template": {"workbook"}, "import": {"workbook"},
}  # fmt: skip
TYPED = re.compile(  # is typed or copied as it stands
    r"`[^`]*`|silian [ -~]*|--[a-z][a-z-]*([= ][a-z|]+)?|（[a-z]+(-[a-z]+)*）"
    r"|\S*/\S*|[\w-]+\.(toml|db|key|token|bundle|invite|xlsx|csv)\b|\b[0-9a-f]{4,40}\b|[d-][rwx-]{9}"
    r"|\bSILIAN_\w+(=\w+)?|\b(listen|store) 设置"
    r"|\bK\d+\w*|\bN\d+\b"
    r"|\b([A-Z2-7]{4}-){13}[A-Z2-7]{4}\b"  # a recovery key
    r"|[A-Za-z0-9+/]{43}="  # a hash, as the formats of audit logs have it
)


def english(text: str, verb: str = "") -> list[str]:
    """Return the English words of what a verb showed in Chinese."""
    allowed = NAMES | NAMED_SETTINGS | CODES.get(verb, set())
    return [
        word
        for line in text.splitlines()
        for word in re.findall(r"[A-Za-z_]*[A-Za-z]{2,}[A-Za-z_0-9]*", TYPED.sub(" ", line))
        if word not in allowed
    ]


def test_the_check_finds_codes_and_english_words() -> None:
    assert english("类型 in_transit，原因 constraint_violation") == [
        "in_transit", "constraint_violation",
    ]  # fmt: skip
    assert english("上级没有应答（unavailable: no route）")
    assert english("resident.id_number") == ["resident", "id_number"]
    assert not english(
        "用 silian work ls --box all 查看，或另存为 xlsx：/tmp/居民.xlsx K12_members"
    )
    assert not english("premises  社区用房", "register ls")


@pytest.mark.parametrize("part", ["cause", "itself", "steps", "example"])
def test_no_explanation_of_a_code_has_an_english_word(part: str) -> None:
    found = {each["code"]: english(each[part]["zh"], "explain") for each in listed()}
    assert not {code: words for code, words in found.items() if words}


# -- every verb -----------------------------------------------------------------------------------


def lines(verb: Verb) -> Iterator[dict[str, str]]:
    """Yield what a verb is given, run by run."""
    asked = {p.name for p in verb.own if p.required or p.name == "wait"}
    required = {name: SAMPLES[name] for name in asked}
    yield required
    for more in FURTHER.get(verb.name, ()):
        yield {**required, **more}


@cache
def ids(folder: Path) -> dict[str, str]:
    """Return ids of this office for what has no name to be called by."""
    asked = {
        "quarantined_change": ("quarantine", "ls"), "posting": ("money", "ls"),
        "request": ("correction", "ls"), "case": ("duplicate", "ls"),
    }  # fmt: skip
    named = {}
    for name, listing in asked.items():
        items = silian(*listing, "--dir", folder, "--json").json["items"]
        named |= {name: items[0]["id"]} if items else {}
    return named


def shown(verb: Verb, given: dict[str, str], folder: Path) -> Ran:
    at = () if verb.name in ALONE else ("--dir", folder)
    if verb.name == "init":
        at = ("--dir", "新单位")
    typed = verb.line(given)
    cut = typed.index("--")
    env = ACTOR
    return silian(*typed[:cut], *at, *typed[cut:], lang="zh", env=env)


def wrong(verb: Verb, ran: Ran) -> str:
    """Return the lines with an English word or punctuation of half width in them."""
    found = [(line, [*english(line, verb.name), *half_width(line)])
             for line in f"{ran.out}\n{ran.err}".splitlines()]  # fmt: skip
    return "\n".join(f"{line}: {words}" for line, words in found if words)


@pytest.mark.parametrize("name", sorted(VERBS.keys() - ENDLESS, key=lambda n: (not first(n), n)))
def test_a_verb_shows_no_english_word_in_chinese(
    offices: Offices, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(offices.files)
    verb = VERBS[name]
    folders = [offices.pair.community, offices.pair.street]
    if first(name):
        folders += [offices.lonely, offices.troubled]
    exits = set()
    for folder in folders:
        named = ids(folder)
        for given in lines(verb):
            stated = {**given, **{key: named[key] for key in given.keys() & named.keys()}}
            ran = shown(verb, stated, folder)
            exits.add(ran.exit)
            assert not (found := wrong(verb, ran)), f"{verb.line(stated)} {folder}: {found}"
            assert HAN.search(ran.out + ran.err) or name == "version", verb.line(stated)
    if first(name) and name not in NEVER_HERE:
        assert exits & {0, 6}, f"{name} never showed what it shows: {exits}"


# -- help and wrong usage ------------------------------------------------------------------------

ROWS = re.compile(r"^[│╭╰ *]*[a-z]+(-[a-z]+)*  ")  # a verb, before what it does
EXAMPLE = re.compile(r"^ *[a-z0-9_,=>< -]*\bsilian .*")
GROUPS = {name.rpartition(" ")[0] for name in VERBS}


@pytest.mark.parametrize("name", sorted({*VERBS, *GROUPS}))
def test_a_help_is_chinese_down_to_its_frame(name: str) -> None:
    out = silian(*name.split(), "--help", lang="zh", env={"COLUMNS": "200"}).out
    assert f"用法：root {name}".strip() in out
    found = []
    for line in out.splitlines():
        text = re.sub(rf"用法：root {name}|［默认：[\w.:]+］|<zh\|en>|\[now\]|JSON", " ", line)
        text = ROWS.sub(" ", EXAMPLE.sub(" ", text))
        text = re.sub(r"--columns [\w,]+", " ", text)
        if words := english(text, name):
            found.append(f"{line.strip()}: {words}")
    assert not found, "\n".join(found)


def test_a_verb_that_lacks_something_shows_how_it_is_written() -> None:
    refused = silian("rollup", lang="zh")
    assert refused.err == "错误：缺少指标。写法：root rollup [选项] {指标}。\n"
    refused = silian("money", "plan", lang="zh")
    assert refused.err.startswith("错误：缺少 --year。请加上 --year <1990..2200>")
    assert silian("rollup").err.startswith("error: indicator is missing. Write: root rollup [")


def test_a_language_before_a_group_is_that_of_its_help() -> None:
    shown = silian("--lang", "zh", "money")
    assert (shown.exit, "用法：root money" in shown.out + shown.err) == (2, True)
