"""csctl order: look at orders, return their money."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from csctl.domain.ids import Ref
from csctl.domain.states import OrderStatus
from csctl.results import MONEY_FIELDS, RESULT_FIELDS

from ..cli.declare import bulk_options, fail_fast_option, group, limit_options
from ..cli.ids import id_argument, id_option, ids_argument
from ..cli.output import Output
from ..cli.refund_options import refund_options
from ..cli.search_options import period_options, search_options

if TYPE_CHECKING:
    from csctl.app import App

order = group("order", "Orders: look, create, refund, cancel.")

FIELDS = (
    "id",
    "external_id",
    "customer_id",
    "status",
    "total",
    "refunded",
    "currency",
    "placed_at",
    "cancelled_at",
)
_COLUMNS = ("id", "customer_id", "status", "total", "currency", "placed_at")
_since, _until = period_options("placed")


@order.command(
    "list",
    fields=FIELDS,
    columns=_COLUMNS,
    examples=("csctl order list --status complete --since 2026-03-01", "csctl order list --customer cus_12 -o json"),
)
@click.option("--status", type=click.Choice([status.value for status in OrderStatus]), help="Only in this status.")
@id_option("cus", "--customer", "customer_id", help="Only of this customer.")
@click.option("--product", metavar="PRODUCT", help="Only with this product: its sku, or words of its name.")
@_since
@_until
@limit_options
def list_(app: App, out: Output, limit: int | None, **filters: Any) -> None:
    """Orders, newest first."""
    from csctl.services.views import orders

    out.rows(orders.listing(app, limit, **filters))


@order.command(
    "search",
    fields=FIELDS,
    columns=_COLUMNS,
    examples=("csctl order search jane doe", "csctl order search --tracking 1Z999AA10123456784 -o json"),
)
@search_options
@limit_options
def search(app: App, out: Output, limit: int | None, **fields: Any) -> None:
    """Find orders, by what is known of the order or of its customer.

    The fields are those of `csctl customer search`; --since and --until look at when the order was placed.
    """
    from csctl.services.views import customer_search

    out.rows(customer_search.orders(app, customer_search.Search(**fields), limit))


@order.command(
    fields=(*FIELDS, "cancel_reason", "billing", "shipping", "purchases", "transactions", "fulfillments"),
    examples=("csctl order show ord_7", "csctl order show ord_7 -o json"),
)
@id_argument("ord")
def show(app: App, out: Output, ref: Ref) -> None:
    """An order with its purchases, transactions and fulfillments."""
    from csctl.services.views import orders

    from ..layouts import order_layout

    out.show(orders.show(app, ref.id), order_layout(out))


@order.command(
    fields=(*MONEY_FIELDS, "approval_id"),
    columns=("id", "outcome", "amount", "currency", "transaction_id", "queue_item_id", "message"),
    changes=True,
    money=True,
    asks="always",
    examples=(
        "csctl order refund ord_7",
        "csctl order refund ord_7 --last --amount 5.00",
        "csctl order list --customer cus_12 -o name | csctl order refund - --dry-run -o jsonl",
    ),
)
@ids_argument("ord")
@refund_options
@id_option("pur", "--purchase", "purchase_id", help="Only what this purchase cost.")
@click.option("--last", is_flag=True, help="Of several billings, the newest.")
@click.option("--cycle", type=click.IntRange(min=1), metavar="N", help="Of several billings, that of cycle N.")
@click.option("--all-cycles", is_flag=True, help="All billings.")
@click.option("--cancel", flag_value="order", help="Cancel the order too, once the refund is accepted or queued.")
@bulk_options
def refund(
    app: App,
    out: Output,
    refs: list[Ref],
    purchase_id: int | None,
    last: bool,
    cycle: int | None,
    all_cycles: bool,
    concurrency: int,
    fail_fast: bool,
    **wish: Any,
) -> None:
    """Return the money of orders: void what has not settled, refund what has.

    A row for each sale that is touched. An order with several billings that have money left needs --last, --cycle
    or --all-cycles: nobody returns a year of rebills by accident.
    """
    from csctl.domain.refund_plan import Which
    from csctl.services.refunds import refunds

    which = Which(last=last, cycle=cycle, all_cycles=all_cycles, purchase_id=purchase_id)
    wanted = refunds.Wish(**wish, which=which)
    out.besides = "Each refund cancels its order, too." if wanted.cancel else None
    out.change(lambda dry_run: refunds.refund_orders(app, refs, wanted, refunds.How(dry_run, concurrency, fail_fast)))


@order.command(
    "resend-email",
    fields=(*RESULT_FIELDS, "email_id"),
    columns=("id", "ok", "outcome", "message", "email_id"),
    changes=True,
    noun="email",
    asks="many",
    examples=("csctl order resend-email ord_7", "csctl order resend-email ord_7 --kind refund -o json"),
)
@ids_argument("ord")
@click.option(
    "--kind",
    type=click.Choice(["welcome", "refund", "void"]),
    default="welcome",
    show_default=True,
    help="Which email.",
)
@fail_fast_option
def resend_email(app: App, out: Output, refs: list[Ref], kind: str, fail_fast: bool) -> None:
    """Send the welcome email of an order once more, or that of its newest refund or void."""
    from csctl.domain.states import EmailKind
    from csctl.services.emails import resend as resending

    wanted = EmailKind(kind)
    out.change(lambda dry_run: resending.of_orders(app, refs, wanted, dry_run=dry_run, fail_fast=fail_fast))


from . import change as order_changes  # noqa: E402, F401 - adds its commands to the group
from . import rerun as order_rerun  # noqa: E402, F401
