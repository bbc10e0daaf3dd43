"""Input files of verbs end, whatever they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.cli.inputs import content_of
from node.workbook.errors import WorkbookTooLarge


def test_a_file_without_an_end_is_refused_and_not_read_for_ever() -> None:
    with pytest.raises(WorkbookTooLarge, match="more than"):
        content_of(Path("/dev/zero"))


def test_a_file_is_read_whole(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(b"1,2")
    assert content_of(file) == b"1,2"
