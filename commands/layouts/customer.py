"""The profile of a customer on a terminal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from csctl.domain.customer_fields import CUSTOMER_FIELDS
from csctl.domain.field_uses import Field
from csctl.domain.plurals import counted
from csctl.domain.states import OPEN_ITEMS, OPEN_STATES, PurchaseStatus

from ..cli.output import Output
from ..cli.sheet import Sheet
from . import shared
from .shared import Layout, Record


def customer_layout(out: Output) -> Layout:
    return lambda record: _customer(Sheet(out.zone), record)


def _customer(sheet: Sheet, record: Record) -> str:
    _details(sheet, record)
    _open(sheet, record)
    shared.addresses(sheet, record)
    if record["payment_methods"]:
        sheet.heading("Payment methods")
        sheet.columns([shared.card(method) for method in record["payment_methods"]])
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
            *((field.label, record[field.key]) for field in CUSTOMER_FIELDS.values() if _is_fact(field)),
            ("External id", record["external_id"]),
            ("Since", record["created_at"]),
            ("Merged into", record["merged_into"]),
            ("Erased", record["erased_at"]),
            ("Version", record["version"]),
            ("Orders", len(record["orders"])),
            ("Last order", record["last_order_at"]),
        ]
    )


def _is_fact(field: Field) -> bool:
    """Whether a detail has a line of its own; the name is the title, and addresses are printed below."""
    return not field.address and field.name not in ("first_name", "last_name")


def _open(sheet: Sheet, record: Record) -> None:
    """Add what is not finished: what a caller most likely asks about."""
    rows = [
        *(_open_transaction(sheet, one) for one in record["transactions"] if one["state"] in OPEN_STATES),
        *(_disputed(sheet, one) for one in record["transactions"] if one["disputed"]),
        *(_waiting(sheet, one) for one in record["queue"] if one["state"] in OPEN_ITEMS),
        *(_asked(one) for one in record["approvals"]),
        *(_next_billing(sheet, one) for one in _by_day(record["purchases"])),
    ]
    if rows:
        sheet.heading("Open")
        sheet.columns(rows[: shared.MOST], right=[2])
        shared.rest(sheet, rows, f"csctl customer show {record['id']} -o json")


def _by_day(purchases: Sequence[Record]) -> list[Record]:
    """The purchases that are billed again, the next one first; and those that cannot be billed."""
    billed = [one for one in purchases if one["next_bill_on"] or one["status"] == PurchaseStatus.RECYCLE_FAILED]
    return sorted(billed, key=lambda one: (one["next_bill_on"] is not None, str(one["next_bill_on"]), one["id"]))


def _open_transaction(sheet: Sheet, one: Record) -> list[str]:
    about = f"since {sheet.day(one['created_at'])}: csctl txn reconcile {one['id']}"
    return [f"{one['kind']} {one['state']}", one["id"], shared.money(one, "amount"), about]


def _disputed(sheet: Sheet, one: Record) -> list[str]:
    return ["disputed", one["id"], shared.money(one, "amount"), f"charged on {sheet.day(one['created_at'])}"]


def _waiting(sheet: Sheet, item: Record) -> list[str]:
    when = f"next attempt on {sheet.day(item['next_attempt_on'])}" if item["next_attempt_on"] else item["state"]
    about = f"{when}: {item['last_reason']}" if item["last_reason"] else when
    return ["queued refund", item["id"], shared.money(item, "amount"), about]


def _asked(request: Record) -> list[str]:
    about = f"by {request['requested_by']}" + (f": {request['reason']}" if request["reason"] else "")
    return ["asked for approval", request["id"], shared.money(request, "amount"), about]


def _next_billing(sheet: Sheet, one: Record) -> list[str]:
    what = "not billed" if one["status"] == PurchaseStatus.RECYCLE_FAILED else "next billing"
    parts = [sheet.day(one["next_bill_on"]) if one["next_bill_on"] else "declined for good", one["product"] or ""]
    parts += [f"billed by {one['billed_by']}"] if one["billed_by"] else []
    return [what, one["id"], shared.money(one, "price"), ", ".join(part for part in parts if part)]


def _history(sheet: Sheet, record: Record) -> None:
    entries = record["history"]
    sheet.columns([[sheet.cell(e["at"]), e["kind"], e["operator"] or "", e["text"]] for e in entries[: shared.MOST]])
    shared.rest(sheet, entries, f"csctl customer history {record['id']} --all")


def _orders(sheet: Sheet, record: Record) -> None:
    purchases, transactions, shipments = (
        _by_order(record[kind]) for kind in ("purchases", "transactions", "fulfillments")
    )
    for order in record["orders"][: shared.MOST]:
        sheet.line(
            f"{order['id']}  {sheet.cell(order['placed_at'])}  {order['status']}  {shared.money(order, 'total')}"
            + (f", refunded {shared.money(order, 'refunded')}" if shared.is_some(order["refunded"]) else "")
        )
        number = order["id"]
        shared.parts(sheet, number, purchases[number], transactions[number], shipments[number], indent=2)
    shared.rest(sheet, record["orders"], f"csctl order list --customer {record['id']} --all")


def _by_order(rows: Sequence[Record]) -> dict[str, list[Record]]:
    found: dict[str, list[Record]] = defaultdict(list)
    for row in rows:
        found[row["order_id"]].append(row)
    return found


def _queued(sheet: Sheet, item: Record) -> list[str]:
    about = [counted(item["attempts"], "retry")]
    if item["next_attempt_on"]:
        about.append(f"next {sheet.day(item['next_attempt_on'])}")
    if item["last_reason"]:
        about.append(item["last_reason"])
    return [item["id"], shared.money(item, "amount"), item["state"], item["transaction_id"], ", ".join(about)]
