"""The group csctl customer, the fields of a customer, and the argument that names one."""

from __future__ import annotations

import click

from csctl.domain import fields
from csctl.domain.field_uses import Use

from ..cli.declare import group

customer = group("customer", "Find and edit customers, show their profile, write notes.")

FIELDS = (
    "id",
    "external_id",
    *fields.details(Use.LISTED),
    "city",
    "region",
    "postal_code",
    "country",
    "blacklisted",
    "orders",
    "last_order_at",
    "created_at",
)
who_argument = click.argument("who", metavar="CUS")
