"""A small city of offices on one clock, joined by hand: batches go late, twice, or again."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from node.audiences import audiences_of
from node.config import OfficeConfig
from node.domain.catalogue import load_catalogue
from node.ids import uuid7
from node.office import Office
from node.open import open_office
from node.setup import init_office
from sync.apply import applier, statements
from sync.apply.applier import CursorGap
from sync.codec import statement
from sync.log import entries as log
from sync.log.outcome import Applied
from sync.model.change import Batch, Edit, Operation, RecordKey, Value
from sync.model.report import DurableAt
from sync.model.schema import Lane
from sync.model.stream import StreamGap
from tests.support.receipts import hand_down

CATALOGUE = load_catalogue()
START_MS = 1_780_000_000_000  # 2026-05-29 in China
DAY_MS = 86_400_000
CITY, EAST, WEST = "330100000000", "330102000000", "330105000000"
NORTH, SOUTH, LAKE = "330102001000", "330102002000", "330105001000"
A, B, C, D, E, F = (
    "330102001001", "330102001002", "330102001003", "330102002001", "330102002002", "330105001001",
)  # fmt: skip
TREE = f"""code,name,level,parent_code
{CITY},试市,city,
{EAST},东区,district,{CITY}
{WEST},西区,district,{CITY}
{NORTH},北街道,street,{EAST}
{SOUTH},南街道,street,{EAST}
{LAKE},湖街道,street,{WEST}
{A},甲社区,community,{NORTH}
{B},乙社区,community,{NORTH}
{C},丙社区,community,{NORTH}
{D},丁社区,community,{SOUTH}
{E},戊社区,community,{SOUTH}
{F},己社区,community,{LAKE}
"""
PARENT = {A: NORTH, B: NORTH, C: NORTH, D: SOUTH, E: SOUTH, F: LAKE,
          NORTH: EAST, SOUTH: EAST, LAKE: WEST, EAST: CITY, WEST: CITY}  # fmt: skip
UPWARD = (A, B, C, D, E, F, NORTH, SOUTH, LAKE, EAST, WEST)  # children before their parents


class Network:
    """Offices of the small city, in folders under one, on a clock by hand."""

    def __init__(self, folder: Path, codes: Iterable[str], *, templates: Path) -> None:
        self.ms = START_MS
        self.offices: dict[str, Office] = {}
        for code in codes:
            made = templates / code
            if not made.exists():
                _make(made, code)
            shutil.copytree(made, folder / code)
            self._open(folder / code, code)

    def _open(self, folder: Path, code: str) -> None:
        self.offices[code] = open_office(
            folder, wall_ms=lambda: self.ms, rng=random.Random(code),
            catalogue=CATALOGUE, synchronous="OFF", cache_kib=1_024,
        )  # fmt: skip

    def reopen(self, code: str) -> None:
        """Close an office and start it again."""
        self[code].close()
        self._open(self[code].folder, code)

    def __getitem__(self, code: str) -> Office:
        return self.offices[code]

    def forward(self, ms: int = 60_000) -> None:
        self.ms += ms

    def close(self) -> None:
        for office in self.offices.values():
            office.close()

    def write(self, code: str, *edits: Edit) -> Applied:
        """Commit edits at an office, as one transaction."""
        self.ms += 1
        return self[code].commit(lambda _tx: edits)

    def create(self, code: str, register: str, **values: Value) -> bytes:
        """Create a record of an office's own; return its id."""
        return self.create_many(code, register, [values])[0]

    def create_many(
        self, code: str, register: str, rows: Iterable[Mapping[str, Value]]
    ) -> list[bytes]:
        """Create records in one transaction; return their ids."""
        office = self[code]
        edits = [
            self.edit(code, register, uuid7(self.ms, office.rng), Operation.CREATE, values)
            for values in rows
        ]
        self.write(code, *edits)
        return [edit.key.id for edit in edits]

    def edit(
        self, code: str, register: str, record: bytes, operation: Operation,
        values: Mapping[str, Value],
    ) -> Edit:  # fmt: skip
        office = self[code]
        me = office.identity
        audiences = audiences_of(
            CATALOGUE.registers[register], unit=me.unit, writer=me.unit, level=me.level
        )
        return Edit(
            key=RecordKey(register, me.unit, record), operation=operation, values=values,
            audiences=audiences,
        )  # fmt: skip

    def batches(self, code: str, *, bytes_max: int = 1 << 20) -> list[Batch]:
        """Return everything an office has for above that its parent has not taken."""
        child, parent = self[code], self[PARENT[code]]
        found = []
        for lane in Lane:
            with parent.store.read() as tx:
                _, after = log.cursor_of(tx, child.identity.unit, "in", lane)
            while True:
                with child.store.read() as tx:
                    batch = log.read_up(
                        tx, lane=lane, incarnation=child.identity.incarnation, after=after,
                        bytes_max=bytes_max,
                    )  # fmt: skip
                if not batch.entries:
                    break
                found.append(batch)
                after = batch.upto
        return found

    def deliver(self, code: str, batch: Batch) -> bool:
        """Hand one batch of an office to its parent; False when it comes too early for it."""
        parent, peer = self[PARENT[code]], self[code].identity.unit
        try:
            received = parent.store.write(
                lambda tx: applier.apply_batch(parent.replica, tx, batch, peer=peer, upward=True)
            )
        except (StreamGap, CursorGap):
            return False
        parent.committed(received)
        return True

    def up(self, *codes: str) -> None:
        """Hand all that these offices have, and their news, to their parents, in this order."""
        for code in codes:
            for batch in self.batches(code):
                self.deliver(code, batch)
            self.send_status(code)

    def send_status(self, code: str) -> None:
        """Let an office's parent receive its status."""
        parent: Any = self[PARENT[code]]
        child = self[code]
        unit = child.identity.unit
        sent = map(statement.status_to_wire, child.peer_status.for_parent())
        received = statements.take(parent, map(statement.status_from_wire, sent), child=unit)
        parent.peer_status.receive_status(received, child=unit)
        parent.peer_status.record_contact(unit, connected=True, waiting_down=0)
        with parent.store.read() as tx:
            durable_above = [
                DurableAt(parent.identity.level, lane, log.cursor_of(tx, unit, "in", lane)[1])
                for lane in Lane
            ]
        child.peer_status.on_parent_contact(parent.identity.unit, durable_above)
        hand_down(parent, child)

    def settle(self) -> None:
        """Hand up everything that is anywhere, as far as the offices are there."""
        there = self.offices.keys()
        self.up(*(code for code in UPWARD if code in there and PARENT[code] in there))

    def unit(self, code: str) -> int:
        return next(iter(self.offices.values())).tree.find(code).unit_id


def _make(folder: Path, code: str) -> None:
    init_office(
        folder, OfficeConfig(unit=code), CATALOGUE, rng=random.Random(code), tree_csv=TREE.encode()
    )
