"""Every store of the contract: a SQLite file, and a real PostgreSQL."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from node.store.engine import sqlite_url
from tests.support.sites import Site, site_at

OpenSite = Callable[..., Site]


@pytest.fixture(params=["sqlite", "postgresql"])
def open_site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OpenSite]:
    """Return a function that opens an office (by unit) on an empty store of its own."""
    numbers = itertools.count()
    with contextlib.ExitStack() as closing:

        def open_one(unit: int, **options: object) -> Site:
            if request.param == "sqlite":
                url = sqlite_url(tmp_path / f"{next(numbers)}.db")
            else:
                server = request.getfixturevalue("postgres")
                url = closing.enter_context(server.cleared_database())
            site = site_at(unit, url, **options)
            closing.callback(site.store.close)
            return site

        yield open_one
