"""`silian`: the tree of verbs."""

from __future__ import annotations

import typer

from hub.cli import (
    admin,
    bundles,
    comparison,
    conflicts,
    corrections,
    demo,
    duplicates,
    figures,
    files,
    money,
    offices,
    quarantine,
    records,
    retention,
    units,
    work,
)

HELP = (
    "四联 Silian: 市、区、街、居四级联网 / four levels of offices in one network that works offline"
)

app = typer.Typer(
    help=HELP, no_args_is_help=True, pretty_exceptions_enable=False, add_completion=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)  # fmt: skip
for part in (
    offices,
    admin,
    files,
    bundles,
    records,
    units,
    work,
    money,
    figures,
    conflicts,
    corrections,
    duplicates,
    quarantine,
    comparison,
    retention,
    demo,
):
    part.register(app)


def main() -> None:
    """Run the command line."""
    app(prog_name="silian")
