"""csctl order rerun and edit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from csctl.domain.ids import Ref
from csctl.results import MONEY_FIELDS, RESULT_FIELDS

from ..cli.change import ChangeOutput
from ..cli.ids import id_argument, id_option, ids_argument
from ..cli.shared_options import bulk_options
from .change import shipping_options
from .group import order

if TYPE_CHECKING:
    from csctl.app import App


@order.command(
    fields=(*MONEY_FIELDS[:3], "order_id", *MONEY_FIELDS[3:]),
    columns=("id", "outcome", "amount", "currency", "transaction_id", "message"),
    changes=True,
    money=True,
    asks="always",
    examples=(
        "csctl order rerun ord_7",
        "csctl order rerun ord_7 --payment-method pm_8",
        "csctl order list --status declined --since 2026-03-01 -o name | csctl order rerun - --dry-run",
    ),
)
@ids_argument("ord")
@id_option("pm", "--payment-method", "payment_method_id", help="Charge this card, now and for its subscriptions.")
@click.option("--no-email", "email", is_flag=True, default=True, flag_value=False, help="No welcome email.")
@bulk_options
def rerun(
    app: App,
    out: ChangeOutput,
    refs: list[Ref],
    payment_method_id: int | None,
    email: bool,
    concurrency: int,
    fail_fast: bool,
) -> None:
    """Charge declined orders again, each with a new attempt. An approved one is complete.

    Its trials and billing dates begin today. Refused for a blacklisted customer, and while an earlier charge of the
    order is unknown.
    """
    from csctl.services.orders import rerun as service

    wish = service.Wish(payment_method_id, email, concurrency, fail_fast)
    out.change(lambda dry_run: service.rerun(app, refs, wish, dry_run=dry_run))


@order.command(
    fields=(*RESULT_FIELDS, "changed"),
    columns=("id", "outcome", "message"),
    changes=True,
    examples=(
        "csctl order edit ord_7 --shipping-line1 '9 Oak Road' --shipping-city Dover --shipping-country US",
        "csctl order edit ord_7 --shipping-postal-code 62702 --dry-run",
    ),
)
@id_argument("ord")
@shipping_options
def edit(app: App, out: ChangeOutput, ref: Ref, shipping: dict[str, str]) -> None:
    """Change the shipping address of an order that has not shipped.

    With --shipping-line1 the address is wholly new, without it only the fields that you name are changed.
    """
    from csctl.services.orders import edit as service

    out.change(lambda dry_run: service.edit_shipping(app, ref, shipping, dry_run=dry_run))
