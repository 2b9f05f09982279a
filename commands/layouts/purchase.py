"""A purchase on a terminal."""

from __future__ import annotations

from csctl.domain.plurals import counted

from ..cli.output import Output
from ..cli.sheet import Sheet
from . import shared
from .shared import Layout, Record


def purchase_layout(out: Output) -> Layout:
    return lambda record: _page(Sheet(out.zone), record)


def _page(sheet: Sheet, record: Record) -> str:
    sheet.line(f"{record['id']}  {record['status']}")
    sheet.facts(
        [
            ("Product", record["product"]),
            ("Option", record["option"]),
            ("Price point", record["price_point"]),
            ("Price", _price(record, record["currency"])),
            ("Bills every", record["interval"]),
            ("Billed by", record["billed_by"]),
            (
                "Cycle",
                f"{record['cycle']} of {record['final_cycle']}" if record["final_cycle"] else str(record["cycle"]),
            ),
            ("Trial ends", record["trial_ends_on"]),
            ("Next billing", record["next_bill_on"]),
            ("For", _next(record)),
            ("Declined", counted(record["recycle_attempts"], "time") if record["recycle_attempts"] else None),
            ("Paused until", record["paused_until"]),
            ("Ends", "after the next billing" if record["cancel_after_billing"] else record["cancel_on"]),
            ("Cancelled", record["cancelled_at"]),
            ("Reason", record["cancel_reason"]),
            ("Order", record["order_id"]),
            ("Customer", shared.customer(record)),
            ("External id", record["external_id"]),
        ]
    )
    if record["transactions"]:
        sheet.heading("Transactions")
        sheet.columns([_transaction(sheet, one) for one in record["transactions"]], right=[4])
    return str(sheet)


def _price(terms: Record, currency: str) -> str:
    return f"{terms['quantity']} x {terms['unit_price']} = {terms['price']} {currency}"


def _next(record: Record) -> str | None:
    """The terms of the next billing, if they differ from the current ones."""
    terms = record["next_billing"]
    if terms is None or all(terms[key] == record[key] for key in ("option", "price_point", "quantity", "unit_price")):
        return None
    what = f" ({terms['option']}, {terms['price_point']})" if terms["price_point"] else ""
    return f"{_price(terms, record['currency'])}{what}, once"


def _transaction(sheet: Sheet, one: Record) -> list[str]:
    status = "disputed" if one["disputed"] else one["message"] or one["reason"] or one["settlement"] or ""
    amount = f"{one['amount']} {one['currency']}"
    return [one["id"], sheet.day(one["created_at"]), one["kind"], one["state"], amount, status]
