"""One word, one meaning: the glossary keeps its own rule."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (ROOT / "docs/glossary.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and not line.startswith(("| use |", "| ---"))
]
TERMS = [term.strip() for row in ROWS for term in row[0].split(",")]
AVOIDED = {term.strip() for row in ROWS for term in row[3].split(",") if term.strip(" –")}
# The vocabulary that every module uses; a word that leaves the code leaves this line too.
CORE = {
    "unit", "office", "node", "hub", "incarnation", "record", "register", "change", "audience",
    "stream", "log", "cursor", "session", "batch", "ack", "apply", "merge", "conflict",
    "quarantine", "assignment", "event", "ledger", "entry", "fund", "contribution", "cell",
    "rollup", "watermark",
}  # fmt: skip


def test_every_row_gives_the_term_its_chinese_its_meaning_and_the_terms_to_avoid() -> None:
    assert [row for row in ROWS if len(row) != 4 or not all(row)] == []
    assert [row for row in ROWS if not re.search(r"[\u4e00-\u9fff]", row[1])] == []


def test_every_term_is_defined_once() -> None:
    assert [term for term, count in Counter(TERMS).items() if count > 1] == []


def test_no_term_to_avoid_is_itself_a_defined_term() -> None:
    assert set(TERMS) & AVOIDED == set()


def test_the_core_vocabulary_is_defined() -> None:
    assert CORE - set(TERMS) == set()
