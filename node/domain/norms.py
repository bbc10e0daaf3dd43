"""The city's norms for people, rooms and money of a community, as data; the head-count norms.

N1, N2, ... are the norms of a report of 2004. Every number in them is a field of `Norms`: the city
publishes a new version downward, and no rule has a number of its own. Money norms are in
`formula.py`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from enum import StrEnum


class Rounding(StrEnum):
    """How "one per n" or "per full hundred" treats a remainder."""

    EXACT = "exact"  # pro rata, no steps
    FLOOR = "floor"
    CEIL = "ceil"


class MatchBase(StrEnum):
    """Whether the 4,000 yuan are the city's part, or city and district together (N8 b)."""

    CITY_PART = "city_part"
    TOTAL = "total"


class Growth(StrEnum):
    """Whether 5 % a year is of last year's standard or of the first one (N8 c)."""

    COMPOUND = "compound"
    SIMPLE = "simple"


class Nature(StrEnum):
    """The kind of work that a department asks a community to help with."""

    ORDINARY = "ordinary"
    ADMINISTRATIVE = "administrative"
    TEMPORARY = "temporary"


@dataclass(frozen=True, slots=True, kw_only=True)
class Norms:
    """One published version of the norms. Defaults are the report's figures; whole numbers only."""

    households_per_worker: int = 400  # N3
    worker_flag_percent: int = 90  # N3, "about": below this share of the norm an office is flagged
    premises_m2_per_100_households: int = 30  # N4
    committee_members_min: int = 100  # N5, inclusive
    work_base_year: int = 2004  # N8 e
    work_standard_fen: int = 400_000  # N8, per 100 households in the base year
    work_growth_percent: int = 5  # N8 c
    work_growth: Growth = Growth.COMPOUND  # N8 c
    work_hundreds: Rounding = Rounding.EXACT  # N8 a
    match_base: MatchBase = MatchBase.CITY_PART  # N8 b
    party_work_fen: int = 6_400_000  # N9, per community with a committee
    dues_city_fen_per_member: int = 500  # N10, the city's half of 10 yuan
    dues_district_fen_per_member: int = 500  # N10, the district's half
    award_ceiling_fen: int = 180_000_000  # N11
    premium_ceiling_fen: int = 120_000_000  # N11
    office_ceiling_fen: int = 30_000_000  # N12
    reward_share_max_percent: int = 50  # N18, the report has no value
    reward_takes_all_surplus: bool = False  # N18; true reads "a part" as of the income only
    heavy_days: int = 10  # person-days from which administrative work is heavy
    long_days: int = 30  # days from which it is long

    @property
    def version(self) -> str:
        """Name these norms: the base year, and a digest of every number in them."""
        text = ";".join(f"{f.name}={getattr(self, f.name)}" for f in fields(self))
        return f"{self.work_base_year}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkersNorm:
    """Workers against the norm. The ratio is a fraction, so that a city can add both halves."""

    target: int
    short: bool


def workers_norm(households: int, workers: int, norms: Norms) -> WorkersNorm:
    """Return target head count, exact ratio and whether the community is short of workers.

    The target is households / 400 rounded half up, at least one; short means under 90 % of the
    unrounded norm. A band and not a limit: nothing is refused because of it.
    Source: N3, "每400户左右有一名社区工作者".
    """
    assert min(households, workers) >= 0
    per = norms.households_per_worker
    return WorkersNorm(
        target=max(1, (2 * households + per) // (2 * per)),
        short=workers * per * 100 < households * norms.worker_flag_percent,
    )


def required_area_centi_m2(households: int, norms: Norms) -> int:
    """Return the floor area that a community should have, in hundredths of a square metre.

    Linear in households, for office, activity and service rooms together; households x 30 m2 per
    100 households is a whole number of hundredths, so nothing is rounded.
    Source: N4, "每百户30平方米".
    """
    assert households >= 0
    return households * norms.premises_m2_per_100_households


def may_found_committee(party_members: int, norms: Norms) -> bool:
    """Return whether a community has enough members for a Party committee, the limit included.

    Eligibility only: a committee is a fact with a date, and falling below does not dissolve it.
    Source: N5, "拥有100名以上党员的社区建立社区党委".
    """
    return party_members >= norms.committee_members_min


def fee_required(
    *, assists: bool, nature: Nature, workload_days: int, duration_days: int, norms: Norms
) -> bool:
    """Return whether a department must pay a community for the work that it asks help with.

    Temporary work always; administrative work when it is heavy (person-days) or long (days).
    Source: the report, "对工作量大、持续时间长的行政事务或临时性工作 ... 费随事转".
    """
    if not assists:
        return False
    if nature is Nature.TEMPORARY:
        return True
    heavy_or_long = workload_days >= norms.heavy_days or duration_days >= norms.long_days
    return nature is Nature.ADMINISTRATIVE and heavy_or_long
