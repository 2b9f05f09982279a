"""csctl purchase payment-method, reactivate, billing-owner."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from csctl.domain.ids import Ref
from csctl.results import RESULT_FIELDS

from ..cli.change import ChangeOutput
from ..cli.ids import id_argument, ids_argument
from ..cli.shared_options import fail_fast_option
from .group import purchase

if TYPE_CHECKING:
    from csctl.app import App

_COLUMNS = ("id", "outcome", "message")


@purchase.command(
    "payment-method",
    fields=RESULT_FIELDS,
    columns=_COLUMNS,
    changes=True,
    examples=("csctl purchase payment-method pur_3 pm_8", "csctl purchase payment-method pur_3 pm_8 --dry-run"),
)
@id_argument("pur")
@id_argument("pm", "method")
def payment_method(app: App, out: ChangeOutput, ref: Ref, method: Ref) -> None:
    """Bill a subscription on another card of its customer."""
    from csctl.services.purchases import ownership

    out.change(lambda dry_run: ownership.choose_card(app, ref, method.id, dry_run=dry_run))


@purchase.command(
    fields=(*RESULT_FIELDS, "status", "before", "after"),
    columns=_COLUMNS,
    changes=True,
    asks="always",
    examples=(
        "csctl purchase reactivate pur_3",
        "csctl purchase reactivate pur_3 --date 2026-04-01 --yes",
    ),
)
@ids_argument("pur")
@click.option("--date", "day", metavar="DATE", help="Day of the next billing [default: today].")
@fail_fast_option
def reactivate(app: App, out: ChangeOutput, refs: list[Ref], day: str | None, fail_fast: bool) -> None:
    """Take cancelled subscriptions up again at their old price.

    Nothing is charged by this command: the next billing run bills what is due. Refused for a blacklisted customer.
    """
    from csctl.services.purchases import ownership

    out.change(lambda dry_run: ownership.reactivate(app, refs, day, dry_run=dry_run, fail_fast=fail_fast))


@purchase.command(
    "billing-owner",
    fields=RESULT_FIELDS,
    columns=_COLUMNS,
    changes=True,
    asks="many",
    examples=(
        "csctl purchase billing-owner pur_3 csctl",
        "csctl purchase billing-owner pur_3 pur_4 'Stripe Billing' --yes",
    ),
)
@ids_argument("pur")
@click.argument("owner", metavar="csctl|NAME")
@fail_fast_option
def billing_owner(app: App, out: ChangeOutput, refs: list[Ref], owner: str, fail_fast: bool) -> None:
    """Say who bills purchases: csctl, or another system by its name.

    What another system bills is never charged by csctl, and its terms are not changed here. Before a purchase moves to
    csctl, make sure that the other system has stopped.
    """
    from csctl.services.purchases import ownership

    out.change(lambda dry_run: ownership.set_billing_owner(app, refs, owner, dry_run=dry_run, fail_fast=fail_fast))
