"""An order on a terminal."""

from __future__ import annotations

from ..cli.output import Output
from ..cli.sheet import Sheet
from . import shared
from .shared import Layout, Record


def order_layout(out: Output) -> Layout:
    return lambda record: _order_page(Sheet(out.zone), record)


def _order_page(sheet: Sheet, record: Record) -> str:
    sheet.line(f"{record['id']}  {record['status']}")
    sheet.facts(
        [
            ("Customer", shared.customer(record)),
            ("Placed", record["placed_at"]),
            ("Total", shared.money(record, "total")),
            ("Refunded", shared.money(record, "refunded")),
            ("External id", record["external_id"]),
            ("Cancelled", record["cancelled_at"]),
            ("Reason", record["cancel_reason"]),
        ]
    )
    shared.addresses(sheet, record)
    if record["purchases"] or record["transactions"] or record["fulfillments"]:
        sheet.heading("Purchases, transactions, fulfillments")
    shared.parts(sheet, record["id"], record["purchases"], record["transactions"], record["fulfillments"], indent=0)
    return str(sheet)
