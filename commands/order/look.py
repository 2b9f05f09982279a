"""csctl order list, search, show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from csctl.domain.ids import Ref
from csctl.domain.states import OrderStatus

from ..cli.completion_cache import complete
from ..cli.ids import id_option, ids_argument
from ..cli.output import Output
from ..cli.search_options import period_options, search_options
from ..cli.shared_options import amount_options, choice_option, list_options
from .group import FIELDS, order

if TYPE_CHECKING:
    from csctl.app import App
    from csctl.results import Limit

_COLUMNS = ("id", "customer_id", "status", "total", "currency", "placed_at")
_since, _until = period_options("placed")


@order.command(
    "list",
    fields=FIELDS,
    columns=_COLUMNS,
    examples=("csctl order list --status complete --since 2026-03-01", "csctl order list --customer cus_12 -o json"),
)
@choice_option("--status", [status.value for status in OrderStatus], "Only orders in this status.")
@id_option("cus", "--customer", "customer_id", multiple=True, help="Only orders of this customer.")
@click.option(
    "--product",
    metavar="PRODUCT",
    multiple=True,
    shell_complete=complete("product"),
    help="Only orders with this product, by SKU or words of its name.",
)
@amount_options
@_since
@_until
@list_options
def list_(app: App, out: Output, limit: Limit, **wanted: Any) -> None:
    """List orders, newest first."""
    from csctl.services.views import orders

    out.rows(orders.listing(app, limit, orders.Filters(**wanted)))


@order.command(
    "search",
    fields=FIELDS,
    columns=_COLUMNS,
    examples=("csctl order search jane doe", "csctl order search --tracking 1Z999AA10123456784 -o json"),
)
@search_options
@list_options
def search(app: App, out: Output, limit: Limit, **given: Any) -> None:
    """Find orders, by fields of the order or of its customer.

    The fields are those of `csctl customer search`; --since and --until compare the time when the order was placed.
    """
    from csctl.services.views import customer_search

    out.rows(customer_search.orders(app, customer_search.Search.of(**given), limit))


@order.command(
    fields=(*FIELDS, "cancel_reason", "billing", "shipping", "purchases", "transactions", "fulfillments"),
    examples=("csctl order show ord_7", "csctl order show ord_7 -o json"),
)
@ids_argument("ord")
def show(app: App, out: Output, refs: list[Ref]) -> None:
    """Show an order with its purchases, transactions and fulfillments."""
    from csctl.services.views import orders

    from ..layouts.order import order_layout

    out.show_each(refs, lambda ref: orders.show(app, ref.id), order_layout(out))
