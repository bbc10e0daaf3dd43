"""Each entry has the signature of its office; the table of older signatures is no more."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

OLDER = """
UPDATE entry SET signature=(
    SELECT g.signature FROM signature g
    WHERE g.incarnation=entry.incarnation AND g.audience=entry.audience AND g.lane=entry.lane
    AND g.seq=entry.seq
)
"""
NEWEST = """
UPDATE entry SET signature=(
    SELECT s.signature FROM stream s
    WHERE s.incarnation=entry.incarnation AND s.audience=entry.audience AND s.lane=entry.lane
    AND s.signed_seq=entry.seq
)
WHERE signature IS NULL
"""


def upgrade() -> None:
    op.add_column("entry", sa.Column("signature", sa.LargeBinary(), nullable=True))
    op.execute(OLDER)
    op.execute(NEWEST)
    op.drop_table("signature")


def downgrade() -> None:
    signature = op.create_table(
        "signature",
        sa.Column("incarnation", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("audience", sa.String(length=40), nullable=False),
        sa.Column("lane", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("incarnation", "audience", "lane", "seq"),
    )
    names = ("incarnation", "audience", "lane", "seq", "signature")
    entry = sa.table("entry", *map(sa.column, names))
    signed = sa.select(*(entry.c[name] for name in names)).where(entry.c.signature.is_not(None))
    op.execute(signature.insert().from_select(list(names), signed))
    with op.batch_alter_table("entry", schema=None) as batch_op:
        batch_op.drop_column("signature")
