"""Verify what an office proves with its audit log. It needs Python and `cryptography`, no office.

    python verify_audit.py proof FILE --key KEY [--witness KEY ...] [--at-least N]
    python verify_audit.py log FILE --key KEY [--checkpoint FILE]

`proof` checks a .tlog-proof file and prints the entry that it proves. `log` checks a whole exported
log; with an earlier checkpoint of the same log also that the log goes on with it. The exit is 0 if
everything is in order, else 1. The formats are in docs/audit.md; this file is written from that
page alone.
"""

import argparse
import base64
import hashlib
import json
import sys
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

PROOF = "c2sp.org/tlog-proof@v1"
DASH = "\u2014 "
LOG, WITNESS = 1, 4  # types of signatures


class Wrong(Exception):
    """The file does not prove what it should."""


def leaf_hash(entry):
    return hashlib.sha256(b"\0" + entry).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def decoded(text):
    try:
        found = base64.b64decode(text, validate=True)
    except ValueError:
        found = None
    if found is None or base64.b64encode(found).decode() != text:  # one way to write it only
        raise Wrong(f"this is no base64: {text[:40]}")
    return found


def number(text):
    if not (text.isascii() and text.isdecimal()) or (text != "0" and text.startswith("0")):
        raise Wrong(f"this is no number: {text[:40]}")
    return int(text)


class Key:
    """A verifier key: NAME+ID+BASE64. `kind`: as what it is used, if not as what it is written."""

    def __init__(self, text, kind=None):
        self.name, rest = ([*text.strip().split("+", 1), ""])[:2]
        id_text, _, material = rest.partition("+")
        material = decoded(material)
        if len(material) != 33 or material[0] not in (LOG, WITNESS):
            raise Wrong(f"this is no key: {text[:80]}")
        self.type, self.public = material[0], Ed25519PublicKey.from_public_bytes(material[1:])
        self.id = self.id_of(material)
        if self.id.hex() != id_text:
            raise Wrong(f"the id of this key does not fit: {text[:80]}")
        if kind is not None:
            self.type, self.id = kind, self.id_of(bytes([kind]) + material[1:])

    def id_of(self, material):
        return hashlib.sha256(self.name.encode() + b"\n" + material).digest()[:4]

    def has_signed(self, text, signatures):
        """Return whether this key has signed a note; a wrong signature of its own is an error."""
        for name, data in signatures:
            if (name, data[:4]) != (self.name, self.id):
                continue
            signed, signature = text.encode(), data[4:]
            if self.type == WITNESS:
                time, signature = int.from_bytes(data[4:12], "big"), data[12:]
                signed = f"cosignature/v1\ntime {time}\n{text}".encode()
            try:
                self.public.verify(signature, signed)
            except InvalidSignature:
                raise Wrong(f"the signature of {self.name} is wrong") from None
            return True
        return False


def read_note(note):
    """Return the text of a signed note, and its signatures."""
    text, blank, lines = note.rpartition("\n\n")
    if not blank or not lines.endswith("\n"):
        raise Wrong("this is no signed note")
    signatures = []
    for line in lines.splitlines():
        name, _, data = line.removeprefix(DASH).partition(" ")
        if not line.startswith(DASH) or not name:
            raise Wrong("this is no line of a signature")
        signatures.append((name, decoded(data)))
    return text + "\n", signatures


def read_checkpoint(note, key, witnesses=(), at_least=0):
    """Return size and root hash of a checkpoint that the log and enough witnesses have signed."""
    text, signatures = read_note(note)
    lines = text.split("\n")
    if len(lines) < 4 or lines[0] != key.name:
        raise Wrong(f"this is no checkpoint of {key.name}")
    if not key.has_signed(text, signatures):
        raise Wrong(f"{key.name} has not signed this checkpoint")
    seen = sum(each.has_signed(text, signatures) for each in witnesses)
    if seen < at_least:
        raise Wrong(f"{seen} of the witnesses have signed this checkpoint, {at_least} are needed")
    root = decoded(lines[2])
    if len(root) != 32:
        raise Wrong("this is no root hash")
    return number(lines[1]), root


def root_by_proof(index, size, leaf, path):
    """Return the root hash that an inclusion proof gives (RFC 9162, 2.1.3.2)."""
    if index >= size:
        raise Wrong("the entry is beyond the end of the log")
    node, last, found = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            raise Wrong("the proof is too long")
        if node & 1 or node == last:
            found = node_hash(sibling, found)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        node, last = node >> 1, last >> 1
    if last:
        raise Wrong("the proof is too short")
    return found


def verify_proof(text, key, witnesses=(), at_least=0):
    """Return the entry that a proof file proves."""
    head, blank, checkpoint = text.partition("\n\n")
    lines = head.split("\n")
    if not blank or lines[0] != PROOF or len(lines) < 3:
        raise Wrong("this is no proof file")
    if not lines[1].startswith("extra ") or not lines[2].startswith("index "):
        raise Wrong("the entry or its number is missing")
    entry, index = decoded(lines[1][6:]), number(lines[2][6:])
    size, root = read_checkpoint(checkpoint, key, witnesses, at_least)
    if root_by_proof(index, size, leaf_hash(entry), [decoded(line) for line in lines[3:]]) != root:
        raise Wrong("the entry is not in the log")
    return index, entry


def root_of(leaves):
    """Return the root hash of leaves (RFC 6962, 2.1)."""
    peaks = []  # (height, hash), the highest first
    for leaf in leaves:
        height, found = 0, leaf
        while peaks and peaks[-1][0] == height:
            height, found = height + 1, node_hash(peaks.pop()[1], found)
        peaks.append((height, found))
    if not peaks:
        return hashlib.sha256(b"").digest()
    found = peaks.pop()[1]
    while peaks:
        found = node_hash(peaks.pop()[1], found)
    return found


def verify_log(lines, key, earlier=None):
    """Return how many entries an exported log has. `earlier`: a checkpoint of the same log."""
    leaves, checkpoint = [], None
    for line in lines:
        if checkpoint is not None:
            raise Wrong("something comes after the checkpoint")
        content = json.loads(line)
        if "checkpoint" in content:
            checkpoint = content["checkpoint"]
            continue
        if content["index"] != len(leaves):
            raise Wrong(f"entry {len(leaves)} is missing")
        leaf = decoded(content["leaf"])
        if content["entry"] is not None and leaf_hash(content["entry"].encode()) != leaf:
            raise Wrong(f"entry {len(leaves)} was changed")
        leaves.append(leaf)
    if checkpoint is None:
        raise Wrong("the checkpoint is missing")
    size, root = read_checkpoint(checkpoint, key)
    if size != len(leaves) or root_of(leaves) != root:
        raise Wrong("the entries are not those that the log has signed")
    if earlier is not None:
        size, root = read_checkpoint(earlier, key)
        if size > len(leaves) or root_of(leaves[:size]) != root:
            raise Wrong("the log does not go on with the earlier checkpoint")
    return len(leaves)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("what", choices=["proof", "log"])
    parser.add_argument("file", type=Path)
    parser.add_argument("--key", required=True, help="the log's key")
    parser.add_argument("--witness", action="append", default=[], help="the key of a witness")
    parser.add_argument(
        "--at-least", type=int, default=0, help="so many witnesses must have signed"
    )
    parser.add_argument("--checkpoint", type=Path, help="an earlier checkpoint of the log")
    asked = parser.parse_args(arguments)
    try:
        key = Key(asked.key)
        text = asked.file.read_text(encoding="utf-8")
        if asked.what == "proof":
            witnesses = [Key(each, WITNESS) for each in asked.witness]
            index, entry = verify_proof(text, key, witnesses, asked.at_least)
            print(f"in order: entry {index} of {key.name}")
            print(entry.decode())
        else:
            earlier = asked.checkpoint.read_text(encoding="utf-8") if asked.checkpoint else None
            print(f"in order: {verify_log(text.splitlines(), key, earlier)} entries of {key.name}")
    except (Wrong, ValueError, KeyError, TypeError, OSError) as error:
        print(f"wrong: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
