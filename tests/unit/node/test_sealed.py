"""Sealed backups: what opens one, what is refused, and what a parent keeps of its children's."""

from __future__ import annotations

import io
import random
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.private import readable_by_others
from node.sealed import recovery_key
from node.sealed.errors import (
    BadRecoveryKey,
    RecoveryKeyExists,
    SealedDamaged,
    SealedMissing,
    SealedNoRoom,
    SealedOfAnother,
    SealedOlder,
    SealedTooLarge,
    WrongRecoveryKey,
)
from node.sealed.kept import CHUNK_BYTES, KEEP, Announced, Kept, Limits, announce, chunks
from node.sealed.recovery_key import RecoveryKey, read_text
from node.sealed.sealed_file import (
    HEADER_BYTES,
    PIECE_BYTES,
    TAG_BYTES,
    Header,
    read_header,
    seal,
    unseal,
)
from sync.model.errors import Malformed

UNIT = 42
KEY = RecoveryKey(bytes(range(32)))
OTHER = RecoveryKey(bytes(32))
LIMITS = Limits(1 << 30, 0)


def sealed(content: bytes, *, number: int = 1, unit: int = UNIT, key: RecoveryKey = KEY) -> bytes:
    header = Header(
        unit=unit, incarnation=7, number=number, made_ms=1, size=len(content), store_size=9,
        content_hash=sha256(content).digest(), salt=bytes([number]) * 32, key_number=key.number,
    )  # fmt: skip
    target = io.BytesIO()
    seal(io.BytesIO(content), target, header, key)
    assert len(target.getvalue()) == header.file_bytes
    return target.getvalue()


def opened(file: bytes, key: RecoveryKey = KEY) -> bytes:
    return b"".join(unseal(io.BytesIO(file), key))


# -- the format ----------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1])
def test_a_sealed_content_comes_back_whole(size: int) -> None:
    content = random.Random(size).randbytes(size)
    assert opened(sealed(content)) == content
    assert read_header(io.BytesIO(sealed(content))).number == 1


@given(where=st.integers(0), bit=st.integers(0, 7))
def test_no_bit_of_a_sealed_backup_can_be_changed(where: int, bit: int) -> None:
    file = bytearray(sealed(b"residents"))
    file[where % len(file)] ^= 1 << bit
    with pytest.raises((SealedDamaged, WrongRecoveryKey)):
        opened(bytes(file))


@given(end=st.integers(0, HEADER_BYTES + 40))
def test_a_sealed_backup_that_ends_early_or_goes_on_is_refused(end: int) -> None:
    file = sealed(b"residents")
    with pytest.raises(SealedDamaged):
        opened(file[: min(end, len(file) - 1)])
    with pytest.raises(SealedDamaged):
        opened(file + bytes(end + 1))


def test_pieces_cannot_be_left_out_moved_or_put_under_another_header() -> None:
    content = bytes(2 * PIECE_BYTES) + b"end"
    file, step = sealed(content), PIECE_BYTES + TAG_BYTES
    head, one, two = (
        file[:HEADER_BYTES],
        *(file[HEADER_BYTES + step * i : HEADER_BYTES + step * (i + 1)] for i in range(2)),
    )
    last = file[HEADER_BYTES + 2 * step :]
    another = sealed(content, number=2)
    for wrong in (
        head + two + one + last, head + one + one + last, head + one + last, head + one + two,
        another[:HEADER_BYTES] + file[HEADER_BYTES:],
        sealed(content, unit=UNIT + 1)[:HEADER_BYTES] + file[HEADER_BYTES:],
    ):  # fmt: skip
        with pytest.raises(SealedDamaged):
            opened(wrong)


def test_a_shorter_content_under_its_own_length_is_refused() -> None:
    """The last piece says that it is the last: a header with a smaller size does not help."""
    file = sealed(bytes(PIECE_BYTES) + b"end")
    header = read_header(io.BytesIO(file))
    with pytest.raises(SealedDamaged):
        opened(file[: HEADER_BYTES + PIECE_BYTES + TAG_BYTES])
    assert header.size == PIECE_BYTES + 3


def test_another_key_is_named_and_opens_nothing() -> None:
    with pytest.raises(WrongRecoveryKey) as refused:
        opened(sealed(b"residents"), OTHER)
    assert OTHER.number.hex() in refused.value.en
    assert KEY.number.hex() in refused.value.zh


def test_each_backup_has_a_key_of_its_own() -> None:
    one, two = sealed(b"residents"), sealed(b"residents", number=2)
    assert one[HEADER_BYTES:] != two[HEADER_BYTES:]
    assert KEY.derived(b"1", b"content") != KEY.derived(b"2", b"content")


# -- the key -------------------------------------------------------------------------------------


def test_a_printed_key_is_read_however_it_was_typed(tmp_path: Path) -> None:
    made = recovery_key.make(tmp_path, random.Random(1))
    text = made.text()
    assert len(text.split("-")) == 14
    for typed in (text, text.lower(), text.replace("-", " "), f"# remark\n{text[:35]}\n{text[35:]}",
                  text.replace("O", "0").replace("I", "1").replace("B", "8")):  # fmt: skip
        assert read_text(typed, "x") == made
    assert recovery_key.load(tmp_path) == made
    assert (tmp_path / recovery_key.RECOVERY_FILE) not in readable_by_others(tmp_path)
    with pytest.raises(RecoveryKeyExists):
        recovery_key.make(tmp_path, random.Random(2))
    assert made.text() not in repr(made)


@given(place=st.integers(0, 55), letter=st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"))
def test_a_mistyped_key_is_noticed(place: int, letter: str) -> None:
    letters = KEY.text().replace("-", "")
    typed = letters[:place] + letter + letters[place + 1 :]
    if typed == letters:
        assert read_text(typed, "x") == KEY
        return
    with pytest.raises(BadRecoveryKey):
        read_text(typed, "x")


# -- what a parent keeps -------------------------------------------------------------------------


def brought(kept: Kept, file: bytes, number: int = 1, unit: int = UNIT) -> int:
    what = Announced(number, len(file), sha256(file).digest())
    received = 0
    for start in range(0, len(file), CHUNK_BYTES):
        received = kept.receive(unit, what, start, file[start : start + CHUNK_BYTES])
    return received


def test_a_parent_keeps_the_newest_two_and_never_goes_back(tmp_path: Path) -> None:
    kept = Kept(tmp_path, LIMITS)
    files = {number: sealed(bytes(number), number=number) for number in (1, 2, 4)}
    for number, file in files.items():
        assert brought(kept, file, number) == len(file)
    assert [each.number for each in kept.of(UNIT)] == [4, 2]
    assert len(kept.of(UNIT)) == KEEP
    assert kept.path(UNIT).read_bytes() == files[4]
    assert brought(kept, files[4], 4) == len(files[4])  # again: its answer was lost
    for number, file in ((3, sealed(b"3", number=3)), (4, sealed(b"another", number=4))):
        with pytest.raises(SealedOlder):
            brought(kept, file, number)
    assert kept.path(UNIT).read_bytes() == files[4]
    with pytest.raises(SealedMissing):
        kept.path(UNIT, 1)
    assert kept.units() == [UNIT]


def test_what_was_interrupted_goes_on_where_it_ended(tmp_path: Path) -> None:
    kept, file = Kept(tmp_path, LIMITS), sealed(bytes(3 * CHUNK_BYTES))
    what = Announced(1, len(file), sha256(file).digest())
    (tmp_path / "made").write_bytes(file)
    assert kept.receive(UNIT, what, 0, file[:CHUNK_BYTES]) == CHUNK_BYTES
    assert kept.receive(UNIT, what, 9, b"elsewhere") == CHUNK_BYTES
    again = Kept(tmp_path, LIMITS)  # the parent was started again
    assert not again.of(UNIT)
    received = again.receive(UNIT, what, 0, b"")
    for offset, data in chunks(tmp_path / "made", received):
        received = again.receive(UNIT, what, offset, data)
    assert announce(tmp_path / "made") == what
    assert again.path(UNIT).read_bytes() == file


def test_what_is_not_as_announced_is_not_kept(tmp_path: Path) -> None:
    kept, good = Kept(tmp_path, LIMITS), sealed(b"residents", number=2)
    brought(kept, sealed(b"first"), 1)
    digest = sha256(good).digest()
    size = len(good)
    flipped = good[:-1] + bytes([good[-1] ^ 1])
    theirs = sealed(b"residents", unit=UNIT + 1, number=2)
    for what, data, refusal in (
        (Announced(2, size, digest), flipped, SealedDamaged),
        (Announced(2, size, sha256(theirs).digest()), theirs, SealedOfAnother),
        (Announced(3, size, digest), good, SealedDamaged),
        (Announced(2, size - 1, sha256(good[:-1]).digest()), good[:-1], SealedDamaged),
        (Announced(2, size, digest), good + b"x", Malformed),
        (Announced(0, size, digest), good, Malformed),
        (Announced(1 << 63, size, digest), good, Malformed),
        (Announced(2, size, digest[1:]), good, Malformed),
        (Announced(2, 1, digest), b"x", Malformed),
        (Announced(2, 2 << 20, digest), bytes(CHUNK_BYTES + 1), Malformed),
    ):
        with pytest.raises(refusal):
            kept.receive(UNIT, what, 0, data)
        assert [each.number for each in kept.of(UNIT)] == [1]
    assert brought(kept, good, 2) == size


def test_a_child_fills_no_disk(tmp_path: Path) -> None:
    file = sealed(bytes(CHUNK_BYTES))
    with pytest.raises(SealedTooLarge):
        brought(Kept(tmp_path, Limits(CHUNK_BYTES, 0)), file)
    with pytest.raises(SealedNoRoom):
        brought(Kept(tmp_path, Limits(1 << 30, 1 << 60)), file)
    kept = Kept(tmp_path, LIMITS)
    for number in (1, 2, 3):  # begun, and never ended
        kept.receive(UNIT, Announced(number, 1 << 20, bytes([number]) * 32), 0, b"begun")
    assert len(list(tmp_path.rglob("*.part"))) == 1
