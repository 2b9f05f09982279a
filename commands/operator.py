"""csctl operator: manage the people and programs that may use csctl."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from csctl.results import RESULT_FIELDS

from .cli.change import ChangeOutput
from .cli.declare import Alike, group
from .cli.output import Output

if TYPE_CHECKING:
    from csctl.app import App
    from csctl.services.administration.operators import Issued

operator = group("operator", "Manage the people and programs that may use csctl.")
_FIELDS = ("id", "name", "role", "created_at", "disabled_at", "token_created_at", "token_expires_at", "last_used_at")
_WITH_TOKEN = ("id", "name", "role", "token", "token_expires_at", "dry_run")
_CHANGE: Alike = {
    "fields": (*RESULT_FIELDS[:3], "name", "role", "disabled_at", *RESULT_FIELDS[3:]),
    "columns": ("id", "name", "outcome", "message"),
    "changes": True,
    "noun": "operator",
}
_ONCE = "The token is shown only once. For its owner: csctl login stores it, or CSCTL_TOKEN has it."

_expires = click.option("--expires", metavar="DATE", help="Last day on which the token is valid [default: no limit].")


@operator.command(
    fields=_WITH_TOKEN,
    columns=_WITH_TOKEN[:-1],
    changes=True,
    examples=("csctl operator create tim --role agent", "csctl operator create cron --role service -o json"),
)
@click.argument("name")
@click.option("--role", type=click.Choice(["agent", "admin", "service"]), required=True, help="Role of the operator.")
@_expires
def create(app: App, out: ChangeOutput, name: str, role: str, expires: str | None) -> None:
    """Create an operator, and print the token."""
    from csctl.clock import parse_date
    from csctl.domain.states import Role
    from csctl.services.administration import operators

    until = None if expires is None else parse_date(expires)
    _show(out, operators.create(app, name, Role(role), until, dry_run=out.dry_run))


@operator.command("list", fields=_FIELDS, examples=("csctl operator list", "csctl operator list --fields name,role"))
def list_(app: App, out: Output) -> None:
    """List all operators."""
    from csctl.services.administration import operators

    out.rows(operators.listing(app))


@operator.command(**_CHANGE, examples=("csctl operator disable tim", "csctl operator disable opr_2 --dry-run"))
@click.argument("name")
def disable(app: App, out: ChangeOutput, name: str) -> None:
    """Disable an operator at once."""
    from csctl.services.administration import operators

    out.change(lambda dry_run: operators.disable(app, name, dry_run=dry_run))


@operator.command(**_CHANGE, examples=("csctl operator enable tim", "csctl operator enable opr_2 --dry-run"))
@click.argument("name")
def enable(app: App, out: ChangeOutput, name: str) -> None:
    """Enable a disabled operator.

    The token stays the same. If another person may know it: csctl operator rotate-token NAME.
    """
    from csctl.services.administration import operators

    out.change(lambda dry_run: operators.enable(app, name, dry_run=dry_run))


@operator.command(
    "set-role",
    **_CHANGE,
    examples=("csctl operator set-role tim admin", "csctl operator set-role opr_2 agent --dry-run"),
)
@click.argument("name")
@click.argument("role", type=click.Choice(["agent", "admin", "service"]))
def set_role(app: App, out: ChangeOutput, name: str, role: str) -> None:
    """Give an operator another role, from their next command on."""
    from csctl.domain.states import Role
    from csctl.services.administration import operators

    out.change(lambda dry_run: operators.set_role(app, name, Role(role), dry_run=dry_run))


@operator.command(
    "rotate-token",
    fields=_WITH_TOKEN,
    columns=_WITH_TOKEN[:-1],
    changes=True,
    examples=("csctl operator rotate-token tim", "csctl operator rotate-token opr_2 --expires 2099-12-31"),
)
@click.argument("name")
@_expires
def rotate_token(app: App, out: ChangeOutput, name: str, expires: str | None) -> None:
    """Create a new token for an operator. The old one is invalid at once."""
    from csctl.clock import parse_date
    from csctl.services.administration import operators

    until = None if expires is None else parse_date(expires)
    _show(out, operators.rotate_token(app, name, until, dry_run=out.dry_run))


def _show(out: ChangeOutput, made: Issued) -> None:
    out.show(
        {
            "id": made.id,
            "name": made.name,
            "role": made.role.value,
            "token": made.token,
            "token_expires_at": made.expires_at,
            "dry_run": out.dry_run,
        }
    )
    out.notice("Nothing was done, and no token was created." if out.dry_run else _ONCE)
