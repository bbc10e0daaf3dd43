"""Incarnations are found by their unit: a question about a street reads no others."""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_incarnation_unit", "incarnation", ["unit"])


def downgrade() -> None:
    op.drop_index("ix_incarnation_unit", table_name="incarnation")
