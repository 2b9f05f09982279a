"""csctl setting: manage the shop's settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from csctl.results import RESULT_FIELDS

from .cli.change import ChangeOutput
from .cli.declare import Alike, group
from .cli.output import Output

if TYPE_CHECKING:
    from csctl.app import App

setting = group("setting", "Manage the shop's settings: time zone, limits, sender.")
_FIELDS = ("name", "value", "origin", "meaning")
_CHANGE: Alike = {
    "fields": (*RESULT_FIELDS[:3], "value", *RESULT_FIELDS[3:]),
    "changes": True,
    "noun": "setting",
}


def _complete(_ctx: click.Context, _param: click.Parameter, word: str) -> list[str]:
    from csctl.services.administration import settings

    return [name for name in settings.KNOWN if name.startswith(word)]


_name_argument = click.argument("name", shell_complete=_complete)


@setting.command("list", fields=_FIELDS, examples=("csctl setting list", "csctl setting list -o json"))
def list_(app: App, out: Output) -> None:
    """List each setting with its value, its origin (set or default) and its meaning."""
    from csctl.services.administration import settings

    out.rows(settings.listing(app))


@setting.command(
    "set",
    **_CHANGE,
    examples=("csctl setting set timezone Europe/Berlin", "csctl setting set agent-refund-limit '50 USD'"),
)
@_name_argument
@click.argument("value")
def set_(app: App, out: ChangeOutput, name: str, value: str) -> None:
    """Set a setting, for all hosts."""
    from csctl.services.administration import settings

    out.change(lambda dry_run: settings.change(app, name, value, dry_run=dry_run))


@setting.command(
    **_CHANGE, examples=("csctl setting unset support-email", "csctl setting unset agent-refund-limit --dry-run")
)
@_name_argument
def unset(app: App, out: ChangeOutput, name: str) -> None:
    """Reset a setting to its default."""
    from csctl.services.administration import settings

    out.change(lambda dry_run: settings.unset(app, name, dry_run=dry_run))
