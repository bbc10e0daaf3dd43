"""How a function becomes a verb: the options that every verb has, errors in one place."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from hub.cli.exits import Exit
from hub.cli.options import Options, Rule
from hub.cli.terminal import Refusal, Terminal, default_lang
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
    app: typer.Typer, name: str | None = None, *, folder: bool = True, rules: Sequence[Rule] = ()
) -> Callable[[F], F]:
    """Register a function `(terminal, ...) -> exit or None` under its name.

    Adds --dir (unless the verb has folders of its own), --json and --lang. `rules`: which options
    go together. A SilianError, a missing file and a lost reader end in one line and an exit code,
    never in a trace.
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

        def run(context: typer.Context, **given: Any) -> None:
            common_values = {key: given.pop(key) for key in _OPTIONS if key in given}
            terminal = Terminal(
                folder=common_values.get("dir", Path()),
                json=common_values["json"],
                lang=str(common_values["lang"] or default_lang()),
            )
            typed = [name for name in given if _is_typed(context, name)]

            def work() -> Any:
                options.check_together(typed)
                return function(terminal, **options.read(given))

            raise typer.Exit(_guarded(terminal, work))

        run.__doc__ = function.__doc__
        run.__name__ = function.__name__
        first = inspect.Parameter(
            "context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context
        )
        run.__annotations__ = {p.name: p.annotation for p in (first, *own, *common)}
        run.__signature__ = inspect.Signature([first, *own, *common])  # type: ignore[attr-defined]
        app.command(name or function.__name__.replace("_", "-").strip("-"))(run)
        return function

    return register


def _is_typed(context: typer.Context, name: str) -> bool:
    """Say whether a value stood on the command line, and not in a variable or a default."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _guarded(terminal: Terminal, work: Callable[[], Any]) -> int:
    try:
        result = work()
        sys.stdout.flush()
        return int(result or Exit.OK)
    except SilianError as error:
        return terminal.error(error)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone; nothing is left to say
        return int(Exit.FAILURE)
    except FileNotFoundError as error:
        return terminal.error(_of_file(error, "file_missing", "does not exist", "不存在"))
    except (PermissionError, IsADirectoryError, NotADirectoryError, FileExistsError) as error:
        return terminal.error(_of_file(error, "file_forbidden", "cannot be used", "无法使用"))
    except KeyboardInterrupt:
        return 130


def _of_file(error: OSError, code: str, en: str, zh: str) -> Refusal:
    why = (error.strerror or "").lower()
    return Refusal(
        code, f"{error.filename} {en} ({why})", f"{error.filename} {zh} ({why})",
        "Check the path and its permissions.", "请检查路径和权限。",
    )  # fmt: skip
