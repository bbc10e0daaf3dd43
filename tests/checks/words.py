"""The house's words: no name and no comment uses a banned word; no module's name is a gerund.

The words are in docs/glossary.md, sections "Banned in identifiers" and "Banned in comments and
docstrings". `python -m tests.checks.words` prints each fault as file:line and exits with 1 if there
is one.
"""

from __future__ import annotations

import ast
import io
import keyword
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
# The ledger's account "held": these names are about money, not about the engine.
LEDGER_NAME = re.compile(r"^(held_fen|HELD)$")
LEDGER_FILES = re.compile(r"ledger|money|posting|conservation|balance|bank|formula|report|fund")
GERUND = re.compile(r"[a-z]{2,}ing$")
FIELD_GERUNDS = {"importing", "exporting", "signing"}  # the gerund is the field's word
PRODUCT = ("sync/", "node/", "hub/")  # whose comments and docstrings are checked, too
CODE_SPAN = re.compile(r"`[^`]*`")
NOUNS = {"posting", "string", "ring", "thing", "setting", "testing", "routing"}  # no gerunds


def banned(glossary: str) -> frozenset[str]:
    """Return the words of the last section's code block, and `held`."""
    (block,) = re.findall(r"## Banned in identifiers.*?```\n(.*?)```", glossary, re.DOTALL)
    return frozenset(block.split()) | {"held"}


def parts_of(name: str) -> set[str]:
    """Split snake_case and CamelCase into lower-case words."""
    return {part.lower() for part in PARTS.findall(name)}


def faults_in(path: Path, words: frozenset[str], source: str) -> Iterator[tuple[int, str]]:
    """Yield (line, name) of every identifier of a file that has a banned word in it."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.NAME or keyword.iskeyword(token.string):
            continue
        found = parts_of(token.string) & words
        if found == {"held"} and _is_ledger(path, token.string):
            continue
        if found:
            yield token.start[0], token.string


def name_faults(path: Path, words: frozenset[str]) -> list[str]:
    """Return what is wrong with a module's own name."""
    stem = path.stem.removeprefix("test_")
    last = stem.rsplit("_", 1)[-1]
    faults = sorted(parts_of(stem) & (words - {"held"}))
    gerund = GERUND.search(last) and last not in FIELD_GERUNDS | NOUNS
    if gerund and not path.name.startswith("test_"):
        faults.append(f"{last} is a gerund")
    return faults


def banned_in_prose(glossary: str) -> re.Pattern[str]:
    """Return what finds the words of the code block about comments, wherever a line is broken."""
    section = r"## Banned in comments and docstrings.*?```\n(.*?)```"
    (block,) = re.findall(section, glossary, re.DOTALL)
    phrases = (r"\s+".join(phrase.split()) for phrase in block.split(","))
    return re.compile(rf"\b({'|'.join(phrases)})\b", re.IGNORECASE)


def prose_faults(phrases: re.Pattern[str], source: str) -> Iterator[tuple[int, str]]:
    """Yield (line, phrase) of every banned phrase in a comment or a docstring."""
    for line, text in _prose(source):
        spared = CODE_SPAN.sub(lambda code: re.sub(r"[^\n]", " ", code.group()), text)
        for found in phrases.finditer(spared):
            yield line + spared.count("\n", 0, found.start()), " ".join(found.group().split())


def _prose(source: str) -> Iterator[tuple[int, str]]:
    """Yield (line, text): comments that follow each other as one text, and every docstring."""
    comments: list[tuple[int, str]] = []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        text = token.string.lstrip("# ")
        if comments and comments[-1][0] + comments[-1][1].count("\n") + 1 == token.start[0]:
            comments[-1] = (comments[-1][0], f"{comments[-1][1]}\n{text}")
        else:
            comments.append((token.start[0], text))
    yield from comments
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Expr(value=ast.Constant(value=str(text))):
                yield node.lineno, text


def _is_ledger(path: Path, name: str) -> bool:
    return bool(LEDGER_NAME.match(name) or LEDGER_FILES.search(path.as_posix()))


def python_files() -> list[Path]:
    """Return the project's Python files that people write (generated code left out)."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "*.py"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    return [Path(name) for name in listed if "/wire/" not in name and (ROOT / name).exists()]


def main() -> int:
    """Print every fault; return 1 if there is one."""
    glossary = (ROOT / "docs/glossary.md").read_text(encoding="utf-8")
    words, phrases = banned(glossary), banned_in_prose(glossary)
    faults = 0
    for path in python_files():
        for fault in name_faults(path, words):
            print(f"{path}: the file's name: {fault}")
            faults += 1
        source = (ROOT / path).read_text(encoding="utf-8")
        for line, name in faults_in(path, words, source):
            print(f"{path}:{line}: {name}: see docs/glossary.md, Banned in identifiers")
            faults += 1
        if not path.as_posix().startswith(PRODUCT):
            continue
        for line, phrase in prose_faults(phrases, source):
            print(f"{path}:{line}: {phrase}: see docs/glossary.md, Banned in comments")
            faults += 1
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
