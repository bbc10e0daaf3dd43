"""Population plans of generated communities: size and content, the same for the same seed.

闸弄口街道 is planned so that the report's figures (figures.py) come out; any other street gets the
city's norms with some scatter. A plan is small; `records.py` fills it with generated records.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from hub.demo.figures import SHOWCASE_NAME, STREET_NAME, published
from node.domain.norms import Norms
from node.domain.units import Level, Tree, Unit

SHOWCASE_HOUSEHOLDS = 3_050  # the report: 3,000多户
STREET_HOUSEHOLDS = 25_000  # not in the report: what 17 communities from 1,200 up to 3,000 hold
STREET_OUTLETS = 204  # the report: 200多个
STREET_PLACEMENTS = 612  # the report: 600多人

OTHER_HOUSEHOLDS = (800, 2_600)  # a community of any other street
SIZES, SIZE_WEIGHTS = (1, 2, 3, 4, 5, 6), (14, 27, 35, 15, 7, 2)  # persons: 2.8 on average
AREA_CODES = 10_000
"""Area codes 990000 to 999999 belong to no province (GB/T 2260): no living person has one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommunityPlan:
    """What is to be generated for one community. All counts are exact but those of scatter."""

    unit: Unit
    number: int  # among the tree's communities; makes identity and case numbers unique in a tree
    seed: int
    as_of: date
    household_sizes: tuple[int, ...]  # persons
    elders: int  # residents who are 60 or more in the year of `as_of`
    party_members: int
    committee_missing: bool  # 100 members and more, and still no committee
    workers: int
    area_centi_m2: int
    facilities: int  # of 12
    outlets: tuple[tuple[str, int], ...]  # (kind, how many)
    election_method: str
    placements: int
    aid_cases: int
    assemblies: int

    @property
    def households(self) -> int:
        """Return the number of households."""
        return len(self.household_sizes)

    @property
    def residents(self) -> int:
        """Return the number of residents."""
        return sum(self.household_sizes)

    @property
    def area_code(self) -> str:
        """Return the first six digits of the generated identity numbers."""
        block, rest = divmod(self.number, AREA_CODES)
        return str(990_000 - 10_000 * block + rest)


@dataclass(frozen=True, slots=True)
class StreetPlan:
    """One street's communities."""

    unit: Unit
    communities: tuple[CommunityPlan, ...]


def plan_streets(
    tree: Tree, unit_id: int, *, as_of: date, seed: int = 1, scale: float = 1.0
) -> tuple[StreetPlan, ...]:
    """Plan every street at or below a unit.

    `scale`: 1.0 is life size; it multiplies households and all that goes with them. `as_of`: the
    day of the generated state; ages are by its calendar year, elections and placements before it.
    """
    numbers = {
        each: number
        for number, each in enumerate(i for i in tree.subtree(tree.root) if _is_community(tree, i))
    }
    assert len(numbers) < 7 * AREA_CODES, "area codes 92 to 99 belong to no province, below do"
    return tuple(
        plan_street(tree, street, numbers, as_of=as_of, seed=seed, scale=scale)
        for street in tree.subtree(unit_id)
        if tree.level(street) == Level.STREET
    )


def plan_street(
    tree: Tree,
    street_id: int,
    numbers: dict[int, int],
    *,
    as_of: date,
    seed: int = 1,
    scale: float = 1.0,
) -> StreetPlan:
    """Plan one street; `numbers` are its communities' numbers among all of the tree."""
    street = tree.get(street_id)
    units = [tree.get(i) for i in tree.children(street_id)]
    chance = random.Random(f"{seed}:{street.code}")
    known = street.name == STREET_NAME
    sizes = _report_sizes(units, chance) if known else _other_sizes(units, chance)
    sizes = [max(2, round(size * scale)) for size in sizes]
    members = [tuple(chance.choices(SIZES, SIZE_WEIGHTS, k=size)) for size in sizes]
    elders = _elders([sum(each) for each in members], chance)
    methods = _methods(len(units), chance, known=known)
    placements = _shares(round(STREET_PLACEMENTS * scale * sum(sizes) /
                               (STREET_HOUSEHOLDS * scale)), sizes)  # fmt: skip
    outlets = _outlets(len(units), scale, known=known)
    party = [
        _party_members(unit, size, chance, scale) for unit, size in zip(units, sizes, strict=True)
    ]
    committees = [i for i, each in enumerate(party) if each >= Norms().committee_members_min]
    communities = tuple(
        CommunityPlan(
            unit=unit,
            number=numbers[unit.unit_id],
            seed=seed,
            as_of=as_of,
            household_sizes=members[i],
            elders=elders[i],
            party_members=party[i],
            committee_missing=committees[-1:] == [i] and len(committees) > 1,
            workers=_workers(sizes[i], short=i % 6 == 4),
            area_centi_m2=_area(unit, sizes[i], i, chance, scale, known=known),
            facilities=12 if unit.name == SHOWCASE_NAME else chance.randint(9, 12),
            outlets=outlets[i],
            election_method=methods[i],
            placements=placements[i],
            aid_cases=max(1, round(sizes[i] * 0.008)),
            assemblies=1 if i % 9 == 5 else 2,
        )
        for i, unit in enumerate(units)
    )
    return StreetPlan(street, communities)


def _is_community(tree: Tree, unit_id: int) -> bool:
    return tree.level(unit_id) == Level.COMMUNITY


def _report_sizes(units: Sequence[Unit], chance: random.Random) -> list[int]:
    """Return households: the showcase the largest, one of 1,200 the smallest, the rest between."""
    smallest = published("households_smallest")
    others = sum(unit.name != SHOWCASE_NAME for unit in units) - 1
    mean = (STREET_HOUSEHOLDS - SHOWCASE_HOUSEHOLDS - smallest) // max(1, others)
    mean = min(max(mean, smallest + 20), 2_400)  # another year's tree has fewer communities
    spread = min(mean - smallest - 5, SHOWCASE_HOUSEHOLDS - mean - 50)
    between = [mean + round(spread * (2 * i / max(1, others - 1) - 1)) for i in range(others)]
    between.append(smallest)
    chance.shuffle(between)
    return [SHOWCASE_HOUSEHOLDS if u.name == SHOWCASE_NAME else between.pop() for u in units]


def _other_sizes(units: Sequence[Unit], chance: random.Random) -> list[int]:
    low, high = OTHER_HOUSEHOLDS
    return [round(chance.triangular(low, high, 1_300)) for _ in units]


def _elders(residents: list[int], chance: random.Random) -> list[int]:
    """Return the residents of 60 and more, scattered by community, the street's share exact."""
    share = published("ageing_permille")
    weights = [count * chance.uniform(0.75, 1.25) for count in residents]
    return _shares(round(sum(residents) * share / 1_000), weights)


def _shares(total: int, weights: Sequence[float]) -> list[int]:
    """Split `total` by weight, largest remainder first: the parts sum to it exactly."""
    whole = sum(weights)
    exact = [total * weight / whole for weight in weights] if whole else [0.0 for _ in weights]
    parts = [int(each) for each in exact]
    by_rest = sorted(range(len(parts)), key=lambda i: (parts[i] - exact[i], i))
    for i in by_rest[: total - sum(parts)]:
        parts[i] += 1
    return parts


def _methods(count: int, chance: random.Random, *, known: bool) -> list[str]:
    """Return how each committee was elected: eight directly in the report's street, else N7."""
    if known:
        direct = min(count, published("direct_elections"))
        rest = ["household_reps" if i % 2 else "member_reps" for i in range(count - direct)]
        methods = ["all_voters"] * direct + rest
        chance.shuffle(methods)
        return methods
    return chance.choices(["all_voters", "household_reps", "member_reps"], [30, 30, 40], k=count)


def _outlets(count: int, scale: float, *, known: bool) -> list[tuple[tuple[str, int], ...]]:
    """Return each community's outlets by kind; the report's street sums to what it published."""
    totals = {
        "outlet": STREET_OUTLETS if known else 12 * count,
        "corridor": published("corridors") if known else count // 2,
        "nursing_home": published("nursing_homes") if known else 1,
        "culture_sport": published("culture_sport") if known else count // 2,
        "service_street": 1 if known else 0,
        "elder_park": 1 if known else 0,
        "squad": count,
    }
    scaled = {kind: max(1, round(n * min(scale, 1.0))) if n else 0 for kind, n in totals.items()}
    parts = {kind: _shares(n, [1.0] * count) for kind, n in scaled.items()}
    return [tuple((kind, parts[kind][i]) for kind in totals) for i in range(count)]


def _party_members(unit: Unit, households: int, chance: random.Random, scale: float) -> int:
    """Return members: about half of the communities reach the 100 of a committee at life size."""
    if unit.name == SHOWCASE_NAME:
        return round(210 * scale)
    return round(households * chance.uniform(0.03, 0.12))


def _workers(households: int, *, short: bool) -> int:
    per = Norms().households_per_worker
    target = max(1, (2 * households + per) // (2 * per))
    return max(1, target - 1) if short else target


def _area(
    unit: Unit, households: int, index: int, chance: random.Random, scale: float, *, known: bool
) -> int:
    """Return floor area in 0.01 m²; three of five meet the norm, the showcase does not (N4)."""
    if known and unit.name == SHOWCASE_NAME:
        return round(published("premises_m2_showcase") * 100 * scale)
    required = households * Norms().premises_m2_per_100_households  # in 0.01 m²
    factor = chance.uniform(1.0, 1.3) if index % 5 < 3 else chance.uniform(0.72, 0.97)
    least = round(published("premises_m2") * 100 * scale) if known else 0
    return max(least, round(required * factor))
