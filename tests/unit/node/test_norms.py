"""The head-count norms, against the seed's own figures and at every edge."""

from __future__ import annotations

import pytest

from node.domain.norms import (
    Nature,
    Norms,
    fee_required,
    may_found_committee,
    required_area_centi_m2,
    workers_norm,
)

NORMS = Norms()


@pytest.mark.parametrize(
    ("households", "target"), [(0, 1), (199, 1), (599, 1), (600, 2), (1200, 3), (3000, 8)]
)
def test_the_target_is_a_worker_per_400_households_rounded_half_up(
    households: int, target: int
) -> None:
    assert workers_norm(households, 0, NORMS).target == target


def test_a_community_is_short_only_below_nine_tenths_of_the_norm() -> None:
    assert not workers_norm(4000, 9, NORMS).short
    assert workers_norm(4001, 9, NORMS).short
    assert not workers_norm(0, 0, NORMS).short


def test_the_showcase_community_misses_the_premises_norm() -> None:
    assert required_area_centi_m2(1200, NORMS) == 360_00
    assert required_area_centi_m2(3000, NORMS) == 900_00
    assert required_area_centi_m2(3000, NORMS) > 660_00
    assert required_area_centi_m2(1, NORMS) == 30


def test_a_hundred_members_are_enough_for_a_committee() -> None:
    assert may_found_committee(100, NORMS)
    assert not may_found_committee(99, NORMS)


@pytest.mark.parametrize(
    ("nature", "work", "days", "due"),
    [
        (Nature.TEMPORARY, 0, 0, True),
        (Nature.ADMINISTRATIVE, 10, 1, True),
        (Nature.ADMINISTRATIVE, 1, 30, True),
        (Nature.ADMINISTRATIVE, 9, 29, False),
        (Nature.ORDINARY, 99, 99, False),
    ],
)
def test_the_fee_goes_with_the_work(nature: Nature, work: int, days: int, due: bool) -> None:
    def asked(assists: bool) -> bool:
        return fee_required(
            assists=assists, nature=nature, workload_days=work, duration_days=days, norms=NORMS
        )

    assert asked(assists=True) is due
    assert asked(assists=False) is False
