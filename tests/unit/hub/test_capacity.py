"""Capacity: limits follow the number of offices; files that a process may open are looked at."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.cli import examine
from hub.serve.capacity import Capacity, file_limit, files_for
from node.office import Office
from tests.unit.node.offices import COMMUNITY, STREET, Clock, new_office

RAISED = """
import resource
from hub.serve.capacity import file_limit, raise_file_limit
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
assert file_limit() == 64
assert raise_file_limit() == file_limit() > 64
assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
"""


@pytest.fixture
def offices(tmp_path: Path) -> Iterator[list[Office]]:
    """A street and one of its communities."""
    found = [new_office(tmp_path / code, code, Clock()) for code in (STREET, COMMUNITY)]
    yield found
    for office in found:
        office.close()


def test_every_child_may_keep_a_watch_open_and_make_a_call_over_one_connection(
    offices: list[Office],
) -> None:
    street, leaf = offices
    children = len(street.tree.children(street.identity.unit))
    one = Capacity.of([street])
    assert one.streams >= 2 * children
    assert one.calls == Capacity().calls + children
    # Offices that the tree of another day puts below it are children then.
    assert one.streams >= 2 * len(street.tree)
    with_leaf = Capacity.of([street, leaf])
    assert with_leaf.calls == one.calls
    assert with_leaf.files - one.files == files_for(1) - files_for(0)
    assert Capacity.of([]).streams > 0


def test_serve_raises_the_limit_of_files_as_far_as_the_system_lets_it() -> None:
    subprocess.run([sys.executable, "-c", RAISED], check=True)


def test_doctor_says_that_the_process_may_open_too_few_files() -> None:
    allowed = file_limit()
    assert allowed is not None
    served = {"pid": os.getpid(), "files": allowed}
    assert examine._open_files(served).good
    found = examine._open_files({**served, "files": allowed + 1})
    assert not found.good
    assert str(allowed) in found.en
    assert str(allowed + 1) in found.zh
    assert examine._open_files(None).good == (files_for(1) <= examine.hard_file_limit())
    assert examine._open_files({}).good  # of a program that notes nothing
