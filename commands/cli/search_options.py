"""The fields by which customers and their orders are found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from csctl.domain.states import OrderStatus, PurchaseStatus

from .ids import id_option

STATUSES = tuple(dict.fromkeys([*(s.value for s in OrderStatus), *(s.value for s in PurchaseStatus)]))
_FIELDS = (
    ("--name", "Words of the first or last name."),
    ("--first-name", "Part of the first name."),
    ("--last-name", "Part of the last name."),
    ("--email", "Part of the email address."),
    ("--phone", "Part of the phone number, however it is written."),
    ("--address", "Words of the billing or shipping address."),
    ("--city", "Part of the city."),
    ("--region", "Part of the state or region."),
    ("--postal-code", "The start of the postal code."),
    ("--country", "Country, its name or code."),
    ("--ip", "IP address."),
    ("--card-last4", "Last four digits of a card."),
    ("--card-bin", "First digits of a card."),
    ("--gateway-ref", "The gateway's reference of a transaction."),
    ("--tracking", "Tracking number of a shipment."),
    ("--external-id", "The record's id where it came from."),
)


def search_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """QUERY and the search fields. The command gets `query` and a keyword for each field, None where not given."""
    options = [
        click.argument("query", nargs=-1),
        *(click.option(flag, metavar="TEXT", help=help) for flag, help in _FIELDS),
        id_option("ord", "--order", "order_id", help="The order's id."),
        id_option("txn", "--txn", "transaction_id", help="A transaction's id."),
        click.option("--status", type=click.Choice(STATUSES), help="Status of an order or a purchase."),
        *period_options("made"),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def period_options(verb: str) -> list[Callable[[Any], Any]]:
    """--since and --until: a time, or a day of the shop."""
    return [
        click.option("--since", metavar="TIME", help=f"Only those {verb} on this day or later."),
        click.option("--until", metavar="TIME", help=f"Only those {verb} on this day or earlier."),
    ]
