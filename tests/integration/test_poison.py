"""Poison at the head of a stream: for every kind of record and every kind of error, the rest flows.

What cannot be applied is held where it was met, relayed as it is, held again at each office above,
and counted by everybody's `status --tree`. What can be stored but makes no sense stops nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from node.services.health.status import status
from node.services.health.verify import verify
from node.services.upkeep import quarantine
from sync.codec import entry as codec
from sync.model.change import Block, Operation, Value
from sync.model.schema import Kind, RegisterSchema
from sync.store.sql import execute
from tests.support.hostile import Writer
from tests.support.network import CATALOGUE, CITY, EAST, NORTH, A, B, Network

PATH = (A, NORTH, EAST, CITY)
REGISTERS = sorted(CATALOGUE.registers)


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("poison-templates")


@pytest.fixture
def net(tmp_path: Path, templates: Path) -> Iterator[Network]:
    network = Network(tmp_path, PATH, templates=templates)
    yield network
    network.close()


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
    good: list[tuple[str, bytes]] = []
    for name in REGISTERS:
        schema = net[NORTH].tables[name].schema
        before = len(quarantine.page_of(net[NORTH]).lines)
        block, payload = POISONS[poison](writer, schema)
        writer.append(schema.lane, block, payload)
        good.append(writer.append_valid(schema.lane))
        if poison in QUARANTINED:
            assert len(quarantine.page_of(net[NORTH]).lines) == before + 1, name
    net.up(NORTH, EAST)
    for code in (NORTH, EAST, CITY):
        with net[code].store.read() as tx:
            there = {
                (name, bytes(row[0]))
                for name in ("premises", "work_order")
                for row in execute(tx, f"SELECT id FROM r_{name}")
            }
        assert there >= set(good), code
        report = verify(net[code])
        assert report.sound, (code, report)
    net.up(NORTH, EAST)
    quarantined_count = len(quarantine.page_of(net[NORTH]).lines)
    assert quarantined_count >= (len(REGISTERS) if poison in QUARANTINED else 0)
    for code in (NORTH, EAST, CITY):
        reported = {
            line.unit: line.quarantined for line in status(net[code], None, tree=True).offices
        }
        assert reported[net.unit(NORTH)] == quarantined_count, code
