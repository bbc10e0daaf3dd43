"""What holds for every file that is committed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
INPUTS = ROOT / "tests" / "data"  # in any encoding
# Written so that this file does not find itself.
MACHINE_PATH = re.compile(
    r"(?<![\w.}>)-])/(?:wor[k]\b|roo[t]/|hom[e]/\w|User[s]/\w)|file:/{2}|\.librar[y]/|\bshared/\w+\.m[d]"
)


def committed() -> list[Path]:
    """Return every text file that git knows; all files where this is no checkout."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    paths = (ROOT / name for name in listed.stdout.split("\0") if name)
    return [path for path in paths if path.is_file()]


def text_of(path: Path) -> str:
    """Return a file's text; nothing for a picture, a workbook, an archive, a test's input."""
    data = path.read_bytes()
    return "" if b"\0" in data or INPUTS in path.parents else data.decode("utf-8")


MARKDOWN = [path for path in committed() if path.suffix == ".md"]


def test_no_file_names_a_path_of_one_developers_machine() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for path in committed()
        for number, line in enumerate(text_of(path).splitlines(), start=1)
        if MACHINE_PATH.search(line)
    ]
    assert found == []


def without_blocks(path: Path) -> str:
    """Return a Markdown file's text without its fenced blocks, which are code."""
    return re.sub(r"(?ms)^ *```.*?^ *```", "", text_of(path))


def anchors(path: Path) -> set[str]:
    """Return the anchors that a Markdown file's headings make, as forges compute them."""
    headings = re.findall(r"^#+ +(.+?) *#*$", without_blocks(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in headings}


@pytest.mark.parametrize("path", MARKDOWN, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_inside_the_documents_leads_somewhere(path: Path) -> None:
    text = re.sub(r"`[^`\n]*`", "", without_blocks(path))
    broken = []
    for target in re.findall(r"\]\(<?([^)>\s]+)>?(?: \"[^\"]*\")?\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        goal = (path.parent / name).resolve() if name else path
        if not goal.exists() or (anchor and anchor not in anchors(goal)):
            broken.append(target)
    assert broken == []


def test_the_generated_code_matches_the_contract() -> None:
    command = [sys.executable, "proto/generate.py", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_proto_is_no_package() -> None:
    """`import proto` belongs to another project; ours is a folder of contracts."""
    assert not (ROOT / "proto" / "__init__.py").exists()


@pytest.mark.parametrize("package", ["hub", "node", "sync"])
def test_the_packages_under_test_are_the_ones_of_this_checkout(package: str) -> None:
    module = __import__(package)
    assert Path(str(module.__file__)).is_relative_to(ROOT)
