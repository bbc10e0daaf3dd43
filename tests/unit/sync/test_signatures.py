"""How far a stream is signed, case by case; and keys."""

from __future__ import annotations

import pytest

from sync.codec.signing import BUNDLE, STREAM, Signer, fingerprint, is_signed, is_sound_key
from sync.log.signatures import (
    BadSignature,
    KeyChanged,
    KnownStream,
    SignatureMissing,
    SignedUpTo,
    verify_stream,
)
from sync.model.change import Entry, Signature, StreamHead
from sync.model.schema import Lane
from sync.model.stream import StreamKey

KEY = StreamKey(7, "up:city", Lane.BULK)
OURS, OTHER = Signer(b"a" * 32), Signer(b"b" * 32)
HASH = b"h" * 32


def signature_for(seq: int, *, signer: Signer = OURS, digest: bytes = HASH) -> Signature:
    return Signature(7, "up:city", Lane.BULK, seq, signer.sign(STREAM, digest), signer.public_key)


def test_a_signature_is_good_for_its_key_purpose_and_hash_only():
    signature = OURS.sign(STREAM, HASH)
    assert is_signed(OURS.public_key, STREAM, HASH, signature)
    assert not is_signed(OTHER.public_key, STREAM, HASH, signature)
    assert not is_signed(OURS.public_key, BUNDLE, HASH, signature)
    assert not is_signed(OURS.public_key, STREAM, b"i" * 32, signature)
    assert not is_signed(b"short", STREAM, HASH, signature)


def test_a_fingerprint_is_read_by_telephone_in_short_groups():
    assert fingerprint(bytes(range(32))) == "0001 0203 0405 0607 0809"


def entry(seq: int, hash_: bytes = HASH) -> Entry:
    return Entry(7, 1, 3, "up:city", Lane.BULK, seq, b"", seq, 1, b"", b"", hash_)


def known_to(seq: int, head: int | None = None) -> KnownStream:
    """Return a stream that is known up to an entry, and signed up to one."""
    signed = SignedUpTo(seq, b"s", OURS.public_key) if seq else SignedUpTo()
    return KnownStream(signed, StreamHead(head or seq, b"x" * 32))


def test_a_signature_moves_the_signed_position_and_is_kept():
    newer = signature_for(6)
    after, counting = verify_stream(KEY, known_to(5), [entry(6)], [newer])
    assert after == SignedUpTo(6, newer.signature, OURS.public_key)
    assert counting == [newer]


def test_a_signature_covers_the_entries_before_it():
    after, counting = verify_stream(
        KEY, known_to(5), [entry(6), entry(7), entry(8)], [signature_for(8), signature_for(6)]
    )
    assert after.seq == 8
    assert [each.seq for each in counting] == [6, 8]


@pytest.mark.parametrize("signed", [[], [5], [6], [8]])
def test_new_entries_that_their_office_has_not_signed_are_refused(signed):
    with pytest.raises(SignatureMissing):
        verify_stream(
            KEY, known_to(5), [entry(6), entry(7)], [signature_for(seq) for seq in signed]
        )


def test_a_new_stream_without_any_signature_is_refused():
    with pytest.raises(SignatureMissing):
        verify_stream(KEY, KnownStream(), [entry(1)], [])


def test_a_signature_that_comes_after_its_entry_covers_it():
    """As of a stream that came before signatures were asked for."""
    known = KnownStream(SignedUpTo(), StreamHead(4, HASH))
    assert verify_stream(KEY, known, [], [signature_for(4)])[0].seq == 4
    assert verify_stream(KEY, known, [], []) == (SignedUpTo(), [])


@pytest.mark.parametrize("seq", [4, 5, 9])
def test_a_signature_for_an_older_or_missing_entry_changes_nothing(seq):
    known = known_to(5)
    assert verify_stream(KEY, known, [], [signature_for(seq)]) == (known.signed, [])


def test_a_signature_of_another_entry_or_by_another_key_is_refused():
    with pytest.raises(BadSignature):
        verify_stream(KEY, known_to(5), [entry(6, b"y" * 32)], [signature_for(6)])
    with pytest.raises(KeyChanged):
        verify_stream(KEY, known_to(5), [entry(6)], [signature_for(6, signer=OTHER)])


@pytest.mark.parametrize(
    "key",
    [
        b"",
        b"\x00" * 5,
        b"\x00" * 33,
        b"\x00" * 32,
        b"\x01" + b"\x00" * 31,
        b"\x01" + b"\x00" * 30 + b"\x80",
        b"\xec" + b"\xff" * 30 + b"\x7f",
        b"\xed" + b"\xff" * 30 + b"\x7f",
        b"\xee" + b"\xff" * 30 + b"\xff",
        bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
        bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
        bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa"),
    ],
)
def test_a_key_under_which_anybody_can_sign_is_no_key(key: bytes) -> None:
    assert not is_sound_key(key)


def test_every_key_that_an_office_makes_is_one() -> None:
    assert all(is_sound_key(Signer(bytes([n]) * 32).public_key) for n in range(50))
