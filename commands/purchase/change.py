"""csctl purchase: the lines of orders, subscriptions above all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from csctl.domain.ids import Ref
from csctl.domain.states import PurchaseStatus
from csctl.results import MONEY_FIELDS, RESULT_FIELDS

from ..cli.declare import fail_fast_option, group, limit_options
from ..cli.ids import id_argument, id_option, ids_argument
from ..cli.output import Output

if TYPE_CHECKING:
    from csctl.app import App

purchase = group("purchase", "Purchases: look, change, pause, cancel, bill.")

_COLUMNS = ("id", "order_id", "product", "status", "price", "currency", "cycle", "next_bill_on")
_FIELDS = (
    "id",
    "external_id",
    "order_id",
    "customer_id",
    "product",
    "option",
    "price_point",
    "status",
    "quantity",
    "unit_price",
    "price",
    "currency",
    "interval",
    "cycle",
    "trial_ends_on",
    "next_bill_on",
    "cancel_on",
    "billed_by",
)
_CHANGE: dict[str, Any] = {
    "fields": (*RESULT_FIELDS, "status", "before", "after"),
    "columns": ("id", "outcome", "message"),
    "changes": True,
}
_NEXT_ONLY = click.option("--next-only", is_flag=True, help="For the next billing alone.")


@purchase.command(
    "list",
    fields=_FIELDS,
    columns=_COLUMNS,
    examples=(
        "csctl purchase list --status recycle_billing",
        "csctl purchase list --customer cus_12 --due-before 2026-04-01 -o json",
    ),
)
@click.option("--status", type=click.Choice([status.value for status in PurchaseStatus]), help="Only in this status.")
@id_option("cus", "--customer", "customer_id", help="Only of this customer.")
@click.option("--due-before", metavar="DATE", help="Only those that are billed before this day.")
@click.option("--product", metavar="PRODUCT", help="Only of this product: its sku, or words of its name.")
@limit_options
def list_(app: App, out: Output, limit: int | None, **filters: Any) -> None:
    """Purchases, newest first."""
    from csctl.services.views import purchases

    out.rows(purchases.listing(app, limit, **filters))


@purchase.command(
    fields=(
        *_FIELDS,
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
@id_argument("pur")
def show(app: App, out: Output, ref: Ref) -> None:
    """A purchase, what is decided about its next billing, and its transactions.

    The sale of a checkout that covered several purchases is the order's: csctl order show.
    """
    from csctl.services.views import purchases

    from .layout import purchase_layout

    out.show(purchases.show(app, ref.id), purchase_layout(out))


trial = group("trial", "The trial of a subscription: restart, skip, stop.")
purchase.add_command(trial)


@trial.command(
    **_CHANGE,
    asks="many",
    examples=("csctl purchase trial restart pur_3", "csctl purchase trial restart pur_3 pur_4 --dry-run"),
)
@ids_argument("pur")
@fail_fast_option
def restart(app: App, out: Output, refs: list[Ref], fail_fast: bool) -> None:
    """Begin trials anew: today is day 1, and they are billed after as many days as the price point gives."""
    from csctl.services.purchases import changes as purchase_changes

    out.change(lambda dry_run: purchase_changes.restart_trials(app, refs, dry_run=dry_run, fail_fast=fail_fast))


@trial.command(
    **_CHANGE,
    asks="always",
    examples=("csctl purchase trial stop pur_3", "csctl purchase trial stop pur_3 pur_4 --yes -o json"),
)
@ids_argument("pur")
@fail_fast_option
def stop(app: App, out: Output, refs: list[Ref], fail_fast: bool) -> None:
    """End trials now: the purchase is cancelled, nothing is billed."""
    from csctl.services.purchases import changes as purchase_changes

    out.change(lambda dry_run: purchase_changes.stop_trials(app, refs, dry_run=dry_run, fail_fast=fail_fast))


@purchase.command(
    "option",
    **_CHANGE,
    examples=("csctl purchase option pur_3 large", "csctl purchase option pur_3 large --price tea-large --next-only"),
)
@id_argument("pur")
@click.argument("code", metavar="OPTION")
@click.option("--price", metavar="PRICE", help="At this price point; without it, quantity and price stay.")
@_NEXT_ONLY
def option_(app: App, out: Output, ref: Ref, code: str, price: str | None, next_only: bool) -> None:
    """Another option of the same product, by its code (csctl product show)."""
    from csctl.services.purchases import options as purchase_options

    out.change(
        lambda dry_run: purchase_options.change_option(app, ref, code, price, next_only=next_only, dry_run=dry_run)
    )


@purchase.command(
    "price",
    **_CHANGE,
    examples=("csctl purchase price pur_3 tea-monthly", "csctl purchase price pur_3 tea-monthly --next-only"),
)
@id_argument("pur")
@click.argument("code", metavar="PRICE")
@_NEXT_ONLY
def price_(app: App, out: Output, ref: Ref, code: str, next_only: bool) -> None:
    """Another price point of the same option, by its code (csctl product show). The quantity stays."""
    from csctl.services.purchases import options as purchase_options

    out.change(lambda dry_run: purchase_options.change_price(app, ref, code, next_only=next_only, dry_run=dry_run))


@purchase.command(
    "billing-date",
    **_CHANGE,
    examples=("csctl purchase billing-date pur_3 2027-03-15", "csctl purchase billing-date pur_3 2027-03-31 --dry-run"),
)
@id_argument("pur")
@click.argument("day", metavar="DATE")
def billing_date(app: App, out: Output, ref: Ref, day: str) -> None:
    """Bill on another day the next time, and from then on by that day of the month."""
    from csctl.services.purchases import changes as purchase_changes

    out.change(lambda dry_run: purchase_changes.change_billing_date(app, ref, day, dry_run=dry_run))


@purchase.command(
    "quantity",
    **_CHANGE,
    examples=(
        "csctl purchase quantity pur_3 --quantity 2 --unit-price 9.99 --dry-run",
        "csctl purchase quantity pur_3 --quantity 2 --unit-price 9.99 --next-only",
    ),
)
@id_argument("pur")
@click.option("--quantity", type=int, required=True, help="How many.")
@click.option("--unit-price", metavar="9.99", required=True, help="The price of one.")
@_NEXT_ONLY
def quantity_(app: App, out: Output, ref: Ref, quantity: int, unit_price: str, next_only: bool) -> None:
    """Another quantity and unit price. The price is computed, and shown before it is kept (look first: --dry-run)."""
    from csctl.services.purchases import changes as purchase_changes

    out.change(
        lambda dry_run: purchase_changes.change_quantity(
            app, ref, quantity, unit_price, next_only=next_only, dry_run=dry_run
        )
    )


@purchase.command(
    "pause",
    **_CHANGE,
    asks="many",
    examples=("csctl purchase pause pur_3 --until 2099-06-01", "csctl purchase pause pur_3 --until 2099-06-01 -o json"),
)
@ids_argument("pur")
@click.option("--until", metavar="DATE", required=True, help="The day on which billing goes on.")
@fail_fast_option
def pause(app: App, out: Output, refs: list[Ref], until: str, fail_fast: bool) -> None:
    """Bill nothing until a day. A billing that falls into the pause is made on that day."""
    from csctl.services.purchases import changes as purchase_changes

    out.change(lambda dry_run: purchase_changes.pause(app, refs, until, dry_run=dry_run, fail_fast=fail_fast))


@purchase.command(
    "resume",
    **_CHANGE,
    asks="many",
    examples=("csctl purchase resume pur_3", "csctl purchase resume pur_3 pur_4 --yes -o json"),
)
@ids_argument("pur")
@fail_fast_option
def resume(app: App, out: Output, refs: list[Ref], fail_fast: bool) -> None:
    """Let paused purchases go on today, and call off cancellations that are scheduled."""
    from csctl.services.purchases import changes as purchase_changes

    out.change(lambda dry_run: purchase_changes.resume(app, refs, dry_run=dry_run, fail_fast=fail_fast))


@purchase.command(
    "cancel",
    **{**_CHANGE, "fields": (*MONEY_FIELDS, "status", "before", "after")},
    money=True,
    asks="always",
    examples=(
        "csctl purchase cancel pur_3 --reason 'moved abroad'",
        "csctl purchase cancel pur_3 --when before-next",
        "csctl purchase cancel pur_3 --refund-last --dry-run",
    ),
)
@ids_argument("pur")
@click.option(
    "--when",
    default="now",
    show_default=True,
    metavar="now|after-next|before-next|DATE",
    help="Now, after the next successful billing, before the next billing, or on a day.",
)
@click.option("--reason", metavar="TEXT", help="Why; kept with the purchase.")
@click.option("--refund-last", is_flag=True, help="Return the money of the last billing, too.")
@fail_fast_option
def cancel(
    app: App, out: Output, refs: list[Ref], when: str, reason: str | None, refund_last: bool, fail_fast: bool
) -> None:
    """Cancel purchases. Their shipments are left alone; a cancellation that is scheduled is called off by resume.

    With --refund-last the purchase is cancelled once the refund is accepted or queued; if the refund is refused,
    nothing is done.
    """
    from csctl.services.purchases import cancel as purchase_cancelling

    out.change(
        lambda dry_run: purchase_cancelling.cancel(
            app, refs, when, reason, refund_last=refund_last, dry_run=dry_run, fail_fast=fail_fast
        )
    )


from . import bill as purchase_billing  # noqa: E402, F401 - adds its commands to the group
from . import ownership as purchase_ownership  # noqa: E402, F401
