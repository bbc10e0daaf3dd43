"""The main command `silian` and its tree of verbs."""

from __future__ import annotations

import importlib.metadata
import os
import sys
from typing import Annotated

import typer

from hub.cli import (
    admin,
    audit,
    bundles,
    certificates,
    comparison,
    conflicts,
    corrections,
    demo,
    duplicates,
    figures,
    files,
    money,
    offices,
    orders,
    quarantine,
    records,
    report,
    retention,
    sealed,
    today,
    units,
    work,
)
from hub.cli.shape import shaped
from hub.cli.terminal import take_any_character
from hub.cli.usage import Root

HELP = (
    "Silian: four levels of offices in one network that works offline. "
    "四联：市、区、街道、社区四级联网"
)

app = typer.Typer(
    cls=Root, help=HELP, no_args_is_help=True, pretty_exceptions_enable=False, add_completion=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)  # fmt: skip


def _version(asked: bool) -> None:
    if asked:
        sys.stdout.write(f"silian {importlib.metadata.version('silian')}\n")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option("--version", help="The version. 版本", is_eager=True, callback=_version),
    ] = False,
) -> None:
    """Read what comes before the verb."""


for part in (
    offices,
    admin,
    files,
    bundles,
    records,
    units,
    today,
    work,
    orders,
    money,
    figures,
    report,
    conflicts,
    corrections,
    duplicates,
    quarantine,
    comparison,
    retention,
    certificates,
    audit,
    sealed,
    demo,
):
    part.register(app)
shaped(app)


def main() -> None:
    """Run the command line."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # closed: the next file opened would get its number, and the output
            os.open(os.devnull, os.O_RDWR)
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    take_any_character()  # also for help, which no verb prints
    app(prog_name="silian")
