"""The formats of a transparency log, against vectors that others have published."""

from __future__ import annotations

from base64 import b64decode

import pytest

from sync.codec.signing import Signer
from sync.model.errors import Malformed
from sync.tlog import note, tree
from sync.tlog.checkpoint import Checkpoint, read
from sync.tlog.note import Key
from sync.tlog.proof import proof_text
from sync.tlog.tree import Frontier
from tests.support.audit import verifier

VERIFIER = verifier()
SIGNER = Signer(bytes(range(32)))
# The leaves and roots by which Certificate Transparency's own logs are tested (RFC 6962).
LEAVES = (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
)  # fmt: skip
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
# C2SP signed-note, section "Example".
NOTE_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
NOTE = (
    "This is an example message.\n\n\N{EM DASH} example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6Tf"
    "Xppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)


def test_the_roots_of_the_published_leaves_are_the_published_ones() -> None:
    frontier = Frontier()
    assert frontier.root().hex().startswith("e3b0c44298fc1c149afbf4c8996fb924")
    for leaf, root in zip(LEAVES, ROOTS, strict=True):
        frontier.append(tree.leaf_hash(bytes.fromhex(leaf)))
        assert frontier.root().hex() == root


def test_a_key_is_written_as_the_published_one_and_its_note_verifies() -> None:
    key = Key("example.com/foo", b64decode(NOTE_KEY.rpartition("+")[2])[1:])
    assert key.text == NOTE_KEY
    text, signatures = VERIFIER.read_note(NOTE)
    assert VERIFIER.Key(NOTE_KEY).has_signed(text, signatures)
    with pytest.raises(VERIFIER.Wrong):
        VERIFIER.Key(NOTE_KEY).has_signed(text.replace("example", "Example"), signatures)


def test_a_checkpoint_has_three_lines_a_blank_one_and_the_signature() -> None:
    made = Checkpoint("silian/u7", 3, bytes(32)).signed(SIGNER)
    lines = made.split("\n")
    assert lines[:4] == ["silian/u7", "3", "A" * 43 + "=", ""]
    assert lines[4].startswith("\N{EM DASH} silian/u7 ")
    assert lines[5:] == [""]
    key = VERIFIER.Key(Key("silian/u7", SIGNER.public_key).text)
    assert VERIFIER.read_checkpoint(made, key) == (3, bytes(32))


def test_a_signature_counts_only_under_the_name_of_its_key() -> None:
    text = Checkpoint("silian/u7", 3, bytes(32)).text
    key = Key("silian/u7", SIGNER.public_key)
    assert note.is_signed_by(text, note.sign(text, "silian/u7", SIGNER), key)
    assert not note.is_signed_by(text, note.sign(text, "silian/u8", SIGNER), key)


@pytest.mark.parametrize("text", ["silian/u7\n03\n{root}\n", "silian/u7\n3\n{root}\nmore\n"])
def test_a_checkpoint_is_read_only_as_it_would_be_written(text: str) -> None:
    text = text.format(root="A" * 43 + "=")
    with pytest.raises(Malformed):
        read(note.written(text, [note.sign(text, "silian/u7", SIGNER)]))


def test_a_proof_file_has_the_lines_of_the_format() -> None:
    leaf = tree.leaf_hash(b"entry")
    checkpoint = Checkpoint("silian/u7", 1, leaf).signed(SIGNER)
    made = proof_text(b"entry", 0, [], checkpoint)
    assert made == f"c2sp.org/tlog-proof@v1\nextra ZW50cnk=\nindex 0\n\n{checkpoint}"
    key = VERIFIER.Key(Key("silian/u7", SIGNER.public_key).text)
    assert VERIFIER.verify_proof(made, key) == (0, b"entry")


def test_a_signature_under_another_name_is_not_the_logs() -> None:
    text = Checkpoint("silian/u7", 0, tree.EMPTY_ROOT).text
    other = note.written(text, [note.sign(text, "silian/u8", SIGNER)])
    with pytest.raises(VERIFIER.Wrong, match="has not signed"):
        VERIFIER.read_checkpoint(other, VERIFIER.Key(Key("silian/u7", SIGNER.public_key).text))
