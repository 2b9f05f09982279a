"""the code, the request id and the network's reference of a gateway's answer"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

_COLUMNS = ("gateway_code", "gateway_request_id", "network_ref")


def upgrade() -> None:
    for name in _COLUMNS:
        op.add_column("transactions", sa.Column(name, sa.Text(), nullable=True))


def downgrade() -> None:
    for name in reversed(_COLUMNS):
        op.drop_column("transactions", name)
