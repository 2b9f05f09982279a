"""csctl order create, cancel."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from csctl.domain.addresses import ADDRESS_FIELDS
from csctl.domain.ids import Ref
from csctl.results import MONEY_FIELDS

from ..cli.change import ChangeOutput
from ..cli.ids import id_option, ids_argument
from ..cli.shared_options import bulk_options
from .group import order

if TYPE_CHECKING:
    from csctl.app import App


def _shipping_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """An option for each field of the address. The command gets those that were given, as a dict called `shipping`."""

    def collect(ctx: click.Context, param: click.Parameter, text: str | None) -> None:
        values = ctx.params.setdefault("shipping", {})
        if text is not None and param.name:
            values[param.name.removeprefix("shipping_")] = text

    for field in reversed(ADDRESS_FIELDS):
        words = f"Send it elsewhere: {field.replace('_', ' ')}."
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
@id_option("cus", "--customer", "customer_id", required=True, help="Who orders.")
@click.option(
    "--item",
    "items",
    metavar="PRICE[:QTY[@UNIT_PRICE]]",
    multiple=True,
    required=True,
    help="A price point, how many, and another price for each. May be repeated.",
)
@id_option("pm", "--payment-method", "payment_method_id", help="Charge this card, not the customer's default one.")
@_shipping_options
@click.option("--no-email", "email", is_flag=True, default=True, flag_value=False, help="No welcome email.")
def create(app: App, out: ChangeOutput, **wish: Any) -> None:
    """Place an order for a customer, with their details as they are.

    What is due now is charged in one sale; of a trial, its amount. Declined, the order is kept as declined. With
    --shipping-line1 the parcel goes to a wholly new address, without it only the fields that you name are changed.
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
@click.option("--reason", metavar="TEXT", help="Why; kept with the order.")
@click.option("--refund", is_flag=True, help="Return its money too: void what has not settled, refund what has.")
@click.option("--last", is_flag=True, help="With --refund: of several billings, the newest.")
@click.option("--all-cycles", is_flag=True, help="With --refund: of several billings, all.")
@click.option("--no-email", "email", is_flag=True, default=True, flag_value=False, help="With --refund: tell nobody.")
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
    """Cancel orders: every purchase, and every shipment that has not left. Money is not touched without --refund.

    With --refund there is a row for each sale that is touched, then one for the order. It is cancelled once a refund
    is approved, accepted or queued; if the gateway cannot be reached, nothing is done.
    """
    from csctl.domain.refund_plan import Which
    from csctl.services.orders import cancel
    from csctl.services.refunds import refunds

    if not refund:
        out.change(lambda dry: cancel.cancel(app, refs, reason, dry_run=dry, fail_fast=fail_fast))
        return
    wish = refunds.Wish(reason=reason, cancel="order", email=email, which=Which(last=last, all_cycles=all_cycles))
    out.change(lambda dry: cancel.cancel_and_refund(app, refs, wish, refunds.How(dry, concurrency, fail_fast)))
