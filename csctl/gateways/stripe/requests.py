"""The requests of Stripe. They contain only data of the attempt: a repeated request is identical."""

from __future__ import annotations

import re

from csctl.domain.states import Kind
from csctl.gateways import tokens
from csctl.gateways.operations import Initiator, Operation, Sale
from csctl.gateways.stripe import amounts
from csctl.gateways.stripe.account import Fields

KEY = "csctl_key"  # the name of csctl's key in an object's metadata
_REFERENCE = re.compile(r"(?:pi|ch|py|re|pyr)_[A-Za-z0-9_]{1,120}", re.ASCII)
_LONGEST_DESCRIPTION = 500


def is_reference(text: str) -> bool:
    """Whether a text is the id of a payment or refund: it becomes part of a path."""
    return _REFERENCE.fullmatch(text) is not None


def is_charge(reference: str) -> bool:
    return reference.startswith(("ch_", "py_"))


def charge(op: Operation) -> Fields:
    customer, method = tokens.STRIPE.parts(op.token) or ("", "")
    description = op.description or (f"order {op.order_number}" if op.order_number else "")
    return [
        ("amount", str(amounts.written(op.amount, op.currency))),
        ("currency", op.currency.lower()),
        ("customer", customer),
        ("payment_method", method),
        ("confirm", "true"),
        *([("off_session", "true")] if op.initiated is Initiator.MERCHANT else []),
        # A charge that needs the customer's confirmation fails: the customer is not there to give it.
        ("error_on_requires_action", "true"),
        ("capture_method", "manual" if op.kind is Kind.AUTHORIZE else "automatic"),
        (f"metadata[{KEY}]", op.key),
        *([("metadata[order]", op.order_number)] if op.order_number else []),
        *([("description", description[:_LONGEST_DESCRIPTION])] if description else []),
        ("expand[]", "latest_charge"),
    ]


def capture(op: Operation) -> Fields:
    return [("amount_to_capture", str(amounts.written(op.amount, op.currency))), ("expand[]", "latest_charge")]


def capture_of_charge(op: Operation) -> Fields:
    return [("amount", str(amounts.written(op.amount, op.currency)))]


def refund(op: Operation, sale: Sale) -> Fields:
    name = "charge" if is_charge(sale.reference) else "payment_intent"
    return [
        (name, sale.reference),
        # always: without it Stripe returns all that remains by its own books
        ("amount", str(amounts.written(op.amount, op.currency))),
        (f"metadata[{KEY}]", op.key),
        *([("metadata[order]", op.order_number)] if op.order_number else []),
    ]
