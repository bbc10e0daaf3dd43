"""Capacity: how many calls and open files a process must allow for the offices that it serves."""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterable
from dataclasses import dataclass

from node.office import Office

PROGRAM_CALLS = 256  # of programs and commands, besides those of the children
FILES_OF_A_PROCESS = 256
UNPROVEN = 512  # connections at a port of those who have not shown themselves yet
CONNECTIONS_OF_A_CHILD = 4  # a former one may still be there; its programs look, too
FILES_OF_AN_OFFICE = 24  # a writer and up to eight readers with two each, and its lock


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """What a process must allow.

    `streams`: calls open on one connection; beyond it a caller waits without an answer. `calls`:
    calls processed at once; beyond it a call is refused. `connections`: open at one port; beyond it
    one is closed. `files`: open files and connections.
    """

    streams: int = PROGRAM_CALLS
    calls: int = PROGRAM_CALLS
    connections: int = UNPROVEN
    files: int = FILES_OF_A_PROCESS

    @classmethod
    def of(cls, offices: Iterable[Office]) -> Capacity:
        """Return what these offices need, all of whose children may be in one other process.

        A child keeps a `Watch` open and makes one call at a time. The tree may move any unit under
        any other while we serve, so streams are counted by the units of the tree.
        """
        listed = list(offices)
        units = max((len(office.tree) for office in listed), default=0)
        children = sum(len(office.tree.children(office.identity.unit)) for office in listed)
        return cls(
            streams=PROGRAM_CALLS + 2 * units,
            calls=PROGRAM_CALLS + children,
            connections=UNPROVEN + CONNECTIONS_OF_A_CHILD * children,
            files=files_for(len(listed), children),
        )


def files_for(offices: int, children: int = 0) -> int:
    """Return how many open files so many offices, and the connections of their children, need."""
    return FILES_OF_A_PROCESS + UNPROVEN + FILES_OF_AN_OFFICE * offices + children


def raise_file_limit() -> int:
    """Let this process open as many files as the system allows it; return how many that is."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return _number(hard)


def hard_file_limit() -> int:
    """Return how many files `raise_file_limit` can allow."""
    return _number(resource.getrlimit(resource.RLIMIT_NOFILE)[1])


def file_limit(pid: int = 0) -> int | None:
    """Return how many files a process may open; None: it cannot be asked. `pid` 0: this one."""
    if not pid:
        return _number(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    try:
        return _number(resource.prlimit(pid, resource.RLIMIT_NOFILE)[0])
    except (AttributeError, ProcessLookupError, PermissionError):  # not on every system
        return None


def _number(limit: int) -> int:
    return sys.maxsize if limit == resource.RLIM_INFINITY else limit
