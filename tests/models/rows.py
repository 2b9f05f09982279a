"""Rows for the test of constraints: what a table's ordinary row needs besides, and what breaks each CHECK."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import JSON, Integer, Table, Text

from csctl.models.columns import Base, Words

# What a generated row of the table needs, to be allowed.
VALID: dict[str, dict[str, Any]] = {
    "installation": {"id": 1},
    "price_points": {"amount": 100},
    "purchases": {"quantity": 1, "unit_price": 100, "price": 100},
    "transactions": {"amount": 100, "refunded": 0, "reserved": 0},
    "refund_queue": {"amount": 100},
    "runs": {"total": 1, "done": 0, "failed": 0, "arguments": "[]"},
    "approvals": {"amount": 100},
    "approval_decisions": {"state": "denied"},
    "deferred_changes": {"purchase_id": 1},
}
# By CHECK: the values that it refuses.
BROKEN: dict[str, dict[str, Any]] = {
    "ck_approvals_amount": {"amount": 0},
    "ck_approval_decisions_state": {"state": "open"},
    "ck_deferred_changes_bill_on": {"purchase_id": None, "order_id": 1, "bill_on": "2026-03-01"},
    "ck_deferred_changes_days": {"created_at": "infinity"},
    "ck_deferred_changes_target": {"purchase_id": None},
    "ck_installation_one_row": {"id": 2},
    "ck_operators_last_used_at": {"last_used_at": "9999-01-01T00:00:00+00:00"},
    "ck_price_points_amount": {"amount": -1},
    "ck_price_points_trial_amount": {"trial_amount": -1},
    "ck_price_points_trial_days": {"trial_days": -1},
    "ck_purchases_price": {"price": 99},
    "ck_purchases_quantity": {"quantity": 0, "price": 0},
    "ck_purchases_unit_price": {"unit_price": -100, "price": -100},
    "ck_refund_queue_amount": {"amount": 0},
    "ck_runs_counts": {"total": 1, "done": 1, "failed": 1},
    "ck_transactions_carried": {"cancels": "order", "cancels_on": "2026-03-01"},
    "ck_transactions_over_returned": {"over_returned": -1},
    "ck_transactions_amount": {"amount": 0, "kind": "refund"},
    "ck_transactions_reservation": {"amount": 100, "refunded": 60, "reserved": 50},
    "ck_transactions_voided": {"amount": 100, "reserved": 10, "voided_at": "2026-01-01T00:00:00+00:00"},
}


def _broken(table: Table) -> Iterator[tuple[str, dict[str, Any]]]:
    """What the checks refuse that every column of a kind has (`csctl/models/checks.py`)."""
    for column in table.columns:
        if isinstance(column.type, Words):
            yield f"{column.name}_word", {column.name: "nonsense"}
        elif isinstance(column.type, JSON):
            wrong = '{"a": 1}' if table.name in ("runs", "run_records") else "[1]"
            yield from ((f"{column.name}_{kind}", {column.name: wrong}) for kind in ("json", "object", "array"))
        elif column.name == "currency":
            yield "currency_code", {"currency": "usd"}
        elif isinstance(column.type, Integer):
            yield f"{column.name}_range", {column.name: -1}
    text = next((c.name for c in table.columns if isinstance(c.type, Text)), None)
    if text:
        yield "row_length", {text: "x" * 10_000_001}


BROKEN |= {
    f"ck_{table.name}_{name}": values
    for table in Base.metadata.tables.values()
    for name, values in _broken(table)
    if f"ck_{table.name}_{name}" not in BROKEN
}
# By partial unique index: the values with which it applies.
FITTING: dict[str, dict[str, Any]] = {
    "uq_transactions_billing": {"kind": "sale", "state": "approved"},
    "uq_transactions_reference": {"kind": "sale", "state": "approved", "gateway_ref": "ch_1", "duplicate_at": None},
    "uq_transactions_checkout": {"kind": "sale", "occasion": "checkout", "state": "approved"},
}
