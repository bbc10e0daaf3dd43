"""What comes back to an office counts as its own only under its own signature."""

from __future__ import annotations

import pytest

from sync.codec import entry as codec
from sync.codec.signing import STREAM, Signer
from sync.model.change import Entry, Signature
from sync.model.schema import Lane
from sync.recovery.proof import OwnProof

MINE, HUB = Signer(b"m" * 32), Signer(b"h" * 32)
UNIT = 7


def stream(count: int, *, incarnation: int = 70, salt: int = 0) -> list[Entry]:
    found: list[Entry] = []
    for seq in range(1, count + 1):
        found.append(
            codec.entry_to_wire(
                [],
                incarnation=incarnation,
                unit=UNIT,
                level=3,
                audience="up:city",
                lane=Lane.BULK,
                seq=seq,
                prev_hash=found[-1].hash if found else b"",
                hlc=seq + salt,
            )
        )
    return found


def signed(entry: Entry, signer: Signer) -> Signature:
    return Signature(
        entry.incarnation, entry.audience, entry.lane, entry.seq,
        signer.sign(STREAM, entry.hash), signer.public_key,
    )  # fmt: skip


def proof(*keys: Signer) -> OwnProof:
    return OwnProof(UNIT, frozenset(k.public_key for k in keys) if keys else None)


def test_a_signature_proves_all_entries_before_it_over_several_pages() -> None:
    entries = stream(5)
    judge = proof(MINE)
    judge.add(entries[:2], [])
    judge.add(entries[2:], [signed(entries[3], MINE)])
    assert judge.proven() == {e.hash for e in entries[:4]}


@pytest.mark.parametrize("signer", [HUB, None])
def test_entries_that_this_office_did_not_sign_are_not_its_own(signer: Signer | None) -> None:
    entries = stream(3)
    judge = proof(MINE)
    judge.add(entries, [signed(entries[-1], signer)] if signer else [])
    assert not judge.proven()


def test_an_entry_that_is_not_chained_to_a_signed_one_is_not_its_own() -> None:
    entries, others = stream(3), stream(3, salt=99)
    judge = proof(MINE)
    judge.add([others[0], *entries[1:]], [signed(entries[-1], MINE)])
    assert judge.proven() == {e.hash for e in entries[1:]}


def test_a_signature_for_one_entry_proves_no_other_of_its_number() -> None:
    entries, others = stream(3), stream(3, salt=99)
    judge = proof(MINE)
    judge.add(others, [signed(entries[-1], MINE)])
    assert not judge.proven()


def test_a_new_store_trusts_the_key_of_the_store_before_it() -> None:
    entries = stream(3)
    judge = proof()
    judge.add(entries, [signed(entries[-1], HUB)])
    assert judge.proven() == {e.hash for e in entries}
