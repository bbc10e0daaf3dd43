"""The layer table of docs/architecture.md names every file: a newcomer can guess from it."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| (`(?:hub|node|sync)[^|]*`) \| .* \| (.*) \|$", re.MULTILINE)
WITHOUT = {"sync/wire", "node/catalogue"}  # generated; data


def test_the_layer_table_names_every_file_of_every_package() -> None:
    named: dict[str, set[str]] = {}
    for packages, files in ROW.findall((ROOT / "docs/architecture.md").read_text(encoding="utf-8")):
        first, *more = re.findall(r"`([^`]+)`", packages)
        base = first.rpartition("/")[0]
        for package in (first, *(name if "/" in name else f"{base}/{name}" for name in more)):
            named[package] = set(re.findall(r"[a-z_0-9]+", files))
    found: dict[str, set[str]] = {}
    for top in ("hub", "node", "sync"):
        for path in (ROOT / top).rglob("*.py"):
            package = str(path.parent.relative_to(ROOT))
            if not path.stem.startswith("__") and "versions" not in path.parts:
                found.setdefault(package, set()).add(path.stem)
    left = {
        package: sorted(files - named.get(package, set()))
        for package, files in found.items()
        if package not in WITHOUT and not package.startswith(("sync/wire", "node/store/migrations"))
    }
    assert {package: files for package, files in left.items() if files} == {}
