"""Parts that the layouts of several records share: addresses, cards, money, and what belongs to an order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from csctl.domain.addresses import Address
from csctl.domain.states import State

from ..cli.sheet import Sheet

Record = Mapping[str, Any]
Layout = Callable[[Record], str]
MOST = 20  # rows of a long list; the line below it says how to see the rest


def addresses(sheet: Sheet, record: Record) -> None:
    """Add the billing and the shipping address, side by side if they differ."""
    billing, shipping = (Address(**record[kind]).lines() for kind in ("billing", "shipping"))
    if not billing and not shipping:
        return
    sheet.line()
    if billing == shipping:
        sheet.line("BILLING AND SHIPPING ADDRESS")
        for line in billing:
            sheet.line(line)
    else:
        sheet.side_by_side(["BILLING ADDRESS", *(billing or ["-"])], ["SHIPPING ADDRESS", *(shipping or ["-"])])


def customer(record: Record) -> str:
    """The customer of a record: id, name and email."""
    email = f"<{record['customer_email']}>" if record["customer_email"] else None
    return "  ".join(part for part in (record["customer_id"], record["customer_name"], email) if part)


def card(method: Record) -> list[str]:
    """The row of a payment method."""
    number = f"{method['bin'] or ''}…{method['last4']}" if method["last4"] else ""
    expires = f"{method['exp_month']:02}/{method['exp_year']}" if method["exp_month"] and method["exp_year"] else ""
    standing = "disabled" if method["disabled_at"] else "default" if method["default"] else ""
    return [method["id"], method["brand"] or "card", number, expires, standing]


def parts(
    sheet: Sheet,
    order_id: str,
    purchases: Sequence[Record],
    transactions: Sequence[Record],
    shipments: Sequence[Record],
    indent: int,
) -> None:
    """Add the purchases, transactions and shipments of an order."""
    sheet.columns([purchase(sheet, one) for one in purchases[:MOST]], right=[1], indent=indent)
    rest(sheet, purchases, f"csctl order show {order_id} -o json")
    sheet.columns([transaction(sheet, one) for one in transactions[:MOST]], right=[4], indent=indent)
    rest(sheet, transactions, f"csctl txn list --order {order_id} --all")
    sheet.columns([shipment(sheet, one) for one in shipments[:MOST]], indent=indent)
    rest(sheet, shipments, f"csctl order show {order_id} -o json")


def rest(sheet: Sheet, rows: Sequence[Any], command: str) -> None:
    """Add a line that says how many rows are not shown, and the command that shows them."""
    if len(rows) > MOST:
        sheet.line(f"… and {len(rows) - MOST:,} more: {command}")


def purchase(sheet: Sheet, purchase: Record) -> list[str]:
    """The row of a purchase."""
    name = purchase["product"] or "(no name)"
    if purchase["option"] and purchase["option"] != "default":
        name += f", {purchase['option']}"
    price = f"{purchase['quantity']} x {money(purchase, 'unit_price')}"
    about = [f"cycle {purchase['cycle']}"] if purchase["interval"] else []
    for label, key in (("trial ends", "trial_ends_on"), ("bills", "next_bill_on"), ("ends", "cancel_on")):
        if purchase[key]:
            about.append(f"{label} {sheet.day(purchase[key])}")
    return [purchase["id"], price, purchase["status"], name + (f" ({', '.join(about)})" if about else "")]


def transaction(sheet: Sheet, transaction: Record) -> list[str]:
    """The row of a transaction."""
    return [
        transaction["id"],
        sheet.day(transaction["created_at"]),
        transaction["kind"],
        transaction["state"],
        money(transaction, "amount"),
        _standing(transaction),
    ]


def _standing(transaction: Record) -> str:
    """The settlement, refunds and remaining amount of a transaction."""
    parts: list[str] = []
    if transaction["voided"]:
        parts.append("voided")
    elif transaction["settlement"] and transaction["state"] == State.APPROVED:
        parts.append(transaction["settlement"])
    if transaction["disputed"]:
        parts.append("disputed")
    if transaction["refunded"] and is_some(transaction["refunded"]):
        parts.append(f"refunded {transaction['refunded']}, remaining {transaction['refundable']}")
    if transaction["parent_id"]:
        parts.append(f"of {transaction['parent_id']}")
    if transaction["state"] != State.APPROVED and (why := transaction["message"] or transaction["reason"]):
        parts.append(why)
    return ", ".join(parts)


def shipment(sheet: Sheet, shipment: Record) -> list[str]:
    """The row of a shipment."""
    parts = [shipment["carrier"], shipment["tracking"]]
    if shipment["shipped_at"]:
        parts.append(sheet.day(shipment["shipped_at"]))
    if shipment["reship_of"]:
        parts.append(f"reships {shipment['reship_of']}")
    return [shipment["id"], shipment["status"], " ".join(part for part in parts if part)]


def money(record: Record, key: str) -> str:
    """The amount of a field, with the currency of its record."""
    return f"{record[key]} {record['currency']}"


def is_some(amount: str) -> bool:
    """Whether a decimal amount is not zero."""
    return amount.strip("0.") != ""
