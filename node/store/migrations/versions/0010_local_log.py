"""The local log: edits of records that no other office receives."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "local_entry",
        sa.Column("hlc", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("incarnation", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("hlc", "incarnation"),
    )
    op.create_index("ix_local_entry_at", "local_entry", ["at_ms"])


def downgrade() -> None:
    op.drop_index("ix_local_entry_at", table_name="local_entry")
    op.drop_table("local_entry")
