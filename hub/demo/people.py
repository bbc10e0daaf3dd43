"""Generated people and their households. None of them is a real person, and none can be.

Identity numbers pass every check (GB 11643) but begin with an area code that no province has;
names are drawn from characters; addresses say 示例. There are no telephone numbers.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from hub.demo.population import CommunityPlan
from node.domain.identity import check_digit

ELDER_AGE = 60  # by calendar year, as K4 counts
ADULT_AGE = 18

SURNAMES = "王李张刘陈杨黄赵周吴徐孙朱马胡郭林何高罗"
GIVEN = "安本成德方国海华建金景康乐立明宁平清瑞山诗文晓欣雅义永玉远云泽振志子"


@dataclass(slots=True)
class Person:
    """One generated resident: born in `year`, in a household counted from 0."""

    household: int
    year: int
    born: date
    male: bool
    name: str
    id_number: str = ""


def generate_people(plan: CommunityPlan) -> list[Person]:
    """Generate the residents of a plan, household by household; exactly `elders` are elders."""
    chance = random.Random(f"{plan.seed}:{plan.unit.code}:people")
    elders = _elders_by_household(plan, chance)
    people: list[Person] = []
    for household, size in enumerate(plan.household_sizes):
        surname = chance.choice(SURNAMES)
        for place, age in enumerate(_ages(size, elders[household], chance)):
            male = chance.random() < 0.5 if place > 1 else place == household % 2
            own = chance.choice(SURNAMES) if place == 1 else surname
            name = (
                own + chance.choice(GIVEN) + (chance.choice(GIVEN) if chance.random() < 0.7 else "")
            )
            year = plan.as_of.year - age
            people.append(Person(household, year, _day(year, chance), male, name))
    _number(people, plan.area_code)
    return people


def age_of(person: Person, as_of: date) -> int:
    """Return calendar-year age, as the indicators count it."""
    return as_of.year - person.year


def new_name(chance: random.Random) -> str:
    """Return a generated name of somebody who is no resident of the plan."""
    return chance.choice(SURNAMES) + chance.choice(GIVEN) + chance.choice(GIVEN)


def _elders_by_household(plan: CommunityPlan, chance: random.Random) -> list[int]:
    """Return how many elders each household has: couples, people alone, three generations."""
    found = [0] * plan.households
    left = plan.elders
    order = list(range(plan.households))
    chance.shuffle(order)
    for likely in (True, False):  # whoever is still missing then lives with whoever has room
        for i in order:
            size = plan.household_sizes[i]
            room = min(2, size) - found[i]
            wanted = _TYPICAL[size](chance) if likely else room
            take = max(0, min(wanted, room, left))
            found[i] += take
            left -= take
    assert left == 0, "a community has fewer than two elders a household"
    return found


_TYPICAL: dict[int, Callable[[random.Random], int]] = {
    1: lambda chance: 1 if chance.random() < 0.5 else 0,
    2: lambda chance: 2 if chance.random() < 0.4 else 0,
    3: lambda chance: 1 if chance.random() < 0.1 else 0,
    4: lambda chance: chance.choice((0, 1, 2)),
    5: lambda chance: chance.choice((0, 1, 2)),
    6: lambda chance: chance.choice((0, 1, 2)),
}


def _ages(size: int, elders: int, chance: random.Random) -> list[int]:
    """Return the ages of a household: first the two eldest, then the next generations."""
    ages = [ELDER_AGE + min(int(chance.expovariate(1 / 9)), 38) for _ in range(elders)]
    while len(ages) < min(2, size):
        ages.append(chance.randint(24, ELDER_AGE - 1))
    parent = min(ages)
    while len(ages) < size:
        if parent >= ELDER_AGE or (len(ages) > 2 and parent > 45):
            parent = max(ADULT_AGE, min(ELDER_AGE - 1, parent - chance.randint(22, 32)))
            ages.append(parent)
        else:
            ages.append(max(1, min(ELDER_AGE - 1, parent - chance.randint(22, 32))))
    return ages


def _day(year: int, chance: random.Random) -> date:
    return date(year, 1, 1) + timedelta(days=chance.randrange(365))


def _number(people: list[Person], area_code: str) -> None:
    """Give everybody an identity number that nobody else in the tree has."""
    used: dict[tuple[date, bool], int] = {}
    for person in people:
        key = (person.born, person.male)
        order = used[key] = used.get(key, -1) + 1
        assert order < 500, "digits 15 to 17 number five hundred of one sex a day"
        first17 = f"{area_code}{person.born:%Y%m%d}{2 * order + person.male:03d}"
        person.id_number = first17 + check_digit(first17)
