"""How far a stream is vouched for, case by case; and keys."""

from __future__ import annotations

import pytest

from sync.codec.signing import BUNDLE, STREAM, Signer, fingerprint, is_signed
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
