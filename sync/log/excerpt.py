"""Excerpt: log entries for a peer, cut where each stream in them is signed by its own office.

An office signs each of its entries. Of what it relays it has the signatures that came: at least one
where each portion ended in which it was applied. A receiver accepts only what is signed, so what is
sent ends there, too, and so does each portion of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from sync.log import certified
from sync.log.signatures import key_known
from sync.model.change import Signature
from sync.model.limits import BATCH_CHANGES_MAX, MESSAGE_BYTES_MAX, PORTION_CHANGES_MAX
from sync.model.stream import StreamKey

UNSIGNED_BYTES_MAX = MESSAGE_BYTES_MAX // 2  # beyond it no batch would be accepted for its size


def portion_ends(
    sizes: Sequence[int], entries: Iterable[tuple[StreamKey, bool]], changes_max: int
) -> list[int]:
    """Return where entries are cut, so that every stream is signed at the end of each portion.

    `sizes`: the changes of each entry; `entries`: its stream, and whether there is a signature for
    it. A portion has `changes_max` changes, or as many as it takes. What follows the last end is
    not signed.
    """
    ends: list[int] = []
    unsigned: set[StreamKey] = set()
    changes = since = 0  # in the portion; and after `last`, its last possible end
    last = None
    for i, (size, (key, signed)) in enumerate(zip(sizes, entries, strict=True)):
        if last is not None and changes + size > changes_max:
            ends.append(last)
            changes, last = since, None
        changes += size
        since += size
        (unsigned.discard if signed else unsigned.add)(key)
        if not unsigned:
            last, since = i + 1, 0
    if last is not None:
        ends.append(last)
    return ends


@dataclass(slots=True)
class Excerpt:
    """What one message brings: entries in the order of the log, and their positions."""

    bytes_max: int
    wires: list[bytes] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    _keys: list[tuple[StreamKey, int]] = field(default_factory=list)
    _sizes: list[int] = field(default_factory=list)
    _signatures: list[bytes] = field(default_factory=list)  # empty: there is none
    _unsigned: set[StreamKey] = field(default_factory=set)
    _signed: int = 0  # so many entries, from the first on, are signed
    _bytes: int = 0
    _changes: int = 0

    def takes(self, wire: bytes, changes: int) -> bool:
        """Say whether one more entry belongs to this message."""
        if not self._signed:
            return self._bytes + len(wire) <= UNSIGNED_BYTES_MAX or not self.wires
        return (
            self._bytes + len(wire) <= self.bytes_max
            and self._changes + changes <= BATCH_CHANGES_MAX
        )

    def add(
        self, key: StreamKey, seq: int, position: int, wire: bytes, changes: int, signature: bytes
    ) -> None:
        """Add the next entry of the log."""
        self.wires.append(wire)
        self.positions.append(position)
        self._keys.append((key, seq))
        self._sizes.append(changes)
        self._signatures.append(signature)
        self._bytes += len(wire)
        self._changes += changes
        (self._unsigned.discard if signature else self._unsigned.add)(key)
        if not self._unsigned:
            self._signed = len(self.wires)

    def cut(self) -> bool:
        """Drop what is not signed at the end; say whether anything was dropped."""
        dropped = len(self.wires) > self._signed
        for part in (self.wires, self.positions, self._keys, self._sizes, self._signatures):
            del part[self._signed :]
        return dropped

    def signatures(self, tx: Connection) -> tuple[Signature, ...]:
        """Return the signatures by which a receiver judges it: of each stream in each portion the
        newest."""
        signed = [
            (key, bool(it)) for (key, _), it in zip(self._keys, self._signatures, strict=True)
        ]
        public_keys: dict[int, bytes] = {}
        begun = certified.chains(tx, {key.incarnation for key, seq in self._keys if seq == 1})
        found: list[Signature] = []
        start = 0
        for end in portion_ends(self._sizes, signed, PORTION_CHANGES_MAX):
            newest = {self._keys[i][0]: i for i in range(start, end)}
            for key, i in newest.items():
                if key.incarnation not in public_keys:
                    public_keys[key.incarnation] = key_known(tx, key.incarnation)
                public_key = public_keys[key.incarnation]
                chain = begun.pop(key.incarnation, ())  # once in a message
                found.append(
                    Signature(*key, self._keys[i][1], self._signatures[i], public_key, chain)
                )
            start = end
        return tuple(found)
