"""A verb from a function: the options that every verb has, errors in one place."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from typer.models import ParameterInfo

from hub.cli.arguments import IdOf, whole_ids
from hub.cli.exits import Exit
from hub.cli.options import Options, Rule
from hub.cli.terminal import Terminal, default_lang, discard_output, take_any_character
from node.private import private_files
from sync.model.errors import SilianError

F = TypeVar("F", bound=Callable[..., Any])


class Lang(StrEnum):
    """The languages of what people read."""

    ZH = "zh"
    EN = "en"


_OPTIONS = {
    "dir": (
        Path,
        typer.Option("--dir", envvar="SILIAN_DIR", help="Folder of the office. 单位目录"),
        Path(),
    ),
    "json": (bool, typer.Option("--json", help="One JSON document on stdout. 输出 JSON"), False),
    "lang": (Lang | None, typer.Option("--lang", help="zh or en. 语言"), None),
}


def verb(
    app: typer.Typer,
    name: str | None = None,
    *,
    folder: bool = True,
    hidden: bool = False,
    rules: Sequence[Rule] = (),
) -> Callable[[F], F]:
    """Register a function `(terminal, ...) -> exit or None` under its name.

    Adds --dir (unless the verb has folders of its own), --json and --lang. `rules`: which options
    go together. Every failure, and a lost reader, ends in one line and an exit code, never in a
    trace. What the verb writes is readable by its own account only.
    """

    def register(function: F) -> F:
        options = Options(function, rules)
        common = [
            inspect.Parameter(
                key, inspect.Parameter.KEYWORD_ONLY, default=default,
                annotation=Annotated[kind, option],
            )
            for key, (kind, option, default) in _OPTIONS.items()
            if folder or key != "dir"
        ]  # fmt: skip
        own = options.parameters
        marked = {p.name: mark for p in own for mark in _marks(p.annotation)}
        for parameter in own:
            _complete(parameter)

        def run(context: typer.Context, **given: Any) -> None:
            common_values = {key: given.pop(key) for key in _OPTIONS if key in given}
            terminal = Terminal(
                folder=common_values.get("dir", Path()),
                json=common_values["json"],
                lang=str(common_values["lang"] or ""),
            )
            typed = [name for name in given if _is_typed(context, name)]

            def work() -> Any:
                terminal.lang = terminal.lang or default_lang()
                options.check_filled(typed, given)
                options.check_together(typed)
                values = options.read(given)
                return function(terminal, **{**values, **whole_ids(terminal, marked, values)})

            raise typer.Exit(_guarded(terminal, work))

        run.__doc__ = function.__doc__
        run.__name__ = function.__name__
        first = inspect.Parameter(
            "context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context
        )
        run.__annotations__ = {p.name: p.annotation for p in (first, *own, *common)}
        run.__signature__ = inspect.Signature([first, *own, *common])  # type: ignore[attr-defined]
        app.command(name or function.__name__.replace("_", "-").strip("-"), hidden=hidden)(run)
        return function

    return register


def _is_typed(context: typer.Context, name: str) -> bool:
    """Return whether a value was typed on the command line, and is no variable or default."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


# What the shell offers for a parameter of this name (`hub.cli.completion`).
OFFERED = {
    "register": "registers", "indicator": "indicators", "fund": "funds", "unit": "units",
    "to": "units", "values": "pairs", "where": "pairs", "columns": "fields", "sort": "fields",
}  # fmt: skip


def _complete(parameter: inspect.Parameter) -> None:
    """Let the shell offer what an argument accepts; the imports for that are done at TAB only."""
    marks = _marks(parameter.annotation)
    what = f"ids:{marks[0].kind}" if marks else OFFERED.get(parameter.name)
    if what is None:
        return

    def complete(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
        from hub.cli.completion import OF

        return OF[what](ctx, incomplete)

    for info in getattr(parameter.annotation, "__metadata__", ()):
        if isinstance(info, ParameterInfo):
            info.autocompletion = complete


def _marks(annotation: Any) -> list[IdOf]:
    return [each for each in getattr(annotation, "__metadata__", ()) if isinstance(each, IdOf)]


def _guarded(terminal: Terminal, work: Callable[[], Any]) -> int:
    take_any_character(json=terminal.json)
    try:
        with private_files():
            result = work()
        _flush()
        return int(result or Exit.OK)
    except SilianError as error:
        return terminal.error(error)
    except (typer.TyperException, typer.Abort, typer.Exit):
        raise
    except BrokenPipeError:
        discard_output()  # the reader of our output has gone; nothing is left to print
        return int(Exit.FAILURE)
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        return terminal.error(_named(error))


def _flush() -> None:
    try:
        sys.stdout.flush()
    except OSError as error:
        error.filename = error.filename or "stdout"
        raise


def _named(error: Exception) -> SilianError:
    """Return an error for people; the trace is for those who asked for the log."""
    from node.trouble import failed, refusal_of

    if os.environ.get("SILIAN_LOG", "").upper() == "DEBUG":
        from node.logs import traced

        sys.stderr.write(f"{traced(error)}\n")
    if isinstance(error, OSError):
        discard_output()  # it may be the output that failed, and would again at the end
    return refusal_of(error) or failed(error)
