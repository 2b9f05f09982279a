"""what a column may hold"""

from __future__ import annotations

from alembic import op

from csctl.schema_checks import Checks, add_checks, drop_checks

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_CURRENCY = "length(currency) = 3 AND currency = upper(currency)"
BOTH: Checks = {
    "customers": {
        "ck_customers_version_range": "version BETWEEN 0 AND 1000000000",
    },
    "operators": {
        "ck_operators_role_word": "role IN ('agent', 'admin', 'service')",
    },
    "orders": {
        "ck_orders_currency_code": _CURRENCY,
        "ck_orders_status_word": "status IN ('pending', 'complete', 'declined', 'cancelled', 'refunded')",
    },
    "runs": {
        "ck_runs_state_word": "state IN ('running', 'complete', 'stopped')",
    },
    "fulfillments": {
        "ck_fulfillments_status_word": (
            "status IN ('hold', 'pending', 'pending_shipment', 'shipped', 'delivered', "
            "'rma_pending', 'returned', 'cancelled', 'failed')"
        ),
    },
    "price_points": {
        "ck_price_points_currency_code": _CURRENCY,
    },
    "run_records": {
        "ck_run_records_state_word": "state IN ('pending', 'done', 'failed')",
    },
    "purchases": {
        "ck_purchases_currency_code": _CURRENCY,
        "ck_purchases_cycle_range": "cycle BETWEEN 0 AND 1000000000",
        "ck_purchases_recycle_attempts_range": "recycle_attempts BETWEEN 0 AND 1000000000",
        "ck_purchases_status_word": (
            "status IN ('trial', 'active', 'paused', 'recycle_billing', 'recycle_failed', "
            "'cancellation_scheduled', 'cancelled', 'complete')"
        ),
        "ck_purchases_version_range": "version BETWEEN 0 AND 1000000000",
    },
    "transactions": {
        "ck_transactions_currency_code": _CURRENCY,
        "ck_transactions_cycle_range": "cycle BETWEEN 0 AND 1000000000",
        "ck_transactions_kind_word": "kind IN ('authorize', 'capture', 'sale', 'void', 'refund')",
        "ck_transactions_occasion_word": "occasion IN ('checkout', 'run', 'forced', 'trial_skip')",
        "ck_transactions_outside_word": "outside IN ('payment', 'chargeback')",
        "ck_transactions_reason_word": (
            "reason IN ('declined', 'soft_declined', 'authentication', 'already_settled', "
            "'not_settled', 'already_voided', 'already_refunded', 'over_amount', "
            "'unknown_reference', 'duplicate', 'busy', 'unreachable', 'refused', "
            "'never_executed', 'disputed', 'recorded_by_mistake', 'returned', "
            "'card_closed', 'too_old', 'not_refundable', 'balance', 'under_review', "
            "'answer_lost', 'mismatch', 'abandoned', 'misconfigured')"
        ),
        "ck_transactions_settlement_word": "settlement IN ('unsettled', 'settled')",
        "ck_transactions_state_word": (
            "state IN ('created', 'sent', 'approved', 'declined', 'failed', 'pending', 'unknown')"
        ),
    },
    "approvals": {
        "ck_approvals_currency_code": _CURRENCY,
    },
    "history": {
        "ck_history_kind_word": "kind IN ('note', 'call', 'event')",
    },
    "refund_queue": {
        "ck_refund_queue_attempts_range": "attempts BETWEEN 0 AND 1000000000",
        "ck_refund_queue_currency_code": _CURRENCY,
        "ck_refund_queue_state_word": (
            "state IN ('queued', 'in_progress', 'succeeded', 'exhausted', 'removed', 'resolved')"
        ),
    },
    "emails": {
        "ck_emails_attempts_range": "attempts BETWEEN 0 AND 1000000000",
        "ck_emails_kind_word": "kind IN ('welcome', 'refund', 'void', 'refund_exhausted')",
        "ck_emails_state_word": "state IN ('waiting', 'sending', 'sent', 'failed')",
    },
}
SQLITE: Checks = {
    "runs": {
        "ck_runs_arguments_array": "json_type(arguments) = 'array'",
    },
    "run_records": {
        "ck_run_records_transactions_array": "json_type(transactions) = 'array'",
    },
    "emails": {
        "ck_emails_context_object": "json_type(context) = 'object'",
    },
}
# Bytes of a row, of the tables that a login may write.
_LENGTHS = {
    "customers": 100000,
    "gateway_accounts": 100000,
    "operators": 100000,
    "products": 100000,
    "settings": 100000,
    "blacklist": 100000,
    "notify_emails": 100000,
    "orders": 100000,
    "payment_methods": 100000,
    "product_options": 100000,
    "requests": 100000,
    "runs": 1000000,
    "fulfillments": 100000,
    "price_points": 100000,
    "run_records": 100000,
    "purchases": 100000,
    "transactions": 100000,
    "approvals": 100000,
    "history": 100000,
    "refund_queue": 100000,
    "approval_decisions": 100000,
    "emails": 10000000,
}
POSTGRESQL: Checks = {
    "runs": {
        "ck_runs_arguments_json": "json_typeof(arguments) = 'array'",
    },
    "run_records": {
        "ck_run_records_transactions_json": "json_typeof(transactions) = 'array'",
    },
    "emails": {
        "ck_emails_context_json": "json_typeof(context) = 'object'",
    },
}


def _checks() -> Checks:
    """Those of this database, table by table: on SQLite each table is made again only once."""
    if op.get_bind().dialect.name == "sqlite":
        own = SQLITE
    else:
        length = "octet_length(CAST({0} AS text)) <= {1}"
        lengths = {t: {f"ck_{t}_row_length": length.format(t, longest)} for t, longest in _LENGTHS.items()}
        own = {table: {**POSTGRESQL.get(table, {}), **lengths[table]} for table in lengths}
    return {table: {**BOTH.get(table, {}), **own.get(table, {})} for table in {**BOTH, **own}}


def upgrade() -> None:
    add_checks(op.get_bind(), _checks())


def downgrade() -> None:
    drop_checks(op.get_bind(), _checks())
