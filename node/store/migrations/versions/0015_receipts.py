"""Receipts of the offices above for what this office has sent up."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "receipt",
        sa.Column("holder", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("unit", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("signed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("holder", "unit"),
    )


def downgrade() -> None:
    op.drop_table("receipt")
