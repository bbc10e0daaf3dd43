"""Repairs store the evidence they received; the log can be queried by version."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("repair", sa.Column("told", sa.Text(), nullable=False, server_default=""))
    op.create_index("ix_repair_record", "repair", ["register", "unit", "record"])
    op.create_index("ix_entry_hlc", "entry", ["hlc"])


def downgrade() -> None:
    op.drop_index("ix_entry_hlc", table_name="entry")
    op.drop_index("ix_repair_record", table_name="repair")
    op.drop_column("repair", "told")
