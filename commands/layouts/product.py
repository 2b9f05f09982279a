"""A product on a terminal."""

from __future__ import annotations

from csctl.domain.plurals import counted

from ..cli.output import Output
from ..cli.sheet import Sheet
from .shared import Layout, Record


def product_layout(out: Output) -> Layout:
    return lambda record: _page(Sheet(out.zone), record)


def _page(sheet: Sheet, record: Record) -> str:
    sheet.line(f"{record['sku']}  {record['id']}")
    sheet.facts([("Name", record["name"]), ("Since", record["created_at"])])
    for option in record["options"]:
        sheet.heading(f"Option {option['code']}" + (f": {option['name']}" if option["name"] else ""))
        sheet.columns([_price(point) for point in option["price_points"]], right=[1])
    return str(sheet)


def _price(point: Record) -> list[str]:
    trial = ""
    if point["trial_days"] is not None:
        trial = f"trial of {counted(point['trial_days'], 'day')} for {point['trial_amount'] or '0'} {point['currency']}"
    final = f"final cycle {point['final_cycle']}" if point["final_cycle"] else ""
    return [point["code"], f"{point['amount']} {point['currency']}", point["interval"] or "once", trial, final]
