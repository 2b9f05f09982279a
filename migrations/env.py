"""How alembic reaches the database: over the connection that csctl gives it, in one transaction."""

from __future__ import annotations

from alembic import context
from alembic.runtime.migration import MigrationInfo

import csctl.models  # noqa: F401 - so that the metadata knows all tables
from csctl.models.columns import Base


def _applied(ctx: object, step: MigrationInfo, heads: object, run_args: object) -> None:
    """Alembic passes these by name."""
    del ctx, heads, run_args
    context.config.attributes["applied"](step.up_revision_id)


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,  # SQLite changes a table by copying it
    transaction_per_migration=False,
    on_version_apply=_applied,
)
with context.begin_transaction():
    context.run_migrations()
