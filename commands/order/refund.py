"""csctl order refund, resend-email."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from csctl.domain.ids import Ref
from csctl.errors import Usage
from csctl.results import MONEY_FIELDS, RESULT_FIELDS

from ..cli.change import ChangeOutput
from ..cli.ids import id_option, ids_argument
from ..cli.refund_options import refund_options
from ..cli.shared_options import bulk_options, fail_fast_option
from .group import order

if TYPE_CHECKING:
    from csctl.app import App


@order.command(
    fields=(*MONEY_FIELDS, "approval_id"),
    columns=("id", "outcome", "amount", "currency", "transaction_id", "queue_item_id", "message"),
    changes=True,
    money=True,
    asks="always",
    examples=(
        "csctl order refund ord_7",
        "csctl order refund ord_7 --last --amount 5.00",
        "csctl order refund ord_7 --purchase pur_3 --quantity 2",
        "csctl order refund --prorate pur_3 --dry-run",
        "csctl order list --customer cus_12 -o name | csctl order refund - --dry-run -o jsonl",
    ),
)
@ids_argument("ord", required=False)
@refund_options
@id_option("pur", "--purchase", "purchase_id", help="Only the share of this purchase.")
@click.option("--quantity", type=click.IntRange(min=1), metavar="N", help="Only so many of the purchase.")
@id_option("pur", "--prorate", "prorate_id", help="The unused days of this purchase's latest billing.")
@click.option("--last", is_flag=True, help="Refund the newest of several billings.")
@click.option("--cycle", type=click.IntRange(min=1), metavar="N", help="Refund the billing of cycle N.")
@click.option("--all-cycles", is_flag=True, help="Refund all billings.")
@click.option("--cancel", is_flag=True, help="Also cancel the order, once the refund is accepted or queued.")
@bulk_options
def refund(
    app: App,
    out: ChangeOutput,
    refs: list[Ref],
    purchase_id: int | None,
    quantity: int | None,
    prorate_id: int | None,
    last: bool,
    cycle: int | None,
    all_cycles: bool,
    cancel: bool,
    concurrency: int,
    fail_fast: bool,
    **wish: Any,
) -> None:
    """Refund orders: void the sales that have not settled, and refund the settled ones.

    Prints a row for each sale. An order with several billings that can be refunded requires --last, --cycle or
    --all-cycles, so that no year of billings is returned by accident. ORD may be left out with --purchase or
    --prorate.
    """
    from csctl.domain.cancellations import Carried, Scope
    from csctl.domain.refund_plan import Which
    from csctl.services.refunds import order_refunds, shares, wishes

    prorate = prorate_id is not None
    _refuse_mixed(prorate, purchase_id, quantity, wish["amount"], chosen=last or all_cycles or cycle is not None)
    which = Which(last or prorate, cycle, all_cycles, purchase_id or prorate_id)
    carried = Carried(Scope.ORDER) if cancel else None
    wanted = wishes.Wish(**wish, cancel=carried, which=which, quantity=quantity, prorate=prorate)
    if not refs:
        refs = [shares.order_of(app, which.purchase_id)]
    out.besides = "Each refund also cancels its order." if wanted.cancel else None
    out.change(
        lambda dry_run: order_refunds.refund_orders(app, refs, wanted, wishes.How(dry_run, concurrency, fail_fast))
    )


def _refuse_mixed(
    prorate: bool, purchase_id: int | None, quantity: int | None, amount: str | None, *, chosen: bool
) -> None:
    """Raises Usage for options that say two different amounts."""
    if prorate and (purchase_id or quantity or amount or chosen):
        raise Usage("--prorate takes the latest billing, and computes the amount", fix="leave the other options out")
    if quantity and not purchase_id:
        raise Usage("--quantity needs --purchase", fix=f"--purchase PUR --quantity {quantity}")
    if quantity and amount:
        raise Usage("--quantity and --amount exclude each other", fix="give one of them")


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
    help="Kind of email.",
)
@fail_fast_option
def resend_email(app: App, out: ChangeOutput, refs: list[Ref], kind: str, fail_fast: bool) -> None:
    """Resend the welcome email of an order, or the email of its newest refund or void."""
    from csctl.domain.states import EmailKind
    from csctl.services.emails import resend

    wanted = EmailKind(kind)
    out.change(lambda dry_run: resend.of_orders(app, refs, wanted, dry_run=dry_run, fail_fast=fail_fast))
