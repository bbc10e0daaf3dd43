"""Postings that count in no balance: none is known yet; the next start judges all of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

UNJUDGED = (
    "INSERT INTO meta (key, value) "
    "SELECT 'postings_unjudged', '1' FROM meta WHERE key='incarnation'"
)


def upgrade() -> None:
    op.create_table(
        "uncounted_posting",
        sa.Column("unit", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.LargeBinary(16), nullable=False),
        sa.Column("fund", sa.String(24), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("unit", "id"),
    )
    op.create_index(
        "ix_uncounted_posting_money", "uncounted_posting", ["unit", "fund", "year", "reason"]
    )
    op.create_table(
        "uncelled_posting",
        sa.Column("id", sa.LargeBinary(16), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.execute(UNJUDGED)


def downgrade() -> None:
    op.drop_table("uncelled_posting")
    op.drop_index("ix_uncounted_posting_money", table_name="uncounted_posting")
    op.drop_table("uncounted_posting")
    op.execute("DELETE FROM meta WHERE key='postings_unjudged'")
