"""The house's words: no identifier and no module name uses a banned word; no module is a gerund.

The words stand in docs/glossary.md, section "Banned in identifiers". `python -m tests.checks.words`
prints each fault as file:line and exits with 1 if there is one.
"""

from __future__ import annotations

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
LEDGER_NAME = re.compile(r"^_?(held_fen|HELD|held)$")
LEDGER_FILES = re.compile(r"ledger|money|posting|conservation|balance|bank|formula|report|fund")
GERUND = re.compile(r"[a-z]{2,}ing$")
FIELD_GERUNDS = {"importing", "exporting", "signing"}  # the gerund is the field's word
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
    words = banned((ROOT / "docs/glossary.md").read_text(encoding="utf-8"))
    faults = 0
    for path in python_files():
        for fault in name_faults(path, words):
            print(f"{path}: the file's name: {fault}")
            faults += 1
        for line, name in faults_in(path, words, (ROOT / path).read_text(encoding="utf-8")):
            print(f"{path}:{line}: {name}: see docs/glossary.md, Banned in identifiers")
            faults += 1
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
