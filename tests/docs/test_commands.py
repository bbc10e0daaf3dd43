"""What the README and the documents tell people to type works: run in order, or read by the verb.

Not run, only read: `silian demo` and `make` targets, which take minutes (tests/integration/
test_demo.py runs the demonstration), and what needs a second machine (`bundle` between two).
"""

from __future__ import annotations

import os
import re
import select
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from hub.cli.main import app
from tests.support.silian import SERVE, START_S_MAX, STOP_S_MAX, Ran, free_ports, silian

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "deploy/README.md",
         *sorted((ROOT / "docs").glob("*.md"))]  # fmt: skip
FORMER = {"moved.md"}  # names verbs that are gone
TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
TREE: Any = get_command(app)
PLACEHOLDERS = {"VERB"}
PURPOSE = re.compile(
    r"silian (stream|log|child|parent|bundle|certificate request|certify) 1"
    r"|silian sealed backup 1: [a-z]+"
)  # what a signature is for, no verb


# -- what is written ------------------------------------------------------------------------------


def blocks(text: str) -> list[str]:
    return re.findall(r"^```[a-z]*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def typed(line: str) -> list[str]:
    """Return the words of a command line, without its remark and `&`."""
    return [word for word in shlex.split(line.removeprefix("$ "), comments=True) if word != "&"]


def commands(text: str) -> Iterator[list[str]]:
    """Yield every `silian ...` of a page: in its blocks, and in its sentences."""
    for block in blocks(text):
        for line in block.splitlines():
            if re.match(r"(\$ )?silian ", line):
                yield typed(line)
    for quoted in re.findall(r"`(silian [^`\n]*)`", text):
        yield shlex.split(re.sub(r"[\[\]]|\.\.\.", " ", quoted))


def wrong(words: list[str]) -> str:
    """Return what of a command line the program does not have; "" if it has it all."""
    command, at = TREE, 1
    while isinstance(command, TyperGroup) and at < len(words):
        if words[at] in PLACEHOLDERS or words[at].startswith("-"):
            break
        if words[at] not in command.commands:
            return f"no verb {words[at]}"
        command, at = command.commands[words[at]], at + 1
    known = {opt for each in command.params for opt in (*each.opts, *each.secondary_opts)}
    known |= {"--help", "-h", "--install-completion", "--show-completion"}
    options = [word.partition("=")[0] for word in words[at:] if re.match(r"--?[a-z]", word)]
    return ", ".join(option for option in options if option not in known)


def test_the_reading_of_command_lines_finds_what_is_not_there() -> None:
    assert wrong(["silian", "recor", "ls"]) == "no verb recor"
    assert wrong(["silian", "status", "--tre"]) == "--tre"
    assert not wrong(["silian", "status", "--tree", "--dir", "x"])
    assert [*commands("```\n$ silian status  # now\n```\n`silian explain CODE`")] == [
        ["silian", "status"], ["silian", "explain", "CODE"],
    ]  # fmt: skip


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_a_page_exists_with_its_options(page: Path) -> None:
    if page.name in FORMER:
        return
    text = page.read_text(encoding="utf-8")
    found = [(" ".join(words), wrong(words)) for words in commands(text)]
    assert not [each for each in found if each[1] and not PURPOSE.fullmatch(each[0])]
    made = re.findall(r"(?:^|`)make ((?:[A-Z]+=\S+ )*)([a-z]+)", text, re.MULTILINE)
    assert {target for _, target in made} <= TARGETS


def test_every_option_that_the_table_of_verbs_names_is_one_of_the_verb() -> None:
    text = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(silian [a-z -]+)` \| (.*) \|$", text, re.MULTILINE)
    assert len(rows) > 80
    found = []
    for verb, does in rows:
        options = re.findall(r"(?<![\w`-])--[a-z][a-z-]*|(?<=`)--[a-z][a-z-]*", does)
        if stray := wrong([*verb.split(), *options]):
            found.append(f"{verb}: {stray}")
    assert not found, "\n".join(found)


# -- what is run ----------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ran(words: list[str]) -> Ran:
    done = silian(*words[1:], lang="en")
    assert done.exit == 0, f"{shlex.join(words)}: {done.exit} {done.err}"
    return done


def test_a_newcomer_sees_what_the_readme_shows(folder: Path) -> None:
    """Every command of the first block, and below it the same headings and rows."""
    first = blocks(README)[0]
    assert first.count("\n$ ") + 1 >= 5
    for part in re.split(r"^\$ ", first, flags=re.MULTILINE)[1:]:
        line, _, output = part.partition("\n")
        done = ran(typed(line))
        printed = re.sub(r" +", " ", done.out + done.err)
        for shown in output.splitlines():
            same = re.escape(re.sub(r" +", " ", shown.strip()))
            same = re.sub(r"\d{4}\\-\d\d\\-\d\d( \d\d:\d\d:\d\d)?|\\ \d\d:\d\d:\d\d", ".*", same)
            same = re.sub(r"[0-9a-f]{32}", "[0-9a-f]{32}", same)  # an id is made anew
            if not re.search(r"\[0\-9a\-f\]|\[0-9a-f\]", same):
                assert re.search(same, printed), f"{line}: {shown!r} not in\n{printed}"


@pytest.fixture
def ports() -> dict[str, str]:
    """Free ports for those of the README: another process of this machine may use them."""
    named = sorted(set(re.findall(r"127\.0\.0\.1:(74\d\d)", README)))
    with ExitStack() as kept:
        free = []
        for _ in named:
            each = kept.enter_context(socket.socket())
            each.bind(("127.0.0.1", 0))
            free.append(str(each.getsockname()[1]))
    return dict(zip(named, free, strict=True))


def served(words: list[str]) -> subprocess.Popen[bytes]:
    """Start a line that ends with `&`; return when it says its address."""
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, *words[1:]], stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, env=os.environ | {"SILIAN_LOG": "ERROR"},
    )  # fmt: skip
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], START_S_MAX)
    assert ready, shlex.join(words)
    assert process.stdout.readline()
    return process


def test_real_offices_run_as_the_readme_says(folder: Path, ports: dict[str, str]) -> None:
    (block,) = (b for b in blocks(README) if "silian serve" in b and "silian cert" not in b)
    for port, free in ports.items():
        block = block.replace(f":{port}", f":{free}")
    lines = [line for line in block.splitlines() if line.startswith("silian ")]
    verbs = {typed(line)[1] for line in lines}
    assert verbs >= {"init", "serve", "template", "import", "status", "rollup", "today"}
    run_all(lines)


def test_two_hosts_are_set_up_and_joined_as_the_readme_says(folder: Path) -> None:
    (block,) = (each for each in blocks(README) if "silian cert" in each)
    hosts = sorted(set(re.findall(r"10\.0\.0\.\d", block)))
    assert len(hosts) == 2
    for number, host in enumerate(hosts, start=2):
        here = f"127.0.0.{number}"
        block = re.sub(rf"{re.escape(host)}:\d+", f"{here}:{free_ports(here)}", block)
    run_all([line for line in block.splitlines() if line.startswith("silian ")])


def run_all(lines: list[str]) -> None:
    """Run the lines of a block in order; stop what they have started."""
    running: list[subprocess.Popen[bytes]] = []
    try:
        for line in lines:
            words = typed(line)
            if words[1] == "serve":
                running.append(served(words))
                continue
            if words[1] == "import":
                fill(Path(words[2]))
            done = ran(words)
            assert done.out or words[1] == "today", line
    finally:
        for process in reversed(running):  # the lowest office first
            process.send_signal(signal.SIGTERM)
            assert process.wait(STOP_S_MAX) == 0
            process.stdout.close()  # type: ignore[union-attr]


def fill(workbook: Path) -> None:
    """Do what the README leaves to a person: write a row into the empty workbook."""
    import openpyxl

    book = openpyxl.load_workbook(workbook)
    sheet = book.worksheets[0]
    heads = [str(cell.value) for cell in sheet[1]]
    row = {"Premises name": "文体中心", "Use": "Activity", "Area": "320.5"}
    for column, head in enumerate(heads, start=1):
        for name, value in row.items():
            if head.startswith(name):
                sheet.cell(2, column, value)
    book.save(workbook)
