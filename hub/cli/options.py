"""Options of verbs: read by the same rules for every verb, and none of them ignored.

A verb names the options that exclude each other (`Apart`) and those that need another one
(`Needs`); all others may be given together.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_origin

from hub.cli.arguments import quoted, refusal_of, usage
from hub.cli.refusals import Refusal
from node.domain.numbers import number_of, whole_of
from node.domain.plain_text import unkeepable_in_note
from node.domain.refusal import Refused

WHOLE_MAX = 2**31 - 1  # of an option that names no bound: what every call can carry

MAY_BE_EMPTY = {"after"}  # of the page that is asked for: "" is the first one


@dataclass(frozen=True, slots=True)
class Apart:
    """These parameters exclude each other, pair by pair."""

    names: tuple[str, ...]

    def __init__(self, *names: str) -> None:
        object.__setattr__(self, "names", names)


@dataclass(frozen=True, slots=True)
class Needs:
    """The parameter needs one of the others."""

    name: str
    others: tuple[str, ...]

    def __init__(self, name: str, *others: str) -> None:
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "others", others)


Rule = Apart | Needs


@dataclass(frozen=True, slots=True)
class _Number:
    """How the number for an int or float parameter is read."""

    kind: type
    least: float | None
    most: float | None

    def read(self, text: Any, name: str) -> int | float:
        """Return the number. Raises: Refusal."""
        least = -WHOLE_MAX if self.least is None else self.least
        most = WHOLE_MAX if self.most is None else self.most
        if not isinstance(text, str):
            return float(text) if self.kind is float else int(text)
        try:
            if self.kind is int:
                return whole_of(text, least=int(least), most=int(most))
            number = number_of(text)
            if not least <= number <= most:
                raise Refused(
                    "out_of_range", f"is not between {least:g} and {most:g}",
                    f"不在 {least:g} 至 {most:g} 之间",
                    "Choose one within.", "请填写范围内的数值。",
                )  # fmt: skip
            return float(number)
        except Refused as refused:
            raise refusal_of(text, f"number for {name}", f"有效数值（{name}）", refused) from None


class Options:
    """The options of a verb, by its function's signature."""

    def __init__(self, function: Callable[..., Any], rules: Sequence[Rule] = ()) -> None:
        signature = inspect.signature(function, eval_str=True)
        own = list(signature.parameters.values())[1:]
        self._shown = {parameter.name: _spelled(parameter) for parameter in own}
        self._numbers: dict[str, _Number] = {}
        self._rules = tuple(rules)
        self.parameters = [self._parameter(parameter) for parameter in own]

    def read(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values that the verb works with. Raises: Refusal."""
        for name, value in given.items():
            self._check_text(name, value)
        return {
            name: self._numbers[name].read(value, self._shown[name])
            if name in self._numbers and value is not None
            else value
            for name, value in given.items()
        }

    def check_together(self, typed: Iterable[str]) -> None:
        """Refuse options that do not go together. `typed`: the parameters on the command line."""
        given = [name for name in self._shown if name in set(typed)]
        for rule in self._rules:
            if isinstance(rule, Apart):
                both = [self._shown[name] for name in given if name in rule.names]
                if len(both) > 1:
                    raise _apart(both)
            elif rule.name in given and not set(rule.others) & set(given):
                raise _alone(self._shown[rule.name], [self._shown[o] for o in rule.others])

    def check_filled(self, typed: Iterable[str], given: Mapping[str, Any]) -> None:
        """Refuse an option typed with nothing: a script's empty variable is not "left out"."""
        for name in typed:
            value, shown = given[name], self._shown[name]
            texts = value if isinstance(value, (list, tuple)) else (value,)
            blank = any(isinstance(text, str) and not text.strip() for text in texts)
            if blank and shown.startswith("--") and name not in MAY_BE_EMPTY:
                raise usage(
                    f"{shown} is empty", f"{shown} 为空",
                    f"Write a value after {shown}, or leave the option out.",
                    f"请填写 {shown} 的值，或不加该选项。",
                )  # fmt: skip

    def _parameter(self, parameter: inspect.Parameter) -> inspect.Parameter:
        """Return a parameter for typer: numbers come as text and are read here."""
        kind, info = _annotated(parameter.annotation)
        if kind in (int, float) and info is not None:
            self._numbers[parameter.name] = _Number(kind, info.min, info.max)
            info = copy.copy(info)
            info.metavar = info.metavar or _metavar(kind, info.min, info.max)
            info.min = info.max = None
            default = parameter.default
            parameter = parameter.replace(
                annotation=Annotated[str, info],
                default=default if default is inspect.Parameter.empty else str(default),
            )
        return parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)

    def _check_text(self, name: str, value: Any) -> None:
        for text in value if isinstance(value, (list, tuple)) else (value,):
            odd = unkeepable_in_note(text) if isinstance(text, str) else ""
            if odd:
                raise usage(
                    f"{self._shown[name]} holds a character that cannot be kept ({odd})",
                    f"{self._shown[name]} 含有不可保存的字符（{odd}）",
                    f"Type it again: {quoted(text)}", f"请重新输入：{quoted(text)}",
                )  # fmt: skip


def _annotated(annotation: Any) -> tuple[Any, Any]:
    if get_origin(annotation) is not Annotated:
        return annotation, None
    kind, *rest = get_args(annotation)
    info = next((each for each in rest if hasattr(each, "param_decls")), None)
    return kind, info


def _spelled(parameter: inspect.Parameter) -> str:
    _, info = _annotated(parameter.annotation)
    # Within `Annotated` typer takes what is declared first as the default, and moves it later.
    stated = (getattr(info, "default", None), *(getattr(info, "param_decls", None) or ()))
    declared = [each for each in stated if isinstance(each, str) and each.startswith("--")]
    if declared:
        return declared[0]
    plain = parameter.name.strip("_")
    if "Argument" in type(info).__name__:
        return plain.upper()  # as in the help
    return f"--{plain.replace('_', '-')}"


def _metavar(kind: type, least: float | None, most: float | None) -> str:
    if least is None and most is None:
        return "<int>" if kind is int else "<number>"
    return f"<{'' if least is None else f'{least:g}'}..{'' if most is None else f'{most:g}'}>"


def _apart(both: Sequence[str]) -> Refusal:
    listed, listed_zh = " and ".join(both), "与".join(both)
    return usage(
        f"{listed} do not go together", f"{listed_zh}不能同时使用",
        "Leave one of them out.", "请去掉其中一个。",
    )  # fmt: skip


def _alone(name: str, others: Sequence[str]) -> Refusal:
    listed, listed_zh = " or ".join(others), "或".join(others)
    return usage(
        f"{name} means nothing without {listed}", f"{name} 须与 {listed_zh} 同时使用",
        f"Add {listed}, or leave it out.", f"请加上 {listed_zh}，或去掉 {name}。",
    )  # fmt: skip
