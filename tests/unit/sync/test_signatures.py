"""How far a stream is signed, case by case; and keys."""

from __future__ import annotations

import pytest

from sync.codec.signing import BUNDLE, STREAM, Signer, fingerprint, is_signed, is_sound_key
from sync.log.signatures import (
    BadSignature,
    KeyChanged,
    SignatureMissing,
    SignedUpTo,
    verify_stream,
)
from sync.model.change import Signature
from sync.model.limits import UNSIGNED_ENTRIES_MAX
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


def test_a_signature_for_a_missing_entry_proves_nothing():
    assert verify_stream(KEY, SignedUpTo(), {1: HASH}, signature_for(2)) == SignedUpTo()


def test_an_older_signature_changes_nothing():
    known = SignedUpTo(5, b"s", OURS.public_key)
    assert verify_stream(KEY, known, {5: HASH}, signature_for(4)) == known


def test_a_valid_signature_advances_the_signed_position():
    known = SignedUpTo(5, b"s", OURS.public_key)
    newer = signature_for(6)
    after = verify_stream(KEY, known, {5: b"x" * 32, 6: HASH}, newer)
    assert after == SignedUpTo(6, newer.signature, OURS.public_key)


def test_a_signature_of_another_entry_or_by_another_key_is_refused():
    known = SignedUpTo(5, b"s", OURS.public_key)
    with pytest.raises(BadSignature):
        verify_stream(KEY, known, {6: b"x" * 32}, signature_for(6))
    with pytest.raises(KeyChanged):
        verify_stream(KEY, known, {6: HASH}, signature_for(6, signer=OTHER))


def test_a_signed_stream_may_continue_unsigned_no_further_than_one_batch():
    known = SignedUpTo(5, b"s", OURS.public_key)
    last = 5 + UNSIGNED_ENTRIES_MAX
    assert verify_stream(KEY, known, {last: HASH}, None) == known
    with pytest.raises(SignatureMissing):
        verify_stream(KEY, known, {last + 1: HASH}, None)
    assert verify_stream(KEY, known, {last + 1: HASH}, signature_for(last + 1)).seq == last + 1


def test_a_stream_that_was_never_signed_may_stay_so():
    assert verify_stream(KEY, SignedUpTo(), {10 * UNSIGNED_ENTRIES_MAX: HASH}, None) == SignedUpTo()


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
