"""Digests: sums that two offices compare to prove that they have the same records. Pure.

A record's hash is a sum over its fields of id x field x version in the integers modulo the prime
2^61 - 1. It is linear, so a transaction changes the sum of a bucket by a few additions and one
multiplication, and reads no row: the version stands for the value, because one version never has
two values. Equal sums find what was lost, doubled or damaged by accident. They prove nothing
against an adversary; the signed, hash-chained streams do that.
"""

from __future__ import annotations

import struct
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache
from hashlib import blake2b
from operator import itemgetter

from sync.merge.record import RecordState
from sync.model.change import Value
from sync.model.limits import DIGEST_BUCKETS
from sync.model.schema import RegisterSchema
from sync.model.version import Version

PRIME = (1 << 61) - 1
MEANING = "2"  # of hashes and checksums: two programs compare only if it is the same
CAUSAL_LENGTH = "\x00life"  # the causal length, as if it were a field
LOSER = "\x00loser:"  # prefix of the field name for a losing value


@lru_cache(maxsize=65_536)
def _scattered(data: bytes) -> int:
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "big") % PRIME


@lru_cache(maxsize=4_096)
def field_factor(name: str) -> int:
    return _scattered(b"field:" + name.encode())


def version_factor(version: Version) -> int:
    return _scattered(version)


def id_factor(record_id: bytes) -> int:
    return int.from_bytes(record_id[8:], "big") % PRIME


def bucket_of(record_id: bytes) -> int:
    return record_id[15] % DIGEST_BUCKETS


def ids_by_bucket(ids: Sequence[bytes]) -> dict[int, tuple[int, int]]:
    """Return bucket -> (how many, sum of id factors) for a column of ids."""
    lasts = _last_8_bytes(ids)
    total: dict[int, int] = defaultdict(int)
    for last in lasts:
        total[last % DIGEST_BUCKETS] += last  # the last byte alone gives the same bucket
    count = Counter([last % DIGEST_BUCKETS for last in lasts])
    return {bucket: (count[bucket], summed % PRIME) for bucket, summed in total.items()}


def _last_8_bytes(ids: Sequence[bytes]) -> Sequence[int]:
    """Return the last 8 bytes of each id as a number; modulo the prime it is the id factor."""
    return struct.unpack(f">{2 * len(ids)}Q", b"".join(ids))[1::2]


def created_factor(fields: Sequence[str], version: Version) -> int:
    """What each newly created record adds, per unit of its id factor."""
    names = sum(map(field_factor, fields)) + field_factor(CAUSAL_LENGTH)
    return names * version_factor(version) % PRIME


def moved_factor(name: str, old: Version | None, new: Version | None) -> int:
    """What a field going from one version to another adds, per unit of the id factor."""
    before = version_factor(old) if old is not None else 0
    after = version_factor(new) if new is not None else 0
    return field_factor(name) * (after - before) % PRIME


def sums_moved(
    fields: Sequence[str], ids: Sequence[bytes], bases: Sequence[Sequence[Version]], new: Version
) -> dict[int, int]:
    """Return bucket -> the change of its sum, modulo the prime, when fields get a new version.

    `bases[i][k]`: the old version of field i of record k. The same few sets of bases occur many
    times, so each is multiplied out once.
    """
    factors = {
        from_versions: sum(
            moved_factor(name, old, new) for name, old in zip(fields, from_versions, strict=True)
        )
        for from_versions in set(zip(*bases, strict=True))
    }
    sums: dict[int, int] = defaultdict(int)
    if len(factors) == 1:  # one set, as after one transaction: multiply once for each bucket
        (factor,) = factors.values()
        for last in _last_8_bytes(ids):
            sums[last % DIGEST_BUCKETS] += last
        return {bucket: total * factor for bucket, total in sums.items()}
    for last, from_versions in zip(_last_8_bytes(ids), zip(*bases, strict=True), strict=True):
        sums[last % DIGEST_BUCKETS] += last * factors[from_versions]
    return sums


def causal_length_field(causal_length: int) -> str:
    return CAUSAL_LENGTH if causal_length == 1 else f"{CAUSAL_LENGTH}{causal_length}"


def record_hash(
    record_id: bytes,
    causal_length: int,
    causal_length_version: Version,
    fields: Iterable[tuple[str, Version]],
    losers: Iterable[tuple[str, Version]] = (),
) -> int:
    """Return the hash of one record, from all its versions; the kept sums must agree with it."""
    total = field_factor(causal_length_field(causal_length)) * version_factor(causal_length_version)
    for name, version in fields:
        total += field_factor(name) * version_factor(version)
    for name, version in losers:
        total += field_factor(LOSER + name) * version_factor(version)
    return total % PRIME * id_factor(record_id) % PRIME


def checksum_of(
    record_id: bytes,
    copy: tuple[bytes, int, bytes, str],
    fields: Iterable[tuple[str, Version, Value]],
    heads: Iterable[tuple[str, Version, Value]] = (),
) -> int:
    """Return a checksum over everything in one copy, values too: equal copies, equal checksums.

    `copy`: version of its creation, causal length, its version, and the heads that survived its
    end. `heads`: those kept apart from the row. Unlike the hash it is not linear and never stored.

    Of an ended record only the values that survived its end count: retention removes the others,
    at each office when it may (`sync.retention.redact`).
    """
    created, causal_length, causal_length_version, survived_delete = copy
    contested = None if causal_length % 2 else set(survived_delete.split(","))
    items: list[bytes] = [
        record_id,
        created,
        b"%d" % causal_length,
        causal_length_version,
        survived_delete.encode(),
    ]
    by_name = itemgetter(0, 1)
    for name, version, value in (*sorted(fields, key=by_name), *sorted(heads, key=by_name)):
        counts = contested is None or f"{name}:{version.hex()}" in contested
        items += (name.encode(), version, _value(value) if counts else b"")
    body = b"".join(len(item).to_bytes(4, "big") + item for item in items)
    return int.from_bytes(blake2b(body, digest_size=8).digest(), "big") % PRIME


def _value(value: Value) -> bytes:
    if value is None:
        return b""
    return b"i%d" % value if isinstance(value, int) else b"t" + value.encode()


def schema_hash(schema: RegisterSchema) -> bytes:
    """Return 8 bytes: equal in two catalogues exactly if hashes of a register mean the same."""
    lines = [schema.name, schema.lane.name, MEANING]
    for field in sorted(schema.fields, key=lambda f: f.name):
        owners = ",".join(map(str, field.owners))
        lines.append(f"{field.name} {field.kind.value} {field.policy.value} {owners}")
    return blake2b("\n".join(lines).encode(), digest_size=8).digest()


def state_hash(record_id: bytes, state: RecordState) -> int:
    """Return the hash of one copy: a term of the digest's sums."""
    return record_hash(
        record_id,
        state.causal_length,
        state.causal_length_version,
        ((n, h.shown.version) for n, h in state.fields.items()),
        ((n, loser.version) for n, h in state.fields.items() for loser in h.losers),
    )
