"""Another account of the machine, for tests that root runs: root itself may do anything."""

from __future__ import annotations

import importlib
import os
import pkgutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import hub.cli

NOBODY = 65534  # this account exists on every Linux


def is_root() -> bool:
    return os.geteuid() == 0


@contextmanager
def as_another_account(*owned: Path) -> Iterator[None]:
    """Work without root's rights meanwhile; `owned`: files and folders that are given to it."""
    for module in pkgutil.walk_packages(hub.cli.__path__, "hub.cli."):
        importlib.import_module(module.name)  # the other account may not read this Python's folder
    for path in owned:
        for each in (path, *path.rglob("*")):
            os.chown(each, NOBODY, NOBODY)
        for above in path.parents[:4]:
            above.chmod(above.stat().st_mode | 0o055)
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
