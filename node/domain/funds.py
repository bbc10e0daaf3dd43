"""The twelve funds: who appropriates money, which levels it passes, what it may be spent on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Category(StrEnum):
    """The category of an expenditure."""

    WAGES = "wages"  # 工资
    WELFARE_BONUS = "welfare_bonus"  # 福利奖金
    INSURANCE = "insurance"  # 社保
    OFFICE = "office"  # 办公
    ACTIVITY = "activity"  # 活动
    FACILITY = "facility"  # 设施
    SERVICE = "service"  # 服务
    REWARD = "reward"  # 奖励
    PARTY = "party"  # 党务


@dataclass(frozen=True, slots=True, kw_only=True)
class Fund:
    """One source of money. A posting names one fund, so money of two funds never mixes.

    Levels are 0 city, 1 district, 2 street, 3 community.
    """

    id: str
    zh: str
    en: str
    payers: tuple[int, ...]  # levels whose office appropriates it
    path: tuple[int, ...]  # levels that it passes; one may be left out
    categories: frozenset[Category] = frozenset(Category)
    needs_assignment: bool = False

    @property
    def spenders(self) -> frozenset[int]:
        """Levels whose office may spend it: where it begins and where it ends.

        Who is between them only passes it on. Source: 1.6, "街 pass-through".
        """
        return frozenset({*self.payers, self.path[-1]})


FUNDS: dict[str, Fund] = {
    fund.id: fund
    for fund in (
        Fund(id="F1", zh="社区年工作经费（市）", en="work, city", payers=(0,), path=(0, 1, 2, 3)),
        Fund(id="F2", zh="社区年工作经费（区配套）", en="work, match", payers=(1,), path=(1, 2, 3)),
        Fund(id="F3", zh="社区党务工作经费", en="party work", payers=(0,), path=(0, 1, 2, 3)),
        Fund(
            id="F4",
            zh="党费下拨",
            en="party dues",
            payers=(0, 1),
            path=(0, 1, 2, 3),
            categories=frozenset({Category.PARTY}),
        ),
        Fund(id="F5", zh="先进奖励", en="awards", payers=(0,), path=(0, 1, 2, 3)),
        Fund(id="F6", zh="精品社区装备补贴", en="equipment", payers=(0,), path=(0, 1, 2, 3)),
        Fund(id="F7", zh="领导小组办公室办公经费", en="office", payers=(0,), path=(0,)),
        Fund(id="F8", zh="以奖代拨", en="award for grant", payers=(0, 1), path=(0, 1, 2, 3)),
        Fund(
            id="F9",
            zh="费随事转",
            en="task fee",
            payers=(0, 1, 2),
            path=(0, 1, 2, 3),
            needs_assignment=True,
        ),
        Fund(id="F10", zh="创业补贴", en="start-up", payers=(0, 1, 2), path=(0, 1, 2, 3)),
        Fund(id="F11", zh="社区劳务收入", en="own income", payers=(3,), path=(3,)),
        # A use of F11 and of surplus, spent there as a reward; appropriated it would count twice.
        Fund(id="F12", zh="增收节支奖励", en="rewards", payers=(), path=(3,)),
    )
}
