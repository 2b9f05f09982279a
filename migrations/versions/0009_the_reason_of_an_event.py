"""the reason of an event in a column of its own"""

from __future__ import annotations

import re

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_HISTORY = sa.table(
    "history", *(sa.column(name, sa.Text()) for name in ("kind", "text", "reason")), sa.column("id", sa.BigInteger())
)
# The events that were written with a reason until now.
_WITH_REASON = re.compile(
    r"(cancelled (?:pur|ord)_\d+|pur_\d+ ends (?:on [\d-]+|after its next billing)|blacklisted \(bli_\d+\)): (.*)",
    re.DOTALL,
)
_BATCH = 1000


def upgrade() -> None:
    op.add_column("history", sa.Column("reason", sa.Text(), nullable=True))
    connection, last = op.get_bind(), 0
    written = sa.or_(*(_HISTORY.c.text.like(f"{start}%: %") for start in ("cancelled ", "pur_", "blacklisted ")))
    events = sa.select(_HISTORY.c.id, _HISTORY.c.text).where(_HISTORY.c.kind == "event", written)
    while rows := connection.execute(events.where(_HISTORY.c.id > last).order_by(_HISTORY.c.id).limit(_BATCH)).all():
        last = rows[-1].id
        for number, text in rows:
            if found := _WITH_REASON.fullmatch(text):
                connection.execute(
                    sa.update(_HISTORY).where(_HISTORY.c.id == number).values(text=found[1], reason=found[2])
                )


def downgrade() -> None:
    op.execute("UPDATE history SET text = text || ': ' || reason WHERE reason IS NOT NULL")
    op.drop_column("history", "reason")
