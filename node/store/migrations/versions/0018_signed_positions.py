"""A parent's signature for its log, with the cursor; signed entries that came with copies."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "cursor",
        sa.Column("signed_position", sa.BigInteger(), nullable=False, server_default="0"),
    )
    op.add_column("cursor", sa.Column("signature", sa.LargeBinary(), nullable=True))
    op.create_table(
        "shown_entry",
        sa.Column("incarnation", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("audience", sa.String(40), nullable=False),
        sa.Column("lane", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hlc", sa.BigInteger(), nullable=False),
        sa.Column("wire", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("incarnation", "audience", "lane", "seq"),
    )
    op.create_index("ix_shown_entry_hlc", "shown_entry", ["hlc"])


def downgrade() -> None:
    op.drop_table("shown_entry")
    op.drop_column("cursor", "signature")
    op.drop_column("cursor", "signed_position")
