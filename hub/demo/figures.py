"""Figures that the 2004 report publishes about 闸弄口街道, each with its sentence; none invented.

The demonstration street is generated so that these figures come out of it; everything else (who
lives where, which community is how large) is made up, and the output states it.
"""

from __future__ import annotations

from dataclasses import dataclass

STREET_NAME = "闸弄口街道"
SHOWCASE_NAME = "万家花园社区"

SOURCE = "《赴杭州学习社区建设考察报告》，2004年9月"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedFigure:
    """One published figure. `at_least`: the report says "more than" or "about that many"."""

    key: str
    value: int  # in `unit`; shares in tenths of a percent
    unit: str
    section: str  # of the report
    quote: str
    at_least: bool = False
    note: str = ""


SEED_FIGURES: tuple[SeedFigure, ...] = (
    SeedFigure(
        key="communities",
        value=12,
        unit="个",
        section="二",
        quote="闸弄口街道共有12个社区",
        note="2023年区划代码中该街道有17个社区，演示按17个生成",
    ),
    SeedFigure(
        key="households_smallest", value=1_200, unit="户", section="二", quote="最小的社区1200户"
    ),
    SeedFigure(
        key="households_largest",
        value=3_000,
        unit="户",
        section="二",
        quote="万家花园社区有住户3000多户，是该街道最大的社区",
        at_least=True,
    ),
    SeedFigure(
        key="premises_m2",
        value=300,
        unit="m²",
        section="二（一）",
        quote="该街道的社区办公和活动用房都在300平方米以上",
        at_least=True,
    ),
    SeedFigure(
        key="premises_m2_showcase",
        value=660,
        unit="m²",
        section="二（一）",
        quote="万家花园社区办公、活动用房660平方米",
        note="按每百户30平方米，3000户须900平方米：未达标",
    ),
    SeedFigure(
        key="outlets",
        value=200,
        unit="个",
        section="二（一）",
        quote="全街道有社区服务网点200多个",
        at_least=True,
    ),
    SeedFigure(key="corridors", value=15, unit="条", section="二（一）", quote="15条社区服务长廊"),
    SeedFigure(key="nursing_homes", value=2, unit="个", section="二（一）", quote="2个敬老院"),
    SeedFigure(
        key="culture_sport",
        value=14,
        unit="处",
        section="二（一）",
        quote="有文体设施、文化中心、健身设施14处",
    ),
    SeedFigure(
        key="placements",
        value=600,
        unit="人",
        section="二（二）",
        quote="今年1~8月安置了600多人",
        at_least=True,
    ),
    SeedFigure(
        key="posts_per_community",
        value=30,
        unit="个",
        section="二（二）",
        quote="每个社区都有30个安置岗位",
    ),
    SeedFigure(
        key="startup_subsidy",
        value=5_000,
        unit="元",
        section="二（二）",
        quote="政府一次性发给5000元创业补贴",
    ),
    SeedFigure(
        key="ageing_permille",
        value=178,
        unit="‰",
        section="二（二）",
        quote="该街道的老年化程度较高，已达17.8%",
        note="按60岁及以上计",
    ),
    SeedFigure(
        key="direct_elections",
        value=8,
        unit="个",
        section="二（三）",
        quote="12个社区已有8个进行了直选",
        note="演示仍为8个直选，分母按实际社区数",
    ),
    SeedFigure(
        key="turnout_permille",
        value=900,
        unit="‰",
        section="二（三）",
        quote="参与率90%以上",
        at_least=True,
    ),
)


def published(key: str) -> int:
    """Return a published figure by its key."""
    return _BY_KEY[key].value


_BY_KEY = {figure.key: figure for figure in SEED_FIGURES}
