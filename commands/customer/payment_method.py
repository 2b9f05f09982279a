"""csctl customer payment-method: the cards of customers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from csctl.results import RESULT_FIELDS

from ..cli.change import ChangeOutput
from ..cli.confined import InputFile
from ..cli.declare import group
from ..cli.ids import id_argument, ids_argument
from ..cli.output import Output
from ..cli.shared_options import fail_fast_option, list_options
from .group import customer

if TYPE_CHECKING:
    from csctl.app import App
    from csctl.domain.ids import Ref
    from csctl.results import Limit

payment_method = group("payment-method", "Cards: list them, choose the default one, disable one.")
customer.add_command(payment_method)

_FIELDS = (
    "id",
    "external_id",
    "customer_id",
    "customer_name",
    "customer_email",
    "gateway",
    "brand",
    "bin",
    "last4",
    "exp_month",
    "exp_year",
    "default",
    "purchases",
    "disabled_at",
    "created_at",
)


@payment_method.command(
    "list",
    fields=_FIELDS,
    columns=("id", "customer_id", "customer_name", "brand", "last4", "exp_month", "exp_year", "default", "purchases"),
    exits=(5,),
    examples=("csctl customer payment-method list cus_12", "csctl customer payment-method list --expiring 30d -o csv"),
)
@click.argument("who", metavar="[CUS]", required=False)
@click.option("--expiring", metavar="AGE", help="Only cards that expire within this time, such as 30d.")
@list_options
def list_(app: App, out: Output, who: str | None, expiring: str | None, limit: Limit) -> None:
    """List the cards of a customer, or all cards that expire soon.

    `purchases` counts the subscriptions that are billed on the card by name.
    """
    from csctl.services.customers import payment_methods

    out.rows(payment_methods.listing_of(app, limit, who=who, expiring=expiring))


@payment_method.command(
    fields=RESULT_FIELDS,
    columns=("id", "outcome", "message"),
    changes=True,
    examples=("csctl customer payment-method default pm_3", "csctl customer payment-method default pm_3 --dry-run"),
)
@id_argument("pm")
def default(app: App, out: ChangeOutput, ref: Ref) -> None:
    """Make a card the customer's default: purchases that name no card are billed on it."""
    from csctl.services.customers import payment_methods

    out.change(lambda dry_run: payment_methods.make_default(app, ref, dry_run=dry_run))


@payment_method.command(
    fields=RESULT_FIELDS,
    columns=("id", "outcome", "message"),
    changes=True,
    asks="many",
    examples=("csctl customer payment-method disable pm_3", "csctl customer payment-method disable pm_3 pm_4 --yes"),
)
@ids_argument("pm")
@fail_fast_option
def disable(app: App, out: ChangeOutput, refs: list[Ref], fail_fast: bool) -> None:
    """Charge cards no more. What was paid with them can still be refunded.

    Purchases that name such a card are not billed until they get another one.
    """
    from csctl.services.customers import payment_methods

    out.change(lambda dry_run: payment_methods.disable(app, refs, dry_run=dry_run, fail_fast=fail_fast))


@payment_method.command(
    fields=RESULT_FIELDS,
    columns=("id", "outcome", "message"),
    changes=True,
    asks="many",
    examples=(
        "csctl customer payment-method retoken --from tokens.csv --dry-run",
        "csctl customer payment-method retoken --from tokens.csv --yes",
    ),
)
@click.option(
    "--from",
    "file",
    required=True,
    type=InputFile(),
    help="CSV file with id or external_id, token, and maybe old_token and gateway; - reads stdin.",
)
@fail_fast_option
def retoken(app: App, out: ChangeOutput, file: Path, fail_fast: bool) -> None:
    """Charge cards by new tokens, after the gateway has made them.

    A line whose old_token is not the token of its card is refused. Cards that are being charged are refused, too.
    """
    from csctl.services.customers import retoken

    lines = retoken.lines(file)
    out.target.read_from(file, len(lines))
    out.change(lambda dry_run: retoken.retoken(app, lines, dry_run=dry_run, fail_fast=fail_fast))
