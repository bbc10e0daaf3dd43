"""Limits: every bound of the engine in one place; nothing grows without one (INV-29)."""

from __future__ import annotations

from dataclasses import dataclass

TRANSACTION_CHANGES_MAX = 1_000  # records in one transaction; an import commits in such pieces
ENTRY_CHANGES_MAX = 16_000  # records in one entry, with all that follows from what was decided
BATCH_BYTES_MAX = 1 << 20  # bytes of entries in one batch
BATCH_CHANGES_MAX = 8_000  # records in one batch
PORTION_CHANGES_MAX = 2_000  # records of a batch signed and applied together: others wait for it
BATCH_BYTES_MIN = 64 << 10  # a batch that keeps failing shrinks no further
ENTRY_BYTES_MAX = 8 << 20  # one transaction on the wire; gRPC's own limit is twice this
BODY_BYTES_MAX = 16 << 20  # one transaction decompressed: a larger one is a bomb
BODY_PARTS_MAX = 100_000  # blocks, columns and the like in one transaction
MESSAGE_BYTES_MAX = 16 << 20  # gRPC message, both ways
MESSAGE_PARTS_MAX = 250_000  # messages, texts and the like in one request
CONTROL_BATCHES_BEFORE_BULK = 8  # control drains first, bulk always gets a share
CLOCK_AHEAD_MS_MAX = 15 * 60_000  # a stamp further ahead of our clock is clamped and flagged
BACKOFF_BASE_MS = 1_000
BACKOFF_CAP_MS = 300_000
SNAPSHOT_ROWS = 2_000  # records in one snapshot chunk
SNAPSHOT_LOG_CHANGES = 50_000  # so long a log is not replayed to an empty store: it gets a snapshot
DIGEST_BUCKETS = 64  # buckets a (register, unit)
DIGEST_PARTS_MAX = 512  # parts of a bucket in one comparison
DIGEST_STEP_ROWS = 16_384  # records read in one step of a comparison, or one larger bucket
DIGEST_STEP_BUCKETS = 512  # buckets, or units, asked about in one step
DIGEST_ROWS_LISTED = 20_000  # records listed in one answer
SQL_KEYS_MAX = 500  # keys in one `IN (...)`
BUNDLE_BYTES_MAX = 8 << 30  # one bundle's file
BUNDLE_SECTIONS_MAX = 200_000  # batches in one bundle
LISTED_MAX = 20_000  # streams, offices and the like that one message lists
INCARNATIONS_OF_UNIT_MAX = 256  # lives of one office's store that are known here
PROTOCOL_MIN = 1
PROTOCOL_MAX = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerLimits:
    """What one child may ask of its parent; beyond it a call is refused (`over_quota`).

    Far above what an honest office needs: they bound what a tampered one can take from the others.
    """

    open_calls: int = 8  # at once, besides its Watch
    bytes_a_minute: int = 512 << 20  # of entries and copies
    entries_a_minute: int = 600_000
    lock_ms_a_minute: int = 45_000  # of bulk, under the store's lock, while others wait for it
    incarnations: int = INCARNATIONS_OF_UNIT_MAX  # lives of one office's store
    handshake_s: float = 10.0  # until a connection has shown itself by TLS and HTTP/2
    first_message_s: float = 10.0  # until a call's message has come
    silent_calls: int = 128  # calls of all without a message: the oldest makes room


CHAIN_MAX = 2  # an office's certificate, and its district's authority
CERTIFICATE_BYTES_MAX = 4_096
PEER_LIMITS = PeerLimits()
