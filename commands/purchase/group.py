"""The groups csctl purchase and csctl purchase trial, and what their commands share."""

from __future__ import annotations

import click

from csctl.results import RESULT_FIELDS

from ..cli.declare import Alike, group

purchase = group("purchase", "Manage subscriptions: change, pause, cancel, bill.")
trial = group("trial", "Restart, skip or stop the trial of a subscription.")
purchase.add_command(trial)

FIELDS = (
    "id",
    "external_id",
    "order_id",
    "customer_id",
    "customer_name",
    "customer_email",
    "product",
    "option",
    "price_point",
    "status",
    "quantity",
    "unit_price",
    "price",
    "currency",
    "interval",
    "cycle",
    "trial_ends_on",
    "next_bill_on",
    "cancel_on",
    "billed_by",
)
CHANGE: Alike = {
    "fields": (*RESULT_FIELDS, "status", "before", "after"),
    "columns": ("id", "outcome", "message"),
    "changes": True,
}
next_only_option = click.option("--next-only", is_flag=True, help="Change only the next billing.")
