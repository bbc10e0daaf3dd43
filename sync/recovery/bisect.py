"""Bisection: find by halving the newest entry of each stream that two logs have in common. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sync.model.change import StreamHead
from sync.model.stream import StreamKey

Sought = tuple[StreamKey, int]  # an entry by its number


@dataclass(slots=True)
class Bounds:
    """Between which entries of a stream the newest common one is."""

    low: StreamHead  # both have it; number 0: the beginning
    high: int  # the first that may not be common
    asked: StreamHead = field(default_factory=StreamHead)


@dataclass(slots=True)
class Probing:
    """Finds the newest common entry of each stream, all streams at once, by halving. Pure."""

    bounds: dict[StreamKey, Bounds] = field(default_factory=dict)
    acked: Mapping[StreamKey, StreamHead] = field(default_factory=dict)
    first: bool = True

    @classmethod
    def over(
        cls, heads: Mapping[StreamKey, StreamHead], oldest_kept: Mapping[StreamKey, StreamHead],
        acked: Mapping[StreamKey, StreamHead] = {},
    ) -> Probing:  # fmt: skip
        """Begin. `oldest_kept`: the entry before which our own log of each stream is truncated;
        `acked`: the newest that the parent was known to have.
        """
        return cls(
            {
                key: Bounds(oldest_kept.get(key, StreamHead()), head.seq + 1)
                for key, head in heads.items()
            },
            acked,
        )

    @property
    def done(self) -> bool:
        return not self.first and all(b.low.seq + 1 >= b.high for b in self.bounds.values())

    @property
    def common(self) -> dict[StreamKey, StreamHead]:
        return {key: b.low for key, b in self.bounds.items() if b.low.seq}

    def wanted(self) -> list[Sought]:
        """Return the entries to ask about next: our newest first, then the middle."""
        return [
            (key, b.high - 1 if self.first else (b.low.seq + b.high) // 2)
            for key, b in self.bounds.items()
            if b.low.seq + 1 < b.high
        ]

    def ask(self, hashes: Mapping[Sought, bytes]) -> list[tuple[StreamKey, StreamHead]]:
        """Record what is asked, with the hashes of our own entries; return it."""
        asked = []
        for key, seq in self.wanted():
            self.bounds[key].asked = StreamHead(seq, hashes.get((key, seq), b""))
            asked.append((key, self.bounds[key].asked))
        return asked

    def answered(
        self, asked: Sequence[tuple[StreamKey, StreamHead]], known: Sequence[bool],
        theirs: Mapping[StreamKey, StreamHead],
    ) -> None:  # fmt: skip
        """Process the parent's answers; `theirs`: how far it has each stream."""
        for (key, probe), yes in zip(asked, known, strict=True):
            bounds = self.bounds[key]
            if yes:
                bounds.low = probe
            else:
                bounds.high = min(probe.seq, theirs.get(key, StreamHead()).seq + 1)
                bounds.high = max(bounds.high, bounds.low.seq + 1)
        self.first = False

    def truncated(
        self, bases: Mapping[StreamKey, StreamHead], hashes: Mapping[Sought, bytes],
        theirs: Mapping[StreamKey, StreamHead],
    ) -> None:  # fmt: skip
        """Process up to where the parent's log lacks these streams; `hashes`: of our entries there.

        Who has the same entry there has all before it in common. Otherwise what was acknowledged is
        common; of what is between the two nothing is known, so it does not count as common.
        """
        for key, base in bases.items():
            bounds = self.bounds.get(key)
            if bounds is None or bounds.low.seq >= base.seq:
                continue
            if hashes.get((key, base.seq)) == base.hash:
                bounds.low = base
                bounds.high = max(bounds.high, base.seq + 1)
                continue
            acked = self.acked.get(key, StreamHead())
            if bounds.low.seq < acked.seq <= theirs.get(key, StreamHead()).seq:
                bounds.low = acked
            bounds.high = bounds.low.seq + 1
