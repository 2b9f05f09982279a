"""How alembic reaches the database: over the connection that csctl gives it, in one transaction."""

from __future__ import annotations

from typing import Any

from alembic import context

import csctl.models  # noqa: F401 - so that the metadata knows all tables
from csctl.models.columns import Base


def _applied(step: Any, **_more: Any) -> None:
    context.config.attributes["told"](step.up_revision_id)


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,  # SQLite changes a table by copying it
    transaction_per_migration=False,
    on_version_apply=_applied,
)
with context.begin_transaction():
    context.run_migrations()
