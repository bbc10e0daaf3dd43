"""Poison at the head of a stream: for every kind of record and every kind of error, the rest flows.

What cannot be applied is held where it was met, relayed as it is, held again at each office above,
and counted by everybody's `status --tree`. What can be stored but makes no sense stops nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from node.ids import uuid7
from node.services.health.status import status
from node.services.health.verify import verify
from node.services.upkeep import quarantine
from sync.codec import entry as codec
from sync.model.change import Batch, Block, Entry, Operation, Value
from sync.model.schema import Kind, Lane, RegisterSchema
from sync.store.sql import execute
from tests.support.network import CATALOGUE, CITY, EAST, NORTH, A, B, Network

PATH = (A, NORTH, EAST, CITY)
PREMISES: dict[str, Value] = {"name": "后楼", "use": "office", "area_m2": 100, "tenure": "owned"}
REGISTERS = sorted(CATALOGUE.registers)
ZERO = bytes(16)


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("poison-templates")


@pytest.fixture
def net(tmp_path: Path, templates: Path) -> Iterator[Network]:
    network = Network(tmp_path, PATH, templates=templates)
    yield network
    network.close()


class Writer:
    """A community's streams upward, written by a program that may say anything."""

    def __init__(self, net: Network) -> None:
        self.net = net
        self.me = net[A].identity
        self._heads: dict[Lane, Entry] = {}
        self._position = 0

    def block(
        self, register: str, values: dict[str, Value], operation: Operation = Operation.CREATE,
        *, unit: int = 0,
    ) -> Block:  # fmt: skip
        update = operation is Operation.UPDATE
        return Block(
            register, unit or self.me.unit, operation,
            [uuid7(self.net.ms, self.net[A].rng)],
            fields=tuple(values),
            columns=[[value] for value in values.values()],
            bases=[[ZERO] for _ in values] if update else [],
            causal_length=0 if operation is Operation.CREATE else 1,
        )  # fmt: skip

    def append(self, lane: Lane, block: Block, payload: bytes | None = None) -> None:
        """Hand one transaction to the street, as the next of its stream."""
        self.net.ms += 1
        head = self._heads.get(lane)
        entry = codec.entry_to_wire(
            [block], incarnation=self.me.incarnation, unit=self.me.unit, level=self.me.level,
            audience="up:city", lane=lane, seq=head.seq + 1 if head else 1,
            prev_hash=head.hash if head else b"", hlc=self.net.ms << 16, payload=payload,
        )  # fmt: skip
        self._heads[lane] = entry
        street = self.net[NORTH]
        with street.store.read() as tx:
            row = execute(
                tx, "SELECT position FROM cursor WHERE peer=? AND lane=? AND direction='in'",
                (self.me.unit, lane.value),
            ).fetchone()  # fmt: skip
        self._position += 1
        batch = Batch(
            lane, self.me.incarnation, row[0] if row else 0, self._position,
            (entry.wire,), (self._position,),
        )  # fmt: skip
        assert self.net.deliver(A, batch)

    def append_valid(self, lane: Lane) -> bytes:
        """Say something that everybody can apply; return the record's id."""
        good = self.block("premises", PREMISES)
        self.append(lane, good)
        return good.ids[0]


def garbage(schema: RegisterSchema, level: int, text: str, number: int) -> dict[str, Value]:
    """Return values of the right kind that mean nothing."""
    return {
        field.name: number if field.kind is Kind.INT else text
        for field in schema.fields
        if level in field.owners
    }


def wrong_kind(schema: RegisterSchema) -> dict[str, Value]:
    field = schema.fields[0]
    return {field.name: "x" if field.kind is Kind.INT else 1}


Poison = Callable[[Writer, RegisterSchema], tuple[Block, bytes | None]]
POISONS: dict[str, Poison] = {
    "no compressed body": lambda w, s: (w.block(s.name, {}), b"not a body at all"),
    "a body cut off": lambda w, s: (
        w.block(s.name, {}),
        codec.pack([w.block(s.name, garbage(s, 3, "x", 1))])[:-3],
    ),
    "an unknown register": lambda w, s: (w.block(f"{s.name}_of_tomorrow", {"name": "x"}), None),
    "an unknown field": lambda w, s: (w.block(s.name, {"of_tomorrow": "x"}), None),
    "a value of the wrong kind": lambda w, s: (w.block(s.name, wrong_kind(s)), None),
    "a foreign unit": lambda w, s: (
        w.block(s.name, garbage(s, 3, "x", 1), unit=w.net.unit(B)),
        None,
    ),
    "a record that nobody made": lambda w, s: (
        w.block(s.name, garbage(s, 3, "x", 1) or {s.fields[0].name: None}, Operation.UPDATE),
        None,
    ),
    "a text with a zero in it": lambda w, s: (w.block(s.name, garbage(s, 3, "a\x00b", 1)), None),
    "a huge number": lambda w, s: (w.block(s.name, garbage(s, 3, "x", 2**63 - 1)), None),
    "a number below zero": lambda w, s: (w.block(s.name, garbage(s, 3, "x", -(2**63))), None),
    "words that mean nothing": lambda w, s: (w.block(s.name, garbage(s, 3, "垃圾", 7)), None),
    "empty words": lambda w, s: (w.block(s.name, garbage(s, 3, "", 0)), None),
    "nothing at all": lambda w, s: (w.block(s.name, {}), None),
}
QUARANTINED = {
    "no compressed body", "a body cut off", "an unknown register", "an unknown field",
    "a value of the wrong kind", "a foreign unit", "a record that nobody made",
}  # fmt: skip


@pytest.mark.parametrize("poison", POISONS)
def test_a_poisoned_entry_of_every_register_blocks_nothing_behind_it(
    net: Network, poison: str
) -> None:
    writer = Writer(net)
    good: list[bytes] = []
    for name in REGISTERS:
        schema = net[NORTH].tables[name].schema
        before = len(quarantine.list_quarantined(net[NORTH]))
        block, payload = POISONS[poison](writer, schema)
        writer.append(schema.lane, block, payload)
        good.append(writer.append_valid(schema.lane))
        if poison in QUARANTINED:
            assert len(quarantine.list_quarantined(net[NORTH])) == before + 1, name
    net.up(NORTH, EAST)
    for code in (NORTH, EAST, CITY):
        with net[code].store.read() as tx:
            there = {bytes(row[0]) for row in execute(tx, "SELECT id FROM r_premises")}
        assert there >= set(good), code
        report = verify(net[code])
        assert report.sound, (code, report)
    net.up(NORTH, EAST)
    quarantined_count = len(quarantine.list_quarantined(net[NORTH]))
    assert quarantined_count >= (len(REGISTERS) if poison in QUARANTINED else 0)
    for code in (NORTH, EAST, CITY):
        reported = {
            line.unit: line.quarantined for line in status(net[code], None, tree=True).offices
        }
        assert reported[net.unit(NORTH)] == quarantined_count, code
