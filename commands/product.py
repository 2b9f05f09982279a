"""csctl product: manage products, options and price points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from csctl.results import RESULT_FIELDS

from .cli.change import ChangeOutput
from .cli.completion_cache import complete
from .cli.declare import Alike, group
from .cli.output import Output
from .cli.shared_options import fail_fast_option, list_options

if TYPE_CHECKING:
    from csctl.app import App
    from csctl.results import Limit

product = group("product", "Manage products, options and price points.")
option = group("option", "Manage the variants of a product.")
price = group("price", "Manage the price points of a product's options.")
product.add_command(option)
product.add_command(price)

_FIELDS = ("id", "sku", "name", "options", "price_points", "created_at", "retired_at")
_CHANGE: Alike = {
    "fields": (*RESULT_FIELDS, "sku"),
    "columns": ("id", "outcome", "message"),
    "changes": True,
    "noun": "product",
}


@product.command(
    "list",
    fields=_FIELDS,
    columns=("id", "sku", "name", "options", "price_points", "retired_at"),
    examples=("csctl product list", "csctl product list --all -o json"),
)
@list_options
def list_(app: App, out: Output, limit: Limit) -> None:
    """List products, newest first."""
    from csctl.services.catalog import products

    out.rows(products.listing(app, limit))


@product.command(fields=_FIELDS, examples=("csctl product show green-tea", "csctl product show prd_3 -o json"))
@click.argument("named", metavar="PRODUCT", shell_complete=complete("product"))
def show(app: App, out: Output, named: str) -> None:
    """Show a product, by its SKU or id, with its options and price points."""
    from csctl.services.catalog import products

    from .layouts.product import product_layout

    out.show(products.show(app, named), product_layout(out))


@product.command(
    **_CHANGE,
    examples=(
        "csctl product create green-tea --name 'Green tea'",
        "csctl product create green-tea --name 'Green tea' --dry-run",
    ),
)
@click.argument("sku")
@click.option("--name", required=True, help="Name of the product.")
def create(app: App, out: ChangeOutput, sku: str, name: str) -> None:
    """Create a product. Add its prices with `csctl product price add`."""
    from csctl.services.catalog import products

    out.change(lambda dry_run: products.create(app, sku, name, dry_run=dry_run))


@product.command(
    **_CHANGE,
    examples=("csctl product edit green-tea --name 'Sencha'", "csctl product edit prd_3 --name 'Sencha' --dry-run"),
)
@click.argument("named", metavar="PRODUCT", shell_complete=complete("product"))
@click.option("--name", required=True, help="What people call it.")
def edit(app: App, out: ChangeOutput, named: str, name: str) -> None:
    """Give a product another name. Orders and emails show it from then on."""
    from csctl.services.catalog import products

    out.change(lambda dry_run: products.edit(app, named, name, dry_run=dry_run))


@product.command(
    **_CHANGE,
    asks="many",
    examples=("csctl product retire green-tea", "csctl product retire green-tea --revert"),
)
@click.argument("named", metavar="PRODUCT…", nargs=-1, required=True, shell_complete=complete("product"))
@click.option("--revert", is_flag=True, help="Sell them again.")
@fail_fast_option
def retire(app: App, out: ChangeOutput, named: tuple[str, ...], revert: bool, fail_fast: bool) -> None:
    """Sell products no more. Subscriptions to them go on and are billed."""
    from csctl.services.catalog import products

    out.target.count = len(set(named))
    out.change(lambda dry_run: products.retire(app, named, revert=revert, dry_run=dry_run, fail_fast=fail_fast))


@option.command(
    "add",
    fields=(*RESULT_FIELDS, "option"),
    noun="option",
    columns=("id", "outcome", "message"),
    changes=True,
    examples=(
        "csctl product option add green-tea large --name 'Large box'",
        "csctl product option add green-tea small --dry-run",
    ),
)
@click.argument("named", metavar="PRODUCT", shell_complete=complete("product"))
@click.argument("code", metavar="OPTION")
@click.option("--name", help="Name of the option.")
def option_add(app: App, out: ChangeOutput, named: str, code: str, name: str | None) -> None:
    """Add a variant of a product, such as a size. A product without variants needs none."""
    from csctl.services.catalog import products

    out.change(lambda dry_run: products.add_option(app, named, code, name, dry_run=dry_run))


@price.command(
    "add",
    fields=(*RESULT_FIELDS, "option", "price_point"),
    noun="price point",
    columns=("id", "outcome", "message"),
    changes=True,
    examples=(
        "csctl product price add green-tea tea-once --amount 12.00 --currency USD",
        "csctl product price add green-tea tea-monthly --option large --amount 9.99 --currency USD"
        " --interval month --trial-days 14 --trial-amount 1.00",
        "csctl product price add course course-6 --amount 49.00 --currency USD --interval month --final-cycle 6",
    ),
)
@click.argument("named", metavar="PRODUCT", shell_complete=complete("product"))
@click.argument("code", metavar="PRICE")
@click.option("--amount", metavar="19.99", required=True, help="Price of one unit.")
@click.option("--currency", metavar="USD", required=True, help="Currency, as ISO 4217 code.")
@click.option("--option", metavar="OPTION", help="Option of the product. Required if there are several.")
@click.option(
    "--interval", metavar="INTERVAL", help="Time between billings, such as month or '14 days' [default: billed once]."
)
@click.option("--trial-days", type=int, metavar="N", help="Length of the trial, in days.")
@click.option("--trial-amount", metavar="1.00", help="Price of the trial [default: free].")
@click.option("--final-cycle", type=int, metavar="N", help="Last cycle to bill; the checkout is cycle 1.")
def price_add(app: App, out: ChangeOutput, named: str, **terms: Any) -> None:
    """Add a price point to an option of a product. Orders and purchases refer to it by its code."""
    from csctl.services.catalog import products

    wanted = products.Price(**terms)
    out.change(lambda dry_run: products.add_price(app, named, wanted, dry_run=dry_run))
