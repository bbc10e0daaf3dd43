"""A community's generated records, register by register, as stored values."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import date, timedelta

from hub.demo.figures import published
from hub.demo.people import ADULT_AGE, ELDER_AGE, Person, age_of, generate_people, new_name
from hub.demo.population import CommunityPlan
from sync.model.change import Value

Row = dict[str, Value]

FACILITIES = (
    "office_room", "affairs_board", "publicity_board", "party_room", "service_station",
    "elderly_room", "police_room", "security_station", "health_station", "fitness_place",
    "youth_room", "citizen_school",
)  # fmt: skip
"""In the order in which a community gets them: who has ten lacks the last two."""

SERVICES = ("labour", "reemployment", "family_health", "floating_population", "aid",
            "convenience", "culture_sport", "fast_food")  # fmt: skip
OUTLET_NAMES = {
    "outlet": "便民网点",
    "corridor": "社区服务长廊",
    "nursing_home": "敬老院",
    "culture_sport": "文体健身点",
    "service_street": "服务一条街",
    "elder_park": "老年人生活服务园",
    "squad": "社区服务小分队",
}
CHANNELS = ("C1", "C4", "C3", "C1", "C4", "C2", "C1", "C3", "C4", "C1")
LAYERS = ("L1", "L2", "L3", "L4", "L5")


def generate(plan: CommunityPlan) -> dict[str, list[Row]]:
    """Return every register's records of one community, the same for the same plan.

    Each list is in stored form, so that it may be imported as it is, or written to a workbook.
    Fields of upper offices (pay grades, verified areas, committee dates) stay empty.
    """
    people = generate_people(plan)
    found = {"household": list(_households(plan)), "resident": list(_residents(plan, people))}
    for name, make in _MAKERS.items():
        found[name] = list(make(plan, people, _chance(plan, name)))
    return found


def _chance(plan: CommunityPlan, register: str) -> random.Random:
    """Return a register's own random numbers: a change in one register changes no other."""
    return random.Random(f"{plan.seed}:{plan.unit.code}:{register}")


def _short(plan: CommunityPlan) -> str:
    return plan.unit.name.removesuffix("社区").removesuffix("村")


def household_no(plan: CommunityPlan, household: int) -> str:
    """Return the number of a household counted from 0."""
    return f"H{plan.number:04d}-{household + 1:05d}"


def _households(plan: CommunityPlan) -> Iterator[Row]:
    chance = _chance(plan, "household")
    for household, size in enumerate(plan.household_sizes):
        building, flat = divmod(household, 48)
        yield {
            "hh_no": household_no(plan, household),
            "address": f"{plan.unit.name}示例{building + 1}幢{flat // 12 + 1}单元"
            f"{flat % 12 // 2 + 1}0{flat % 2 + 1}室",
            "members_n": size,
            "kind": "floating" if chance.random() < 0.12 else "resident",
        }


def _residents(plan: CommunityPlan, people: list[Person]) -> Iterator[Row]:
    chance = _chance(plan, "resident")
    adults = [i for i, each in enumerate(people) if age_of(each, plan.as_of) >= ADULT_AGE]
    party = set(chance.sample(adults, min(plan.party_members, len(adults))))
    for i, person in enumerate(people):
        yield {
            "id_number": person.id_number,
            "name": person.name,
            "birth_date": person.born.isoformat(),
            "sex": "male" if person.male else "female",
            "employment": _employment(age_of(person, plan.as_of), chance),
            "party_member": int(i in party),
            "lives_alone": int(plan.household_sizes[person.household] == 1),
            "household_no": household_no(plan, person.household),
        }


def _employment(age: int, chance: random.Random) -> str:
    if age >= ELDER_AGE:
        return "retired"
    if age < ADULT_AGE or (age < 23 and chance.random() < 0.6):
        return "student" if age >= 6 else "other"
    draw = chance.random()
    return "employed" if draw < 0.86 else "unemployed" if draw < 0.92 else "other"


def _party(plan: CommunityPlan, people: list[Person], chance: random.Random) -> Iterator[Row]:
    members = plan.party_members
    kind = "committee" if members >= 100 and not plan.committee_missing else "general_branch"
    yield {
        "name": f"{_short(plan)}社区党组织",
        "kind": kind if members >= 50 else "branch",
        "members_n": members,
    }


def _workers(plan: CommunityPlan, people: list[Person], chance: random.Random) -> Iterator[Row]:
    for i in range(plan.workers):
        female = chance.random() < 0.6
        yield {
            "worker_no": f"G{plan.number:04d}-{i + 1:02d}",
            "name": new_name(chance),
            "sex": "female" if female else "male",
            "post": "chief" if i == 0 else "deputy" if i == 1 and plan.workers > 2 else "member",
            "holds_both_posts": int(i == 0),  # the report: 主任和书记都是“一肩挑”
            "years": chance.randint(0, 18),
            "assessment": "pass" if chance.random() < 0.95 else "fail",
            "insured_pension": 1,
            "insured_unemployment": int(chance.random() < 0.95),
            "insured_medical": 1,
            "insured_maternity": int(female),
            "insured_injury": int(chance.random() < 0.9),
        }


def _premises(plan: CommunityPlan, people: list[Person], chance: random.Random) -> Iterator[Row]:
    office, activity = plan.area_centi_m2 * 3 // 10, plan.area_centi_m2 * 45 // 100
    areas = {
        "office": ("办公用房", office),
        "activity": ("活动用房", activity),
        "service": ("服务用房", plan.area_centi_m2 - office - activity),
    }
    for use, (label, area) in areas.items():
        yield {
            "name": f"{_short(plan)}社区{label}",
            "use": use,
            "area_m2": area,
            "tenure": chance.choice(("owned", "allotted", "allotted", "rented", "lent")),
            "address": f"{plan.unit.name}示例1幢一层",
        }


def _facilities(plan: CommunityPlan, people: list[Person], chance: random.Random) -> Iterator[Row]:
    yield {name: int(i < plan.facilities) for i, name in enumerate(FACILITIES)}


def _outlets(plan: CommunityPlan, people: list[Person], chance: random.Random) -> Iterator[Row]:
    for kind, count in plan.outlets:
        for i in range(count):
            offered = SERVICES if kind == "service_street" else chance.sample(SERVICES, 2)
            opened = date(plan.as_of.year - chance.randint(1, 6), chance.randint(1, 12), 1)
            yield {
                "name": f"{_short(plan)}{OUTLET_NAMES[kind]}{i + 1 if count > 1 else ''}",
                "kind": kind,
                "services": ",".join(sorted(offered)),
                "opened_on": opened.isoformat(),
            }


def _election(plan: CommunityPlan, people: list[Person], chance: random.Random) -> Iterator[Row]:
    electorate = {
        "all_voters": sum(age_of(each, plan.as_of) >= ADULT_AGE for each in people),
        "household_reps": plan.households,
        "member_reps": -(-plan.households // 50),
    }[plan.election_method]
    # The report's "90%以上" is of direct elections; representatives come in like numbers.
    least = electorate * published("turnout_permille") // 1_000 + 1
    seats = 5 + 2 * (plan.households > 1_300) + 2 * (plan.households > 2_500)
    yield {
        "date": (plan.as_of - timedelta(days=chance.randint(60, 300))).isoformat(),
        "method": plan.election_method,
        "electorate": electorate,
        "ballots": min(electorate, chance.randint(least, max(least, electorate * 97 // 100))),
        "seats": seats,
        "elected": seats,
    }


def _assemblies(plan: CommunityPlan, people: list[Person], chance: random.Random) -> Iterator[Row]:
    seats = -(-plan.households // 50)
    first = date(plan.as_of.year, 1, 8) + timedelta(days=chance.randrange(20))
    for i in range(plan.assemblies):
        met_on = first + timedelta(days=150 * i)
        if met_on <= plan.as_of:
            yield {
                "date": met_on.isoformat(),
                "agenda": "major_decision,work_report" if i else "work_report",
                "attendance": chance.randint(max(1, seats * 4 // 5), max(1, seats)),
                "resolutions": "审议通过社区工作报告（演示）",
            }


def _placements(plan: CommunityPlan, people: list[Person], chance: random.Random) -> Iterator[Row]:
    """Yield placements from January to August, as the report counts them; no person twice."""
    able = [p for p in people if ADULT_AGE + 4 <= age_of(p, plan.as_of) < ELDER_AGE - 5]
    start, end = date(plan.as_of.year, 1, 1), min(date(plan.as_of.year, 8, 31), plan.as_of)
    for i, person in enumerate(chance.sample(able, min(plan.placements, len(able)))):
        channel = CHANNELS[(i + plan.number) % len(CHANNELS)]
        row: Row = {
            "placement_no": f"P{plan.number:04d}-{i + 1:04d}",
            "person_name": person.name,
            "id_number": person.id_number,
            "channel": channel,
            "date": (start + timedelta(days=chance.randint(0, (end - start).days))).isoformat(),
            "employer": f"示例单位{chance.randint(1, 60)}",
        }
        if channel == "C2":
            row["subsidy"] = published("startup_subsidy") * 100  # yuan to hundredths
        yield row


def _aid(plan: CommunityPlan, people: list[Person], chance: random.Random) -> Iterator[Row]:
    for i in range(plan.aid_cases):
        person = chance.choice(people)
        layers = {LAYERS[(i + plan.number) % len(LAYERS)]}
        if chance.random() < 0.5:
            layers.add(chance.choice(LAYERS))
        row: Row = {
            "case_no": f"B{plan.number:04d}-{i + 1:04d}",
            "person_name": person.name,
            "household_no": household_no(plan, person.household),
            "layers": ",".join(sorted(layers)),
            "opened_on": (plan.as_of - timedelta(days=chance.randint(30, 900))).isoformat(),
        }
        if "L1" in layers:
            row["partner"] = new_name(chance)
        yield row


_MAKERS: dict[str, Callable[[CommunityPlan, list[Person], random.Random], Iterator[Row]]] = {
    "party_organisation": _party,
    "community_worker": _workers,
    "premises": _premises,
    "facility_set": _facilities,
    "service_outlet": _outlets,
    "placement": _placements,
    "election": _election,
    "aid_case": _aid,
    "assembly": _assemblies,
}
