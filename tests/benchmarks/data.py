"""Resident-like rows: 11 fields, about 300 bytes, Chinese text; the same for every system."""

from __future__ import annotations

import random
from collections.abc import Iterator

FIELDS = (
    "name", "id_card", "gender", "birth", "phone", "address", "org_unit", "household", "status",
    "category", "remark",
)  # fmt: skip
INDEXED = ("org_unit", "household")
SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗"
GIVEN = "伟芳娜敏静秀英丽强磊军洋勇艳杰娟涛明超兰霞平刚桂文辉玲红建国华志鹏浩宇轩子涵欣怡"
ROADS = ("闸弄口路", "机场路", "天城路", "艮山西路", "东宁路", "新塘路", "凯旋路", "秋涛北路")
NOTES = (
    "低保户，每月走访一次", "独居老人，需要重点关注", "退役军人优待对象", "流动人口登记",
    "残疾人补贴发放", "困难家庭临时救助", "", "",
)  # fmt: skip
FIRST_MS = 1_760_000_000_000

Row = tuple[bytes, tuple[str, ...]]  # 16-byte id, rising with time; values in the order of FIELDS


def rows(count: int, first: int = 0) -> Iterator[Row]:
    """Yield `count` rows from number `first` on; the same numbers give the same rows."""
    rng = random.Random(7 + first)
    below, choice, bits = rng.randrange, rng.choice, rng.getrandbits
    for n in range(first, first + count):
        record_id = (FIRST_MS + n) << 80 | 7 << 76 | bits(76)
        born = f"{1935 + below(90)}-{1 + below(12):02d}-{1 + below(28):02d}"
        name = choice(SURNAMES) + choice(GIVEN) + (choice(GIVEN) if below(3) else "")
        address = (
            f"浙江省杭州市上城区{choice(ROADS)}{below(400)}号{below(60)}幢"
            f"{below(6)}单元{below(2800)}室"
        )
        org = f"3301020130{below(30):02d}"
        note = (
            f"{choice(NOTES)}，{choice(ROADS)}{choice(NOTES)}，联系人{choice(SURNAMES)}"
            f"{choice(GIVEN)}，登记于{choice(ROADS)}服务站，经办{choice(SURNAMES)}{choice(GIVEN)}"
        )
        yield record_id.to_bytes(16, "big"), (
            name, f"999999{born.replace('-', '')}{below(9999):04d}", "MF"[below(2)], born,
            f"1{below(10**10):010d}", address, org, f"H{org[6:]}{below(999_999):06d}",
            ("active", "moved", "dead", "temp")[below(4)],
            ("常住", "流动", "户籍", "寄住")[below(4)], note,
        )  # fmt: skip
