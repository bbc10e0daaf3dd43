"""docs/architecture.md sends a reader to files and functions that are there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")


def test_every_file_that_is_named_exists() -> None:
    paths = set(re.findall(r"\b(?:hub|node|sync|tests|docs)/[\w/]+\.(?:py|proto|md)\b", TEXT))
    assert sorted(path for path in paths if not (ROOT / path).is_file()) == []


def test_every_file_named_next_to_another_is_in_the_same_folder() -> None:
    lost = []
    for row in re.findall(r"^\| .*$", TEXT, re.MULTILINE):
        folders = [
            path.rpartition("/")[0] for path in re.findall(r"`((?:hub|node|sync)/\S*)`", row)
        ]
        lost += [
            (name, row)
            for name in re.findall(r"`(\w+\.py)[`:]", row)
            if not any((ROOT / folder / name).is_file() for folder in folders)
        ]
    assert lost == []


def test_every_function_that_is_named_is_in_its_file() -> None:
    lost = [
        (path, name)
        for path, names in re.findall(r"`((?:hub|node|sync)/[\w/]+\.py): ([\w, ]+)`", TEXT)
        for name in names.split(", ")
        if not re.search(rf"\bdef {name}\b", (ROOT / path).read_text(encoding="utf-8"))
    ]
    assert lost == []


def test_every_file_of_the_layer_table_is_in_its_package() -> None:
    """Where a row names two packages, a file is in one of them."""
    lost, seen = [], 0
    for packages, _, files in re.findall(
        r"^\| (`(?:hub|node|sync).*?) \| (.*?) \| (.*?) \|$", TEXT, re.MULTILINE
    ):
        first, *others = re.findall(r"`([\w/]+)`", packages)
        folders = [
            first,
            *(other if "/" in other else f"{first.rpartition('/')[0]}/{other}" for other in others),
        ]
        for name in re.findall(r"`(\w+)`", files):
            seen += 1
            if not any((ROOT / folder / f"{name}.py").is_file() for folder in folders):
                lost.append((packages, name))
    assert lost == []
    assert seen > 80
