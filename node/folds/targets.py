"""Final targets of a piece of work: the next offices on the way, and the list as text.

An order to every community of a city has thousands of final assignees. The text in a hop's draft
names all of a level with one sign, a few exceptions by id, or else the ids themselves.
"""

from __future__ import annotations

import base64
import struct
from collections import defaultdict
from collections.abc import Iterable

from node.domain.units import Tree

TEXT_MAX = 4_000  # characters; the field's own maximum in the catalogue


class OutOfLine(Exception):
    """A target is neither below nor above the office that should relay the work."""

    def __init__(self, unit: int) -> None:
        super().__init__(unit)
        self.unit = unit


def next_offices(tree: Tree, frm: int, targets: Iterable[int]) -> dict[int, set[int]]:
    """Return next office -> the targets behind it: a child on the way down, or the parent.

    Raises: OutOfLine for a target that is neither above nor below `frm`, or `frm` itself.
    """
    above = set(tree.ancestors(frm))
    found: dict[int, set[int]] = defaultdict(set)
    for target in targets:
        if target not in tree or target == frm:
            raise OutOfLine(target)
        hop = tree.parent(frm) if target in above else tree.next_hop(frm, target)
        if hop is None:
            raise OutOfLine(target)
        found[hop].add(target)
    return dict(found)


def written(tree: Tree, assignee: int, targets: set[int]) -> str:
    """Return the targets behind one hop as text; `read` is its inverse on the same tree."""
    levels = {int(tree.level(target)) for target in targets}
    if len(levels) == 1 and assignee not in targets:
        level = levels.pop()
        whole = _of_level(tree, assignee, level)
        if targets <= whole and 2 * len(targets) > len(whole):
            return f"*{level}{_packed(whole - targets)}"
    return f"={_packed(targets)}"


def read(tree: Tree, assignee: int, text: str) -> set[int]:
    """Return the targets of a draft's text at `assignee`, by today's tree.

    All of a level means all that are there now: a community founded on the way is included.
    Raises: OutOfLine when the text cannot be read.
    """
    try:
        if text.startswith("="):
            return _unpacked(text[1:])
        if text.startswith("*"):
            return _of_level(tree, assignee, int(text[1])) - _unpacked(text[2:])
    except (IndexError, ValueError, struct.error):
        pass
    raise OutOfLine(assignee)


def _of_level(tree: Tree, top: int, level: int) -> set[int]:
    return {unit for unit in tree.subtree(top) if tree.level(unit) == level and unit != top}


def _packed(units: set[int]) -> str:
    ids = struct.pack(f">{len(units)}Q", *sorted(units))
    return base64.urlsafe_b64encode(ids).rstrip(b"=").decode("ascii")


def _unpacked(text: str) -> set[int]:
    ids = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    return set(struct.unpack(f">{len(ids) // 8}Q", ids))
