"""The file of a bundle: read as it was written, or refused."""

from __future__ import annotations

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.bundle.file import MAGIC, BundleDamaged, BundleNewer, BundleWriter, open_bundle, packed
from sync.codec.signing import Signer
from sync.model.change import Batch, Signature
from sync.model.schema import Lane
from sync.wire.link.v1 import bundle_pb2

SIGNER = Signer(b"k" * 32)
SIGNATURE = Signature(5, "up:city", Lane.BULK, 2, b"s" * 64, b"p" * 32)
BATCHES = (
    Batch(Lane.CONTROL, 5, 0, 4),
    Batch(Lane.BULK, 5, 0, 4, (b"one" * 40, b"two" * 40), (2, 4), (SIGNATURE,)),
)


def written(*, more: bool = False, signer: Signer = SIGNER) -> bytes:
    out = io.BytesIO()
    header = bundle_pb2.BundleHeader(
        sender=2, receiver=1, incarnation=5, public_key=SIGNER.public_key
    )
    writer = BundleWriter(out, header, signer)
    for batch in BATCHES:
        writer.add(packed(batch))
    writer.end(more=more)
    assert writer.size == len(out.getvalue())
    return out.getvalue()


WHOLE = written()


@pytest.mark.parametrize("more", [False, True])
def test_a_bundle_round_trips(more):
    bundle = open_bundle(io.BytesIO(written(more=more)))
    assert bundle.header.sender == 2
    assert bundle.more is more
    assert tuple(bundle.batches()) == BATCHES


@given(st.integers(0, 8 * len(WHOLE) - 1))
def test_any_flipped_bit_is_refused(bit):
    data = bytearray(WHOLE)
    data[bit >> 3] ^= 1 << (bit & 7)
    with pytest.raises((BundleDamaged, BundleNewer)):
        open_bundle(io.BytesIO(data))


@given(st.integers(0, len(WHOLE) - 1))
def test_any_truncation_is_refused(length):
    with pytest.raises(BundleDamaged) as refused:
        open_bundle(io.BytesIO(WHOLE[:length]))
    # A clerk reads it: nothing of the text is English.
    assert not re.search("[A-Za-z]", refused.value.zh)


@given(st.binary(min_size=1, max_size=200))
def test_anything_after_the_end_is_refused(more):
    with pytest.raises(BundleDamaged):
        open_bundle(io.BytesIO(WHOLE + more))


@given(st.binary(max_size=300))
def test_random_bytes_are_refused(noise):
    for data in (noise, MAGIC + noise):
        with pytest.raises(BundleDamaged):
            open_bundle(io.BytesIO(data))


def test_a_file_signed_by_another_key_than_it_names_is_refused():
    with pytest.raises(BundleDamaged, match="key"):
        open_bundle(io.BytesIO(written(signer=Signer(b"x" * 32))))


def test_a_file_of_a_newer_version_asks_for_an_upgrade():
    with pytest.raises(BundleNewer):
        open_bundle(io.BytesIO(WHOLE.replace(b"BUNDLE 1", b"BUNDLE 2")))
