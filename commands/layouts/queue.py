"""A queued refund on a terminal."""

from __future__ import annotations

from ..cli.output import Output
from ..cli.sheet import Sheet
from . import shared
from .shared import Layout, Record


def queue_layout(out: Output) -> Layout:
    return lambda record: _queue_page(Sheet(out.zone), record)


def _queue_page(sheet: Sheet, record: Record) -> str:
    sheet.line(f"{record['id']}  {record['state']}")
    sheet.facts(
        [
            ("Amount", shared.money(record, "amount")),
            ("Sale", record["transaction_id"]),
            ("Order", record["order_id"]),
            ("Customer", shared.customer(record)),
            ("Retries", str(record["attempts"])),
            ("Next retry", record["next_attempt_on"]),
            ("Waits for", record["waits_for"]),
            ("Last reason", record["last_reason"]),
            ("Queued", record["created_at"]),
            ("Closed", record["closed_at"]),
            ("Close reason", record["close_reason"]),
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
