"""Faults (scene 4): the street's lines are cut, one field is edited twice, its process killed."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from datetime import date

from hub.client.client import wall_ms
from hub.demo.figures import SHOWCASE_NAME
from hub.demo.network import STREET, Network, Place
from hub.demo.processes import DemoFailed
from hub.demo.registers import import_file
from hub.demo.settle import PATIENCE_S
from hub.demo.work import issue_again
from node.domain.english import counted
from sync.model.errors import SilianError
from sync.wire.office.v1 import registers_pb2 as pb

EDITS_BEFORE_KILL = 12
IMPORTING = 3  # communities that bring a file in while the street is down
FIELD = "address"  # of premises: community and street both fill it in
COMMUNITY_ADDRESS, STREET_ADDRESS = "示例1幢一层东侧（社区更正）", "示例1幢一层及二层（街道核查）"


@dataclass(slots=True, kw_only=True)
class Fault:
    """Something that was broken on purpose. `detail`: what was counted, as plain values."""

    kind: str  # line_cut, kill_9
    where: str  # codes of the offices concerned
    zh: str
    en: str
    at_ms: int
    seconds: float = 0.0  # until it was repaired
    detail: dict[str, int | str] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Trouble:
    """What the faults were and what was done meanwhile."""

    faults: list[Fault]
    order: str | None  # issued while the street was down
    imported: dict[str, int]  # rows by unit code, brought in meanwhile


class _Editor:
    """Edits outlets at the street one after another; knows which edits were acknowledged."""

    def __init__(self, street: Place) -> None:
        self._street = street
        page = street.office.list_records(register="service_outlet", subtree=True, page_size=500)
        self._records = list(page.records)
        self.acknowledged: dict[str, str] = {}
        self.tried: dict[str, str] = {}
        self.count = 0
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._run, name="edits", daemon=True)

    def edit_until_enough(self) -> None:
        """Start editing, and return while it goes on. Raises: DemoFailed."""
        self._thread.start()
        if not self._enough.wait(PATIENCE_S):
            raise DemoFailed("the street's edits stopped", "街道的修改未能进行")

    def wait(self) -> None:
        self._thread.join(PATIENCE_S)

    def _run(self) -> None:
        turn = 0
        while True:
            turn += 1
            for record in self._records:
                address = f"示例路{turn}号（街道核查）"
                self.tried[record.id] = address
                try:
                    self._street.office.update_record(
                        register=record.register,
                        id=record.id,
                        values={"address": address},
                        unit=record.unit.code,
                    )
                except SilianError:
                    return  # the process is dead: this edit was never acknowledged
                self.acknowledged[record.id] = address
                self.count += 1
                if self.count >= EDITS_BEFORE_KILL:
                    self._enough.set()

    def lost(self) -> int:
        """Return how many acknowledged edits the office no longer has."""
        page = self._street.office.list_records(
            register="service_outlet", subtree=True, page_size=500
        )
        now = {record.id: record.values["address"].text for record in page.records}
        return sum(
            now.get(each) not in (address, self.tried[each])
            for each, address in self.acknowledged.items()
        )


def inject(network: Network, declined_by: Place | None, as_of: date) -> Trouble:
    """Cut both lines of the street, edit one field on both sides, kill the street, restore all.

    Meanwhile clerks import files and the city issues an order. Nothing is resolved.
    Raises: DemoFailed when an acknowledged edit is gone after the restart.
    """
    street, showcase = network.street, _showcase(network)
    began = time.monotonic()
    below = _line_cut(network.street, "各社区", "the communities")
    network.downward.cut()
    _edit_both_sides(showcase, street)
    above = _line_cut(street, network.district.name, network.district.name)
    above_began = time.monotonic()
    network.upward.cut()

    editor = _Editor(street)
    editor.edit_until_enough()
    killed = Fault(
        kind="kill_9", where=street.code, at_ms=wall_ms(),
        zh=f"强制终止{street.name}的进程", en=f"kill -9 the process of {street.name}",
        detail={"pid": network.processes.kill(STREET)},
    )  # fmt: skip
    killed_at = time.monotonic()
    editor.wait()
    imported = {
        place.code: sum(_import_outlets(place, as_of).values())
        for place in network.communities[:IMPORTING]
    }
    order = issue_again(network, declined_by, wall_ms()) if declined_by else None
    network.start(STREET)
    killed.seconds = time.monotonic() - killed_at
    lost = editor.lost()
    killed.detail |= {"acknowledged": editor.count, "lost": lost}
    if lost:
        raise DemoFailed(
            f"{street.name} lost {counted(lost, 'acknowledged edit')}",
            f"{street.name}丢失 {lost} 条已确认的修改",
        )
    network.upward.restore()
    above.seconds = time.monotonic() - above_began
    network.downward.restore()
    below.seconds = time.monotonic() - began
    return Trouble(faults=[below, above, killed], order=order, imported=imported)


def _showcase(network: Network) -> Place:
    named = (place for place in network.communities if place.name == SHOWCASE_NAME)
    return next(named, network.communities[0])


def _line_cut(place: Place, other_zh: str, other_en: str) -> Fault:
    return Fault(
        kind="line_cut", where=place.code, at_ms=wall_ms(),
        zh=f"切断{place.name}与{other_zh}之间的连接",
        en=f"cut the line between {place.name} and {other_en}",
    )  # fmt: skip


def _edit_both_sides(community: Place, street: Place) -> None:
    """Edit the same field differently, and one other field on each side only."""
    mine = community.office.list_records(register="premises", page_size=1).records[0]
    # The street fills in another field meanwhile: two fields do not conflict.
    community.office.update_record(
        register="premises",
        id=mine.id,
        values={FIELD: COMMUNITY_ADDRESS, "remark": "社区已更正地址"},
    )
    theirs = {FIELD: STREET_ADDRESS, "tenure": _other_tenure(mine)}
    street.office.update_record(register="premises", id=mine.id, values=theirs, unit=community.code)


def _other_tenure(record: pb.Record) -> str:
    return "rented" if record.values["tenure"].text != "rented" else "owned"


def _import_outlets(place: Place, as_of: date) -> dict[str, int]:
    """Import a CSV as an older spreadsheet writes it: GB18030, Chinese headings."""
    rows = [
        "网点名称,网点类型,服务项目,开办日期",
        *(
            f"{place.name}断网期间新增网点{n}（演示）,网点,便民利民,{as_of:%Y-%m-%d}"
            for n in (1, 2)
        ),
    ]
    return import_file(
        place, "service_outlet", "\r\n".join(rows).encode("gb18030"), "断网期间新增网点.csv"
    )
