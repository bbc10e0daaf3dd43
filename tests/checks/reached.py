"""Nothing dead: every name of the product is reached from the command line.

A name is a function, a class, a constant of a module, or a method. It is reached when the code of
a name that is reached refers to it, or what a module does as it is loaded. A method counts as
reached when an attribute of its name is read. `python -m tests.checks.reached` prints each name
that is not, as file:line, and exits with 1 if there is one.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("hub", "node", "sync")
GENERATED = ("sync/wire/", "node/store/migrations/versions/")
ENTRY = ("hub.cli.main", "main")  # the script `silian` in pyproject.toml
# Names that something else than the product's Python reads, and what that is.
READ_ELSEWHERE = {
    ("node.store.tables", "*"): "SQL names the tables; the metadata makes them",
    ("sync.store.tables", "*"): "SQL names the tables; the metadata makes them",
}
# Decorators that leave a name as it is. Any other one takes it into use.
PLAIN = {"dataclass", "contextmanager", "cache", "lru_cache", "total_ordering", "runtime_checkable"}

Name = tuple[str, str]  # module, name in it
Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Definition = ast.stmt
# Bases whose methods nothing else calls by a name of its own.
OWN = {"Protocol", "NamedTuple", "Enum", "StrEnum", "IntEnum", "Exception", "object"}


@dataclass(slots=True)
class Module:
    """One file: its names, what it imports, and what it does as it is loaded."""

    path: Path
    names: dict[str, Definition] = field(default_factory=dict)
    imports: dict[str, tuple[str, str]] = field(default_factory=dict)  # "": the module itself
    loaded: list[ast.stmt] = field(default_factory=list)
    attributes: set[str] = field(default_factory=set)  # that it reads anywhere


class Code:
    """The product's modules, and what its names refer to."""

    def __init__(self, sources: dict[Path, str]) -> None:
        self.modules = {_module_name(path): Module(path) for path in sources}
        for path, source in sources.items():
            self._read(self.modules[_module_name(path)], ast.parse(source))

    def _read(self, module: Module, tree: ast.Module) -> None:
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute):
                module.attributes.add(node.attr)
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    whole = alias.name if alias.asname else alias.name.partition(".")[0]
                    module.imports[alias.asname or whole] = (whole, "")
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    whole = f"{node.module}.{alias.name}"
                    found = (whole, "") if whole in self.modules else (str(node.module), alias.name)
                    module.imports[alias.asname or alias.name] = found
        for statement in _statements(tree.body):
            names = list(_defined(statement))
            module.names.update(dict.fromkeys(names, statement))
            if not names and not isinstance(statement, ast.Import | ast.ImportFrom):
                module.loaded.append(statement)

    def resolved(self, module: str, name: str) -> Name | None:
        """Return what a name means in a module: (module, "") for a module; None: not ours."""
        while module in self.modules and name not in self.modules[module].names:
            if name not in self.modules[module].imports:
                return None
            module, name = self.modules[module].imports[name]
            if not name:
                break
        return (module, name) if module in self.modules or not name else None

    def references(self, module: str, node: ast.AST) -> tuple[set[Name], set[str]]:
        """Return the names and the attributes that a piece of a module's code refers to."""
        names: set[Name] = set()
        attributes: set[str] = set()
        for found, chain in _reads(node, frozenset()):
            attributes.update(chain)
            target = self.resolved(module, found) if found else None
            while target is not None and not target[1] and chain:
                below = f"{target[0]}.{chain[0]}"
                target = (
                    (below, "") if below in self.modules else self.resolved(target[0], chain[0])
                )
                chain = chain[1:]
            if target is None:
                continue
            if target[1]:
                names.add(target)
            elif (
                target[0] in self.modules
            ):  # passed on whole: any attribute may be one of its names
                used = self.modules[module].attributes & self.modules[target[0]].names.keys()
                names.update((target[0], each) for each in used)
        return names, attributes


def _module_name(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a module, those under `if` and `try` too."""
    for statement in body:
        match statement:
            case ast.If(body=then, orelse=other):
                yield from _statements([*then, *other])
            case ast.Try(body=tried, handlers=handlers):
                yield from _statements([*tried, *(each for h in handlers for each in h.body)])
            case _:
                yield statement


def _defined(statement: ast.stmt) -> Iterator[str]:
    match statement:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Assign(targets=targets):
            yield from (n.id for each in targets for n in ast.walk(each) if isinstance(n, ast.Name))
        case ast.AnnAssign(target=ast.Name(id=name)):
            yield name


def _reads(node: ast.AST, local: frozenset[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield (name, attributes read from it) of a piece of code; "" for what is no name."""
    if isinstance(node, ast.Attribute):
        chain: list[str] = []
        inner: ast.AST = node
        while isinstance(inner, ast.Attribute):
            chain.insert(0, inner.attr)
            inner = inner.value
        is_name = isinstance(inner, ast.Name) and inner.id not in local
        yield (inner.id if is_name and isinstance(inner, ast.Name) else "", tuple(chain))
        if not isinstance(inner, ast.Name):
            yield from _reads(inner, local)
        return
    if isinstance(node, ast.Name) and node.id not in local:
        yield node.id, ()
    if isinstance(node, ast.MatchClass):
        yield "", tuple(node.kwd_attrs)
    within = local | _bound(node) if isinstance(node, Function) else local
    inside = {id(each) for each in _body(node)} if isinstance(node, Function) else set()
    for child in ast.iter_child_nodes(node):
        yield from _reads(child, within if id(child) in inside else local)


def _body(function: Function) -> list[ast.AST]:
    return list(function.body) if isinstance(function.body, list) else [function.body]


def _bound(function: Function) -> set[str]:
    """Return the names that a function makes for itself: its parameters and what it assigns."""
    its = function.args
    arguments = (*its.posonlyargs, *its.args, *its.kwonlyargs, its.vararg, its.kwarg)
    bound = {each.arg for each in arguments if each is not None}
    waiting = _body(function)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            bound.add(node.id)
        if not isinstance(node, Function | ast.ClassDef):
            waiting.extend(ast.iter_child_nodes(node))
    return bound


class Reached:
    """The names of the product that are reached."""

    def __init__(self, code: Code, entry: Name = ENTRY) -> None:
        self.code = code
        self.names: set[Name] = set()
        self._attributes: set[str] = set()
        self._methods: dict[tuple[str, str, str], ast.stmt] = {}  # of classes that are reached
        self._waiting: list[Name] = []
        self._take({entry})
        for name, module in code.modules.items():
            for statement in module.loaded:
                self._absorb(name, statement)
            for each, made in module.names.items():
                if _is_taken_by_a_decorator(made):
                    self._take({(name, each)})
        self._spread()

    def _take(self, names: set[Name]) -> None:
        self._waiting += names - self.names
        self.names |= names

    def _absorb(self, module: str, node: ast.AST) -> None:
        names, attributes = self.code.references(module, node)
        self._attributes |= attributes
        self._take(names)

    def _spread(self) -> None:
        while True:
            while self._waiting:
                self._open(*self._waiting.pop())
            found = [each for each in self._methods if each[2] in self._attributes]
            if not found:
                return
            for each in found:
                self._absorb(each[0], self._methods.pop(each))

    def _open(self, module: str, name: str) -> None:
        made = self.code.modules[module].names.get(name)
        if not isinstance(made, ast.ClassDef):
            if made is not None:
                self._absorb(module, made)
            return
        for part in (*made.bases, *made.keywords, *made.decorator_list):
            self._absorb(module, part)
        for statement in made.body:
            if isinstance(statement, ast.FunctionDef) and self._is_asked_by_name(
                module, made, statement
            ):
                self._methods[module, name, statement.name] = statement
            else:
                self._absorb(module, statement)

    def _is_asked_by_name(self, module: str, made: ast.ClassDef, method: ast.FunctionDef) -> bool:
        """Return whether only the product calls a method: not Python, not a library's base."""
        if method.name.startswith("__"):
            return False
        return all(
            isinstance(base, ast.Name) and (self.code.resolved(module, base.id) or base.id in OWN)
            for base in made.bases
        )

    def missing(self) -> list[tuple[Path, int, str]]:
        """Return (file, line, name) of what is not reached."""
        found = [
            (module.path, made.lineno, name)
            for key, module in self.code.modules.items()
            for name, made in module.names.items()
            if (key, name) not in self.names and name != "__all__"
            and not {(key, name), (key, "*")} & READ_ELSEWHERE.keys()
        ]  # fmt: skip
        found += [
            (self.code.modules[module].path, method.lineno, f"{name}.{method_name}")
            for (module, name, method_name), method in self._methods.items()
        ]
        return sorted(found)


def _is_taken_by_a_decorator(made: Definition) -> bool:
    if not isinstance(made, ast.FunctionDef | ast.ClassDef):
        return False
    return any(
        ast.unparse(each.func if isinstance(each, ast.Call) else each).rpartition(".")[2]
        not in PLAIN
        for each in made.decorator_list
    )


def sources() -> dict[Path, str]:
    """Return the product's files, generated ones left out."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", *(f"{name}/**.py" for name in PRODUCT)],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    return {
        Path(name): (ROOT / name).read_text(encoding="utf-8")
        for name in listed
        if not name.startswith(GENERATED) and (ROOT / name).exists()
    }


def main() -> int:
    """Print every name that is not reached; return 1 if there is one."""
    missing = Reached(Code(sources())).missing()
    for path, line, name in missing:
        print(f"{path}:{line}: {name}: no path of the product reaches it: give it a verb, or go")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
