"""Joining two copies gives what joining their edits gives, whichever was overwritten where."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from sync import rows
from sync.heard import NOTHING, Heard, join
from sync.merge import RecordState, arranged
from sync.rows_codec import pack, unpack
from sync.schema import Lane
from sync.streams import StreamKey
from sync.version import Version, incarnation_of, version_of
from sync.wire_errors import Malformed
from tests.property.test_merge_laws import SMALL, edits_of, play, programs, steps
from tests.support.replicas import FIELDS, Replica, twin_of

scripts = st.lists(steps, min_size=2, max_size=22)


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy and the edits that its office has heard."""

    state: RecordState
    heard: frozenset[Version]

    def __or__(self, other: Copy) -> Copy:
        state = join(
            self.state, other.state, FIELDS, heard_here=self.heard, heard_there=other.heard
        )
        return Copy(state, self.heard | other.heard)


def copies(script) -> list[Copy]:
    offices, _ = play(script)
    return [Copy(o.state, frozenset(o.known)) for o in offices if o.state is not None]


@settings(max_examples=400)
@given(scripts)
def test_joining_copies_is_joining_their_edits(script):
    offices, made = play(script)
    with_copy = [o for o in offices if o.state is not None]
    for one in with_copy:
        for two in with_copy:
            both = Copy(one.state, frozenset(one.known)) | Copy(two.state, frozenset(two.known))
            assert both.state == twin_of([made[v] for v in both.heard], FIELDS)


@settings(max_examples=200)
@given(scripts)
def test_joining_copies_is_commutative_associative_and_idempotent(script):
    held = copies(script)
    for one in held:
        assert one | one == one
        for two in held:
            assert one | two == two | one
            assert one | (one | two) == one | two
            for three in held:
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
                    twin_of(one, SMALL), twin_of(two, SMALL), SMALL,
                    heard_here={e.version for e in one}, heard_there={e.version for e in two},
                )  # fmt: skip
                assert joined == twin_of(known.values(), SMALL)
                pairs += one is not two
    assert pairs >= 3_000


@settings(max_examples=200)
@given(scripts)
def test_a_repair_takes_the_others_copy_and_keeps_what_the_other_never_heard(script):
    """Ours is damaged: what it lacks says nothing. What only we know is kept."""
    held = copies(script)
    for ours in held:
        for theirs in held:
            fixed = join(
                ours.state, theirs.state, FIELDS, heard_here=NOTHING, heard_there=theirs.heard
            )
            for name, heads in theirs.state.fields.items():
                kept = {h.version for h in fixed.fields[name].all}
                assert kept >= {h.version for h in heads.all}
                own = {h.version for h in ours.state.fields[name].all} - theirs.heard
                assert kept >= own
            if ours.heard <= theirs.heard:
                assert fixed == theirs.state


def test_copies_that_contradict_each_other_keep_every_value():
    one, two = Replica(0, SMALL), Replica(1, SMALL)
    two.take(one.create({"name": "old"}))
    one.update({"name": "mine"})
    two.update({"name": "theirs"})
    every = frozenset({*one.known, *two.known})
    both = join(one.state, two.state, SMALL, heard_here=every, heard_there=every)
    assert {h.value for h in both.fields["name"].all} == {"mine", "theirs"}
    other = join(two.state, one.state, SMALL, heard_here=every, heard_there=every)
    assert both == other


def test_a_field_that_one_program_does_not_know_is_taken_from_the_other():
    one = Replica(0, SMALL)
    one.create({"name": "a", "rank": "b"})
    less = RecordState(
        one.state.born, 1, one.state.life_version,
        {n: h for n, h in one.state.fields.items() if n != "rank"},
    )  # fmt: skip
    every = frozenset(one.known)
    for ours, theirs in ((less, one.state), (one.state, less)):
        assert join(ours, theirs, SMALL, heard_here=every, heard_there=every) == one.state
    narrow = {n: f for n, f in SMALL.items() if n != "rank"}
    assert join(less, one.state, narrow, heard_here=every, heard_there=every) == arranged(
        less, narrow
    )


@given(
    st.dictionaries(st.integers(1, 4), st.integers(0, 50)),
    st.integers(0, 60),
    st.integers(1, 5),
    st.booleans(),
)
def test_heard_is_all_of_a_writer_up_to_its_newest_stamp_but_for_what_is_held(
    newest, stamp, writer, held
):
    version = version_of(stamp, writer)
    heard = Heard(newest).but({version} if held else ())
    assert (version in heard) == (not held and writer in newest and stamp <= newest[writer])


def chunk_of_everything() -> rows.Chunk:
    """Return a chunk in which every part of the message is used."""
    one, two = Replica(0, SMALL), Replica(1, SMALL)
    two.take(one.create({"name": "old", "most": 1, "tags": "x"}))
    one.update({"name": "mine", "tags": "a,x"})
    theirs = two.update({"name": None, "most": -4, "tags": "b,x"})
    one.take(theirs)
    two.delete()
    two.take_all(one.known.values())
    states = {bytes(15) + b"1": one.state, bytes(15) + b"2": two.state}
    assert two.state.unseen
    held = {bytes(15) + b"2": frozenset({version_of(9, 2)})}
    return rows.Chunk(
        rows=[rows.Rows("person", 7, states, held)],
        newest={Lane.BULK: {1: 5, 2: 9}, Lane.CONTROL: {2: 3}},
        writers={1: (7, 3), 2: (6, 2)},
        keys={1: b"k" * 32},
        heads={StreamKey(1, "up:city", Lane.BULK): rows.StreamTip(3, b"h" * 32, 5, 2, b"s" * 64)},
        cursors={Lane.BULK: (2, 17)},
        taken={Lane.BULK: (1, 4)},
    )


def test_a_chunk_comes_back_as_it_was_packed():
    chunk = chunk_of_everything()
    assert unpack(pack(chunk)) == chunk


RAW = zstandard.ZstdDecompressor().decompress(pack(chunk_of_everything()))


@settings(max_examples=600)
@given(st.integers(0, len(RAW) - 1), st.integers(0, 255), st.booleans())
def test_a_spoilt_chunk_is_malformed_or_a_chunk_and_nothing_else(at, byte, cut):
    raw = RAW[:at] if cut else RAW[:at] + bytes([byte]) + RAW[at + 1 :]
    payload = zstandard.ZstdCompressor().compress(raw)
    try:
        chunk = unpack(payload)
    except Malformed:
        return
    for part in chunk.rows:
        for state in part.states.values():
            assert all(incarnation_of(v) in chunk.writers for v in rows.versions_in(state))
            assert state.life >= 1


@pytest.mark.parametrize("payload", [b"", b"x", zstandard.compress(bytes(1 << 25))])
def test_nonsense_and_bombs_for_a_chunk_are_malformed(payload):
    with pytest.raises(Malformed):
        unpack(payload)
