"""Rows: records as they stand, with what makes them understood elsewhere. Pure.

What reads them from the store is `sync.reading`; what packs them is `sync.rows_codec`; what takes
them in is `sync.copying`; what says how two copies become one is `sync.heard`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sync.heard import Heard
from sync.merge import RecordState
from sync.schema import Lane
from sync.streams import StreamKey
from sync.version import Version

Held = Mapping[bytes, frozenset[Version]]
Writer = tuple[int, int]  # unit, level


@dataclass(frozen=True, slots=True)
class Rows:
    """Copies of records of one register and unit, and which of their edits a hole holds up."""

    register: str
    unit: int
    states: Mapping[bytes, RecordState]
    held: Held = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StreamTip:
    """The newest entry of a stream, and how far its origin vouches for it."""

    seq: int
    hash: bytes
    hlc: int
    signed_seq: int = 0
    signature: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Part of a snapshot; the last one has heads, cursors and how far our log was `taken`."""

    rows: Sequence[Rows]
    newest: Mapping[Lane, Mapping[int, int]]  # lane -> incarnation -> newest stamp heard there
    writers: Mapping[int, Writer]
    keys: Mapping[int, bytes] = field(default_factory=dict)  # incarnation -> what it signs with
    heads: Mapping[StreamKey, StreamTip] = field(default_factory=dict)
    cursors: Mapping[Lane, tuple[int, int]] = field(default_factory=dict)  # incarnation, position
    taken: Mapping[Lane, tuple[int, int]] = field(default_factory=dict)

    def heard(self, lane: Lane, held: frozenset[Version]) -> Heard:
        return Heard(self.newest.get(lane, {})).but(held)


def versions_in(state: RecordState) -> set[Version]:
    """Return every version that a copy names."""
    heads = {h.version for heads in state.fields.values() for h in heads.all}
    return heads | {state.born, state.life_version} | {v for _, v in state.unseen}
