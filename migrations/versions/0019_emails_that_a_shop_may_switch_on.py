"""emails that a shop may switch on"""

from __future__ import annotations

from alembic import op

from csctl.schema_checks import Checks, add_checks, drop_checks

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

BEFORE: Checks = {"emails": {"ck_emails_kind_word": "kind IN ('welcome', 'refund', 'void', 'refund_exhausted')"}}
AFTER: Checks = {
    "emails": {
        "ck_emails_kind_word": (
            "kind IN ('welcome', 'refund', 'void', 'refund_exhausted', "
            "'refund_returned', 'billing_declined', 'billing_given_up', 'purchase_cancelled')"
        )
    }
}


def upgrade() -> None:
    drop_checks(op.get_bind(), BEFORE)
    add_checks(op.get_bind(), AFTER)


def downgrade() -> None:
    op.execute(
        "DELETE FROM emails WHERE kind IN"
        " ('refund_returned', 'billing_declined', 'billing_given_up', 'purchase_cancelled')"
    )
    drop_checks(op.get_bind(), AFTER)
    add_checks(op.get_bind(), BEFORE)
