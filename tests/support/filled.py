"""Two served offices with something in every list, and the verbs that list, from the program."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from sync.store.sql import execute
from tests.support.network import NORTH, A, Network
from tests.support.silian import COMMUNITY, STREET, Ran, serving, silian
from tests.support.verbs import verbs

LISTING = {"ls", "find", "transfers", "balance", "report"}
# What a list needs to be asked, or to be long; every other one is asked by its name alone.
ARGUMENTS: dict[str, tuple[str, ...]] = {
    "record ls": ("premises",),
    "duplicate ls": ("--all",),
    "quarantine ls": ("--all",),
    "unit ls": ("闸弄口街道",),
    "unit find": ("社区",),
    "report": ("--indicator", "K2,K5", "--by", "community"),
}
PREMISES: dict[str, Any] = {"name": "一号楼", "use": "office", "area_m2": 666, "tenure": "owned"}
ACTOR = {"SILIAN_ACTOR": "陈华"}  # not the login of whoever runs the tests
LONG = "这是一条写得很长的备注，用来看看八十列的终端上表格会不会把编号和日期从中间折断。"


def lists() -> dict[str, tuple[str, ...]]:
    """Return every verb that lists, from the program itself: a new one is tried by itself."""
    listing = (name for name in verbs() if name.split()[-1] in LISTING)
    return {name: (*name.split(), *ARGUMENTS.get(name, ())) for name in listing}


@dataclass(frozen=True, slots=True)
class Pair:
    street: Path
    community: Path

    def above(self, *arguments: object, lang: str = "en") -> Ran:
        return silian(*arguments, "--dir", self.street, lang=lang, env=ACTOR)

    def below(self, *arguments: object, lang: str = "en") -> Ran:
        return silian(*arguments, "--dir", self.community, lang=lang, env=ACTOR)

    def sync(self) -> None:
        assert self.below("sync", "now", "--wait", 30).exit == 0


def good(ran: Ran) -> Any:
    assert ran.exit == 0, ran.err
    return ran.json


@contextmanager
def served_pair(base: Path) -> Iterator[Pair]:
    """Serve a street and one of its communities; the others have no node."""
    found = Pair(base / "street", base / "community")
    assert silian("init", "--dir", found.street, "--unit", STREET).exit == 0
    with serving(found.street) as address:
        child = silian("init", "--dir", found.community, "--unit", COMMUNITY, "--parent", address)
        assert child.exit == 0, child.err
        with serving(found.community):
            found.sync()
            yield found


@contextmanager
def filled_pair(base: Path) -> Iterator[Pair]:
    """Serve two offices with something in every list that can be filled by hand."""
    with served_pair(base) as found:
        _fill(found)
        yield found


def _fill(pair: Pair) -> None:
    def make(register: str, *values: str) -> Any:
        return good(pair.below("record", "create", register, *values, "--json"))

    for name in ("一号楼", "二号楼", "文体中心"):
        make("premises", f"name={name}", "use=office", "area_m2=234567.5", f"remark={LONG}",
             "address=浙江省杭州市上城区闸弄口街道万家花园社区一百二十三号")  # fmt: skip
    for number in ("110101199003072316", "11010119900307109X"):
        make("resident", f"id_number={number}", "name=张秀敏", "birth_date=1990-03-07", "sex=女",
             "phone=13900000000", "employment=退休")  # fmt: skip
    two = good(pair.below("record", "show", "premises", "二号楼", "--json"))["record"]
    change = ("record", "change", "premises", "二号楼")
    stale = ("--version-token", two["version_token"], "--force")
    for text, seen in (("甲说" + LONG, ()), ("乙说" + LONG, stale)):
        assert pair.below(*change, f"remark={text}", *seen).exit == 0
    one = good(pair.below("record", "show", "premises", "文体中心", "--json"))["record"]
    decided = ("record", "change", "premises", "文体中心")
    assert pair.below(*decided, "remark=甲").exit == 0
    stale = ("--version-token", one["version_token"], "--force")
    assert pair.below(*decided, "remark=乙", *stale).exit == 0
    decide = ("--take", "loser", "--reason", LONG, "--as", "王敏")
    assert pair.below("conflict", "resolve", "文体中心", *decide).exit == 0
    pair.sync()
    ask = ("area_m2=10", "--reason", LONG, "--unit", COMMUNITY)
    assert pair.above("correction", "ask", "premises", "一号楼", *ask).exit == 0
    money = ("--fund", "F10", "--year", "2026")
    assert pair.above("money", "appropriate", "1000000", *money, "--note", LONG).exit == 0
    for amount in ("123456.78", "2"):
        assert pair.above("money", "release", amount, "--to", COMMUNITY, *money).exit == 0
    for title in ("楼道灯排查", LONG[:40]):
        more = ("--to", COMMUNITY, "--due", "2099-12-31", "--duty", "undertakes")
        assert pair.above("work", "issue", title, *more).exit == 0
    pair.sync()


def troubled_street(base: Path) -> Path:
    """Make a street with three changes in quarantine and a community marked as a clone."""
    net = Network(base, (A, NORTH), templates=base / "templates")

    def refuse(tx: Connection) -> None:
        execute(tx, "CREATE TRIGGER t BEFORE INSERT ON r_premises WHEN new.f_area_m2=666 "
                "BEGIN SELECT RAISE(ABORT, 'poison'); END")  # fmt: skip

    net[NORTH].store.write(refuse)
    net.create_many(A, "premises", [{**PREMISES, "name": f"{n}号楼"} for n in range(3)])
    net.settle()
    net[NORTH].peer_status.flag_clone(net.unit(A))
    net.close()
    return base / NORTH
