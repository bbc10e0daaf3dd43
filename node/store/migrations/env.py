"""Alembic's entry: runs the revisions on the connection that `node.store.migrate` hands over."""

from __future__ import annotations

from alembic import context

import node.store.tables  # noqa: F401  # fills the metadata
from sync.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=False,  # the caller's transaction holds everything
)
context.run_migrations()
