"""numbers of an address in their order"""

from __future__ import annotations

from contextlib import suppress

import sqlalchemy as sa
from alembic import op

from csctl.domain.blacklist import entry_key
from csctl.errors import Usage

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Entries are compared by a key, which tells flat 5 of house 12 from flat 12 of house 5 now."""
    connection = op.get_bind()
    rows = connection.execute(sa.text("SELECT id, value, match_key FROM blacklist WHERE kind = 'address'")).all()
    taken = {row.match_key for row in rows}
    change = sa.text("UPDATE blacklist SET match_key = :key WHERE id = :id")
    for row in rows:
        with suppress(Usage):
            if (key := entry_key("address", row.value)) not in taken:
                connection.execute(change, {"key": key, "id": row.id})
                taken.add(key)


def downgrade() -> None:
    """The keys stay: an older csctl makes its own of what is added from then on."""
