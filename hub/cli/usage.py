"""Usage errors, reported like every other error: one line, in both languages, as JSON if asked for.

Also what may come before the verb: --dir, --json and --lang, which belong to the verb.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from typer._click.exceptions import (  # typer keeps its copy of click to itself
    BadOptionUsage,
    BadParameter,
    ClickException,
    MissingParameter,
    NoArgsIsHelpError,
    NoSuchOption,
    UsageError,
)
from typer.core import TyperGroup

from hub.cli.refusals import Refusal, WrongUsage
from hub.cli.shape import USAGE, in_order, localise
from hub.cli.terminal import Terminal, default_lang

LANGS = ("zh", "en")
BEFORE = {"--dir": 1, "--lang": 1, "--json": 0}  # and how many values each takes
Texts = tuple[str, str]  # English, Chinese

# Typer's messages about a value, to English and Chinese.
_VALUES: tuple[tuple[str, Texts], ...] = (
    (r"valid integer", ("must be a whole number", "应为整数")),
    (r"valid number", ("must be a number", "应为数字")),
    (r"valid boolean", ("must be yes or no", "应为是或否")),
    (r"less than or equal to (\S+)", ("must be at most {0}", "不能大于 {0}")),
    (r"greater than or equal to (\S+)", ("must be at least {0}", "不能小于 {0}")),
    (r"is not one of (.+?)\.?$", ("must be one of: {0}", "可选：{0}")),
)
_LINES: tuple[tuple[str, Texts], ...] = (
    (r"No such command '(.+?)'", ("there is no verb {0!r}", "没有命令“{0}”")),
    (r"Missing command", ("a verb is missing", "缺少命令")),
    (r"unexpected extra argument\(s\) \((.*)\)", ("this is too much: {0}", "多余的参数：{0}")),
    (r"Option '(.+?)' requires", ("{0} needs a value", "选项 {0} 后应填写值")),
    (r"Option '(.+?)' does not take", ("{0} takes no value", "选项 {0} 不需要值")),
)


class Root(TyperGroup):
    """The tree of verbs, whose usage errors are refusals as all others."""

    shown_in_zh: bool | None = None  # the language of its helps; None: both, as they are written

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the verbs in the order in which the help shows them."""
        return in_order(super().list_commands(ctx))

    def _groups(self) -> list[str]:
        return [name for name, one in self.commands.items() if isinstance(one, TyperGroup)]

    def main(
        self, args: Sequence[str] | None = None, prog_name: str | None = None,
        complete_var: str | None = None, standalone_mode: bool = True,
        windows_expand_args: bool = True, **extra: Any,
    ) -> Any:  # fmt: skip
        """Run a verb; report in one line what is wrong with how it was called."""
        stated = list(sys.argv[1:] if args is None else args)
        localise(self, zh=_terminal(stated).zh)
        given = {"prog_name": prog_name, "complete_var": complete_var, **extra}
        if not standalone_mode:
            return super().main(stated, standalone_mode=False, **given)
        try:
            code = super().main(_verb_first(stated, self._groups()), standalone_mode=False, **given)
        except NoArgsIsHelpError as asked:
            asked.show()
            sys.exit(asked.exit_code)
        except ClickException as error:
            sys.exit(_terminal(stated).error(refusal(error)))
        sys.exit(int(code or 0))


def refusal(error: ClickException) -> Refusal:
    """Return what typer found wrong as a refusal."""
    context = error.ctx if isinstance(error, UsageError) else None
    path = context.command_path if context is not None else "silian"
    en, zh = _texts(error)
    see = (f"See `{path} --help`.", f"请查看 {path} --help。")
    near = _near(error)
    if near:
        see = (f"Did you mean {', '.join(near)}?", f"是否应为 {'、'.join(near)}？")
    elif isinstance(error, MissingParameter) and not _is_argument(error):
        line = f"{_name(error)} {getattr(error.param, 'metavar', None) or '…'}"
        see = (f"Add {line} (see `{path} --help`).", f"请加上 {line}（见 {path} --help）。")
    elif isinstance(error, MissingParameter) and context is not None:
        usage = " ".join(context.get_usage().split())
        for prefix in USAGE:
            usage = usage.removeprefix(prefix.strip()).strip()
        see = (f"Write: {usage}.", f"写法：{usage}。")
    return WrongUsage(en, zh, *see)


def _texts(error: ClickException) -> Texts:
    match error:
        case MissingParameter():
            return f"{_name(error)} is missing", f"缺少{_name_zh(error)}"
        case NoSuchOption():
            return f"there is no option {error.option_name}", f"没有选项 {error.option_name}"
        case BadParameter():
            en, zh = _stated(error.message, _VALUES) or (error.message.rstrip("."), "的值无效")
            return f"{_name(error)}: {en}", f"{_name_zh(error)}：{zh}"
        case BadOptionUsage() | UsageError():
            return _stated(error.message, _LINES) or (error.message.rstrip("."), "命令写法有误")
        case _:
            return error.format_message().rstrip("."), "命令写法有误"


def _stated(message: str, known: Sequence[tuple[str, Texts]]) -> Texts | None:
    for pattern, (en, zh) in known:
        if found := re.search(pattern, message):
            words = [word.replace("'", "") for word in found.groups()]
            return en.format(*words), zh.format(*(word.replace(", ", "、") for word in words))
    return None


def _near(error: ClickException) -> list[str]:
    """Return what may have been meant."""
    if isinstance(error, NoSuchOption):
        return sorted(error.possibilities or ())
    found = re.search(r"Did you mean (.+)\?$", error.message)
    return re.findall(r"'(.+?)'", found[1]) if found else []


def _name(error: BadParameter) -> str:
    """Return the parameter's name on the command line."""
    if error.param is None:
        return str(error.param_hint or "?")
    options = [word for word in error.param.opts if word.startswith("--")]
    return options[0] if options else str(error.param.name).rstrip("_").replace("_", "-")


def _name_zh(error: BadParameter) -> str:
    """Return the same in Chinese, where an argument has a name of its own."""
    named = getattr(error.param, "metavar", None) if _is_argument(error) else None
    return str(named) if named else f" {_name(error)}"


def _is_argument(error: BadParameter) -> bool:
    return getattr(error.param, "param_type_name", "") == "argument"


def _terminal(stated: Sequence[str]) -> Terminal:
    """Return where to print, read from what was typed as far as possible."""
    try:
        lang = default_lang()
    except Refusal:  # the verb reports what is wrong with it
        lang = LANGS[1]
    for at, word in enumerate(stated):
        value = word.partition("=")[2] if word.startswith("--lang=") else ""
        if word == "--lang" and at + 1 < len(stated):
            value = stated[at + 1]
        lang = value if value in LANGS else lang
    return Terminal(folder=Path(), json="--json" in stated, lang=lang)


def _verb_first(stated: Sequence[str], groups: Collection[str]) -> list[str]:
    """Move what belongs to the verb behind it."""
    moved: list[str] = []
    rest = list(stated)
    while rest:
        word, equals, _ = rest[0].partition("=")
        if word not in BEFORE:
            break
        count = 1 if equals else 1 + BEFORE[word]
        moved += rest[:count]
        rest = rest[count:]
    if not moved or not rest:
        return list(stated)
    if len(rest) == 1 and rest[0] in groups:
        return rest  # its help is all that is asked for, in the language that was read before
    at = next((at for at, word in enumerate(rest) if word.startswith("-")), len(rest))
    return [*rest[:at], *moved, *rest[at:]]
