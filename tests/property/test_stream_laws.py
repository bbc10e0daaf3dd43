"""Streams: whatever a line repeats, loses or mixes up, only the chain from its start is taken."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.codec import entry as codec
from sync.model.change import Entry, StreamHead
from sync.model.schema import Lane
from sync.model.stream import Place, StreamForked, StreamGap, StreamKey, key_of, place


def chain(length: int, *, salt: int = 0, first: Entry | None = None) -> list[Entry]:
    """Return entries 1, 2, 3, ... of one stream, going on from `first` if given."""
    entries = [first] if first else []
    for seq in range(len(entries) + 1, length + 1):
        prev = entries[-1].hash if entries else b""
        entries.append(
            codec.entry_to_wire(
                [], incarnation=7, unit=3, level=3, audience="up:city", lane=Lane.BULK, seq=seq,
                prev_hash=prev, hlc=seq + salt,
            )
        )  # fmt: skip
    return entries


LENGTH = 12
CHAIN = chain(LENGTH)
HEADS = {n: StreamHead(n, CHAIN[n - 1].hash) if n else StreamHead() for n in range(LENGTH + 1)}
KEY = StreamKey(7, "up:city", Lane.BULK)


@given(st.lists(st.integers(0, LENGTH - 1), max_size=60))
def test_in_any_order_of_arrival_only_the_next_entry_is_accepted(arrivals):
    heads: dict[StreamKey, StreamHead] = {}
    accepted: list[int] = []
    for number in arrivals:
        entry = CHAIN[number]
        if entry.seq > len(accepted) + 1:
            with pytest.raises(StreamGap) as gap:
                place(entry, heads)
            assert gap.value.expected_seq == len(accepted) + 1
        elif place(entry, heads) is Place.NEXT:
            accepted.append(entry.seq)
            heads[key_of(entry)] = StreamHead(entry.seq, entry.hash)
        else:
            assert entry.seq <= len(accepted)
    assert accepted == list(range(1, len(accepted) + 1))


@given(st.integers(0, LENGTH), st.integers(1, LENGTH))
def test_an_entry_is_next_known_or_beyond_a_gap(newest, seq):
    entry, heads = CHAIN[seq - 1], {KEY: HEADS[newest]}
    if seq == newest + 1:
        assert place(entry, heads) is Place.NEXT
    elif seq <= newest:
        assert place(entry, heads) is Place.KNOWN
    else:
        with pytest.raises(StreamGap):
            place(entry, heads)


@given(st.integers(1, LENGTH - 1), st.integers(1, 99))
def test_a_forked_chain_is_detected_where_it_overlaps_ours(shared, salt):
    """A copy shares our first entries and then says something else under the same numbers."""
    other = chain(1, salt=salt)[0]
    fork = [*CHAIN[:shared], *chain_after(CHAIN[shared - 1], shared, salt)]
    assert other.hash != CHAIN[0].hash
    assert place(fork[shared], {KEY: HEADS[shared]}) is Place.NEXT  # nobody can tell yet
    with pytest.raises(StreamForked):
        place(fork[shared], {KEY: HEADS[shared + 1]})
    with pytest.raises(StreamForked):
        place(fork[shared + 1], {KEY: HEADS[shared + 1]})


def chain_after(last: Entry, seq: int, salt: int) -> list[Entry]:
    entries, prev = [], last.hash
    for n in (seq + 1, seq + 2):
        entry = codec.entry_to_wire(
            [], incarnation=7, unit=3, level=3, audience="up:city", lane=Lane.BULK, seq=n,
            prev_hash=prev, hlc=1_000 + salt + n,
        )  # fmt: skip
        entries.append(entry)
        prev = entry.hash
    return entries


@pytest.mark.parametrize(
    "other", [KEY._replace(incarnation=8), KEY._replace(audience="down:all"),
              KEY._replace(lane=Lane.CONTROL)],
)  # fmt: skip
def test_each_incarnation_audience_and_lane_is_numbered_by_itself(other):
    assert place(CHAIN[0], {other: HEADS[5]}) is Place.NEXT


def test_the_first_entry_has_no_previous_hash():
    stray = codec.entry_to_wire(
        [], incarnation=7, unit=3, level=3, audience="up:city", lane=Lane.BULK, seq=1,
        prev_hash=bytes(32), hlc=1,
    )  # fmt: skip
    with pytest.raises(StreamForked):
        place(stray, {})
