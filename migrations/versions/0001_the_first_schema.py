"""the first schema"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


# The audit trail only grows. SQLite's REPLACE deletes without firing a DELETE trigger, hence the one on INSERT.
SQLITE_TRIGGERS = (
    """CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
       BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END""",
    """CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
       BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END""",
    """CREATE TRIGGER audit_no_replace BEFORE INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id)
       BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END""",
)
POSTGRESQL_TRIGGERS = (
    """CREATE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN RAISE EXCEPTION 'the audit trail is append-only'; END $$""",
    """CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON audit
       FOR EACH ROW EXECUTE FUNCTION audit_append_only()""",
    """CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit
       FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only()""",
)


def on_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def sqlite_only(*items: sa.schema.SchemaItem) -> tuple[sa.schema.SchemaItem, ...]:
    """transactions and refund_queue refer to each other: SQLite may name a later table, PostgreSQL may not."""
    return items if on_sqlite() else ()


def upgrade() -> None:
    op.create_table(
        "customers",
        sa.Column("id", BIG, nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("first_name", sa.Text(), nullable=True),
        sa.Column("last_name", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("ip", sa.Text(), nullable=True),
        sa.Column("billing_line1", sa.Text(), nullable=True),
        sa.Column("billing_line2", sa.Text(), nullable=True),
        sa.Column("billing_city", sa.Text(), nullable=True),
        sa.Column("billing_region", sa.Text(), nullable=True),
        sa.Column("billing_postal_code", sa.Text(), nullable=True),
        sa.Column("billing_country", sa.Text(), nullable=True),
        sa.Column("shipping_line1", sa.Text(), nullable=True),
        sa.Column("shipping_line2", sa.Text(), nullable=True),
        sa.Column("shipping_city", sa.Text(), nullable=True),
        sa.Column("shipping_region", sa.Text(), nullable=True),
        sa.Column("shipping_postal_code", sa.Text(), nullable=True),
        sa.Column("shipping_country", sa.Text(), nullable=True),
        sa.Column("folded_first_name", sa.Text(), nullable=False),
        sa.Column("folded_last_name", sa.Text(), nullable=False),
        sa.Column("folded_email", sa.Text(), nullable=False),
        sa.Column("folded_city", sa.Text(), nullable=False),
        sa.Column("folded_address", sa.Text(), nullable=False),
        sa.Column("phone_digits", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("merged_into_id", BIG, nullable=True),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["merged_into_id"], ["customers.id"], name="fk_customers_merged_into_id_customers"),
        sa.PrimaryKeyConstraint("id", name="pk_customers"),
        sa.UniqueConstraint("external_id", name="uq_customers_external_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_customers_created_at", "customers", ["created_at"])
    op.create_index("ix_customers_folded_email", "customers", ["folded_email"])
    op.create_index("ix_customers_folded_last_name", "customers", ["folded_last_name"])

    op.create_table(
        "gateway_accounts",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("first_used_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_gateway_accounts"),
    )
    op.create_table(
        "installation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("rehearsal", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("id = 1", name="ck_installation_one_row"),
        sa.PrimaryKeyConstraint("id", name="pk_installation"),
    )
    op.create_table(
        "operators",
        sa.Column("id", BIG, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "role", sa.Enum("agent", "admin", "service", name="role", native_enum=False, length=40), nullable=False
        ),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("token_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_operators"),
        sa.UniqueConstraint("name", name="uq_operators_name"),
        sa.UniqueConstraint("token_hash", name="uq_operators_token_hash"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "products",
        sa.Column("id", BIG, nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_products"),
        sa.UniqueConstraint("sku", name="uq_products_sku"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "settings",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_settings"),
    )
    op.create_table(
        "audit",
        sa.Column("id", BIG, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("operator_id", BIG, nullable=True),
        sa.Column("operator", sa.Text(), nullable=True),
        sa.Column("command", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=True),
        sa.Column("changes", sa.JSON(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["operator_id"], ["operators.id"], name="fk_audit_operator_id_operators"),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_audit_at", "audit", ["at"])
    op.create_index("ix_audit_target", "audit", ["target"])

    op.create_table(
        "blacklist",
        sa.Column("id", BIG, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("match_key", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", BIG, nullable=True),
        sa.ForeignKeyConstraint(["created_by"], ["operators.id"], name="fk_blacklist_created_by_operators"),
        sa.PrimaryKeyConstraint("id", name="pk_blacklist"),
        sa.UniqueConstraint("kind", "match_key", name="uq_blacklist_kind_match_key"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "notify_emails",
        sa.Column("id", BIG, nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", BIG, nullable=True),
        sa.ForeignKeyConstraint(["created_by"], ["operators.id"], name="fk_notify_emails_created_by_operators"),
        sa.PrimaryKeyConstraint("id", name="pk_notify_emails"),
        sa.UniqueConstraint("address", name="uq_notify_emails_address"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "orders",
        sa.Column("id", BIG, nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("customer_id", BIG, nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "pending",
                "complete",
                "declined",
                "cancelled",
                "refunded",
                name="orderstatus",
                native_enum=False,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("total", BIG, nullable=False),
        sa.Column("billing_line1", sa.Text(), nullable=True),
        sa.Column("billing_line2", sa.Text(), nullable=True),
        sa.Column("billing_city", sa.Text(), nullable=True),
        sa.Column("billing_region", sa.Text(), nullable=True),
        sa.Column("billing_postal_code", sa.Text(), nullable=True),
        sa.Column("billing_country", sa.Text(), nullable=True),
        sa.Column("shipping_line1", sa.Text(), nullable=True),
        sa.Column("shipping_line2", sa.Text(), nullable=True),
        sa.Column("shipping_city", sa.Text(), nullable=True),
        sa.Column("shipping_region", sa.Text(), nullable=True),
        sa.Column("shipping_postal_code", sa.Text(), nullable=True),
        sa.Column("shipping_country", sa.Text(), nullable=True),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancel_reason", sa.Text(), nullable=True),
        sa.Column("created_by", BIG, nullable=True),
        sa.ForeignKeyConstraint(["created_by"], ["operators.id"], name="fk_orders_created_by_operators"),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name="fk_orders_customer_id_customers"),
        sa.PrimaryKeyConstraint("id", name="pk_orders"),
        sa.UniqueConstraint("external_id", name="uq_orders_external_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_orders_customer_id", "orders", ["customer_id"])
    op.create_index("ix_orders_placed_at", "orders", ["placed_at"])
    op.create_index("ix_orders_status", "orders", ["status"])

    op.create_table(
        "payment_methods",
        sa.Column("id", BIG, nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("customer_id", BIG, nullable=False),
        sa.Column("gateway", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("brand", sa.Text(), nullable=True),
        sa.Column("bin", sa.String(length=8), nullable=True),
        sa.Column("last4", sa.String(length=4), nullable=True),
        sa.Column("exp_month", sa.Integer(), nullable=True),
        sa.Column("exp_year", sa.Integer(), nullable=True),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name="fk_payment_methods_customer_id_customers"),
        sa.PrimaryKeyConstraint("id", name="pk_payment_methods"),
        sa.UniqueConstraint("external_id", name="uq_payment_methods_external_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_payment_methods_customer_id", "payment_methods", ["customer_id"])
    op.create_index("ix_payment_methods_last4", "payment_methods", ["last4"])

    op.create_table(
        "product_options",
        sa.Column("id", BIG, nullable=False),
        sa.Column("product_id", BIG, nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name="fk_product_options_product_id_products"),
        sa.PrimaryKeyConstraint("id", name="pk_product_options"),
        sa.UniqueConstraint("product_id", "code", name="uq_product_options_product_id_code"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "requests",
        sa.Column("id", BIG, nullable=False),
        sa.Column("operator_id", BIG, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("asked", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["operator_id"], ["operators.id"], name="fk_requests_operator_id_operators"),
        sa.PrimaryKeyConstraint("id", name="pk_requests"),
        sa.UniqueConstraint("operator_id", "key", name="uq_requests_operator_id_key"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "fulfillments",
        sa.Column("id", BIG, nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("order_id", BIG, nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "hold",
                "pending",
                "pending_shipment",
                "shipped",
                "delivered",
                "rma_pending",
                "returned",
                "cancelled",
                "failed",
                name="fulfillmentstatus",
                native_enum=False,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("carrier", sa.Text(), nullable=True),
        sa.Column("tracking", sa.Text(), nullable=True),
        sa.Column("reship_of_id", BIG, nullable=True),
        sa.Column("shipped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_fulfillments_order_id_orders"),
        sa.ForeignKeyConstraint(
            ["reship_of_id"], ["fulfillments.id"], name="fk_fulfillments_reship_of_id_fulfillments"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_fulfillments"),
        sa.UniqueConstraint("external_id", name="uq_fulfillments_external_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_fulfillments_order_id", "fulfillments", ["order_id"])
    op.create_index("ix_fulfillments_status", "fulfillments", ["status"])
    op.create_index("ix_fulfillments_tracking", "fulfillments", ["tracking"])

    op.create_table(
        "price_points",
        sa.Column("id", BIG, nullable=False),
        sa.Column("option_id", BIG, nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("amount", BIG, nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("interval", sa.Text(), nullable=True),
        sa.Column("trial_days", sa.Integer(), nullable=True),
        sa.Column("trial_amount", BIG, nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount >= 0", name="ck_price_points_amount"),
        sa.CheckConstraint("trial_amount >= 0", name="ck_price_points_trial_amount"),
        sa.CheckConstraint("trial_days >= 0", name="ck_price_points_trial_days"),
        sa.ForeignKeyConstraint(
            ["option_id"], ["product_options.id"], name="fk_price_points_option_id_product_options"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_price_points"),
        sa.UniqueConstraint("code", name="uq_price_points_code"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_price_points_option_id", "price_points", ["option_id"])

    op.create_table(
        "purchases",
        sa.Column("id", BIG, nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("order_id", BIG, nullable=False),
        sa.Column("price_point_id", BIG, nullable=True),
        sa.Column("payment_method_id", BIG, nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "trial",
                "active",
                "paused",
                "recycle_billing",
                "recycle_failed",
                "cancellation_scheduled",
                "cancelled",
                "complete",
                name="purchasestatus",
                native_enum=False,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("unit_price", BIG, nullable=False),
        sa.Column("price", BIG, nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("interval", sa.Text(), nullable=True),
        sa.Column("billing_day", sa.Integer(), nullable=True),
        sa.Column("cycle", sa.Integer(), nullable=False),
        sa.Column("trial_ends_on", sa.Date(), nullable=True),
        sa.Column("next_bill_on", sa.Date(), nullable=True),
        sa.Column("cancel_on", sa.Date(), nullable=True),
        sa.Column("cancel_after_billing", sa.Boolean(), nullable=False),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancel_reason", sa.Text(), nullable=True),
        sa.Column("paused_until", sa.Date(), nullable=True),
        sa.Column("recycle_attempts", sa.Integer(), nullable=False),
        sa.Column("final_cycle", sa.Integer(), nullable=True),
        sa.Column("next_price_point_id", BIG, nullable=True),
        sa.Column("next_quantity", sa.Integer(), nullable=True),
        sa.Column("next_unit_price", BIG, nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("price = quantity * unit_price", name="ck_purchases_price"),
        sa.CheckConstraint("quantity > 0", name="ck_purchases_quantity"),
        sa.CheckConstraint("unit_price >= 0", name="ck_purchases_unit_price"),
        sa.ForeignKeyConstraint(
            ["next_price_point_id"], ["price_points.id"], name="fk_purchases_next_price_point_id_price_points"
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_purchases_order_id_orders"),
        sa.ForeignKeyConstraint(
            ["payment_method_id"], ["payment_methods.id"], name="fk_purchases_payment_method_id_payment_methods"
        ),
        sa.ForeignKeyConstraint(
            ["price_point_id"], ["price_points.id"], name="fk_purchases_price_point_id_price_points"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_purchases"),
        sa.UniqueConstraint("external_id", name="uq_purchases_external_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_purchases_next_bill_on", "purchases", ["next_bill_on"])
    op.create_index("ix_purchases_order_id", "purchases", ["order_id"])
    op.create_index("ix_purchases_price_point_id", "purchases", ["price_point_id"])
    op.create_index("ix_purchases_status", "purchases", ["status"])

    op.create_table(
        "transactions",
        sa.Column("id", BIG, nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("order_id", BIG, nullable=False),
        sa.Column("purchase_id", BIG, nullable=True),
        sa.Column("payment_method_id", BIG, nullable=True),
        sa.Column("parent_id", BIG, nullable=True),
        sa.Column(
            "kind",
            sa.Enum("authorize", "capture", "sale", "void", "refund", name="kind", native_enum=False, length=40),
            nullable=False,
        ),
        sa.Column(
            "state",
            sa.Enum(
                "created",
                "sent",
                "approved",
                "declined",
                "failed",
                "pending",
                "unknown",
                name="state",
                native_enum=False,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("amount", BIG, nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("cycle", sa.Integer(), nullable=True),
        sa.Column("gateway", sa.Text(), nullable=False),
        sa.Column("gateway_ref", sa.Text(), nullable=True),
        sa.Column("key", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("claim", sa.Text(), nullable=True),
        sa.Column(
            "settlement",
            sa.Enum("unsettled", "settled", name="settlement", native_enum=False, length=40),
            nullable=True,
        ),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("voided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("disputed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refunded", BIG, nullable=False),
        sa.Column("reserved", BIG, nullable=False),
        sa.Column("queue_item_id", BIG, nullable=True),
        sa.Column("attempt_on", sa.Date(), nullable=True),
        sa.Column("request_id", BIG, nullable=True),
        sa.Column("send_email", sa.Boolean(), nullable=False),
        sa.Column("then_cancel", sa.Text(), nullable=True),
        sa.Column("refund_reason", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", BIG, nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "amount > 0 OR (amount = 0 AND kind NOT IN ('refund', 'capture'))", name="ck_transactions_amount"
        ),
        sa.CheckConstraint(
            "reserved >= 0 AND refunded >= 0 AND reserved + refunded <= amount", name="ck_transactions_reservation"
        ),
        sa.CheckConstraint("voided_at IS NULL OR reserved + refunded = 0", name="ck_transactions_voided"),
        sa.ForeignKeyConstraint(["created_by"], ["operators.id"], name="fk_transactions_created_by_operators"),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_transactions_order_id_orders"),
        sa.ForeignKeyConstraint(["parent_id"], ["transactions.id"], name="fk_transactions_parent_id_transactions"),
        sa.ForeignKeyConstraint(
            ["payment_method_id"], ["payment_methods.id"], name="fk_transactions_payment_method_id_payment_methods"
        ),
        sa.ForeignKeyConstraint(["purchase_id"], ["purchases.id"], name="fk_transactions_purchase_id_purchases"),
        *sqlite_only(
            sa.ForeignKeyConstraint(
                ["queue_item_id"], ["refund_queue.id"], name="fk_transactions_queue_item_id_refund_queue"
            )
        ),
        sa.ForeignKeyConstraint(["request_id"], ["requests.id"], name="fk_transactions_request_id_requests"),
        sa.PrimaryKeyConstraint("id", name="pk_transactions"),
        sa.UniqueConstraint("external_id", name="uq_transactions_external_id"),
        sa.UniqueConstraint("key", name="uq_transactions_key"),
        sa.UniqueConstraint("queue_item_id", "attempt_on", name="uq_transactions_queue_item_id_attempt_on"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_transactions_created_at", "transactions", ["created_at"])
    op.create_index("ix_transactions_gateway_ref", "transactions", ["gateway_ref"])
    op.create_index("ix_transactions_order_id_transactions_kind", "transactions", ["order_id", "kind"])
    op.create_index("ix_transactions_parent_id", "transactions", ["parent_id"])
    op.create_index("ix_transactions_request_id", "transactions", ["request_id"])
    op.create_index("ix_transactions_state_transactions_created_at", "transactions", ["state", "created_at"])
    op.create_index(
        "uq_transactions_billing",
        "transactions",
        ["purchase_id", "cycle"],
        unique=True,
        sqlite_where=sa.text("kind = 'sale' AND state NOT IN ('declined', 'failed')"),
        postgresql_where=sa.text("kind = 'sale' AND state NOT IN ('declined', 'failed')"),
    )

    op.create_table(
        "history",
        sa.Column("id", BIG, nullable=False),
        sa.Column("customer_id", BIG, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "kind", sa.Enum("note", "call", "event", name="historykind", native_enum=False, length=40), nullable=False
        ),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("operator_id", BIG, nullable=True),
        sa.Column("order_id", BIG, nullable=True),
        sa.Column("transaction_id", BIG, nullable=True),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name="fk_history_customer_id_customers"),
        sa.ForeignKeyConstraint(["operator_id"], ["operators.id"], name="fk_history_operator_id_operators"),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_history_order_id_orders"),
        sa.ForeignKeyConstraint(["transaction_id"], ["transactions.id"], name="fk_history_transaction_id_transactions"),
        sa.PrimaryKeyConstraint("id", name="pk_history"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_history_customer_id_history_at", "history", ["customer_id", "at"])

    op.create_table(
        "refund_queue",
        sa.Column("id", BIG, nullable=False),
        sa.Column("sale_id", BIG, nullable=False),
        sa.Column("origin_id", BIG, nullable=False),
        sa.Column("order_id", BIG, nullable=False),
        sa.Column("customer_id", BIG, nullable=False),
        sa.Column("amount", BIG, nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "queued",
                "in_progress",
                "succeeded",
                "exhausted",
                "removed",
                "resolved",
                name="itemstate",
                native_enum=False,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_on", sa.Date(), nullable=True),
        sa.Column("last_attempt_on", sa.Date(), nullable=True),
        sa.Column("last_reason", sa.Text(), nullable=True),
        sa.Column("send_email", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("close_reason", sa.Text(), nullable=True),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.CheckConstraint("amount > 0", name="ck_refund_queue_amount"),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name="fk_refund_queue_customer_id_customers"),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_refund_queue_order_id_orders"),
        sa.ForeignKeyConstraint(["origin_id"], ["transactions.id"], name="fk_refund_queue_origin_id_transactions"),
        sa.ForeignKeyConstraint(["sale_id"], ["transactions.id"], name="fk_refund_queue_sale_id_transactions"),
        sa.PrimaryKeyConstraint("id", name="pk_refund_queue"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_refund_queue_customer_id", "refund_queue", ["customer_id"])
    op.create_index("ix_refund_queue_sale_id", "refund_queue", ["sale_id"])
    op.create_index("ix_refund_queue_state_refund_queue_next_attempt_on", "refund_queue", ["state", "next_attempt_on"])

    op.create_table(
        "emails",
        sa.Column("id", BIG, nullable=False),
        sa.Column(
            "kind",
            sa.Enum("welcome", "refund", "void", "refund_exhausted", name="emailkind", native_enum=False, length=40),
            nullable=False,
        ),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("context", sa.JSON(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("html", sa.Text(), nullable=True),
        sa.Column(
            "state",
            sa.Enum("waiting", "sending", "sent", "failed", name="emailstate", native_enum=False, length=40),
            nullable=False,
        ),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("customer_id", BIG, nullable=True),
        sa.Column("order_id", BIG, nullable=True),
        sa.Column("transaction_id", BIG, nullable=True),
        sa.Column("queue_item_id", BIG, nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name="fk_emails_customer_id_customers"),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_emails_order_id_orders"),
        sa.ForeignKeyConstraint(["queue_item_id"], ["refund_queue.id"], name="fk_emails_queue_item_id_refund_queue"),
        sa.ForeignKeyConstraint(["transaction_id"], ["transactions.id"], name="fk_emails_transaction_id_transactions"),
        sa.PrimaryKeyConstraint("id", name="pk_emails"),
        sa.UniqueConstraint("message_id", name="uq_emails_message_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_emails_customer_id", "emails", ["customer_id"])
    op.create_index("ix_emails_order_id", "emails", ["order_id"])
    op.create_index("ix_emails_state_emails_id", "emails", ["state", "id"])
    op.create_index("ix_emails_transaction_id", "emails", ["transaction_id"])
    if not on_sqlite():
        op.create_foreign_key(
            "fk_transactions_queue_item_id_refund_queue", "transactions", "refund_queue", ["queue_item_id"], ["id"]
        )
    for statement in SQLITE_TRIGGERS if on_sqlite() else POSTGRESQL_TRIGGERS:
        op.execute(statement)


def downgrade() -> None:
    if not on_sqlite():
        op.drop_constraint("fk_transactions_queue_item_id_refund_queue", "transactions")
    op.drop_table("emails")
    op.drop_table("refund_queue")
    op.drop_table("history")
    op.drop_table("transactions")
    op.drop_table("purchases")
    op.drop_table("price_points")
    op.drop_table("fulfillments")
    op.drop_table("requests")
    op.drop_table("product_options")
    op.drop_table("payment_methods")
    op.drop_table("orders")
    op.drop_table("notify_emails")
    op.drop_table("blacklist")
    op.drop_table("audit")
    op.drop_table("settings")
    op.drop_table("products")
    op.drop_table("operators")
    op.drop_table("installation")
    op.drop_table("gateway_accounts")
    op.drop_table("customers")
    if not on_sqlite():
        op.execute("DROP FUNCTION audit_append_only")
