"""Fingerprints: what two offices compare to prove that they hold the same records.

A record's print is a sum over its fields of id x field x version in the integers modulo the
prime 2^61 - 1. It is linear, so a transaction changes the sum of a bucket by a few additions and
one multiplication, and no row is read: the version stands for the value, since one version
never names two values. Equal sums do not prove equality against an adversary (the hash-chained
streams do that); they find what was lost, doubled or torn by accident.
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
MEANING = "2"  # of prints and checks: two programs compare only what means the same to both
CAUSAL_LENGTH = "\x00life"  # the record's life as if it were a field
LOSER = "\x00loser:"  # prefix of the field under which a losing head counts


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
        total[last % DIGEST_BUCKETS] += last  # a bucket's number is that of the last byte, too
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
    """Return bucket -> what its sum changes by, modulo the prime, when fields go to a version.

    `bases[i][k]`: the version that field i of record k goes from. Few sets of bases are met many
    times: each is multiplied out once.
    """
    factors = {
        from_versions: sum(
            moved_factor(name, old, new) for name, old in zip(fields, from_versions, strict=True)
        )
        for from_versions in set(zip(*bases, strict=True))
    }
    sums: dict[int, int] = defaultdict(int)
    if len(factors) == 1:  # all stood alike, as after one transaction: multiplied once a bucket
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
    """Return one record's print from everything it holds: what the sums must agree with."""
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
    """Return a check over all that one copy holds, values too: equal copies, equal checks.

    `copy`: its creation's version, life, life's version, and what stands against its end.
    `heads`: those kept beside the row. Unlike a print it is not linear and is kept nowhere.

    Of an ended record only the values that stand against its end count: retention takes the others
    away, at each office when it may (`sync.retention.redact`).
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
    """Return 8 bytes that two catalogues share for a register exactly if prints mean the same."""
    lines = [schema.name, schema.lane.name, MEANING]
    for field in sorted(schema.fields, key=lambda f: f.name):
        owners = ",".join(map(str, field.owners))
        lines.append(f"{field.name} {field.kind.value} {field.policy.value} {owners}")
    return blake2b("\n".join(lines).encode(), digest_size=8).digest()


def state_hash(record_id: bytes, state: RecordState) -> int:
    """Return the print of one copy: what the digest's sums are made of."""
    return record_hash(
        record_id,
        state.causal_length,
        state.causal_length_version,
        ((n, h.shown.version) for n, h in state.fields.items()),
        ((n, loser.version) for n, h in state.fields.items() for loser in h.losers),
    )
