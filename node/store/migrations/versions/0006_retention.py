"""Low-water marks of the log: up to where retention has truncated it, for each peer."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "floor",
        sa.Column("lane", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("peer", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("lane", "peer"),
    )
    op.create_index("ix_hole_arrival", "hole", ["arrival"])


def downgrade() -> None:
    op.drop_index("ix_hole_arrival", table_name="hole")
    op.drop_table("floor")
