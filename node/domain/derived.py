"""Derived measures: a community computes them from its own cells; upper offices add them up.

An upper office has sums and cannot see which community met a norm, so each community counts itself.
The rules are a fixed set by name; their numbers are the city's `Norms`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from node.domain.contribution import CellKey, dims_text, parse_dims
from node.domain.norms import Norms, may_found_committee, required_area_centi_m2, workers_norm

Cells = Mapping[CellKey, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """One use of a rule: the measures that it reads and writes."""

    name: str
    rule: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    source: str = ""


def derive(rules: Iterable[Derived], cells: Cells, norms: Norms) -> dict[CellKey, int]:
    """Return all derived cells of one unit, from all of that unit's own other cells.

    Returns: the complete set, without zeros; a derived cell that is not in it has ended. Cells of
    measures that no rule reads may be left out.
    """
    found: dict[CellKey, int] = {}
    for each in rules:
        read = {key: amount for key, amount in cells.items() if key.measure in each.reads}
        found.update({key: n for key, n in RULES[each.rule](read, norms).items() if n})
    return found


def _sum(cells: Cells, measure: str) -> int:
    return sum(amount for key, amount in cells.items() if key.measure == measure)


def _judged(measure: str, met: bool) -> dict[CellKey, int]:
    return {CellKey(measure, "", dims_text({"met": str(int(met))})): 1}


def premises_norm(cells: Cells, norms: Norms) -> dict[CellKey, int]:
    """Check the floor area (in 0.01 m2) of a community that has households. Source: N4."""
    households = _sum(cells, "households")
    if households <= 0:
        return {}
    required = required_area_centi_m2(households, norms)
    return _judged("premises_norm", _sum(cells, "premises_area") >= required)


def staffing_norm(cells: Cells, norms: Norms) -> dict[CellKey, int]:
    """Check the workers of a community that has households; "about" one per 400. Source: N3."""
    households, workers = _sum(cells, "households"), _sum(cells, "workers")
    if households <= 0:
        return {}
    return _judged("workers_norm", not workers_norm(households, workers, norms).short)


def committee_missing(cells: Cells, norms: Norms) -> dict[CellKey, int]:
    """Count a community that has enough members for a committee, but no committee. Source: N5."""
    eligible = may_found_committee(_sum(cells, "party_members"), norms)
    missing = eligible and _sum(cells, "party_committees") <= 0
    return {CellKey("committee_missing", "", ""): int(missing)}


def latest_election(cells: Cells, _norms: Norms) -> dict[CellKey, int]:
    """Return the last election day; of two methods on one day, the last by code. Source: N7."""
    dated = (parse_dims(key.dims) for key, n in cells.items() if key.measure == "elections_held")
    latest = [dims for dims in dated if {"held_on", "election_method"} <= dims.keys()]
    if not latest:
        return {}
    last = max(latest, key=lambda dims: (dims["held_on"], dims["election_method"]))
    was, now = dims_text(last), dims_text({"election_method": last["election_method"]})
    return {
        CellKey("latest_elections", "", now): 1,
        CellKey("latest_electorate", "", now): cells.get(
            CellKey("elections_electorate", "", was), 0
        ),
        CellKey("latest_ballots", "", now): cells.get(CellKey("elections_ballots", "", was), 0),
    }


RULES: dict[str, Callable[[Cells, Norms], dict[CellKey, int]]] = {
    "premises_norm": premises_norm,
    "staffing_norm": staffing_norm,
    "committee_missing": committee_missing,
    "latest_election": latest_election,
}
