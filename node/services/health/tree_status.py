"""Status of the tree's offices: sums by branch and problems by cause first, then page by page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from node.domain.units import Tree, UnknownUnit
from node.services.common.pages import BadToken
from node.services.health.problems import TEXTS, Problem, Severity, worst_first
from node.services.health.status import LinkState, OfficeLine, lines_below, problems_below, status
from sync.model.errors import ErrorKind, SilianError

if TYPE_CHECKING:
    from node.office import Office

PAGE, PAGE_MAX = 100, 1_000
EXAMPLES = 3
NEVER_REPORTED = "never_contacted"


class UnknownCause(SilianError):
    """No problem has this code; take one of those that are there."""

    code = "unknown_cause"
    kind = ErrorKind.NOT_FOUND

    def __init__(self, asked: str, there: Iterable[str]) -> None:
        listed = sorted(there)
        super().__init__(
            f"{asked[:40]!r} is no cause of a problem",
            f"没有“{asked[:40]}”这种问题",
            remedy_en=f"There are now: {', '.join(listed)}." if listed else "There are none now.",
            remedy_zh=f"当前有：{'、'.join(listed)}。" if listed else "当前没有问题。",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """Over an office and all below it. A conflict shows at several offices: offices are counted.

    `oldest_ms`: those in contact are known completely up to then at least; None: none was.
    """

    offices: int
    received: int
    connected: int
    waiting_up: int
    waiting_down: int
    with_conflicts: int
    with_quarantined: int
    with_problems: int  # of any cause except that they never connected
    oldest_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """An office, and the sums over it and all below it. `depth`: below the unit asked."""

    office: OfficeLine
    sums: Sums
    depth: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """All problems of one cause, with the first of them."""

    code: str
    severity: Severity
    offices: int
    examples: tuple[Problem, ...]
    remedy_zh: str
    remedy_en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeStatus:
    """The status of a unit and those below it; `branches` or `problems` are one page of `total`."""

    at_ms: int
    unit: int
    sums: Sums
    causes: tuple[Cause, ...]
    branches: tuple[Branch, ...] = ()
    problems: tuple[Problem, ...] = ()
    total: int
    next: str  # "" when there is no further page


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be shown. `depth`: levels below the unit that are listed.

    Offices that never connected are counted; `never`: listed, too. `problems`: list those, one by
    one, instead of offices; `cause`: of one code alone. `after`: the previous page's `next`.
    """

    unit: int
    depth: int = 1
    never: bool = False
    problems: bool = False
    cause: str = ""
    limit: int = PAGE
    after: str = ""


def tree_status(office: Office, asked: Asked, link_state: LinkState | None = None) -> TreeStatus:
    """Return the status of a unit at or below this office and all below it; others cost nothing.

    Raises: UnknownUnit, UnknownCause, BadToken.
    """
    tree, me = office.tree, office.identity.unit
    at = tree.get(asked.unit)
    if not tree.within(asked.unit, me):
        own = tree.get(me)
        raise UnknownUnit(f"{at.code} {at.name}", tree.as_of, [f"{own.code} {own.name}"])
    base = status(office, link_state)
    lines = list(_lines(office, base.own, asked.unit))
    shown = {line.unit for line in lines}
    problems = [p for p in base.problems if p.unit in shown]
    ahead = office.peer_status.clocks_ahead()
    for line in lines:
        if line.unit != me:
            problems += problems_below(line, base.at_ms, ahead.get(line.unit, 0), office.program)
    ordered = worst_first(problems)
    sums = _summed(tree, lines, ordered)
    start, limit = _start(asked.after), max(1, min(asked.limit, PAGE_MAX))
    found: Sequence[Branch | Problem]
    if asked.cause and asked.cause not in TEXTS:
        raise UnknownCause(asked.cause, {p.code for p in ordered})
    if asked.problems:
        found = [p for p in ordered if asked.cause in ("", p.code)]
    else:
        found = list(_listed(lines, sums, asked))
    page = found[start : start + limit]
    return TreeStatus(
        at_ms=base.at_ms, unit=asked.unit, sums=sums[asked.unit], causes=tuple(_causes(ordered)),
        branches=tuple(each for each in page if isinstance(each, Branch)),
        problems=tuple(each for each in page if isinstance(each, Problem)),
        total=len(found), next=str(start + limit) if start + limit < len(found) else "",
    )  # fmt: skip


def _lines(office: Office, own: OfficeLine, unit: int) -> Iterator[OfficeLine]:
    """Yield the lines of a unit and of all below it."""
    tree, me = office.tree, own.unit
    below = [u for u in tree.subtree(unit) if u != me]
    with office.store.read() as tx:
        marks = office.peer_status.watermarks(tx, below)
    if unit == me:
        yield own
    yield from lines_below(tree, me, unit, office.peer_status.known(), marks)


def _summed(
    tree: Tree, lines: Sequence[OfficeLine], problems: Iterable[Problem]
) -> dict[int, Sums]:
    """Return the sums over each office and all below it; a hub comes before its children."""
    troubled = {p.unit for p in problems if p.code != NEVER_REPORTED}
    counts = {line.unit: _counted(line, troubled=line.unit in troubled) for line in lines}
    oldest = {line.unit: line.exact_ms for line in lines if line.received}
    for line in reversed(lines):
        above = tree.parent(line.unit)
        if above is None or above not in counts:
            continue
        counts[above] = [a + b for a, b in zip(counts[above], counts[line.unit], strict=True)]
        if line.unit in oldest:
            oldest[above] = min(oldest[line.unit], oldest.get(above, oldest[line.unit]))
    return {unit: _sums(found, oldest.get(unit)) for unit, found in counts.items()}


def _counted(line: OfficeLine, *, troubled: bool) -> list[int]:
    return [
        1, int(line.received), int(line.connected is True), line.waiting_up, line.waiting_down,
        int(line.conflicts > 0), int(line.quarantined > 0), int(troubled),
    ]  # fmt: skip


def _sums(counted: Sequence[int], oldest_ms: int | None) -> Sums:
    offices, received, connected, up, down, with_conflicts, with_quarantined, with_problems = (
        counted
    )
    return Sums(
        offices=offices, received=received, connected=connected, waiting_up=up, waiting_down=down,
        with_conflicts=with_conflicts, with_quarantined=with_quarantined, oldest_ms=oldest_ms,
        with_problems=with_problems,
    )  # fmt: skip


def _listed(
    lines: Sequence[OfficeLine], sums: Mapping[int, Sums], asked: Asked
) -> Iterator[Branch]:
    """Yield what is asked for; a line must show more than that one office never connected."""
    top = lines[0].level
    for line in lines:
        depth, over = line.level - top, sums[line.unit]
        telling = over.received > 0 or (depth <= 1 and over.offices > 1)
        if depth <= asked.depth and (asked.never or telling):
            yield Branch(office=line, sums=over, depth=depth)


def _causes(ordered: Iterable[Problem]) -> Iterator[Cause]:
    """Yield problems grouped by cause, the worst first."""
    for code, group in groupby(ordered, key=lambda p: p.code):
        found = list(group)
        first = found[0]
        yield Cause(
            code=code, severity=first.severity, offices=len({p.unit for p in found}),
            examples=tuple(found[:EXAMPLES]), remedy_zh=first.remedy_zh, remedy_en=first.remedy_en,
        )  # fmt: skip


def _start(after: str) -> int:
    if not after:
        return 0
    if not (after.isascii() and after.isdecimal() and len(after) < 10):
        raise BadToken
    return int(after)
