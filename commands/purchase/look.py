"""csctl purchase list, show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from csctl.domain.ids import Ref
from csctl.domain.states import PurchaseStatus

from ..cli.completion_cache import complete
from ..cli.ids import id_option, ids_argument
from ..cli.output import Output
from ..cli.shared_options import amount_options, choice_option, list_options
from .group import FIELDS, purchase

if TYPE_CHECKING:
    from csctl.app import App
    from csctl.results import Limit


_COLUMNS = ("id", "order_id", "product", "status", "price", "currency", "cycle", "next_bill_on")


@purchase.command(
    "list",
    fields=FIELDS,
    columns=_COLUMNS,
    examples=(
        "csctl purchase list --status recycle_billing",
        "csctl purchase list --customer cus_12 --due-before 2026-04-01 -o json",
    ),
)
@choice_option("--status", [status.value for status in PurchaseStatus], "Only purchases in this status.")
@id_option("cus", "--customer", "customer_id", multiple=True, help="Only purchases of this customer.")
@click.option("--due-before", metavar="DATE", help="Only purchases with a billing before this day.")
@click.option(
    "--product",
    metavar="PRODUCT",
    multiple=True,
    shell_complete=complete("product"),
    help="Only purchases of this product, by SKU or words of its name.",
)
@amount_options
@list_options
def list_(app: App, out: Output, limit: Limit, **wanted: Any) -> None:
    """List purchases, newest first."""
    from csctl.services.views import purchases

    out.rows(purchases.listing(app, limit, purchases.Filters(**wanted)))


@purchase.command(
    fields=(
        *FIELDS,
        "next_billing",
        "billing_day",
        "final_cycle",
        "paused_until",
        "cancel_after_billing",
        "cancelled_at",
        "cancel_reason",
        "recycle_attempts",
        "created_at",
        "transactions",
    ),
    examples=("csctl purchase show pur_3", "csctl purchase show pur_3 -o json"),
)
@ids_argument("pur")
def show(app: App, out: Output, refs: list[Ref]) -> None:
    """Show a purchase, its next billing, and its transactions.

    The sale of a checkout with several purchases belongs to the order: csctl order show.
    """
    from csctl.services.views import purchases

    from ..layouts.purchase import purchase_layout

    out.show_each(refs, lambda ref: purchases.show(app, ref.id), purchase_layout(out))
