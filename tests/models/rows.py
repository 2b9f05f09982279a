"""Rows for the test of constraints: what a table's ordinary row needs besides, and what breaks each CHECK."""

from __future__ import annotations

from typing import Any

# What a generated row of the table needs, to be allowed.
VALID: dict[str, dict[str, Any]] = {
    "installation": {"id": 1},
    "price_points": {"amount": 100},
    "purchases": {"quantity": 1, "unit_price": 100, "price": 100},
    "transactions": {"amount": 100, "refunded": 0, "reserved": 0},
    "refund_queue": {"amount": 100},
    "runs": {"total": 1, "done": 0, "failed": 0},
}
# By CHECK: the values that it refuses.
BROKEN: dict[str, dict[str, Any]] = {
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
    "ck_transactions_amount": {"amount": 0, "kind": "refund"},
    "ck_transactions_reservation": {"amount": 100, "refunded": 60, "reserved": 50},
    "ck_transactions_voided": {"amount": 100, "reserved": 10, "voided_at": "2026-01-01T00:00:00+00:00"},
}
# By partial unique index: the values with which it applies.
FITTING: dict[str, dict[str, Any]] = {
    "uq_transactions_billing": {"kind": "sale", "state": "approved"},
}
