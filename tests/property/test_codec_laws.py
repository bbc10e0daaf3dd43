"""The codec: what is packed comes back; whatever else arrives is Malformed, and cheap to refuse."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest
import zstandard
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sync.codec import entry as codec
from sync.codec import statement
from sync.codec.signing import Signer
from sync.codec.statement import ReceivedHead
from sync.model.attribution import (
    ACTOR_CHARS_MAX,
    REASON_CHARS_MAX,
    UNKNOWN,
    Attribution,
    BadAttribution,
    attributed,
)
from sync.model.change import Batch, Block, Operation, StreamHead
from sync.model.errors import Malformed, TooLarge
from sync.model.limits import BODY_BYTES_MAX, ENTRY_BYTES_MAX
from sync.model.report import DurableAt, NodeStatus
from sync.model.schema import Lane
from sync.model.stream import StreamKey
from sync.wire.link.v1 import link_pb2 as pb

PEAK_MIB_MAX = 320

names = st.text(min_size=1, max_size=12)
texts = st.text(max_size=20)
ints = st.integers(-(2**63), 2**63 - 1)
versions = st.binary(min_size=16, max_size=16)


@st.composite
def blocks(draw: st.DrawFn) -> Block:
    ids = draw(st.lists(versions, min_size=1, max_size=20, unique=True))
    fields = draw(st.lists(names, max_size=5, unique=True))
    operation = draw(st.sampled_from(list(Operation)))
    count = len(ids)

    def column(kind):
        return draw(st.lists(st.one_of(st.none(), kind), min_size=count, max_size=count))

    columns = [column(draw(st.sampled_from([texts, ints]))) for _ in fields]
    known = draw(st.lists(versions, min_size=1, max_size=3))
    bases = [draw(st.lists(st.sampled_from(known), min_size=count, max_size=count)) for _ in fields]
    resolved = {}
    if fields and operation is not Operation.CREATE:
        resolved = draw(
            st.dictionaries(
                st.tuples(st.integers(0, count - 1), st.sampled_from(fields)),
                st.lists(versions, min_size=1, max_size=3, unique=True).map(tuple),
                max_size=4,
            )
        )
    return Block(
        draw(names), draw(st.integers(0, 2**63 - 1)), operation, ids, tuple(fields),
        columns if operation is not Operation.DELETE else [],
        bases if operation is not Operation.CREATE else [],
        draw(st.integers(0, 2**31)), resolved,
        draw(st.one_of(st.just(()), st.lists(versions, min_size=count, max_size=count))),
    )  # fmt: skip


def attributions() -> st.SearchStrategy[Attribution]:
    plain = st.characters(exclude_categories=("Cc", "Cs"))
    return st.builds(
        Attribution, st.text(plain, max_size=ACTOR_CHARS_MAX), st.text(plain, max_size=40)
    )


def entry_of(body: list[Block], **changes: object) -> object:
    header = {
        "incarnation": 5, "unit": 7, "level": 3, "audience": "up:city", "lane": Lane.BULK,
        "seq": 1, "prev_hash": b"", "hlc": 99,
    }  # fmt: skip
    return codec.entry_to_wire(body, **{**header, **changes})


@given(st.lists(blocks(), max_size=4))
def test_blocks_round_trip(body):
    assert codec.unpack(codec.pack(body)) == body


@given(
    st.lists(blocks(), max_size=2), st.integers(1, 2**62 - 1), st.integers(0, 2**63 - 1),
    st.sampled_from(list(Lane)), st.sampled_from([b"", bytes(32)]), attributions(),
)  # fmt: skip
def test_an_entry_round_trips(body, seq, hlc, lane, prev_hash, by):
    entry = entry_of(body, seq=seq, hlc=hlc, lane=lane, prev_hash=prev_hash, by=by)
    assert codec.entry_from_wire(entry.wire) == entry
    assert entry.hash == codec.hash_of(entry.wire)
    assert entry.by == by


# -- who and why ----------------------------------------------------------------------------------

# One transaction as it was written before entries named a person.
WITHOUT_A_NAME = bytes.fromhex(
    "0905000000000000001107000000000000001803220775703a63697479280230014163000000000000004801523e28b5"
    "2ffd204fad0100a4020a4d0a087072656d6973657311070018022210002a046e616d6532050a03e794b23a030a010042"
    "01480103008f4202e8ef00ea"
)


@given(attributions(), attributions())
def test_whoever_changes_the_name_of_an_entry_changes_its_hash(one, other):
    first, second = entry_of([], by=one), entry_of([], by=other)
    assert (first.hash == second.hash) == (one == other)


def test_an_entry_of_an_older_program_is_read_and_its_person_is_unknown():
    read = codec.entry_from_wire(WITHOUT_A_NAME)
    assert read.by == UNKNOWN
    (block,) = codec.unpack(read.payload)
    assert (block.columns, block.lives) == ([["甲"]], ())
    # Packed again it is the same: hashes of what was said before this program are what they were.
    assert entry_of([block]).wire == WITHOUT_A_NAME


def test_an_older_program_relays_a_name_that_it_does_not_know():
    """It keeps and sends on the bytes; what it reads of them is all that it knew before."""
    entry = entry_of([], by=Attribution("王", "迁出"))
    known = pb.Entry.FromString(entry.wire)
    known.ClearField("actor")
    known.ClearField("reason")
    assert codec.entry_from_wire(known.SerializeToString()).hash != entry.hash
    assert codec.entry_from_wire(bytes(entry.wire)) == entry


@pytest.mark.parametrize(
    "by",
    [
        Attribution("王" * (ACTOR_CHARS_MAX + 1)),
        Attribution("", "x" * (REASON_CHARS_MAX + 1)),
        Attribution("a\nb"),
        Attribution("a\x1b[2J"),
        Attribution("a\x9b2J"),
        Attribution("", "\x00"),
        Attribution("\ud800"),
    ],
)
def test_a_name_that_is_no_plain_text_is_neither_written_nor_read(by):
    with pytest.raises(BadAttribution):
        entry_of([], by=by)
    wire = pb.Entry.FromString(entry_of([]).wire)
    try:
        wire.actor, wire.reason = by
    except UnicodeEncodeError:
        return  # it cannot be on the wire at all
    with pytest.raises(Malformed):
        codec.entry_from_wire(wire.SerializeToString())


@given(st.text(max_size=300), st.text(max_size=700))
def test_what_one_office_takes_as_a_name_every_office_takes(actor, reason):
    try:
        by = attributed(actor, reason)
    except BadAttribution:
        return
    wire = entry_of([], by=by).wire
    assert codec.entry_from_wire(wire).by == by


@given(st.lists(st.integers(1, 50), max_size=6, unique=True), st.integers(0, 9))
def test_a_batch_round_trips(steps, more):
    positions = tuple(sorted(steps))
    upto = max(positions, default=0) + more
    batch = Batch(Lane.BULK, 3, 0, upto, tuple(b"e" for _ in positions), positions)
    assert codec.batch_from_wire(codec.batch_to_wire(batch)) == batch


# -- nonsense --------------------------------------------------------------------------------------


def read_all(wire: bytes) -> None:
    """Read bytes in every way that a peer can make us read them."""
    for read in (codec.entry_from_wire, codec.unpack):
        try:
            read(wire)
        except Malformed:
            continue
    try:
        codec.batch_from_wire(pb.Batch.FromString(wire))
    except (Malformed, codec.DecodeError):
        return


@settings(max_examples=400)
@given(st.binary(max_size=300))
@example(b"")
@example(b"\x28\xb5\x2f\xfd")
@example(b"\x50\x2a\x4d\x18\x00\x00\x00\x00")  # a skippable frame and nothing else
def test_arbitrary_bytes_are_malformed_and_nothing_else(wire):
    read_all(wire)


@settings(max_examples=400)
@given(st.binary(max_size=300))
def test_an_arbitrary_body_in_a_valid_frame_is_malformed_and_nothing_else(raw):
    read_all(zstandard.ZstdCompressor().compress(raw))


@settings(max_examples=300)
@given(st.lists(blocks(), min_size=1, max_size=2), st.data())
def test_truncated_or_flipped_bytes_are_malformed_or_other_bytes(body, data):
    entry = entry_of(body)
    wire = bytearray(entry.wire)
    for _ in range(data.draw(st.integers(1, 4))):
        wire[data.draw(st.integers(0, len(wire) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    wire = wire[: data.draw(st.integers(0, len(wire)))]
    try:
        read = codec.entry_from_wire(bytes(wire))
    except Malformed:
        return
    assert bytes(wire) == entry.wire or read.hash != entry.hash
    read_all(read.payload)


@settings(max_examples=200)
@given(st.lists(blocks(), min_size=1, max_size=2), st.data())
def test_a_damaged_body_in_a_valid_frame_is_malformed_or_blocks(body, data):
    raw = bytearray(zstandard.ZstdDecompressor().decompress(codec.pack(body)))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        read = codec.unpack(zstandard.ZstdCompressor().compress(bytes(raw)))
    except Malformed:
        return
    for block in read:
        assert len(set(block.ids)) == len(block.ids)
        assert all(len(c) == len(block.ids) for c in [*block.columns, *block.bases])
        assert all(len(v) == 16 for column in block.bases for v in column)


GOOD = Block(
    "person", 7, Operation.UPDATE, [bytes([n]) * 16 for n in (1, 2)], ("a",), [["x", None]],
    [[bytes(16), bytes(16)]], 1,
)  # fmt: skip


def spoiled(change) -> bytes:
    body = pb.Body.FromString(zstandard.ZstdDecompressor().decompress(codec.pack([GOOD])))
    change(body.blocks[0])
    return zstandard.ZstdCompressor().compress(body.SerializeToString())


@pytest.mark.parametrize(
    "change",
    [
        lambda b: setattr(b, "operation", 0),
        lambda b: setattr(b, "operation", 9),
        lambda b: setattr(b, "ids", b""),
        lambda b: setattr(b, "ids", b"short"),
        lambda b: setattr(b, "ids", bytes(32)),
        lambda b: setattr(b, "unit", 1 << 63),
        lambda b: b.fields.append("b"),
        lambda b: (b.fields.append("a"), b.columns.add(), b.bases.add(index=[0])),
        lambda b: b.columns.pop(),
        lambda b: b.bases.pop(),
        lambda b: b.columns[0].texts.append("more"),
        lambda b: b.columns[0].ClearField("nulls"),
        lambda b: setattr(b.columns[0], "nulls", b"\xff\xff"),
        lambda b: b.bases[0].index.extend([0, 0, 0]),
        lambda b: b.bases[0].index.append(7),
        lambda b: setattr(b, "versions", bytes(17)),
        lambda b: b.resolved.add(record=2, field="a", version=bytes(16)),
        lambda b: b.resolved.add(record=0, field="a", version=bytes(3)),
    ],
)
def test_a_block_that_does_not_add_up_is_malformed(change):
    with pytest.raises(Malformed):
        codec.unpack(spoiled(change))


@pytest.mark.parametrize(
    "change",
    [
        {"lane": 0}, {"lane": 3}, {"seq": 0}, {"seq": 2**62}, {"level": 4}, {"prev_hash": b"x"},
        {"incarnation": 2**63}, {"unit": 2**63}, {"hlc": 2**63}, {"changes": 2**31},
    ],
)  # fmt: skip
def test_a_header_out_of_range_is_malformed(change):
    header = pb.Entry.FromString(entry_of([GOOD]).wire)
    for name, value in change.items():
        setattr(header, name, value)
    with pytest.raises(Malformed):
        codec.entry_from_wire(header.SerializeToString())


@pytest.mark.parametrize(
    "change",
    [
        {"lane": 0}, {"after": 9}, {"positions": [1]}, {"positions": [2, 1]},
        {"positions": [0, 1]}, {"positions": [1, 9]}, {"upto": 2**62},
    ],
)  # fmt: skip
def test_a_batch_whose_positions_do_not_increase_is_malformed(change):
    good = {"lane": 1, "incarnation": 5, "after": 0, "upto": 2, "entries": [b"a", b"b"],
            "positions": [1, 2]}  # fmt: skip
    codec.batch_from_wire(pb.Batch(**good))
    with pytest.raises(Malformed):
        codec.batch_from_wire(pb.Batch(**{**good, **change}))


# -- bounds ----------------------------------------------------------------------------------------


def test_a_writer_refuses_what_receivers_would_refuse():
    long = replace(GOOD, columns=[["x" * (BODY_BYTES_MAX // 2), "y" * (BODY_BYTES_MAX // 2)]])
    with pytest.raises(TooLarge):
        codec.pack([long])
    with pytest.raises(TooLarge):
        entry_of([GOOD], payload=bytes(ENTRY_BYTES_MAX))
    with pytest.raises(Malformed):
        codec.entry_from_wire(bytes(ENTRY_BYTES_MAX + 1))


def test_a_frame_that_declares_or_contains_more_than_a_body_is_refused():
    for raw in (bytes(BODY_BYTES_MAX + 1), bytes(8 * BODY_BYTES_MAX)):
        with pytest.raises(Malformed):
            codec.unpack(zstandard.ZstdCompressor().compress(raw))
    silent = zstandard.ZstdCompressor(write_content_size=False)
    with pytest.raises(Malformed):
        codec.unpack(silent.compress(bytes(BODY_BYTES_MAX * 4)))


BOMB = """
import resource, sys, zstandard
from sync.codec import entry as codec
from sync.model.errors import Malformed
def field(number, data):
    size, out = len(data), bytes([number << 3 | 2])
    while size > 127:
        out, size = out + bytes([size & 127 | 128]), size >> 7
    return out + bytes([size]) + data
def number(field, value):
    return bytes([field << 3, value])
SIZE = 15 << 20
head = field(4, b"a" * 16) + field(5, b"f") + number(3, 1)
raw = {
    "blocks": lambda: b"\\x0a\\x00" * (SIZE // 2),
    "columns": lambda: field(1, b"\\x32\\x00" * (SIZE // 2)),
    "settled": lambda: field(1, head + b"\\x52\\x00" * (SIZE // 2)),
    "fields": lambda: field(1, head + b"\\x2a\\x00" * (SIZE // 2)),
    "ints": lambda: field(1, head + field(6, field(2, bytes(SIZE)) + number(4, 1))),
    "texts": lambda: field(1, head + field(6, b"\\x0a\\x00" * (SIZE // 2))),
    "indexes": lambda: field(1, head[:-2] + number(3, 3) + field(7, field(1, bytes(SIZE)))),
}[sys.argv[1]]()
payload = zstandard.ZstdCompressor(level=1).compress(raw)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    codec.unpack(payload)
except Malformed:
    print(len(payload), (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10)
"""


@pytest.mark.parametrize(
    "kind", ["blocks", "columns", "settled", "fields", "ints", "texts", "indexes"]
)
def test_a_bomb_of_many_small_parts_is_refused_in_bounded_memory(kind):
    """A few kilobytes that unpack to 15 MiB of the smallest parts; unchecked, that made 1 GB."""
    done = subprocess.run(
        [sys.executable, "-c", BOMB, kind], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    packed, peak_mib = map(int, done.stdout.split())
    assert packed < 4_000
    assert peak_mib < PEAK_MIB_MAX


# -- what is sent besides the changes --------------------------------------------------------------


@given(st.builds(DurableAt, st.integers(0, 2), st.sampled_from(list(Lane)), st.integers(0, 2**60)))
def test_durable_positions_round_trip(safe):
    assert codec.durable_from_wire(codec.durable_to_wire(safe)) == safe


@given(st.integers(0, 2**62), st.booleans(), st.text(max_size=40))
def test_the_status_of_offices_round_trips(number, connected, program):
    line = NodeStatus(unit=number, at_ms=0, connected=connected, last_contact_ms=number)
    assert statement.status_from_wire(statement.status_to_wire(line)) == line
    own = replace(line, at_ms=number, program=program, incarnation=7, bulk_seq=3)
    head = ReceivedHead(StreamKey(9, "down:all", Lane.CONTROL), StreamHead(4, b"h" * 32), b"s" * 64)
    signer = Signer(bytes(32))
    sent = statement.signed(own, b"b" * 32, [head], signer)
    received = statement.status_from_wire(statement.status_to_wire(sent))
    assert received == sent
    assert statement.is_genuine(received, signer.public_key)
    shown = statement.read(received.signed)
    assert (shown.bulk_hash, shown.from_parent) == (b"b" * 32, (head,))


@pytest.mark.parametrize(
    "safe", [pb.DurablePosition(level=3, lane=1), pb.DurablePosition(level=0, lane=0)]
)
def test_a_durable_position_without_level_or_lane_is_malformed(safe):
    with pytest.raises(Malformed):
        codec.durable_from_wire(safe)
