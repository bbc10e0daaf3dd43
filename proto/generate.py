"""Generate sync/wire from the contract beside this file; `--check` only compares."""

from __future__ import annotations

import argparse
import filecmp
import importlib.resources
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PROTO = Path(__file__).resolve().parent
ROOT = PROTO.parent
CONTRACTS = Path("silian")  # the packages of the contract, under proto/
PACKAGE = Path("sync/wire")  # where the generated code lives, under the root
INIT = '"""Generated from proto/ by `make proto`: never edit."""\n'


def sources() -> list[Path]:
    """Return every contract file, relative to proto/, in a fixed order."""
    return sorted(path.relative_to(PROTO) for path in (PROTO / CONTRACTS).rglob("*.proto"))


def generate(out: Path) -> None:
    """Write the messages, the services and the stubs of both below `out`/sync/wire.

    protoc derives Python's import paths from the contract's packages; `silian` is the name of
    the command, and the code lives in the engine, so the imports are rewritten.

    Raises: subprocess.CalledProcessError, after protoc has named the file and the line.
    """
    files = [str(path) for path in sources()]
    well_known = importlib.resources.files("grpc_tools") / "_proto"
    raw = out / "raw"
    stub_plugin = Path(sys.executable).parent / "protoc-gen-mypy_grpc"
    command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{PROTO}", f"-I{well_known}"]
    command += [f"--{kind}_out={raw}" for kind in ("python", "pyi", "grpc_python")]
    command += [f"--plugin=protoc-gen-mypy_grpc={stub_plugin}", f"--mypy_grpc_out=quiet:{raw}"]
    raw.mkdir()
    subprocess.run([*command, *files], check=True)
    for path in sources():
        drop_if_without_services(path, raw)
    move_into_package(raw / CONTRACTS, out / PACKAGE)
    shutil.rmtree(raw)


def move_into_package(source: Path, target: Path) -> None:
    """Copy generated code to its place, with imports that find it there."""
    for path in sorted(source.rglob("*.py*")):
        place = target / path.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        text = path.read_text(encoding="utf-8")
        place.write_text(text.replace("from silian.", "from sync.wire."), encoding="utf-8")
    for folder in [target, *(path for path in target.rglob("*") if path.is_dir())]:
        (folder / "__init__.py").write_text(INIT, encoding="utf-8")


def drop_if_without_services(source: Path, out: Path) -> None:
    """Remove the service module that protoc writes even for a file that declares no service."""
    if "\nservice " not in (PROTO / source).read_text(encoding="utf-8"):
        for ending in ("_pb2_grpc.py", "_pb2_grpc.pyi"):
            (out / source.with_name(source.stem + ending)).unlink(missing_ok=True)


def listing(root: Path) -> set[Path]:
    """Return every file of the generated package below `root`, relative to it."""
    found = (path for path in (root / PACKAGE).rglob("*") if path.is_file())
    return {path.relative_to(root) for path in found if "__pycache__" not in path.parts}


def differences(fresh: Path, kept: Path) -> dict[Path, str]:
    """Return what is wrong in `kept`: path -> "missing", "left over" or "differs"."""
    new, old = listing(fresh), listing(kept)
    faults = dict.fromkeys(new - old, "missing") | dict.fromkeys(old - new, "left over")
    for path in new & old:
        if not filecmp.cmp(fresh / path, kept / path, shallow=False):
            faults[path] = "differs"
    return dict(sorted(faults.items()))


def repair(fresh: Path, kept: Path) -> None:
    """Make `kept` equal to `fresh`; files that are equal already are not touched."""
    for path, fault in differences(fresh, kept).items():
        if fault == "left over":
            (kept / path).unlink()
        else:
            (kept / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(fresh / path, kept / path)


def main() -> int:
    """Return 0, or 1 when `--check` finds the committed code stale."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    check: bool = parser.parse_args().check
    with tempfile.TemporaryDirectory(prefix="silian-proto-") as name:
        fresh = Path(name)
        generate(fresh)
        if not check:
            repair(fresh, ROOT)
            return 0
        faults = differences(fresh, ROOT)
    for path, fault in faults.items():
        print(f"{fault}: {path}", file=sys.stderr)
    if faults:
        print("sync/wire is stale: run `make proto` and commit what it wrote", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
