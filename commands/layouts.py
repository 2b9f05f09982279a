"""How the profile of a customer, an order, a transaction and a queued refund look on a terminal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from csctl.domain.addresses import Address

from .cli.output import Output
from .cli.sheet import Sheet

Record = Mapping[str, Any]
Layout = Callable[[Record], str]
_MOST = 20  # of a long list; the line below it says how to see the rest


def customer_layout(out: Output) -> Layout:
    return lambda record: _customer(Sheet(out.zone), record)


def order_layout(out: Output) -> Layout:
    return lambda record: _order_page(Sheet(out.zone), record)


def transaction_layout(out: Output) -> Layout:
    return lambda record: _transaction_page(Sheet(out.zone), record)


def queue_layout(out: Output) -> Layout:
    return lambda record: _queue_page(Sheet(out.zone), record)


# -- customer


def _customer(sheet: Sheet, record: Record) -> str:
    _details(sheet, record)
    _addresses(sheet, record)
    if record["payment_methods"]:
        sheet.heading("Payment methods")
        sheet.columns([_card(method) for method in record["payment_methods"]])
    if record["history"]:
        sheet.heading("History")
        _history(sheet, record)
    if record["orders"]:
        sheet.heading("Orders")
        _orders(sheet, record)
    if record["queue"]:
        sheet.heading("Refund queue")
        sheet.columns([_queued(sheet, item) for item in record["queue"]], right=[1])
    return str(sheet)


def _details(sheet: Sheet, record: Record) -> None:
    name = " ".join(part for part in (record["first_name"], record["last_name"]) if part)
    sheet.line(f"{name or '(no name)'}  {record['id']}")
    for entry in record["blacklist"]:
        sheet.line(f"BLACKLISTED by {entry['id']}: {entry['kind']} {entry['value']}. {entry['reason']}")
    sheet.facts(
        [
            ("Email", record["email"]),
            ("Phone", record["phone"]),
            ("IP", record["ip"]),
            ("External id", record["external_id"]),
            ("Since", record["created_at"]),
            ("Merged into", record["merged_into"]),
            ("Erased", record["erased_at"]),
            ("Version", record["version"]),
            ("Orders", len(record["orders"])),
            ("Last order", record["last_order_at"]),
        ]
    )


def _addresses(sheet: Sheet, record: Record) -> None:
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


def _card(method: Record) -> list[str]:
    number = f"{method['bin'] or ''}…{method['last4']}" if method["last4"] else ""
    expires = f"{method['exp_month']:02}/{method['exp_year']}" if method["exp_month"] and method["exp_year"] else ""
    return [method["id"], method["brand"] or "card", number, expires, "default" if method["default"] else ""]


def _history(sheet: Sheet, record: Record) -> None:
    entries = record["history"]
    sheet.columns([[sheet.cell(e["at"]), e["kind"], e["operator"] or "", e["text"]] for e in entries[:_MOST]])
    _rest(sheet, entries, f"csctl customer history {record['id']} --all")


def _orders(sheet: Sheet, record: Record) -> None:
    purchases, transactions, shipments = (
        _by_order(record[kind]) for kind in ("purchases", "transactions", "fulfillments")
    )
    for order in record["orders"][:_MOST]:
        sheet.line(
            f"{order['id']}  {sheet.cell(order['placed_at'])}  {order['status']}  {_money(order, 'total')}"
            + (f", refunded {_money(order, 'refunded')}" if _is_some(order["refunded"]) else "")
        )
        number = order["id"]
        _parts(sheet, number, purchases[number], transactions[number], shipments[number], indent=2)
    _rest(sheet, record["orders"], f"csctl order list --customer {record['id']} --all")


def _by_order(rows: Sequence[Record]) -> dict[str, list[Record]]:
    found: dict[str, list[Record]] = defaultdict(list)
    for row in rows:
        found[row["order_id"]].append(row)
    return found


def _parts(
    sheet: Sheet,
    order_id: str,
    purchases: Sequence[Record],
    transactions: Sequence[Record],
    shipments: Sequence[Record],
    indent: int,
) -> None:
    """What belongs to an order: what was bought, what was paid, what was sent."""
    sheet.columns([_purchase(sheet, one) for one in purchases[:_MOST]], right=[1], indent=indent)
    _rest(sheet, purchases, f"csctl order show {order_id} -o json")
    sheet.columns([_transaction(sheet, one) for one in transactions[:_MOST]], right=[4], indent=indent)
    _rest(sheet, transactions, f"csctl txn list --order {order_id} --all")
    sheet.columns([_shipment(sheet, one) for one in shipments[:_MOST]], indent=indent)
    _rest(sheet, shipments, f"csctl order show {order_id} -o json")


def _rest(sheet: Sheet, rows: Sequence[Record], command: str) -> None:
    if len(rows) > _MOST:
        sheet.line(f"… and {len(rows) - _MOST:,} more: {command}")


def _purchase(sheet: Sheet, purchase: Record) -> list[str]:
    name = purchase["product"] or "(no name)"
    if purchase["option"] and purchase["option"] != "default":
        name += f", {purchase['option']}"
    price = f"{purchase['quantity']} x {_money(purchase, 'unit_price')}"
    about = [f"cycle {purchase['cycle']}"] if purchase["interval"] else []
    for label, key in (("trial ends", "trial_ends_on"), ("bills", "next_bill_on"), ("ends", "cancel_on")):
        if purchase[key]:
            about.append(f"{label} {sheet.day(purchase[key])}")
    return [purchase["id"], price, purchase["status"], name + (f" ({', '.join(about)})" if about else "")]


def _transaction(sheet: Sheet, transaction: Record) -> list[str]:
    return [
        transaction["id"],
        sheet.day(transaction["created_at"]),
        transaction["kind"],
        transaction["state"],
        _money(transaction, "amount"),
        _standing(transaction),
    ]


def _standing(transaction: Record) -> str:
    """What became of a transaction, and what can still be done with it."""
    said: list[str] = []
    if transaction["voided"]:
        said.append("voided")
    elif transaction["settlement"] and transaction["state"] == "approved":
        said.append(transaction["settlement"])
    if transaction["disputed"]:
        said.append("disputed")
    if transaction["refunded"] and _is_some(transaction["refunded"]):
        said.append(f"refunded {transaction['refunded']}, left {transaction['refundable']}")
    if transaction["parent_id"]:
        said.append(f"of {transaction['parent_id']}")
    if transaction["state"] != "approved" and (why := transaction["message"] or transaction["reason"]):
        said.append(why)
    return ", ".join(said)


def _shipment(sheet: Sheet, shipment: Record) -> list[str]:
    said = [shipment["carrier"], shipment["tracking"]]
    if shipment["shipped_at"]:
        said.append(sheet.day(shipment["shipped_at"]))
    if shipment["reship_of"]:
        said.append(f"repeats {shipment['reship_of']}")
    return [shipment["id"], shipment["status"], " ".join(part for part in said if part)]


def _queued(sheet: Sheet, item: Record) -> list[str]:
    about = [f"{item['attempts']} retries"]
    if item["next_attempt_on"]:
        about.append(f"next {sheet.day(item['next_attempt_on'])}")
    if item["last_reason"]:
        about.append(item["last_reason"])
    return [item["id"], _money(item, "amount"), item["state"], item["transaction_id"], ", ".join(about)]


def _money(record: Record, key: str) -> str:
    return f"{record[key]} {record['currency']}"


def _is_some(amount: str) -> bool:
    return amount.strip("0.") != ""


# -- one order, one transaction, one queued refund


def _order_page(sheet: Sheet, record: Record) -> str:
    sheet.line(f"{record['id']}  {record['status']}")
    sheet.facts(
        [
            ("Customer", record["customer_id"]),
            ("Placed", record["placed_at"]),
            ("Total", _money(record, "total")),
            ("Refunded", _money(record, "refunded")),
            ("External id", record["external_id"]),
            ("Cancelled", record["cancelled_at"]),
            ("Because", record["cancel_reason"]),
        ]
    )
    _addresses(sheet, record)
    if record["purchases"] or record["transactions"] or record["fulfillments"]:
        sheet.heading("Purchases, transactions, fulfillments")
    _parts(sheet, record["id"], record["purchases"], record["transactions"], record["fulfillments"], indent=0)
    return str(sheet)


def _transaction_page(sheet: Sheet, record: Record) -> str:
    method = record["payment_method"]
    sheet.line(f"{record['id']}  {record['kind']}, {record['state']}")
    sheet.facts(
        [
            ("Amount", _money(record, "amount")),
            ("Settlement", "voided" if record["voided"] else record["settlement"]),
            ("Settled", record["settled_at"]),
            ("Refunded", record["refunded"]),
            ("Refundable", record["refundable"]),
            ("Disputed", "yes: nothing can be refunded" if record["disputed"] else None),
            ("Order", record["order_id"]),
            ("Purchase", record["purchase_id"]),
            ("Customer", record["customer_id"]),
            ("Of", record["parent_id"]),
            ("Card", " ".join(part for part in _card(method) if part) if method else None),
            ("Gateway", " ".join(part for part in (record["gateway"], record["gateway_ref"]) if part)),
            ("Reason", record["reason"]),
            ("Gateway said", record["message"]),
            ("Asked because", record["refund_reason"]),
            ("External id", record["external_id"]),
            ("Made", record["created_at"]),
            ("By", record["created_by"]),
        ]
    )
    if record["children"]:
        sheet.heading("Captures, voids and refunds of it")
        sheet.columns([_transaction(sheet, child) for child in record["children"]], right=[4])
    return str(sheet)


def _queue_page(sheet: Sheet, record: Record) -> str:
    sheet.line(f"{record['id']}  {record['state']}")
    sheet.facts(
        [
            ("Amount", _money(record, "amount")),
            ("Sale", record["transaction_id"]),
            ("Order", record["order_id"]),
            ("Customer", record["customer_id"]),
            ("Retries", str(record["attempts"])),
            ("Next retry", record["next_attempt_on"]),
            ("Last reason", record["last_reason"]),
            ("Queued", record["created_at"]),
            ("Closed", record["closed_at"]),
            ("Because", record["close_reason"]),
            ("Reference", record["reference"]),
        ]
    )
    sheet.heading("Attempts")
    sheet.columns(
        [
            [sheet.day(a["day"]), a["transaction_id"], a["state"], a["message"] or a["reason"] or ""]
            for a in record["history"]
        ]
    )
    return str(sheet)
