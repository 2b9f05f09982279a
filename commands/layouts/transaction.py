"""A transaction on a terminal."""

from __future__ import annotations

from ..cli.output import Output
from ..cli.sheet import Sheet
from . import shared
from .shared import Layout, Record


def transaction_layout(out: Output) -> Layout:
    return lambda record: _transaction_page(Sheet(out.zone), record)


def _transaction_page(sheet: Sheet, record: Record) -> str:
    method = record["payment_method"]
    sheet.line(f"{record['id']}  {record['kind']}, {record['state']}")
    sheet.facts(
        [
            ("Amount", shared.money(record, "amount")),
            ("Settlement", "voided" if record["voided"] else record["settlement"]),
            ("Settled", record["settled_at"]),
            ("Refunded", record["refunded"]),
            ("Refundable", record["refundable"]),
            ("Disputed", "yes: nothing can be refunded" if record["disputed"] else None),
            ("Duplicate", "yes: its charge belongs to another sale" if record["duplicate"] else None),
            ("Order", record["order_id"]),
            ("Purchase", record["purchase_id"]),
            ("Customer", shared.customer(record)),
            ("Parent", record["parent_id"]),
            ("Card", " ".join(part for part in shared.card(method) if part) if method else None),
            ("Gateway", " ".join(part for part in (record["gateway"], record["gateway_ref"]) if part)),
            ("Reference at the bank", record["bank_reference"]),
            ("Reason", record["reason"]),
            ("Gateway message", record["message"]),
            ("Gateway code", record["gateway_code"]),
            ("Gateway request id", record["gateway_request_id"]),
            ("Network reference", record["network_ref"]),
            ("Refund reason", record["refund_reason"]),
            ("External id", record["external_id"]),
            ("Created", record["created_at"]),
            ("Created by", record["created_by"]),
        ]
    )
    if record["children"]:
        sheet.heading("Captures, voids and refunds")
        sheet.columns([shared.transaction(sheet, child) for child in record["children"]], right=[4])
    return str(sheet)
