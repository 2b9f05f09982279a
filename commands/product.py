"""csctl product: what is sold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from csctl.results import RESULT_FIELDS

from .cli.change import ChangeOutput
from .cli.declare import group
from .cli.output import Output
from .cli.shared_options import limit_options

if TYPE_CHECKING:
    from csctl.app import App

product = group("product", "What is sold: products, options, price points.")
option = group("option", "The variants of a product.")
price = group("price", "The price points of a product's options.")
product.add_command(option)
product.add_command(price)

_FIELDS = ("id", "sku", "name", "options", "price_points", "created_at")


@product.command(
    "list",
    fields=_FIELDS,
    columns=("id", "sku", "name", "options", "price_points"),
    examples=("csctl product list", "csctl product list --all -o json"),
)
@limit_options
def list_(app: App, out: Output, limit: int | None) -> None:
    """Products, newest first."""
    from csctl.services.catalog import products

    out.rows(products.listing(app, limit))


@product.command(fields=_FIELDS, examples=("csctl product show green-tea", "csctl product show prd_3 -o json"))
@click.argument("named", metavar="PRODUCT")
def show(app: App, out: Output, named: str) -> None:
    """A product, by its SKU or id, with its options and price points."""
    from csctl.services.catalog import products

    from .layouts.product import product_layout

    out.show(products.show(app, named), product_layout(out))


@product.command(
    fields=(*RESULT_FIELDS, "sku"),
    noun="product",
    columns=("id", "outcome", "message"),
    changes=True,
    examples=(
        "csctl product create green-tea --name 'Green tea'",
        "csctl product create green-tea --name 'Green tea' --dry-run",
    ),
)
@click.argument("sku")
@click.option("--name", required=True, help="What people call it.")
def create(app: App, out: ChangeOutput, sku: str, name: str) -> None:
    """A new product. What it costs comes with `csctl product price add`."""
    from csctl.services.catalog import products

    out.change(lambda dry_run: products.create(app, sku, name, dry_run=dry_run))


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
@click.argument("named", metavar="PRODUCT")
@click.argument("code", metavar="OPTION")
@click.option("--name", help="What people call it.")
def option_add(app: App, out: ChangeOutput, named: str, code: str, name: str | None) -> None:
    """A variant of a product: a size, a flavour. A product without variants needs none."""
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
@click.argument("named", metavar="PRODUCT")
@click.argument("code", metavar="PRICE")
@click.option("--amount", metavar="19.99", required=True, help="What one costs.")
@click.option("--currency", metavar="USD", required=True, help="The ISO 4217 code.")
@click.option("--option", metavar="OPTION", help="Of which option; needed where there are several.")
@click.option("--interval", metavar="INTERVAL", help="How often it bills: month, '14 days'. Without it: once.")
@click.option("--trial-days", type=int, metavar="N", help="How long the trial is.")
@click.option("--trial-amount", metavar="1.00", help="What the trial costs; without it, nothing.")
@click.option("--final-cycle", type=int, metavar="N", help="The last cycle to bill; the checkout is cycle 1.")
def price_add(app: App, out: ChangeOutput, named: str, **terms: Any) -> None:
    """A price for an option of a product. Its code is what orders and purchases name it by."""
    from csctl.services.catalog import products

    wanted = products.Price(**terms)
    out.change(lambda dry_run: products.add_price(app, named, wanted, dry_run=dry_run))
