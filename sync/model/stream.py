"""Streams: whether an entry is the next one, known, after a gap, or from a fork. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple

from sync.model.audience import audience_zh
from sync.model.change import Entry, StreamHead
from sync.model.errors import ErrorKind, SilianError
from sync.model.schema import Lane


class StreamKey(NamedTuple):
    """What one incarnation writes to one audience in one lane."""

    incarnation: int
    audience: str
    lane: Lane

    @property
    def en(self) -> str:
        return f"{self.incarnation:x} {self.audience} {self.lane.name.lower()}"

    @property
    def zh(self) -> str:
        lane = "控制" if self.lane is Lane.CONTROL else "台账"
        return f"{self.incarnation:x}（{audience_zh(self.audience)}，{lane}通道）"


def levels_of(writers: Mapping[int, tuple[int, int]]) -> dict[int, int]:
    """Return incarnation -> level, of incarnation -> (unit, level)."""
    return {incarnation: level for incarnation, (_, level) in writers.items()}


class StreamGap(SilianError):
    """Entries are missing before this one; the sender continues from what we have."""

    code = "stream_gap"
    kind = ErrorKind.OUT_OF_RANGE

    def __init__(self, key: StreamKey, *, expected_seq: int, received_seq: int) -> None:
        super().__init__(
            f"stream {key.en}: expected entry {expected_seq}, received {received_seq}",
            f"变更流 {key.zh}：应收第 {expected_seq} 条，实收第 {received_seq} 条",
            remedy_en="The sender will resend the missing entries; no action is needed.",
            remedy_zh="发送方会自动补发，无需处理。",
        )
        self.expected_seq = expected_seq


class StreamForked(SilianError):
    """Two different entries have the same number: a restored or cloned database, or forgery.

    No office receives more of the stream until a person has acted.
    """

    code = "stream_forked"
    kind = ErrorKind.DATA_LOSS

    def __init__(self, key: StreamKey, seq: int) -> None:
        super().__init__(
            f"stream {key.en}: two different entries are numbered {seq}",
            f"变更流 {key.zh}：编号 {seq} 出现两条不同的内容",
            remedy_en="Look for a restored backup or a cloned store of that office.",
            remedy_zh="请检查该单位是否恢复过备份或存在重复的数据副本。",
        )


class Place(Enum):
    """The place of an entry relative to what is known of its stream."""

    NEXT = "next"
    KNOWN = "known"


def key_of(entry: Entry) -> StreamKey:
    return StreamKey(entry.incarnation, entry.audience, entry.lane)


def place(entry: Entry, heads: Mapping[StreamKey, StreamHead]) -> Place:
    """Return whether an entry is the next of its stream or already known.

    Raises: StreamGap (entries are missing before it), StreamForked (it contradicts the chain).
    """
    key = key_of(entry)
    head = heads.get(key, StreamHead())
    if entry.seq < head.seq:
        return Place.KNOWN
    if entry.seq == head.seq:
        if entry.hash != head.hash:
            raise StreamForked(key, entry.seq)
        return Place.KNOWN
    if entry.seq > head.seq + 1:
        raise StreamGap(key, expected_seq=head.seq + 1, received_seq=entry.seq)
    if entry.prev_hash != head.hash:
        raise StreamForked(key, head.seq)
    return Place.NEXT


Heads = dict[StreamKey, StreamHead]
