"""One word, one meaning: the glossary keeps its own rule."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (ROOT / "docs/glossary.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and not line.startswith(("| say", "| ---"))
]
WORDS = [word.strip() for row in ROWS for word in row[0].split(",")]
AVOIDED = {word.strip() for row in ROWS for word in row[3].split(",") if word.strip(" –")}
# The vocabulary that every module uses; a word that leaves the code leaves this line too.
CORE = {
    "unit", "office", "node", "hub", "incarnation", "record", "register", "change", "audience",
    "stream", "log", "cursor", "session", "batch", "ack", "apply", "merge", "conflict", "hole",
    "quarantine", "assignment", "event", "ledger", "entry", "fund", "contribution", "cell",
    "rollup", "watermark",
}  # fmt: skip


def test_every_row_gives_the_word_its_chinese_its_meaning_and_what_not_to_say() -> None:
    assert [row for row in ROWS if len(row) != 4 or not all(row)] == []
    assert [row for row in ROWS if not re.search(r"[\u4e00-\u9fff]", row[1])] == []


def test_every_word_is_defined_once() -> None:
    assert [word for word, count in Counter(WORDS).items() if count > 1] == []


def test_no_word_to_avoid_is_itself_a_word_of_ours() -> None:
    assert set(WORDS) & AVOIDED == set()


def test_the_core_vocabulary_is_defined() -> None:
    assert CORE - set(WORDS) == set()
