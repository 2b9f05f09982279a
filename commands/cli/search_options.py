"""The fields that find customers and their orders, and the periods of lists."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from csctl.domain.fields import PERSON_OPTIONS
from csctl.domain.states import OrderStatus, PurchaseStatus

from .ids import id_option
from .shared_options import choice_option

STATUSES = tuple(dict.fromkeys([*(s.value for s in OrderStatus), *(s.value for s in PurchaseStatus)]))
# Help for the details of a customer that `Part of the …` does not describe.
_DETAILS = {
    "name": "Words of the first or last name.",
    "email": "Part of the email address.",
    "phone": "Part of the phone number, in any format.",
    "address": "Words of the billing or shipping address.",
    "region": "Part of the state or region.",
    "postal_code": "Beginning of the postal code.",
    "country": "Country, by name or code.",
    "ip": "IP address.",
}
_FIELDS = (
    *(
        (f"--{name.replace('_', '-')}", _DETAILS.get(name, f"Part of the {name.replace('_', ' ')}."))
        for name in PERSON_OPTIONS
    ),
    ("--card-last4", "Last four digits of a card."),
    ("--card-bin", "First digits of a card."),
    ("--gateway-ref", "Reference of a transaction at the gateway."),
    ("--tracking", "Tracking number of a shipment."),
    ("--external-id", "Id of the record in the system that it was imported from."),
)


def search_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """QUERY and the search fields. The command gets `query` and a tuple for each field, empty if it is not given."""
    options = [
        click.argument("query", nargs=-1),
        *(click.option(flag, metavar="TEXT", multiple=True, help=help) for flag, help in _FIELDS),
        id_option("ord", "--order", "order_id", multiple=True, help="Id of an order."),
        id_option("txn", "--txn", "transaction_id", multiple=True, help="Id of a transaction."),
        choice_option("--status", STATUSES, "Status of an order or a purchase."),
        *period_options("created"),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def period_options(verb: str) -> list[Callable[[Any], Any]]:
    """--since and --until: a time, or a day in the shop's zone."""
    return [
        click.option("--since", metavar="TIME", help=f"Only records {verb} at this time or later: a time, a day, 3d."),
        click.option("--until", metavar="TIME", help=f"Only records {verb} at this time or earlier."),
    ]
