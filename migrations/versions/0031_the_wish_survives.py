"""cancellations in columns, changes that wait for a charge, voids that join the queue"""

from __future__ import annotations

from datetime import date
from typing import Any

import sqlalchemy as sa
from alembic import op

from csctl.schema_checks import Checks, add_checks, drop_checks, make_again

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

_WORD = "cancels IN ('order', 'paid_for', 'purchase')"
_CHECKS: Checks = {
    "transactions": {
        "ck_transactions_carried": (
            "(cancels_purchase_id IS NOT NULL) = (cancels IS NOT NULL AND cancels = 'purchase')"
            " AND (cancels_purchase_id IS NOT NULL OR (cancels_on IS NULL AND cancels_after_billing IS NULL))"
            " AND (cancels_on IS NULL OR cancels_after_billing IS NULL)"
        ),
        "ck_transactions_cancels_word": _WORD,
    },
    "approvals": {"ck_approvals_cancels_word": _WORD},
}
# A refund that a bank sent back is the one outcome that does not stay.
_KEPT = """CREATE OR REPLACE FUNCTION transactions_kept() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF csctl_is_agent() AND (
            (OLD.gateway_ref <> '' AND NEW.gateway_ref IS DISTINCT FROM OLD.gateway_ref)
            OR (OLD.state = 'approved' AND NEW.state <> 'approved'{returned})
            OR (OLD.voided_at IS NOT NULL AND NEW.voided_at IS NULL)
        ) THEN
            RAISE insufficient_privilege USING MESSAGE = 'permission denied to change what a transaction came to';
        END IF;
        RETURN NEW;
    END $$"""
_RETURNED = """
                AND NOT (OLD.kind = 'refund' AND OLD.outside IS NULL AND NEW.state = 'failed'
                AND NEW.reason IN ('returned', 'card_closed') AND NEW.queue_item_id IS NOT NULL)"""
# What remains to be returned of a queued refund only becomes less.
_LESS = """CREATE FUNCTION refund_queue_kept() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF csctl_is_agent() AND NEW.amount > OLD.amount THEN
            RAISE insufficient_privilege USING MESSAGE = 'permission denied to queue what was not refunded';
        END IF;
        RETURN NEW;
    END $$"""
_LESS_TRIGGER = (
    "CREATE TRIGGER refund_queue_kept BEFORE UPDATE ON refund_queue FOR EACH ROW EXECUTE FUNCTION refund_queue_kept()"
)
_KEY = "CONSTRAINT fk_transactions_cancels_purchase_id_purchases REFERENCES purchases (id)"
_CANCELS = ("cancels", "cancels_purchase_id", "cancels_on", "cancels_after_billing")


def upgrade() -> None:
    _make_deferred_changes()
    op.add_column("transactions", sa.Column("cancels", sa.String(40), nullable=True))
    kind = "INTEGER" if _on_sqlite() else "BIGINT"
    op.execute(f"ALTER TABLE transactions ADD COLUMN cancels_purchase_id {kind} {_KEY}")
    op.add_column("transactions", sa.Column("cancels_on", sa.Date(), nullable=True))
    op.add_column("transactions", sa.Column("cancels_after_billing", sa.Boolean(), nullable=True))
    op.add_column("transactions", sa.Column("joins_queue", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("approvals", sa.Column("cancels", sa.String(40), nullable=True))
    op.add_column("refund_queue", sa.Column("unattempted_told_at", sa.DateTime(timezone=True), nullable=True))
    for table in ("transactions", "approvals"):
        _move_words(table)
        op.drop_column(table, "then_cancel")
    add_checks(op.get_bind(), _CHECKS)
    if not _on_sqlite():
        op.execute(_KEPT.format(returned=_RETURNED))
        _pin("transactions_kept()")
        op.execute(_LESS)
        _pin("refund_queue_kept()")
        op.execute(_LESS_TRIGGER)


def downgrade() -> None:
    if not _on_sqlite():
        op.execute("DROP TRIGGER refund_queue_kept ON refund_queue")
        op.execute("DROP FUNCTION refund_queue_kept()")
        op.execute(_KEPT.format(returned=""))
        _pin("transactions_kept()")
    drop_checks(op.get_bind(), _CHECKS)
    for table in ("transactions", "approvals"):
        op.add_column(table, sa.Column("then_cancel", sa.Text(), nullable=True))
        _move_columns(table)
    if _on_sqlite():
        make_again(op.get_bind(), "transactions", lambda sql: sql.replace(f" {_KEY}", ""))
    for column in (*_CANCELS, "joins_queue"):
        op.drop_column("transactions", column)
    op.drop_column("approvals", "cancels")
    op.drop_column("refund_queue", "unattempted_told_at")
    op.drop_table("deferred_changes")


def _on_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _pin(function: str) -> None:
    """Whose tables a function means must not depend on who writes."""
    op.execute(
        f"DO $$ BEGIN EXECUTE format('ALTER FUNCTION {function}"
        " SET search_path = %I, pg_catalog, pg_temp', current_schema()); END $$"
    )


def _make_deferred_changes() -> None:
    checks = [
        sa.CheckConstraint("(order_id IS NULL) <> (purchase_id IS NULL)", name="target"),
        sa.CheckConstraint("bill_on IS NULL OR purchase_id IS NOT NULL", name="bill_on"),
    ]
    if not _on_sqlite():
        length = "octet_length(CAST(deferred_changes AS text)) <= 100000"
        checks.append(sa.CheckConstraint(length, name="row_length"))
    keys = {"charge_id": "transactions", "order_id": "orders", "purchase_id": "purchases", "created_by": "operators"}
    op.create_table(
        "deferred_changes",
        sa.Column("id", ID, nullable=False),
        sa.Column("charge_id", ID, nullable=False),
        sa.Column("order_id", ID, nullable=True),
        sa.Column("purchase_id", ID, nullable=True),
        sa.Column("bill_on", sa.Date(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_deferred_changes"),
        *(
            sa.ForeignKeyConstraint([column], [f"{table}.id"], name=f"fk_deferred_changes_{column}_{table}")
            for column, table in keys.items()
        ),
        *checks,
        sqlite_autoincrement=True,
    )
    op.create_index("ix_deferred_changes_charge_id", "deferred_changes", ["charge_id"])


def _move_words(table: str) -> None:
    """`order`, `purchase`, or of which purchase and when (`pur_3 2026-04-01`) into columns."""
    connection = op.get_bind()
    for number, words in connection.execute(
        sa.text(f"SELECT id, then_cancel FROM {table} WHERE then_cancel IS NOT NULL")  # noqa: S608 - our own names
    ).all():
        values = _columns(words)
        if table == "approvals":
            values = {"cancels": values["cancels"]}
        assigned = ", ".join(f"{column} = :{column}" for column in values)
        connection.execute(sa.text(f"UPDATE {table} SET {assigned} WHERE id = :id"), {**values, "id": number})  # noqa: S608


def _columns(words: str) -> dict[str, Any]:
    name, _, moment = words.partition(" ")
    if not name.startswith("pur_"):
        scope = {"order": "order", "purchase": "paid_for"}[name]
        return {"cancels": scope, **dict.fromkeys(_CANCELS[1:])}
    day = None if moment in ("now", "after-next", "") else date.fromisoformat(moment)
    after = True if moment == "after-next" else None
    values = ("purchase", int(name.removeprefix("pur_")), day, after)
    return dict(zip(_CANCELS, values, strict=True))


def _move_columns(table: str) -> None:
    connection = op.get_bind()
    columns = ", ".join(_CANCELS if table == "transactions" else _CANCELS[:1])
    for row in connection.execute(
        sa.text(f"SELECT id, {columns} FROM {table} WHERE cancels IS NOT NULL")  # noqa: S608 - our own names
    ).all():
        words = sa.text(f"UPDATE {table} SET then_cancel = :words WHERE id = :id")  # noqa: S608
        connection.execute(words, {"words": _words(*row[1:]), "id": row[0]})


def _words(scope: str, purchase: int | None = None, day: date | str | None = None, after: object = None) -> str:
    if scope == "purchase":
        return f"pur_{purchase} {'after-next' if after else day or 'now'}"
    return "order" if scope == "order" else "purchase"
