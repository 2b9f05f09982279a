"""csctl setting: what the shop decided."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .declare import group
from .output import Output

if TYPE_CHECKING:
    from csctl.app import App

setting = group("setting", "What the shop decided: time zone, limits, sender.")
_FIELDS = ("name", "value", "origin", "meaning")


@setting.command("list", fields=_FIELDS, examples=("csctl setting list", "csctl setting list -o json"))
def list_(app: App, out: Output) -> None:
    """Every setting, its value, whether that was set or is the default, and its meaning."""
    from csctl.services import shop

    out.rows(shop.listing(app))


@setting.command(
    "set",
    fields=_FIELDS,
    examples=("csctl setting set timezone Europe/Berlin", "csctl setting set agent-refund-limit '50 USD'"),
)
@click.argument("name")
@click.argument("value")
def set_(app: App, out: Output, name: str, value: str) -> None:
    """Set a setting, for all hosts."""
    from csctl.services import shop

    out.show(shop.row_of(name, shop.change(app, name, value)))


@setting.command(
    fields=_FIELDS, examples=("csctl setting unset support-email", "csctl setting unset agent-refund-limit")
)
@click.argument("name")
def unset(app: App, out: Output, name: str) -> None:
    """Go back to the default."""
    from csctl.services import shop

    removed = shop.unset(app, name)
    out.show(shop.row_of(name))
    out.notice("It was set; now it is not." if removed else "It was not set.")
