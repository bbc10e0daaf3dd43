"""Proof that entries which come back were really written here. Pure.

A parent's log returns to an office what the office wrote, but the parent is not trusted for that:
the office signed its streams when it sent them. An entry is its own if its signature under its own
key is for that entry, or for a later one that is chained to it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from sync.codec.signing import STREAM, is_signed
from sync.model.change import Entry, Signature
from sync.model.stream import StreamKey, key_of


@dataclass(slots=True)
class OwnProof:
    """Collects own entries, page by page, until the signatures show which are true.

    `keys`: those of this office's incarnations; None: a store that never met its parent knows no
    key of its predecessor, and trusts the first key that comes for each incarnation.
    """

    unit: int
    keys: frozenset[bytes] | None
    _chains: dict[StreamKey, dict[int, tuple[bytes, bytes]]] = field(default_factory=dict)
    _signatures: dict[StreamKey, Signature] = field(default_factory=dict)

    def add(self, entries: Iterable[Entry], signatures: Iterable[Signature]) -> None:
        """Add a page: number -> hash and previous hash, of each own stream."""
        for entry in entries:
            if entry.unit == self.unit:
                chain = self._chains.setdefault(key_of(entry), {})
                chain[entry.seq] = (entry.hash, entry.prev_hash)
        for each in signatures:
            key = StreamKey(each.incarnation, each.audience, each.lane)
            link = self._chains.get(key, {}).get(each.seq)
            known = self._signatures.get(key)
            if link is None or (known is not None and known.seq >= each.seq):
                continue
            if self.keys is not None and each.public_key not in self.keys:
                continue
            if is_signed(each.public_key, STREAM, link[0], each.signature):
                self._signatures[key] = each

    def proven(self) -> frozenset[bytes]:
        """Return the hashes of the entries that were written here."""
        found: set[bytes] = set()
        for key, signature in self._signatures.items():
            chain = self._chains[key]
            seq, wanted = signature.seq, chain[signature.seq][0]
            while (link := chain.get(seq)) is not None and link[0] == wanted:
                found.add(link[0])
                seq, wanted = seq - 1, link[1]
        return frozenset(found)
