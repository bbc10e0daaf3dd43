"""The engine's tables, in one MetaData for the product. A comment states what each table has."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

metadata = MetaData()

meta = Table(  # facts about this store: unit, incarnation, last clock stamp, catalogue version
    "meta",
    metadata,
    Column("key", String(60), primary_key=True),
    Column("value", Text, nullable=False),
)

log_head = Table(  # INV-9: the counter row; taken first, so commit order = number order
    "log_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("arrival", BigInteger, nullable=False),
    Column("hlc", BigInteger, nullable=False),  # last clock stamp issued: none is issued twice
    Column("previous", BigInteger, nullable=False, server_default="0"),  # position before the last
)

entry = Table(  # INV-1, INV-5: own and relayed transactions in the order of their commit here
    "entry",
    metadata,
    Column("arrival", BigInteger, primary_key=True, autoincrement=False),
    Column("lane", Integer, nullable=False),
    Column("incarnation", BigInteger, nullable=False),
    Column("audience", String(40), nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("hlc", BigInteger, nullable=False),
    Column("up_to", Integer),  # level up to which it goes; null: not up
    Column("down_hop", BigInteger),  # child it goes to next; 0: every child; null: not down
    Column("via", BigInteger, nullable=False),  # link it came by; 0: written here
    Column("via_position", BigInteger, nullable=False),  # its place in that peer's log; 0: own
    Column("changes", Integer, nullable=False),
    Column("at_ms", BigInteger, nullable=False),  # when it was committed here
    Column("wire", LargeBinary, nullable=False),
    Column("signature", LargeBinary),  # INV-31: its office's; null: a later one covers it
)
Index("ix_entry_lane", entry.c.lane, entry.c.arrival)
Index(
    "ix_entry_down", entry.c.down_hop, entry.c.lane, entry.c.arrival,
    sqlite_where=entry.c.down_hop.is_not(None), postgresql_where=entry.c.down_hop.is_not(None),
)  # fmt: skip
Index("ix_entry_via", entry.c.via, entry.c.lane, entry.c.arrival)
Index("ix_entry_hlc", entry.c.hlc)  # finds the entries of one version

certified_key = Table(  # INV-31: whose signing key is which, by certificates that were verified
    "certified_key",
    metadata,
    Column("unit", BigInteger, primary_key=True, autoincrement=False),
    Column("public_key", LargeBinary(32), primary_key=True),
    Column("certificate", LargeBinary, nullable=False),  # the office's, DER
    Column("authority", LargeBinary, nullable=False),  # that has issued it; empty: the root
)

shown_entry = Table(  # signed entries that a neighbour showed with a copy: proof, and no log
    "shown_entry",
    metadata,
    Column("incarnation", BigInteger, primary_key=True, autoincrement=False),
    Column("audience", String(40), primary_key=True),
    Column("lane", Integer, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("hlc", BigInteger, nullable=False),
    Column("wire", LargeBinary, nullable=False),
    Column("signature", LargeBinary),  # its office's; null: that of a later one covers it
)
Index("ix_shown_entry_hlc", shown_entry.c.hlc)

local_entry = Table(  # what people did here to records that no other office receives; for history
    "local_entry",
    metadata,
    Column("hlc", BigInteger, primary_key=True, autoincrement=False),
    Column("incarnation", BigInteger, primary_key=True, autoincrement=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),  # blocks, as in an entry's payload
)
Index("ix_local_entry_at", local_entry.c.at_ms)

stream = Table(  # INV-3, INV-5: the newest known entry of each stream; so a gap is detected
    "stream",
    metadata,
    Column("incarnation", BigInteger, primary_key=True, autoincrement=False),
    Column("audience", String(40), primary_key=True),
    Column("lane", Integer, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("hlc", BigInteger, nullable=False),
    Column("signed_seq", BigInteger, nullable=False, server_default="0"),  # 0: never
    Column("signature", LargeBinary),  # for `signed_seq`
)

stream_base = Table(  # INV-5: up to here a stream is known and its entries may not be in the log
    "stream_base",
    metadata,
    Column("incarnation", BigInteger, primary_key=True, autoincrement=False),
    Column("audience", String(40), primary_key=True),
    Column("lane", Integer, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("hlc", BigInteger, nullable=False),  # of that entry
)

incarnation = Table(  # INV-26: who wrote under which id, and at which level
    "incarnation",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("unit", BigInteger, nullable=False),
    Column("level", Integer, nullable=False),
    Column(
        "public_key", LargeBinary, nullable=False
    ),  # the first received; empty: it signs nothing
    Column("retired", Integer, nullable=False, server_default="0"),
    Column("key_at_ms", BigInteger, nullable=False, server_default="0"),  # when first received
)
Index("ix_incarnation_unit", incarnation.c.unit)  # how far some offices are known, of many

peer = Table(  # what is known of a neighbour (`sync.store.peers`); one row each
    "peer",
    metadata,
    Column("unit", BigInteger, primary_key=True, autoincrement=False),
    Column("token_received", Text, nullable=False, server_default=""),
    Column("token_issued", Text, nullable=False, server_default=""),
    Column("rebased_at", BigInteger, nullable=False, server_default="0"),
    Column("republished_to", BigInteger, nullable=False, server_default="0"),
    Column("snapshot_due", Integer, nullable=False, server_default="0"),
    Column("snapshot_in", Text, nullable=False, server_default=""),
    Column("snapshot_out", Text, nullable=False, server_default=""),
    Column("cloned", Integer, nullable=False, server_default="0"),
    Column("clone_decisions", Text, nullable=False, server_default=""),
    Column("refusal", Text, nullable=False, server_default=""),
    Column("key_pinned", Text, nullable=False, server_default=""),
    Column("key_refused", Text, nullable=False, server_default=""),
    Column("contradiction", BigInteger, nullable=False, server_default="0"),
)

cursor = Table(  # INV-4: moves in the transaction that applies the batch
    "cursor",
    metadata,
    Column("peer", BigInteger, primary_key=True, autoincrement=False),
    Column("direction", String(3), primary_key=True),  # "in": received; "out": acked by the peer
    Column("lane", Integer, primary_key=True, autoincrement=False),
    Column("incarnation", BigInteger, nullable=False),  # whose log positions these are
    Column("position", BigInteger, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    # "in": up to where the parent has signed that its log has what came from it, and its signature.
    Column("signed_position", BigInteger, nullable=False, server_default="0"),
    Column("signature", LargeBinary),
)

truncation = Table(  # INV-5: at or below it the log is truncated and not read as if complete
    "truncation",
    metadata,
    Column("lane", Integer, primary_key=True, autoincrement=False),
    Column(  # 0: all peers without a row; -1: the parent; else a child
        "peer", BigInteger, primary_key=True, autoincrement=False
    ),
    Column(
        "position", BigInteger, nullable=False
    ),  # the newest removed entry that was addressed to it
)

receipt = Table(  # INV-31: what offices above have signed that they hold; forwarded as it came
    "receipt",
    metadata,
    Column("holder", BigInteger, primary_key=True, autoincrement=False),
    Column("unit", BigInteger, primary_key=True, autoincrement=False),  # that wrote it
    Column("signed", LargeBinary, nullable=False),
)

durable_above = Table(  # how far this log is durable above, by level
    "durable",
    metadata,
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("lane", Integer, primary_key=True, autoincrement=False),
    Column("position", BigInteger, nullable=False),
)

conflict = Table(  # INV-15: every losing value; rows are never deleted
    "conflict",
    metadata,
    Column("id", LargeBinary(16), primary_key=True),  # the same at every office
    Column("register", String(60), nullable=False),
    Column("unit", BigInteger, nullable=False),
    Column("record", LargeBinary(16), nullable=False),
    Column("field", String(60), nullable=False),
    Column("version", LargeBinary(16), nullable=False),  # of the losing value
    Column("value", Text, nullable=False),  # the losing value as JSON
    Column("level", Integer, nullable=False),  # of the office that wrote it
    Column("head", Integer, nullable=False),  # 1: still a head (merge needs it)
    Column("deleted", Integer, nullable=False),  # 1: survived the record's end
    Column("state", String(16), nullable=False),  # open, auto_resolved, resolved, superseded
    Column("opened_ms", BigInteger, nullable=False),
    Column("closed_by", LargeBinary(16)),  # version of the edit that resolved it
    Column("reason", Text, nullable=False, server_default=""),
)
Index("ix_conflict_record", conflict.c.register, conflict.c.unit, conflict.c.record)

digest = Table(  # INV-7: count and sum of record hashes by bucket, updated in each transaction
    "digest",
    metadata,
    Column("register", String(60), primary_key=True),
    Column("unit", BigInteger, primary_key=True, autoincrement=False),
    Column("bucket", Integer, primary_key=True, autoincrement=False),
    Column("count", BigInteger, nullable=False),
    Column("sum", BigInteger, nullable=False),
)

quarantine = Table(  # INV-21: changes that could not be applied, with their reason
    "quarantine",
    metadata,
    Column("id", LargeBinary(16), primary_key=True),
    Column("arrival", BigInteger, nullable=False),  # the entry it is part of
    Column("incarnation", BigInteger, nullable=False),
    Column("register", String(60), nullable=False),
    Column("unit", BigInteger, nullable=False),
    Column("record", LargeBinary, nullable=False),  # ids, 16 bytes each; empty: the complete entry
    Column("reason", String(40), nullable=False),
    Column("detail", Text, nullable=False),
    Column("state", String(12), nullable=False),  # open, deferred, applied, closed
    Column("at_ms", BigInteger, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("note", Text, nullable=False, server_default=""),
)
Index("ix_quarantine_record", quarantine.c.state, quarantine.c.register, quarantine.c.unit)
Index("ix_quarantine_arrival", quarantine.c.arrival)

REFUSED_HERE = "refused"  # the side of a repair that this store refused: nobody's copy changed
repair = Table(  # INV-7: what a comparison with a peer put right, and what it was before
    "repair",
    metadata,
    Column("id", LargeBinary(16), primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("peer", BigInteger, nullable=False),
    Column("register", String(60), nullable=False),
    Column("unit", BigInteger, nullable=False),
    Column("record", LargeBinary, nullable=False),  # empty: the kept sum of a bucket
    Column(
        "side", String(8), nullable=False
    ),  # whose copy changed: here, there, both; unproven; refused
    Column("before", BigInteger),  # checksum of this office's copy; null: there was none
    Column("after", BigInteger),
    Column("removed", Text, nullable=False, server_default=""),  # removed values as JSON
    Column("evidence", Text, nullable=False, server_default=""),  # `merge.evidence`, as JSON
)
Index("ix_repair_at", repair.c.at_ms)
Index("ix_repair_record", repair.c.register, repair.c.unit, repair.c.record)
