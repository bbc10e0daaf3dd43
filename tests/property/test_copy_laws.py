"""Joining two copies gives what joining their edits gives, whichever was overwritten where."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.codec.chunk import pack, unpack
from sync.merge import copies as merge_copies
from sync.merge.copies import EMPTY, VersionVector, join
from sync.merge.record import RecordState, canonical
from sync.model.errors import Malformed
from sync.model.schema import Lane
from sync.model.stream import StreamKey
from sync.model.version import Version, incarnation_of, version_of
from tests.property.test_merge_laws import SMALL, edits_of, play, programs, steps
from tests.support.replicas import FIELDS, Replica, expected_state

scripts = st.lists(steps, min_size=2, max_size=22)


@dataclass(frozen=True, slots=True)
class FetchChunk:
    """A copy and the edits that its office has received."""

    state: RecordState
    received: frozenset[Version]

    def __or__(self, other: FetchChunk) -> FetchChunk:
        state = join(
            self.state,
            other.state,
            FIELDS,
            received_here=self.received,
            received_there=other.received,
        )
        return FetchChunk(state, self.received | other.received)


def copies(script) -> list[FetchChunk]:
    offices, _ = play(script)
    return [FetchChunk(o.state, frozenset(o.known)) for o in offices if o.state is not None]


@settings(max_examples=400)
@given(scripts)
def test_joining_copies_is_joining_their_edits(script):
    offices, made = play(script)
    with_copy = [o for o in offices if o.state is not None]
    for one in with_copy:
        for two in with_copy:
            both = FetchChunk(one.state, frozenset(one.known)) | FetchChunk(
                two.state, frozenset(two.known)
            )
            assert both.state == expected_state([made[v] for v in both.received], FIELDS)


@settings(max_examples=200)
@given(scripts)
def test_joining_copies_is_commutative_associative_and_idempotent(script):
    stored = copies(script)
    for one in stored:
        assert one | one == one
        for two in stored:
            assert one | two == two | one
            assert one | (one | two) == one | two
            for three in stored:
                assert (one | two) | three == one | (two | three)


def test_joining_copies_of_every_three_steps_of_three_offices_is_joining_their_edits():
    """Every pair of causally whole sets of edits of every small script."""
    pairs = 0
    for script in programs(3):
        edits = edits_of(script, apart=False)
        by_office = {}
        for edit in edits:
            by_office[edit.version[8:]] = edit
        views = [
            [e for e in edits if e.version in last.causes | {last.version}]
            for last in by_office.values()
        ]
        for one in views:
            for two in views:
                known = {e.version: e for e in (*one, *two)}
                joined = join(
                    expected_state(one, SMALL), expected_state(two, SMALL), SMALL,
                    received_here={e.version for e in one}, received_there={e.version for e in two},
                )  # fmt: skip
                assert joined == expected_state(known.values(), SMALL)
                pairs += one is not two
    assert pairs >= 3_000


@settings(max_examples=200)
@given(scripts)
def test_a_repair_adopts_the_peers_copy_and_keeps_what_the_peer_never_received(script):
    """Ours is damaged: what it lacks says nothing. What only we know is kept."""
    stored = copies(script)
    for ours in stored:
        for theirs in stored:
            fixed = join(
                ours.state,
                theirs.state,
                FIELDS,
                received_here=EMPTY,
                received_there=theirs.received,
            )
            for name, heads in theirs.state.fields.items():
                kept = {h.version for h in fixed.fields[name].all}
                assert kept >= {h.version for h in heads.all}
                own = {h.version for h in ours.state.fields[name].all} - theirs.received
                assert kept >= own
            if ours.received <= theirs.received:
                assert fixed == theirs.state


def test_contradicting_copies_keep_every_value():
    one, two = Replica(0, SMALL), Replica(1, SMALL)
    two.receive(one.create({"name": "old"}))
    one.update({"name": "mine"})
    two.update({"name": "theirs"})
    every = frozenset({*one.known, *two.known})
    both = join(one.state, two.state, SMALL, received_here=every, received_there=every)
    assert {h.value for h in both.fields["name"].all} == {"mine", "theirs"}
    other = join(two.state, one.state, SMALL, received_here=every, received_there=every)
    assert both == other


def test_a_field_unknown_to_one_program_is_taken_from_the_other():
    one = Replica(0, SMALL)
    one.create({"name": "a", "rank": "b"})
    less = RecordState(
        one.state.created, 1, one.state.causal_length_version,
        {n: h for n, h in one.state.fields.items() if n != "rank"},
    )  # fmt: skip
    every = frozenset(one.known)
    for ours, theirs in ((less, one.state), (one.state, less)):
        assert join(ours, theirs, SMALL, received_here=every, received_there=every) == one.state
    fewer_fields = {n: f for n, f in SMALL.items() if n != "rank"}
    assert join(
        less, one.state, fewer_fields, received_here=every, received_there=every
    ) == canonical(less, fewer_fields)


@given(
    st.dictionaries(st.integers(1, 4), st.integers(0, 50)),
    st.integers(0, 60),
    st.integers(1, 5),
    st.booleans(),
)
def test_a_version_vector_covers_a_writer_up_to_its_newest_stamp_except_quarantined_versions(
    version_vector, stamp, writer, stored
):
    version = version_of(stamp, writer)
    received = VersionVector(version_vector).without({version} if stored else ())
    assert (version in received) == (
        not stored and writer in version_vector and stamp <= version_vector[writer]
    )


def test_a_delete_saw_an_edit_with_all_its_fields_also_those_unknown_to_its_program():
    """Else a field of a newer program is a value that survived, and only where it is known."""
    newer, older = Replica(0, SMALL), Replica(1, SMALL)
    older.receive(newer.create({"name": "old", "tags": "x"}))
    mine = newer.state
    older.delete()
    unknown = {name: heads for name, heads in older.state.fields.items() if name != "tags"}
    theirs = replace(older.state, fields=unknown)
    received = VersionVector({0: 99, 1: 99})
    after = join(mine, theirs, SMALL, received_here=EMPTY, received_there=received)
    assert (after.causal_length, after.survived_delete) == (2, frozenset())


def chunk_of_everything() -> merge_copies.Chunk:
    """Return a chunk in which every part of the message is used."""
    one, two = Replica(0, SMALL), Replica(1, SMALL)
    two.receive(one.create({"name": "old", "most": 1, "tags": "x"}))
    one.update({"name": "mine", "tags": "a,x"})
    theirs = two.update({"name": None, "most": -4, "tags": "b,x"})
    one.receive(theirs)
    two.delete()
    two.receive_all(one.known.values())
    states = {bytes(15) + b"1": one.state, bytes(15) + b"2": two.state}
    assert two.state.survived_delete
    stored = {bytes(15) + b"2": frozenset({version_of(9, 2)})}
    return merge_copies.Chunk(
        rows=[merge_copies.Rows("person", 7, states, stored)],
        version_vector={Lane.BULK: {1: 5, 2: 9}, Lane.CONTROL: {2: 3}},
        writers={1: (7, 3), 2: (6, 2)},
        keys={1: b"k" * 32},
        heads={
            StreamKey(1, "up:city", Lane.BULK): merge_copies.StreamTip(
                3, b"h" * 32, 5, 2, b"s" * 64
            )
        },
        cursors={Lane.BULK: (2, 17)},
        acked={Lane.BULK: (1, 4)},
    )


def test_a_chunk_round_trips():
    chunk = chunk_of_everything()
    assert unpack(pack(chunk)) == chunk


RAW = zstandard.ZstdDecompressor().decompress(pack(chunk_of_everything()))


@settings(max_examples=600)
@given(st.integers(0, len(RAW) - 1), st.integers(0, 255), st.booleans())
def test_a_corrupt_chunk_is_malformed_or_a_chunk_and_nothing_else(at, byte, cut):
    raw = RAW[:at] if cut else RAW[:at] + bytes([byte]) + RAW[at + 1 :]
    payload = zstandard.ZstdCompressor().compress(raw)
    try:
        chunk = unpack(payload)
    except Malformed:
        return
    for part in chunk.rows:
        for state in part.states.values():
            assert all(incarnation_of(v) in chunk.writers for v in merge_copies.versions_in(state))
            assert state.causal_length >= 1


@pytest.mark.parametrize("payload", [b"", b"x", zstandard.compress(bytes(1 << 25))])
def test_garbage_and_decompression_bombs_are_malformed_chunks(payload):
    with pytest.raises(Malformed):
        unpack(payload)
