"""csctl gateway: inspect the gateway accounts of this environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from csctl.results import RESULT_FIELDS

from .cli.change import ChangeOutput
from .cli.declare import group
from .cli.output import Output

if TYPE_CHECKING:
    from csctl.app import App

gateway = group("gateway", "Inspect the gateway accounts of this environment.")
_MISCONFIGURED = 11
_FIELDS = (
    "name",
    "kind",
    "account",
    "mode",
    "rate",
    "void_captured",
    "refund_unsettled",
    "finds",
    "keys_live_hours",
    "absence_after_hours",
    "refund_watch_days",
    "changes",
    "synced_at",
    "first_used_at",
)


@gateway.command(
    "list",
    fields=_FIELDS,
    columns=("name", "kind", "rate", "void_captured", "refund_unsettled", "finds", "refund_watch_days", "synced_at"),
    examples=("csctl gateway list", "csctl gateway list -o json"),
)
def list_(app: App, out: Output) -> None:
    """List the accounts: what each can do, how often it is called, and how far its changes are in the books.

    No gateway is called.
    """
    from csctl.services.health import gateways

    out.rows(gateways.listing(app))


@gateway.command(
    fields=("name", "status", "account", "mode", "problem", "fix"),
    examples=("csctl gateway check", "csctl gateway check main -o json"),
)
@click.argument("name", metavar="[NAME]", required=False)
def check(app: App, out: Output, name: str | None) -> None:
    """Ask an account, or each of them, who it is and what its key may do. Reads only.

    Exits 0 if there are no problems, else 11.
    """
    from csctl.services.health import gateways

    findings = gateways.check(app, name)
    out.rows(findings)
    problems = sum(finding["status"] != "ok" for finding in findings)
    out.exit_code = _MISCONFIGURED if problems else 0


@gateway.command(
    fields=RESULT_FIELDS,
    columns=("id", "outcome", "message"),
    changes=True,
    noun="account",
    asks="always",
    examples=(
        "csctl gateway accept main --account acct_1 --dry-run",
        "csctl gateway accept main --account acct_1 --yes",
        "csctl gateway accept main --yes",
        "csctl gateway accept main --charges --yes",
    ),
)
@click.argument("name", metavar="NAME")
@click.option("--account", metavar="ID", help="The account's own id at the gateway [default: the remembered one].")
@click.option("--charges", is_flag=True, help="Accept that the books lack charges: they were returned, or are not due.")
def accept(app: App, out: ChangeOutput, name: str, account: str | None, *, charges: bool) -> None:
    """Remember another account under this name, after the shop has moved to it.

    Without --account: say that the books are up to date with the account, after the database was restored from a
    backup. Refused while they lack refunds or charges that could be made again; --charges accepts charges.
    """
    from csctl.services.payments import accounts

    out.change(lambda dry_run: accounts.accept(app, name, account, charges=charges, dry_run=dry_run))
