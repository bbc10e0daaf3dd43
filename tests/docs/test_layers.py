"""Who may import whom: the contracts of pyproject.toml, and that they cover what they should."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PURE_PACKAGES = {"sync.merge", "sync.model"}
PURE_ENGINE = PURE_PACKAGES | {
    "sync.compare.drilldown", "sync.link.backoff", "sync.link.messages", "sync.link.session",
    "sync.recovery.bisect", "sync.retention.plan", "sync.snapshot.plan", "sync.store.priority",
    "sync.tlog.tree",
}  # fmt: skip
# What reaches outside a function's arguments: a clock, chance, the disk, the net, other threads.
OUTSIDE = {
    "asyncio", "logging", "secrets", "socket", "sqlite3", "subprocess", "tempfile", "threading",
    "time", "urllib", "uuid",
}  # fmt: skip
WIRE_READERS = (
    "sync.apply.receive", "sync.bundle", "sync.codec", "sync.compare", "sync.link", "sync.recovery",
    "sync.rpc", "sync.snapshot", "sync.tlog.wire", "sync.wire", "hub.",
)  # fmt: skip


def modules(*packages: str) -> Iterator[tuple[str, Path]]:
    """Yield (dotted name, file) of every module below the packages."""
    for package in packages:
        for path in sorted((ROOT / package.replace(".", "/")).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(part for part in parts if part != "__init__"), path


def imports(path: Path) -> Iterator[str]:
    """Yield the dotted name of everything that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_within(name: str, packages: set[str]) -> bool:
    """Tell whether a dotted name is one of the packages or lies inside one."""
    return any(name == package or name.startswith(package + ".") for package in packages)


def test_the_import_contracts_hold() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_contract_of_the_pure_engine_names_every_pure_module() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    (named,) = (
        set(c["source_modules"]) for c in contracts if "sync.merge" in c.get("source_modules", ())
    )
    assert named == PURE_ENGINE, f"list in pyproject.toml: {sorted(PURE_ENGINE)}"


def packages_with_a_face() -> Iterator[str]:
    """Yield the packages of the engine and of the services."""
    for top in ("sync", "node.services"):
        for path in sorted((ROOT / top.replace(".", "/")).glob("*/__init__.py")):
            if path.parent.name != "wire":
                yield f"{top}.{path.parent.name}"


@pytest.mark.parametrize("package", list(packages_with_a_face()))
def test_a_package_names_its_face_and_a_contract_protects_the_rest(package: str) -> None:
    inside = {name for name, _ in modules(package) if name != package}
    docstring = ast.get_docstring(
        ast.parse((ROOT / package.replace(".", "/") / "__init__.py").read_text(encoding="utf-8"))
    )
    found = re.search(r"^Face: (.+)\.$", docstring or "", re.MULTILINE)
    assert found, f"{package}: say in the docstring what outsiders may import"
    named = {f"{package}.{name}" for name in re.findall(r"`(\w+)`", found[1])}
    face = inside if found[1] == "all of it" else named
    assert face <= inside, f"{package}: the docstring names what is not there"
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    protected = {
        name
        for contract in settings["tool"]["importlinter"]["contracts"]
        if contract["type"] == "protected"
        for name in contract["protected_modules"]
        if name.startswith(f"{package}.")
    }
    assert protected == inside - face, f"protect in pyproject.toml: {sorted(inside - face)}"


@pytest.mark.parametrize(("name", "path"), list(modules("node.domain")))
def test_the_domain_needs_the_standard_library_and_the_pure_engine_only(
    name: str, path: Path
) -> None:
    allowed = {
        "node.domain",
        "node.catalogue",
        "node.china",
        *PURE_ENGINE,
        *sys.stdlib_module_names,
    }
    foreign = [found for found in imports(path) if not is_within(found, allowed)]
    assert foreign == [], f"{name} is not pure"


@pytest.mark.parametrize(
    ("name", "path"), [(n, p) for n, p in modules("sync") if is_within(n, PURE_ENGINE)]
)
def test_the_pure_engine_does_no_input_or_output(name: str, path: Path) -> None:
    allowed = PURE_ENGINE | sys.stdlib_module_names - OUTSIDE
    foreign = [found for found in imports(path) if not is_within(found, allowed)]
    assert foreign == [], f"{name} is not pure: take the clock, the chance, the log as an argument"


def test_in_the_engine_only_one_module_compresses() -> None:
    users = {name for name, path in modules("sync") if is_within_any(path, {"zstandard"})}
    assert users == {"sync.codec.compress"}


def test_generated_code_is_read_at_the_edge_only() -> None:
    users = {name for name, path in modules("node", "sync") if is_within_any(path, {"sync.wire"})}
    assert {name for name in users if not name.startswith(WIRE_READERS)} == set()


def is_within_any(path: Path, packages: set[str]) -> bool:
    """Tell whether a file imports from one of the packages."""
    return any(is_within(found, packages) for found in imports(path))
