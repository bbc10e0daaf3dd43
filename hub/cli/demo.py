"""demo: a four-level city on this machine, started, used, broken, repaired and checked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hub.cli.exits import Exit
from hub.cli.terminal import Terminal
from hub.cli.verb import verb


def register(app: typer.Typer) -> None:
    verb(app, folder=False)(demo)


def demo(
    terminal: Terminal,
    tree: Annotated[Path | None, typer.Option("--tree", help="CSV of units. 区划文件")] = None,
    unit: Annotated[str, typer.Option("--unit", help="Street to run. 街道代码或名称")] = "",
    scale: Annotated[
        float, typer.Option("--scale", min=0.001, max=10, help="1.0 is life size. 规模")
    ] = 1.0,
    folder: Annotated[
        Path | None, typer.Option("--dir", help="Folder to keep everything in. 保留目录")
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave it running. 保持运行")] = False,
) -> Exit:
    """Run a city, a district, a street and its communities on this machine. 四级联网演示

    Takes up to two minutes. People in it are generated. Without --dir nothing is left behind.
    约需两分钟；人员均为虚构；不加 --dir 时不留下任何文件。
    """
    from hub.demo.runner import Options, run

    options = Options(tree=tree, unit=unit, scale=scale, folder=folder, keep=keep)
    return run(terminal, options)
