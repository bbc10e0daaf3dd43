"""Log positions go by time: the one before the newest, and an index of what goes to a child."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

GOES_DOWN = sa.text("down_hop IS NOT NULL")


def upgrade() -> None:
    op.add_column(
        "log_head", sa.Column("previous", sa.BigInteger(), nullable=False, server_default="0")
    )
    op.create_index(
        "ix_entry_down", "entry", ["down_hop", "lane", "arrival"],
        sqlite_where=GOES_DOWN, postgresql_where=GOES_DOWN,
    )  # fmt: skip


def downgrade() -> None:
    op.drop_index("ix_entry_down", table_name="entry")
    op.drop_column("log_head", "previous")
