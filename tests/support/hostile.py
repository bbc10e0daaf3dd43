"""A tampered child: well-formed entries that say anything, handed to its parent."""

from __future__ import annotations

from node.ids import uuid7
from sync.codec import entry as codec
from sync.codec.signing import Signer
from sync.log.append import signature_for
from sync.model.change import Batch, Block, Entry, Operation, Value
from sync.model.schema import Lane
from sync.store.sql import execute
from tests.support.network import NORTH, A, Network

PREMISES: dict[str, Value] = {"name": "后楼", "use": "office", "area_m2": 100, "tenure": "owned"}
ZERO = bytes(16)


class OtherHand(Signer):
    """Shows one key and signs with another."""

    def __init__(self, shown: bytes) -> None:
        super().__init__(bytes(32))
        self.public_key = shown


class Writer:
    """A community's streams upward, written by a program that may say anything."""

    def __init__(self, net: Network, code: str = A) -> None:
        self.net = net
        self.code = code
        self.me = net[code].identity
        self._heads: dict[Lane, Entry] = {}
        self._position = 0

    def block(
        self, register: str, values: dict[str, Value], operation: Operation = Operation.CREATE,
        *, unit: int = 0,
    ) -> Block:  # fmt: skip
        update = operation is Operation.UPDATE
        return Block(
            register, unit or self.me.unit, operation,
            [uuid7(self.net.ms, self.net[self.code].rng)],
            fields=tuple(values),
            columns=[[value] for value in values.values()],
            bases=[[ZERO] for _ in values] if update else [],
            causal_length=0 if operation is Operation.CREATE else 1,
        )  # fmt: skip

    def append(
        self, lane: Lane, block: Block, payload: bytes | None = None, *, audience: str = "up:city"
    ) -> None:
        """Hand one transaction to the street, as the next of its stream."""
        self.net.ms += 1
        head = self._heads.get(lane)
        entry = codec.entry_to_wire(
            [block], incarnation=self.me.incarnation, unit=self.me.unit, level=self.me.level,
            audience=audience, lane=lane, seq=head.seq + 1 if head else 1,
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
            (signature_for(entry, self.net[self.code].replica.signer),),
        )  # fmt: skip
        assert self.net.deliver(self.code, batch)

    def append_valid(self, lane: Lane) -> tuple[str, bytes]:
        """Say something that everybody can apply; return the record's register and id."""
        order: dict[str, Value] = {
            "title": "自查", "origin": self.me.unit, "kind": "assists", "target_level": 3,
            "at_ms": self.net.ms,
        }  # fmt: skip
        values = {"premises": PREMISES} if lane is Lane.BULK else {"work_order": order}
        ((register, fields),) = values.items()
        good = self.block(register, fields)
        self.append(lane, good)
        return register, good.ids[0]
