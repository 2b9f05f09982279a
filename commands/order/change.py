"""csctl order create, cancel."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from csctl.domain.addresses import ADDRESS_FIELDS
from csctl.domain.ids import Ref
from csctl.results import MONEY_FIELDS

from ..cli.change import ChangeOutput
from ..cli.completion_cache import complete
from ..cli.ids import id_option, ids_argument
from ..cli.shared_options import bulk_options
from .group import order

if TYPE_CHECKING:
    from csctl.app import App


def shipping_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """One option for each field of the address. The command gets the given ones as a dict called `shipping`."""

    def collect(ctx: click.Context, param: click.Parameter, text: str | None) -> None:
        values = ctx.params.setdefault("shipping", {})
        if text is not None and param.name:
            values[param.name.removeprefix("shipping_")] = text

    for field in reversed(ADDRESS_FIELDS):
        words = f"Shipping address of this order: {field.replace('_', ' ')}."
        flag = f"--shipping-{field.replace('_', '-')}"
        command = click.option(flag, metavar="TEXT", expose_value=False, callback=collect, help=words)(command)
    return command


@order.command(
    fields=(*MONEY_FIELDS[:3], "order_id", *MONEY_FIELDS[3:]),
    columns=("id", "outcome", "amount", "currency", "transaction_id", "message"),
    changes=True,
    noun="order",
    money=True,
    asks="always",
    examples=(
        "csctl order create --customer cus_12 --item coffee-monthly --item mug:2@9.50",
        "csctl order create --customer cus_12 --item coffee-monthly --payment-method pm_3 --dry-run -o json",
    ),
)
@id_option("cus", "--customer", "customer_id", required=True, help="Customer who places the order.")
@click.option(
    "--item",
    "items",
    metavar="PRICE[:QTY[@UNIT_PRICE]]",
    shell_complete=complete("price"),
    multiple=True,
    required=True,
    help="Price point, with quantity and unit price [default: 1, the catalog price]. May be repeated.",
)
@id_option(
    "pm", "--payment-method", "payment_method_id", help="Payment method to charge [default: the customer's default]."
)
@shipping_options
@click.option("--no-email", "email", is_flag=True, default=True, flag_value=False, help="Send no welcome email.")
def create(app: App, out: ChangeOutput, **wish: Any) -> None:
    """Create an order for a customer, with their current details.

    The amount due now is charged in one sale; for a trial, the trial amount. If it is declined, the order is stored as
    declined. --shipping-line1 replaces the whole shipping address; without it, only the given fields are replaced.
    """
    from csctl.services.orders import checkout

    out.change(lambda dry_run: checkout.create(app, checkout.Wish(**wish), dry_run=dry_run))


@order.command(
    fields=MONEY_FIELDS,
    changes=True,
    money=True,
    asks="always",
    examples=(
        "csctl order cancel ord_7 --reason 'moved abroad'",
        "csctl order cancel ord_7 --refund --yes",
        "csctl order list --customer cus_12 -o name | csctl order cancel - --dry-run -o jsonl",
    ),
)
@ids_argument("ord")
@click.option("--reason", metavar="TEXT", help="Reason, kept with the order.")
@click.option("--refund", is_flag=True, help="Also return the money: void unsettled sales, refund settled ones.")
@click.option("--last", is_flag=True, help="With --refund: only the newest of several billings.")
@click.option("--all-cycles", is_flag=True, help="With --refund: all of several billings.")
@click.option(
    "--no-email",
    "email",
    is_flag=True,
    default=True,
    flag_value=False,
    help="With --refund: send the customer no email.",
)
@bulk_options
def cancel(
    app: App,
    out: ChangeOutput,
    refs: list[Ref],
    reason: str | None,
    refund: bool,
    last: bool,
    all_cycles: bool,
    email: bool,
    concurrency: int,
    fail_fast: bool,
) -> None:
    """Cancel orders with their purchases and unshipped shipments. Without --refund, no money is returned.

    With --refund it prints a row for each sale, then one for the order. The order is cancelled once a refund is
    approved, accepted or queued; if the gateway is unreachable, nothing is done.
    """
    from csctl.domain.cancellations import Carried, Scope
    from csctl.domain.refund_plan import Which
    from csctl.services.orders import cancel
    from csctl.services.refunds import wishes

    if not refund:
        out.change(lambda dry: cancel.cancel(app, refs, reason, dry_run=dry, fail_fast=fail_fast))
        return
    which = Which(last=last, all_cycles=all_cycles)
    wish = wishes.Wish(reason=reason, cancel=Carried(Scope.ORDER), email=email, which=which)
    out.change(lambda dry: cancel.cancel_and_refund(app, refs, wish, wishes.How(dry, concurrency, fail_fast)))
