"""Tables of an office besides its registers: totals, balances, states, status, jobs."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table, Text

from sync.store.tables import metadata

total = Table(  # INV-20: the sums of cells over a unit and everything below it
    "total",
    metadata,
    Column("unit", BigInteger, primary_key=True, autoincrement=False),
    Column("measure", String(64), primary_key=True),
    Column("period", String(7), primary_key=True),
    Column("dims", String(400), primary_key=True),
    Column("amount", BigInteger, nullable=False),
)

private_cell = Table(  # INV-32: this office's own counts of persons, which never leave it
    "private_cell",
    metadata,
    Column("measure", String(64), primary_key=True),
    Column("period", String(7), primary_key=True),
    Column("dims", String(400), primary_key=True),
    Column("amount", BigInteger, nullable=False),
)

assignment = Table(  # INV-13: the fold of an assignment's events, for lists and guards
    "assignment",
    metadata,
    Column("id", LargeBinary(16), primary_key=True),
    Column("work_order", LargeBinary(16), nullable=False),
    Column("parent", LargeBinary(16)),  # the hop it was relayed from
    Column("round", Integer, nullable=False),
    Column("issuer", BigInteger, nullable=False),
    Column("assignee", BigInteger, nullable=False),
    Column("level", Integer, nullable=False),  # the assignee's
    Column("title", Text, nullable=False),
    Column("state", String(24), nullable=False),
    Column("percent", Integer, nullable=False),
    Column("duty", String(16)),
    Column("due_ms", BigInteger),
    Column("dispatched_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    Column(
        "flag", String(24), nullable=False, server_default=""
    ),  # what this office knows of lateness
    Column("escalated", Integer, nullable=False, server_default="0"),  # levels above the issuer
)
Index("ix_assignment_assignee", assignment.c.assignee, assignment.c.state)
Index("ix_assignment_issuer", assignment.c.issuer, assignment.c.state)
Index("ix_assignment_work_order", assignment.c.work_order)
Index("ix_assignment_parent", assignment.c.parent)

balance = Table(  # INV-17, INV-19: the fold of the journal by account
    "balance",
    metadata,
    Column("unit", BigInteger, primary_key=True, autoincrement=False),
    Column("fund", String(24), primary_key=True),
    Column("year", Integer, primary_key=True, autoincrement=False),
    Column("account", String(64), primary_key=True),
    Column("fen", BigInteger, nullable=False),  # debits minus credits
)

uncounted_posting = Table(  # INV-16, INV-21: postings that are in no balance, and why
    "uncounted_posting",
    metadata,
    Column("unit", BigInteger, primary_key=True, autoincrement=False),
    Column("id", LargeBinary(16), primary_key=True),
    Column("fund", String(24), nullable=False),
    Column("year", Integer, nullable=False),
    Column("reason", String(40), nullable=False),  # `node.domain.posting_judge.Fault`
)

Index(
    "ix_uncounted_posting_money",
    uncounted_posting.c.unit, uncounted_posting.c.fund, uncounted_posting.c.year,
    uncounted_posting.c.reason,
)  # fmt: skip

uncelled_posting = Table(  # own postings that do not count and were taken out of the own cells
    "uncelled_posting",
    metadata,
    Column("id", LargeBinary(16), primary_key=True),
)

office_status = Table(  # status of this office and those below; no change, so not in the log
    "office_status",
    metadata,
    Column("unit", BigInteger, primary_key=True, autoincrement=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("last_contact_ms", BigInteger, nullable=False),
    Column("connected", Integer, nullable=False),
    Column("waiting_up", BigInteger, nullable=False),
    Column("waiting_age_ms", BigInteger, nullable=False),
    Column("waiting_down", BigInteger, nullable=False),
    Column("conflicts", Integer, nullable=False),
    Column("quarantined", Integer, nullable=False),
    Column("incarnation", BigInteger, nullable=False),
    Column("bulk_seq", BigInteger, nullable=False),
    Column("program", String(40), nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    Column("signed", LargeBinary),  # what the office itself says of this, with its signature
)

job_run = Table(  # which job ran, for which period, with which result; a missed one runs later
    "job_run",
    metadata,
    Column("job", String(60), primary_key=True),
    Column("period", String(30), primary_key=True),
    Column("state", String(12), nullable=False),  # running, done, failed
    Column("started_ms", BigInteger, nullable=False),
    Column("ended_ms", BigInteger),
    Column("detail", Text, nullable=False, server_default=""),
)

key_recovery = Table(  # units that got another signing key by an invitation; never deleted
    "key_recovery",
    metadata,
    Column("unit", BigInteger, primary_key=True, autoincrement=False),
    Column("office_key", LargeBinary, primary_key=True),  # the new one
    Column("at_ms", BigInteger, nullable=False),
)

job_total = Table(  # how often a job ended and failed, ever; rows of `job_run` are removed in time
    "job_total",
    metadata,
    Column("job", String(60), primary_key=True),
    Column("runs", BigInteger, nullable=False),
    Column("failures", BigInteger, nullable=False),
    Column("last_success_ms", BigInteger, nullable=False),  # 0: never
)

certificate = Table(  # INV-31: what this office's authority has issued; rows are never deleted
    "certificate",
    metadata,
    Column("serial", String(40), primary_key=True),  # hexadecimal
    Column("unit", BigInteger, nullable=False),
    Column("kind", String(12), nullable=False),  # office, authority
    Column("not_after_ms", BigInteger, nullable=False),
    Column("issued_ms", BigInteger, nullable=False),
    Column("office_key", LargeBinary, nullable=False),  # Ed25519; empty: of an authority
    Column("der", LargeBinary, nullable=False),
    Column("revoked_ms", BigInteger, nullable=False, server_default="0"),
    Column("reason", Text, nullable=False, server_default=""),
)
Index("ix_certificate_unit", certificate.c.unit, certificate.c.not_after_ms)

invitation = Table(  # one-time secrets of units that may enrol here, by their hash
    "invitation",
    metadata,
    Column("digest", LargeBinary(32), primary_key=True),
    Column("unit", BigInteger, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("replaces", Integer, nullable=False),  # 1: also for an office with another key
    Column("used_ms", BigInteger, nullable=False, server_default="0"),
    Column("used_by", LargeBinary, nullable=False),  # hash of the keys shown; empty: nobody
)

revocation_list = Table(  # INV-35: the newest list of each authority; its number only rises
    "revocation_list",
    metadata,
    Column("issuer", String(40), primary_key=True),  # the authority's key identifier
    Column("number", BigInteger, nullable=False),
    Column("der", LargeBinary, nullable=False),
    Column("authority", LargeBinary, nullable=False),  # its certificate, DER
)

audit_entry = Table(  # INV-33: what is recorded of events here; rows are only appended
    "audit_entry",
    metadata,
    Column("idx", BigInteger, primary_key=True, autoincrement=False),  # 0 and up, no gap
    Column("at_ms", BigInteger, nullable=False),
    Column("entry", LargeBinary),  # JSON; null: pruned
    Column("hashes", LargeBinary, nullable=False),  # of its leaf, and of subtrees that end here
)

audit_checkpoint = Table(  # INV-33: the newest checkpoint of a log that a witness has accepted
    "audit_checkpoint",
    metadata,
    Column("unit", BigInteger, primary_key=True, autoincrement=False),  # whose log
    Column("witness", BigInteger, primary_key=True, autoincrement=False),  # who has accepted it
    Column("size", BigInteger, nullable=False),
    Column("root", LargeBinary(32), nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("note", Text, nullable=False),  # with the log's own signature, and the witness's
    Column("refused", String(20), nullable=False, server_default=""),  # what a later one was
    Column("refused_note", Text, nullable=False, server_default=""),  # that one, as it was signed
)
