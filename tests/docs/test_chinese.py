"""Chinese texts are Chinese as a whole: no English words, full-width punctuation."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from hub.api.choices import TRANSFER_STATES
from hub.cli import labels
from hub.cli.main import app
from hub.cli.shape import in_language
from node.config import OfficeConfig
from node.services.health.problems import TEXTS
from tests.support.chinese import HAN, PLACE, half_width

ROOT = Path(__file__).parents[2]
SHOWN = re.compile(  # is typed or seen as it stands: commands, options, settings, files, addresses
    # settings, where they are called so
    r"(设置(的 )?|office\.toml 中(填写|的|设置)? ?|请将 |（) ?(parent|unit)\b"
    r"|\b(store|listen|parent) 设置"
    r"|`[^`]*`|silian( [a-z][a-z-]*)*|--[a-z-]+( [a-z|-]+)*|[A-Za-z]*[_./\\=][\w./\\=]*|SILIAN\w*"
    r"|\w+://\S*|YYYY-MM(-DD)?"
)
# Names of products, formats, encodings, units: whatever else is typed stands in backquotes.
NAMES = {
    "ANSI", "ASCII", "CPU", "CSV", "Ctrl", "DTD", "Excel", "GBK", "GiB", "IP", "IPv", "JSON",
    "MiB", "PostgreSQL", "SQLite", "TLS", "TOML", "UTC", "UTF", "csv", "xlsx",
}  # fmt: skip


def english(text: str) -> list[str]:
    """Return the English words of a Chinese text."""
    return [word for word in re.findall(r"[A-Za-z]{2,}", SHOWN.sub(" ", text)) if word not in NAMES]


def whole(text: str) -> str:
    """Return what is wrong with a text; "" for nothing."""
    found = [*english(text), *half_width(text)]
    return f"{text!r}: {found}" if found else ""


def test_the_check_finds_english_words_and_half_width_punctuation() -> None:
    assert english("状态 dispatched，见 `work ls`") == ["dispatched"]
    assert not english("用 silian work ls --box all 查看，或另存为 xlsx；列 f_name")
    assert half_width("任务,资金")
    assert half_width("记录 (已注销)")
    assert half_width("原因: 无")
    assert not half_width("任务，资金（F1）：12:30，主机:端口")


# -- helps ----------------------------------------------------------------------------------------


def helps(command: Any, path: str) -> Iterator[tuple[str, str]]:
    yield path, command.help or ""
    for option in command.params:
        if getattr(option, "help", None) and not option.name.endswith("_completion"):
            yield f"{path} {option.name}", option.help
    for name, below in getattr(command, "commands", {}).items():
        yield from helps(below, f"{path} {name}")


HELPS = dict(helps(get_command(app), "silian"))


def test_every_help_is_whole_in_both_languages() -> None:
    assert len(HELPS) > 300
    wrong = []
    for path, text in HELPS.items():
        zh, en = in_language(text, zh=True), in_language(text, zh=False)
        if not HAN.search(zh) or HAN.search(en) or not en or whole(zh):
            wrong.append(f"{path}: {text!r}")
    assert not wrong, "\n".join(wrong)


# -- texts in the source --------------------------------------------------------------------------


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the Chinese texts of a file; no documentation, no patterns."""
    tree = ast.parse(path.read_text())
    skipped: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            skipped.add(node.value)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "re.compile":
            skipped |= set(ast.walk(node))
        elif isinstance(node, ast.JoinedStr) and node not in skipped:
            skipped |= set(node.values)
            yield (
                node.lineno,
                "".join(
                    str(part.value) if isinstance(part, ast.Constant) else PLACE
                    for part in node.values
                ),
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in skipped:
            yield node.lineno, node.value


FILES = [
    path for package in ("sync", "node", "hub") for path in sorted((ROOT / package).rglob("*.py"))
    if "wire" not in path.parts
]  # fmt: skip
# Here Chinese is data, not a text for people.
DATA = {
    "hub/cli/shape.py",
    "node/domain/days.py",
    "hub/demo/faults.py",
    "node/domain/unit_csv.py",
    "node/domain/number_format.py",
}
# English sentences that quote a Chinese name, and a help of typer's own.
QUOTED = re.compile(r"Write[ ,]|万家花园社区: |The version\. 版本$")


def test_every_chinese_text_of_the_program_is_whole() -> None:
    """Errors, remedies, table headings, names of states, lines for people."""
    wrong, seen = [], 0
    for path in FILES:
        where = str(path.relative_to(ROOT))
        if where in DATA:
            continue
        for line, text in texts(path):
            if not HAN.search(text) or text in HELPS.values() or "{why}" in text:
                continue
            if QUOTED.match(text):
                continue
            seen += 1
            if found := whole(text):
                wrong.append(f"{where}:{line}: {found}")
    assert seen > 1500
    assert not wrong, "\n".join(wrong)


# -- reasons that go into both texts of an error --------------------------------------------------


def displayed(trees: list[ast.Module]) -> dict[str, tuple[list[str], set[str]]]:
    """Return of each error: the parameters of its constructor, and those its Chinese text shows."""
    found = {}
    for tree in trees:
        for made in ast.walk(tree):
            if not isinstance(made, ast.ClassDef):
                continue
            for init in made.body:
                if not (isinstance(init, ast.FunctionDef) and init.name == "__init__"):
                    continue
                names = [each.arg for each in (*init.args.args[1:], *init.args.kwonlyargs)]
                found[made.name] = (names, shown_in_chinese(init) & set(names))
    return found


def shown_in_chinese(init: ast.FunctionDef) -> set[str]:
    for call in ast.walk(init):
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "super().__init__":
            zh = [*call.args[1:2], *(k.value for k in call.keywords if k.arg == "remedy_zh")]
            looked_up = {
                name for part in zh for got in ast.walk(part)
                if isinstance(got, ast.Call) for name in ast.walk(got)
            }  # fmt: skip
            return {
                name.id for part in zh for name in ast.walk(part)
                if isinstance(name, ast.Name) and name not in looked_up
            }  # fmt: skip
    return set()


def literal(value: ast.expr) -> str:
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        return value.value
    if isinstance(value, ast.JoinedStr):
        parts = value.values
        return "".join(str(p.value) if isinstance(p, ast.Constant) else PLACE for p in parts)
    return ""


def test_no_error_puts_an_english_reason_into_its_chinese_text() -> None:
    """A reason that is given where the error is raised is given in both languages."""
    trees = {path: ast.parse(path.read_text()) for path in FILES}
    errors = displayed(list(trees.values()))
    assert errors["StoreUnavailable"][1] == {"where", "why_zh"}
    wrong = []
    for path, tree in trees.items():
        for call in ast.walk(tree):
            if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name)):
                continue
            names, shown = errors.get(call.func.id, ([], set()))
            given = [*zip(names, call.args, strict=False),
                     *((k.arg, k.value) for k in call.keywords)]  # fmt: skip
            wrong += [
                f"{path.relative_to(ROOT)}:{call.lineno}: {call.func.id} {name}: {literal(value)!r}"
                for name, value in given
                if name in shown
                and literal(value) not in OfficeConfig.model_fields
                and english(literal(value))
            ]
    assert not wrong, "\n".join(wrong)


def leaves(thing: Any) -> Iterator[str]:
    if isinstance(thing, dict):
        for key, value in thing.items():
            if not str(key).endswith("_en"):
                yield from leaves(value)
    elif isinstance(thing, str) and HAN.search(thing):
        yield thing


def test_every_explanation_and_problem_is_whole_in_chinese() -> None:
    explained = tomllib.loads((ROOT / "hub/cli/explanations.toml").read_text())
    stated = [text for _, zh, _, remedy, _ in TEXTS.values() for text in (zh, remedy)]
    stated = [re.sub(r"\{\w+\}", PLACE, text) for text in stated]
    found = [*leaves(explained), *stated]
    assert len(found) > 200
    wrong = [whole(text) for text in found if whole(text)]
    assert not wrong, "\n".join(wrong)


def labels_of(thing: Any) -> Iterator[str]:
    """Yield what the catalogue calls things: `zh`, and the choices of a field."""
    if isinstance(thing, dict):
        for key, value in thing.items():
            if key == "zh" and isinstance(value, str):
                yield value
            elif key == "choices":
                yield from (names[0] for names in value.values())
            else:
                yield from labels_of(value)
    elif isinstance(thing, list):
        for each in thing:
            yield from labels_of(each)


def test_every_label_of_the_catalogue_is_whole_in_chinese() -> None:
    found = [
        text for path in sorted((ROOT / "node/catalogue").glob("*.toml"))
        for text in labels_of(tomllib.loads(path.read_text()))
    ]  # fmt: skip
    assert len(found) > 200
    wrong = [whole(text) or f"{text}: no Chinese" for text in found
             if whole(text) or not HAN.search(text)]  # fmt: skip
    assert not wrong, "\n".join(wrong)


# -- one word for one thing -----------------------------------------------------------------------

# What is not used -> the word of docs/glossary.md, as the administration has it.
RIVALS = {
    "街、居": "街道、社区", "街/居": "街道/社区", "市区街居": "市、区、街道、社区",
    "工单": "工作单", "承接": "接收", "报告完成": "报办结", "转派": "转办", "拨付": "下拨",
    "谢绝": "拒绝", "下达": "交办", "缺口": "尚缺，或隔离的变更", "警报": "告警",
    "存根": "已清空的注销记录", "另一值": "未采用的值", "已安全": "已保存", "未开通": "未入网",
    "断线": "断网", "线路": "连接", "链路": "连接", "重算": "复算", "数据流": "变更流",
    "可见范围": "送达范围", "下属": "下级", "下辖": "下级", "转移": "划转", "体检": "运行环境检查",
    "快照": "全量副本", "作废": "注销", "报送": "上报", "--reason 原因": "--reason 理由",
}  # fmt: skip


def test_one_thing_has_one_chinese_word() -> None:
    stated = {f"{path.relative_to(ROOT)}:{line}": text
              for path in FILES for line, text in texts(path)}  # fmt: skip
    for path in [ROOT / "hub/cli/explanations.toml", *(ROOT / "node/catalogue").glob("*.toml")]:
        stated |= {f"{path.name} {n}": text for n, text in enumerate(leaves(tomllib.loads(
            path.read_text())))}  # fmt: skip
    found = [
        f"{where}: {rival} is {word}: {text!r}"
        for where, text in stated.items()
        for rival, word in RIVALS.items()
        if re.search(rf"(?<!工作){rival}" if rival == "工单" else re.escape(rival), text)
    ]
    assert not found, "\n".join(found)


def test_the_glossary_has_no_banned_word() -> None:
    rows = (ROOT / "docs/glossary.md").read_text().splitlines()
    words = [row.split("|")[2].strip() for row in rows if row.count("|") == 5]
    assert len(words) > 60
    assert not [(word, rival) for word in words for rival in RIVALS if rival in word]


TABLES = [
    name
    for name, value in vars(labels).items()
    if name.isupper() and isinstance(value, dict) and not name.endswith("_ZH")
]


@pytest.mark.parametrize("name", TABLES)
def test_every_code_has_a_chinese_name(name: str) -> None:
    table = vars(labels)[name]
    assert not [code for code, (zh, _) in table.items() if zh and not HAN.search(zh)]
    assert not [zh for zh, _ in table.values() if whole(zh)]


def test_states_of_transfers_have_one_name_where_chosen_and_where_shown() -> None:
    chosen = {code: (zh, en.lower()) for code, (zh, en) in TRANSFER_STATES.items()}
    assert dict(labels.TRANSFERS) == chosen
