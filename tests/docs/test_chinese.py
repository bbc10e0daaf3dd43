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
from node.services.health.problems import TEXTS

ROOT = Path(__file__).parents[2]
HAN = re.compile(r"[一-鿿]")
PLACE = "\0"  # where a value is put in
# A sign of half width next to a Chinese character; one between two codes is allowed.
HALF = re.compile(r"[一-鿿”》）] *[,;:?!()]|[,;:?!()] *[一-鿿“《（]")
FORMS = ("主机:端口", "用户@主机:5432/数据库")  # are typed as they stand
SHOWN = re.compile(  # is typed or seen as it stands: commands, options, settings, files, addresses
    r"`[^`]*`|silian( [a-z][a-z-]*)*|--[a-z-]+( [a-z|-]+)*|[A-Za-z]*[_./\\=][\w./\\=]*|SILIAN\w*"
    r"|\w+://\S*|YYYY-MM(-DD)?"
)
# Names that Chinese texts have in Latin letters: products, formats, units, signals, settings.
NAMES = {
    "ANSI", "ASCII", "BOM", "CPU", "CSV", "Ctrl", "DTD", "ENCODING", "Excel", "GBK", "IP", "IPv",
    "JSON", "KiB", "LimitNOFILE", "MiB", "PostgreSQL", "SIGTERM", "SQLite", "Silian", "TEMPLATE",
    "TLS", "TOML", "UTC", "UTF", "audience", "choice", "collation", "csv", "doctor", "false",
    "kill", "listen", "logs", "loser", "mode", "parent", "psql", "pysqlite", "record", "scale",
    "seen", "set", "shown", "store", "systemd", "template", "true", "type", "ulimit", "unit",
    "xlsx", "as", "is", "was", "city", "district", "street", "community", "asof", "DEBUG",
    "GiB", "zh", "en", "workbook", "SHA", "SQL", "value", "xls", "xlsm", "ZIP", "PATH",
}  # fmt: skip


def english(text: str) -> list[str]:
    """Return the English words of a Chinese text."""
    return [word for word in re.findall(r"[A-Za-z]{2,}", SHOWN.sub(" ", text)) if word not in NAMES]


def half_width(text: str) -> list[str]:
    for form in FORMS:
        text = text.replace(form, PLACE)
    return HALF.findall(text.replace("!=", PLACE))


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
