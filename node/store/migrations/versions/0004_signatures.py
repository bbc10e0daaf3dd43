"""Signatures of stream heads, and when a key was first received."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "signature",
        sa.Column("incarnation", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("audience", sa.String(length=40), nullable=False),
        sa.Column("lane", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("incarnation", "audience", "lane", "seq"),
    )
    op.add_column(
        "stream", sa.Column("signed_seq", sa.BigInteger(), server_default="0", nullable=False)
    )
    op.add_column("stream", sa.Column("signature", sa.LargeBinary(), nullable=True))
    op.add_column(
        "incarnation", sa.Column("key_at_ms", sa.BigInteger(), server_default="0", nullable=False)
    )


def downgrade() -> None:
    with op.batch_alter_table("incarnation", schema=None) as batch_op:
        batch_op.drop_column("key_at_ms")
    with op.batch_alter_table("stream", schema=None) as batch_op:
        batch_op.drop_column("signature")
        batch_op.drop_column("signed_seq")
    op.drop_table("signature")
