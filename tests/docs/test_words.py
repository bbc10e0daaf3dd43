"""The check of the house's words finds what the glossary bans."""

from __future__ import annotations

from pathlib import Path

from tests.checks.words import banned, banned_in_prose, faults_in, prose_faults

ROOT = Path(__file__).resolve().parents[2]
GLOSSARY = (ROOT / "docs/glossary.md").read_text(encoding="utf-8")


def _faults(source: str) -> list[tuple[int, str]]:
    return list(prose_faults(banned_in_prose(GLOSSARY), source))


def test_a_banned_word_in_a_comment_or_a_docstring_is_a_fault() -> None:
    source = '"""A module.\n\nIts Holes.\n"""\n\nx = 1  # what it heard\n"""Told of `x`."""\n'
    assert sorted(_faults(source)) == [(3, "Holes"), (6, "heard"), (7, "Told")]


def test_a_banned_phrase_is_found_over_the_end_of_a_line() -> None:
    assert _faults("# It takes its own\n# words back.\n") == [(1, "own words")]
    assert _faults('"""It takes its own\nwords back."""\n') == [(1, "own words")]


def test_other_words_and_code_are_no_fault() -> None:
    assert _faults('"""The whole of `told`, with shear force."""\nheard = "told"\n') == []


def test_a_banned_word_in_a_name_is_a_fault() -> None:
    source = "def _is_heard(stated: str) -> str:\n    return stated\n"
    assert list(faults_in(Path("sync/x.py"), banned(GLOSSARY), source)) == [(1, "_is_heard")]
