"""csctl purchase option, price, billing-date, quantity."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from csctl.domain.ids import Ref

from ..cli.change import ChangeOutput
from ..cli.completion_cache import complete
from ..cli.ids import id_argument
from .group import CHANGE, next_only_option, purchase

if TYPE_CHECKING:
    from csctl.app import App


@purchase.command(
    "option",
    **CHANGE,
    examples=("csctl purchase option pur_3 large", "csctl purchase option pur_3 large --price tea-large --next-only"),
)
@id_argument("pur")
@click.argument("code", metavar="OPTION", shell_complete=complete("option"))
@click.option(
    "--price",
    metavar="PRICE",
    shell_complete=complete("price"),
    help="Price point of the option [default: quantity and price stay].",
)
@next_only_option
def option_(app: App, out: ChangeOutput, ref: Ref, code: str, price: str | None, next_only: bool) -> None:
    """Change the option of a purchase, by its code (csctl product show)."""
    from csctl.services.purchases import options

    out.change(lambda dry_run: options.change_option(app, ref, code, price, next_only=next_only, dry_run=dry_run))


@purchase.command(
    "price",
    **CHANGE,
    examples=("csctl purchase price pur_3 tea-monthly", "csctl purchase price pur_3 tea-monthly --next-only"),
)
@id_argument("pur")
@click.argument("code", metavar="PRICE", shell_complete=complete("price"))
@next_only_option
def price_(app: App, out: ChangeOutput, ref: Ref, code: str, next_only: bool) -> None:
    """Change the price point of a purchase, by its code (csctl product show). The quantity stays."""
    from csctl.services.purchases import options

    out.change(lambda dry_run: options.change_price(app, ref, code, next_only=next_only, dry_run=dry_run))


@purchase.command(
    "billing-date",
    **CHANGE,
    examples=("csctl purchase billing-date pur_3 2027-03-15", "csctl purchase billing-date pur_3 2027-03-31 --dry-run"),
)
@id_argument("pur")
@click.argument("day", metavar="DATE")
def billing_date(app: App, out: ChangeOutput, ref: Ref, day: str) -> None:
    """Change the date of the next billing; later billings keep its day of the month."""
    from csctl.services.purchases import changes

    out.change(lambda dry_run: changes.change_billing_date(app, ref, day, dry_run=dry_run))


@purchase.command(
    "quantity",
    **CHANGE,
    examples=(
        "csctl purchase quantity pur_3 --quantity 2 --unit-price 9.99 --dry-run",
        "csctl purchase quantity pur_3 --quantity 2 --unit-price 9.99 --next-only",
    ),
)
@id_argument("pur")
@click.option("--quantity", type=int, required=True, help="New quantity.")
@click.option("--unit-price", metavar="9.99", required=True, help="New price of one unit.")
@next_only_option
def quantity_(app: App, out: ChangeOutput, ref: Ref, quantity: int, unit_price: str, next_only: bool) -> None:
    """Change quantity and unit price. --dry-run shows the computed price."""
    from csctl.services.purchases import changes

    out.change(
        lambda dry_run: changes.change_quantity(app, ref, quantity, unit_price, next_only=next_only, dry_run=dry_run)
    )
