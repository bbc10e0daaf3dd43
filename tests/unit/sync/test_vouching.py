"""How far a stream is vouched for, case by case; and keys."""

from __future__ import annotations

import pytest

from sync.change import Signature
from sync.limits import UNVOUCHED_ENTRIES_MAX
from sync.schema import Lane
from sync.signing import BUNDLE, STREAM, Signer, fingerprint, is_signed
from sync.streams import StreamKey
from sync.vouching import BadSignature, KeyChanged, SignatureMissing, Vouched, judge

KEY = StreamKey(7, "up:city", Lane.BULK)
OURS, OTHER = Signer(b"a" * 32), Signer(b"b" * 32)
HASH = b"h" * 32


def said(seq: int, *, signer: Signer = OURS, digest: bytes = HASH) -> Signature:
    return Signature(7, "up:city", Lane.BULK, seq, signer.sign(STREAM, digest), signer.public_key)


def test_a_signature_is_good_for_its_key_purpose_and_hash_only():
    signature = OURS.sign(STREAM, HASH)
    assert is_signed(OURS.public_key, STREAM, HASH, signature)
    assert not is_signed(OTHER.public_key, STREAM, HASH, signature)
    assert not is_signed(OURS.public_key, BUNDLE, HASH, signature)
    assert not is_signed(OURS.public_key, STREAM, b"i" * 32, signature)
    assert not is_signed(b"short", STREAM, HASH, signature)


def test_a_key_is_compared_by_telephone_in_short_groups():
    assert fingerprint(bytes(range(32))) == "0001 0203 0405 0607 0809"


def test_a_signature_for_an_entry_that_is_not_here_says_nothing():
    assert judge(KEY, Vouched(), {1: HASH}, said(2)) == Vouched()


def test_an_older_signature_takes_nothing_back():
    known = Vouched(5, b"s", OURS.public_key)
    assert judge(KEY, known, {5: HASH}, said(4)) == known


def test_a_good_signature_moves_on():
    known = Vouched(5, b"s", OURS.public_key)
    word = said(6)
    after = judge(KEY, known, {5: b"x" * 32, 6: HASH}, word)
    assert after == Vouched(6, word.signature, OURS.public_key)


def test_a_signature_of_another_entry_or_by_another_key_is_refused():
    known = Vouched(5, b"s", OURS.public_key)
    with pytest.raises(BadSignature):
        judge(KEY, known, {6: b"x" * 32}, said(6))
    with pytest.raises(KeyChanged):
        judge(KEY, known, {6: HASH}, said(6, signer=OTHER))


def test_a_signed_stream_goes_on_unsigned_no_further_than_any_relay_cuts():
    known = Vouched(5, b"s", OURS.public_key)
    last = 5 + UNVOUCHED_ENTRIES_MAX
    assert judge(KEY, known, {last: HASH}, None) == known
    with pytest.raises(SignatureMissing):
        judge(KEY, known, {last + 1: HASH}, None)
    assert judge(KEY, known, {last + 1: HASH}, said(last + 1)).seq == last + 1


def test_a_stream_that_was_never_signed_may_stay_so():
    assert judge(KEY, Vouched(), {10 * UNVOUCHED_ENTRIES_MAX: HASH}, None) == Vouched()
