"""csctl gateway: inspect the gateway accounts of this environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

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
    examples=("csctl gateway check main", "csctl gateway check main -o json"),
)
@click.argument("name", metavar="NAME")
def check(app: App, out: Output, name: str) -> None:
    """Ask an account who it is and what its key may do. Reads only.

    Exits 0 if there are no problems, else 11.
    """
    from csctl.services.health import gateways

    findings = gateways.check(app, name)
    out.rows(findings)
    problems = sum(finding["status"] != "ok" for finding in findings)
    out.exit_code = _MISCONFIGURED if problems else 0
