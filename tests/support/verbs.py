"""Every verb of the command line and its parameters, read from the program itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from typer.core import TyperGroup
from typer.main import get_command

from hub.cli.main import app

COMMON = frozenset({"dir", "json", "lang", "help"})  # of the frame that every verb has


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument or option. `opt`: how it is typed; "" for an argument."""

    name: str
    opt: str
    required: bool
    flag: bool
    many: bool
    metavar: str

    def typed(self, value: str) -> list[str]:
        if self.flag:
            return [self.opt]
        return [self.opt, value] if self.opt else [value]


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb: its name and its own parameters."""

    name: str
    own: tuple[Parameter, ...]

    @property
    def words(self) -> list[str]:
        return self.name.split()

    def line(self, given: dict[str, str]) -> list[str]:
        """Return a command line; what stands behind no option comes last, in its order."""
        options = [w for p in self.own if p.opt and p.name in given for w in p.typed(given[p.name])]
        plain = [
            w for p in self.own if not p.opt and p.name in given for w in p.typed(given[p.name])
        ]
        return [*self.words, *options, "--", *plain]


def verbs() -> dict[str, Verb]:
    """Return every verb by its name."""
    return {verb.name: verb for verb in _walk(get_command(app), ())}


def _walk(command: Any, path: tuple[str, ...]) -> Iterator[Verb]:
    if isinstance(command, TyperGroup):
        for name, part in command.commands.items():
            yield from _walk(part, (*path, name))
        return
    own = tuple(_parameter(p) for p in command.params if p.name not in COMMON)
    yield Verb(" ".join(path), own)


def _parameter(found: Any) -> Parameter:
    option = next((o for o in found.opts if o.startswith("--")), "")
    if found.default is True and found.secondary_opts:
        option = found.secondary_opts[0]  # what is on already is turned off
    return Parameter(
        name=found.name,
        opt=option,
        required=found.required,
        flag=bool(getattr(found, "is_flag", False)),
        many=found.nargs != 1 or bool(getattr(found, "multiple", False)),
        metavar=str(found.metavar or ""),
    )
