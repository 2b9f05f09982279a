"""The fields of NMI's requests, without the security key."""

from __future__ import annotations

from datetime import datetime

from csctl.gateways import decimals, tokens
from csctl.gateways.nmi.answers import type_of
from csctl.gateways.nmi.query import stamp
from csctl.gateways.operations import Initiator, Operation, Sale

PAGE = 250  # transactions in one answer: well below the longest answer that is read
_CHECKS = ("check", "ck", "ach", "echeck")
_LONGEST_DESCRIPTION = 255

Fields = list[tuple[str, str]]


def charge(op: Operation) -> Fields:
    vault, billing = tokens.NMI.parts(op.token) or ("", "")
    fields = [("type", type_of(op.kind)), ("customer_vault_id", vault)]
    if billing:
        fields.append(("billing_id", billing))
    fields += [("amount", decimals.written(op.amount, op.currency)), ("currency", op.currency), ("orderid", op.key)]
    if description := _description(op):
        fields.append(("order_description", description))
    fields += [("initiated_by", op.initiated.value), ("stored_credential_indicator", "used")]
    if op.initiated is Initiator.MERCHANT:
        fields.append(("billing_method", "recurring"))
    if op.network_ref:
        fields.append(("initial_transaction_id", op.network_ref))
    return fields


def capture(op: Operation, sale: Sale) -> Fields:
    amount = decimals.written(op.amount, op.currency)
    return [("type", "capture"), ("transactionid", sale.reference), ("amount", amount)]


def void(sale: Sale) -> Fields:
    return [("type", "void"), ("transactionid", sale.reference), *_payment(sale)]


def refund(op: Operation, sale: Sale) -> Fields:
    # Always with the amount: without it, NMI returns all that remains by its own books.
    amount = decimals.written(op.amount, op.currency)
    return [
        ("type", "refund"),
        ("transactionid", sale.reference),
        ("amount", amount),
        ("orderid", op.key),
        *_payment(sale),
    ]


def by_reference(reference: str) -> Fields:
    return [("transaction_id", reference)]


def by_key(key: str) -> Fields:
    return [("order_id", key)]


def customer(vault: str) -> Fields:
    return [("report_type", "customer_vault"), ("customer_vault_id", vault)]


def changed(since: datetime, until: datetime | None, page: int) -> Fields:
    window = [("start_date", stamp(since)), *([("end_date", stamp(until))] if until else [])]
    return [*window, ("result_limit", str(PAGE)), ("page_number", str(page))]


def probe(since: datetime) -> Fields:
    """A query for any account with the right to query."""
    return [("start_date", stamp(since)), ("result_limit", "1")]


def _payment(sale: Sale) -> Fields:
    """The kind of payment: NMI assumes a card unless a bank account is named."""
    return [("payment", "check")] if (sale.method_type or "").lower() in _CHECKS else []


def _description(op: Operation) -> str:
    text = op.description or (f"order {op.order_number}" if op.order_number else "")
    return text[:_LONGEST_DESCRIPTION]
