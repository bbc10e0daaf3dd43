"""How often each job has ended and failed: counted from the runs that are still known."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "job_total",
        sa.Column("job", sa.String(60), nullable=False),
        sa.Column("runs", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.Column("last_success_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("job"),
    )
    op.execute(
        "INSERT INTO job_total (job, runs, failures, last_success_ms) "
        "SELECT job, count(*), sum(CASE WHEN state='failed' THEN 1 ELSE 0 END), "
        "max(CASE WHEN state='done' THEN coalesce(ended_ms, 0) ELSE 0 END) "
        "FROM job_run WHERE state IN ('done', 'failed') GROUP BY job"
    )


def downgrade() -> None:
    op.drop_table("job_total")
