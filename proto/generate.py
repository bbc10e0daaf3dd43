"""Generate sync/wire and hub/client/calls.pyi from the contract; `--check` only compares."""

from __future__ import annotations

import argparse
import filecmp
import importlib.resources
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor

PROTO = Path(__file__).resolve().parent
ROOT = PROTO.parent
CONTRACTS = Path("silian")  # the packages of the contract, under proto/
PACKAGE = Path("sync/wire")  # where the generated code lives, under the root
CALLS = Path("hub/client/calls.pyi")  # the types of the generic client
SERVICE = "silian.office.v1.OfficeService"  # that it calls
INIT = '"""Generated from proto/ by `make proto`: never edit."""\n'

CALLS_HEAD = '''"""Generated from proto/ by `make proto`: never edit."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from google.protobuf.descriptor import ServiceDescriptor

{modules}

SERVICE: ServiceDescriptor

def snake(name: str) -> str: ...

class Calls:
    def __init__(self, call: Callable[[str, Any], Any]) -> None: ...
'''


def sources() -> list[Path]:
    """Return every contract file, relative to proto/, in a fixed order."""
    return sorted(path.relative_to(PROTO) for path in (PROTO / CONTRACTS).rglob("*.proto"))


def generate(out: Path) -> None:
    """Write the messages, the services, their stubs, and the client's types below `out`.

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
    described = out / "described.pb"
    command += [f"--descriptor_set_out={described}", "--include_imports", "--include_source_info"]
    raw.mkdir()
    subprocess.run([*command, *files], check=True)
    for path in sources():
        drop_if_without_services(path, raw)
    move_into_package(raw / CONTRACTS, out / PACKAGE)
    shutil.rmtree(raw)
    (out / CALLS).parent.mkdir(parents=True)
    (out / CALLS).write_text(client_types(described.read_bytes()), encoding="utf-8")
    described.unlink()


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


def client_types(described: bytes) -> str:
    """Return calls.pyi: a method for each call, a keyword for each field of its request."""
    pool = descriptor_pool.DescriptorPool()
    comments: dict[str, str] = {}
    for file in descriptor_pb2.FileDescriptorSet.FromString(described).file:
        pool.Add(file)
        comments |= method_comments(file)
    service = pool.FindServiceByName(SERVICE)
    modules: set[str] = set()
    methods = [
        method_types(method, comments.get(method.full_name, ""), modules)
        for method in service.methods
    ]
    head = CALLS_HEAD.format(modules="\n".join(
        f"from sync.wire.{package} import {module}"
        for package, module in sorted(name.rsplit(".", 1) for name in modules)
    ))  # fmt: skip
    return head + "\n".join(methods)


def method_comments(file: descriptor_pb2.FileDescriptorProto) -> dict[str, str]:
    """Return what the contract says of each call of a file."""
    found = {}
    for location in file.source_code_info.location:
        match list(location.path):
            case [6, service, 2, method]:  # service, method: numbers in FileDescriptorProto
                at = file.service[service]
                name = f"{file.package}.{at.name}.{at.method[method].name}"
                found[name] = " ".join(location.leading_comments.split())
    return found


def method_types(method: MethodDescriptor, comment: str, modules: set[str]) -> str:
    """Return one method's lines; add the modules of the messages that it names."""
    name = re.sub(r"(?<!^)(?=[A-Z])", "_", method.name).lower()
    answer = message_type(method.output_type, modules)
    if method.server_streaming:
        answer = f"Iterator[{answer}]"
    if method.client_streaming:
        given = [f"requests: Iterator[{message_type(method.input_type, modules)}],"]
    else:
        given = [
            f"{field.name}: {field_type(field, modules)} = ...,"
            for field in method.input_type.fields
        ]
        given = ["*,", *given] if given else []
    lines = [f"    def {name}(", "        self,", *(f"        {each}" for each in given)]
    lines += [f"    ) -> {answer}:", f'        """{comment}"""', ""]
    return "\n".join(lines)


def field_type(field: FieldDescriptor, modules: set[str]) -> str:
    """Return what may be given for a field of a request; None where it is not set."""
    message = field.message_type
    if message is not None and message.GetOptions().map_entry:
        key, value = (scalar(message.fields_by_name[part], modules) for part in ("key", "value"))
        return f"Mapping[{key}, {value}] | None"
    one = scalar(field, modules)
    return f"Iterable[{one}] | None" if field.is_repeated else f"{one} | None"


def scalar(field: FieldDescriptor, modules: set[str]) -> str:
    """Return the type of one value of a field."""
    if field.message_type is not None:
        return f"{message_type(field.message_type, modules)} | Mapping[str, Any]"
    kinds = {
        FieldDescriptor.CPPTYPE_BOOL: "bool", FieldDescriptor.CPPTYPE_DOUBLE: "float",
        FieldDescriptor.CPPTYPE_FLOAT: "float",
    }  # fmt: skip
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        return "bytes" if field.type == FieldDescriptor.TYPE_BYTES else "str"
    return kinds.get(field.cpp_type, "int")


def message_type(message: Descriptor, modules: set[str]) -> str:
    """Return a message as the generated code names it; add its module."""
    path = Path(message.file.name).relative_to(CONTRACTS)
    module = f"{path.stem}_pb2"
    modules.add(f"{'.'.join(path.parent.parts)}.{module}")
    return f"{module}.{message.name}"


def listing(root: Path) -> set[Path]:
    """Return every file of the generated package below `root`, relative to it."""
    found = (path for path in (root / PACKAGE).rglob("*") if path.is_file())
    generated = {path.relative_to(root) for path in found if "__pycache__" not in path.parts}
    return generated | {path for path in (CALLS,) if (root / path).exists()}


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
        print("generated code is stale: run `make proto` and commit what it wrote", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
