"""What docs/cases.md says of tests and of files is so."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "cases.md").read_text(encoding="utf-8")


def test_every_test_that_the_page_names_is_there() -> None:
    named = set(re.findall(r"`(test_\w+)`", TEXT))
    written = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert named
    assert named - written == set()


def test_every_file_and_name_in_it_that_the_page_names_is_there() -> None:
    files = re.findall(r"`((?:[\w./]+/)?\w+\.py)(?:: (\w+))?`", TEXT)
    assert files
    for file, name in files:
        path = ROOT / (file if "/" in file else f"node/workbook/{file}")
        assert path.is_file(), file
        assert re.search(rf"\b(?:def|class) {name}\b", path.read_text(encoding="utf-8")), name
