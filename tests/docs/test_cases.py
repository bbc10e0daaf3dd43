"""What docs/cases.md says of tests and of files is so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "cases.md").read_text(encoding="utf-8")


def named_tests() -> Iterator[tuple[str, str]]:
    """Yield (file, test); a test that is named without a file is in the one named before it."""
    for row in PAGE.splitlines():
        file = ""
        for path, name in re.findall(r"`(tests/[\w/]+\.py)?::(\w+)`", row):
            file = path or file
            yield file, name


@pytest.mark.parametrize(("file", "name"), sorted(set(named_tests())))
def test_every_test_that_the_page_names_with_its_file_is_there(file: str, name: str) -> None:
    source = (ROOT / file).read_text(encoding="utf-8")
    assert re.search(rf"^(?:def {name}\(|class {name}\b)", source, re.MULTILINE)


def test_every_test_that_the_page_names_alone_is_there() -> None:
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    written = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert named
    assert named - written == set()


def test_every_file_and_name_in_it_that_the_page_names_is_there() -> None:
    files = re.findall(r"`((?:[\w./]+/)?\w+\.(?:py|toml))(?:: ([\w.]+))?`", PAGE)
    assert len(files) > 10
    for file, dotted in files:
        path = ROOT / (file if "/" in file else f"node/workbook/{file}")
        assert path.is_file(), file
        for name in filter(None, dotted.split(".")):
            source = path.read_text(encoding="utf-8")
            known = rf"(?:\b(?:def|class) {name}\b|^\s*{name}(?: =|:))"
            assert re.search(known, source, re.MULTILINE), f"{file}: {name}"
