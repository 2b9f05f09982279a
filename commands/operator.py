"""csctl operator: who may use csctl."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .declare import group
from .output import Output

if TYPE_CHECKING:
    from csctl.app import App

operator = group("operator", "Who may use csctl.")
_FIELDS = ("id", "name", "role", "created_at", "disabled_at", "token_expires_at", "last_used_at")
_WITH_TOKEN = ("id", "name", "role", "token", "token_expires_at")
_ONCE = "The token is shown this once. It goes into CSCTL_TOKEN, or csctl login."

_expires = click.option(
    "--expires", metavar="DATE", help="The last day on which the token works; without it, it has none."
)


@operator.command(
    fields=_WITH_TOKEN,
    examples=("csctl operator create tim --role agent", "csctl operator create cron --role service -o json"),
)
@click.argument("name")
@click.option(
    "--role", type=click.Choice(["agent", "admin", "service"]), required=True, help="What the operator may do."
)
@_expires
def create(app: App, out: Output, name: str, role: str, expires: str | None) -> None:
    """Add an operator, and print the token."""
    from csctl.clock import parse_date
    from csctl.domain.states import Role
    from csctl.services import operators

    out.show(operators.create(app, name, Role(role), None if expires is None else parse_date(expires)))
    out.notice(_ONCE)


@operator.command("list", fields=_FIELDS, examples=("csctl operator list", "csctl operator list --fields name,role"))
def list_(app: App, out: Output) -> None:
    """All operators."""
    from csctl.services import operators

    out.rows(operators.listing(app))


@operator.command(fields=_FIELDS, examples=("csctl operator disable tim", "csctl operator disable opr_2 -o json"))
@click.argument("name")
def disable(app: App, out: Output, name: str) -> None:
    """Take an operator's rights away, at once."""
    from csctl.services import operators

    out.show(operators.disable(app, name))


@operator.command(fields=_FIELDS, examples=("csctl operator enable tim", "csctl operator enable opr_2 -o json"))
@click.argument("name")
def enable(app: App, out: Output, name: str) -> None:
    """Give a disabled operator their rights back.

    The token is the one that they had; if somebody else may know it: csctl operator rotate-token NAME.
    """
    from csctl.services import operators

    out.show(operators.enable(app, name))


@operator.command(
    "rotate-token",
    fields=_WITH_TOKEN,
    examples=("csctl operator rotate-token tim", "csctl operator rotate-token opr_2 --expires 2099-12-31"),
)
@click.argument("name")
@_expires
def rotate_token(app: App, out: Output, name: str, expires: str | None) -> None:
    """Give an operator a new token; the old one stops working at once."""
    from csctl.clock import parse_date
    from csctl.services import operators

    out.show(operators.rotate_token(app, name, None if expires is None else parse_date(expires)))
    out.notice(_ONCE)
