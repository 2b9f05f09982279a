"""csctl db: create, upgrade and check the database."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from csctl.results import RESULT_FIELDS

from .cli.change import ChangeOutput
from .cli.context import Cli
from .cli.declare import group
from .cli.output import Output

if TYPE_CHECKING:
    from csctl.app import App

db = group("db", "Create, upgrade and check the database.")
_STATUS = ("database", "backend", "schema", "expected", "current", "rehearsal")


@db.command(
    fields=("id", "name", "role", "token", "dry_run"),
    columns=("id", "name", "role", "token"),
    changes=True,
    opens=False,
    examples=(
        "csctl db init --admin jane --agent-refund-limit '50 USD'",
        "csctl db init --admin jane --rehearsal -o json",
    ),
)
@click.option("--admin", required=True, metavar="NAME", help="Name of the first administrator.")
@click.option("--rehearsal", is_flag=True, help="Rehearsal database: allows the sandbox gateway and CSCTL_NOW.")
@click.option(
    "--agent-refund-limit",
    "limits",
    metavar="LIMIT",
    multiple=True,
    help="Amount that an agent may refund of one sale, such as '50 USD'; once per currency [default: asked for].",
)
def init(cli: Cli, out: ChangeOutput, admin: str, rehearsal: bool, limits: tuple[str, ...]) -> None:
    """Create the tables and the first administrator, and print the token. It is shown only once.

    On a terminal it asks for the refund limit of agents, unless one is given or with --yes.
    """
    from csctl.services.administration import schema

    if not (limits or out.yes or out.dry_run) and sys.stdin.isatty():
        question = "Refund limit of agents for one sale, such as 50 USD (empty: no limit)"
        limits = tuple(filter(None, [click.prompt(question, default="", show_default=False, err=True).strip()]))
    made = schema.init(cli.settings(), admin, rehearsal=rehearsal, limits=limits, dry_run=out.dry_run)
    out.show({"id": made.id, "name": made.name, "role": made.role.value, "token": made.token, "dry_run": out.dry_run})
    kept = "Store the token: csctl login, or CSCTL_TOKEN. It is not shown again."
    out.notice("Nothing was done, and no token was created." if out.dry_run else kept)


@db.command(
    fields=(*_STATUS, "dry_run"),
    columns=_STATUS,
    changes=True,
    any_schema=True,
    examples=("csctl db upgrade", "csctl db upgrade --dry-run -o json"),
)
def upgrade(app: App, out: ChangeOutput) -> None:
    """Upgrade the tables to the schema of this version of csctl."""
    from csctl.services.administration import schema

    out.show({**asdict(schema.upgrade(app, dry_run=out.dry_run)), "dry_run": out.dry_run})


@db.command(fields=_STATUS, any_schema=True, examples=("csctl db status", "csctl db status -o json"))
def status(app: App, out: Output) -> None:
    """Show the database, and whether its schema is current."""
    from csctl.services.administration import schema

    out.show(asdict(schema.status(app)))
    out.exit_code = 0


@db.command(fields=("check", "target", "problem"), exits=(5,), examples=("csctl db check", "csctl db check -o json"))
def check(app: App, out: Output) -> None:
    """Check the integrity of the database: its schema and its totals.

    Exits 11 where the schema is not what csctl made, and 5 where only records do not add up.
    """
    from csctl.services.health import consistency

    findings = consistency.check(app)
    out.rows([finding._asdict() for finding in findings])
    out.exit_code = max((finding.exit for finding in findings), default=0)
    if not findings:
        out.notice("No problems found.")
    else:
        out.notice("1 problem found." if len(findings) == 1 else f"{len(findings):,} problems found.")
        if any(finding.check == "totals" for finding in findings):
            out.notice("To correct totals of sales: csctl db repair")


@db.command(
    fields=RESULT_FIELDS,
    changes=True,
    noun="sale",
    asks="always",
    examples=("csctl db repair --dry-run", "csctl db repair --yes"),
)
def repair(app: App, out: ChangeOutput) -> None:
    """Set the totals of the sales that db check names to the sums of their refunds and queue items. Nothing is sent."""
    from csctl.services.health import repair

    out.change(lambda dry_run: repair.totals(app, dry_run=dry_run))


@db.command(changes=True, examples=("csctl db grants", "csctl db grants --apply --dry-run"))
@click.option("--apply", "carry_out", is_flag=True, help="Run the statements, as the owner of the tables.")
def grants(app: App, out: ChangeOutput, carry_out: bool) -> None:
    """Print the SQL that grants the PostgreSQL groups csctl_agent, csctl_admin and csctl_service their rights.

    Give each person their own login, in the group of their role: docs/security.md describes the steps.
    """
    from csctl.services.administration import grants

    statements = grants.apply(app, dry_run=out.dry_run) if carry_out else grants.sql(app)
    out.text("\n".join(f"{statement};" for statement in statements))
    if carry_out:
        out.notice("Dry run: nothing was done." if out.dry_run else "Done.")
    else:
        out.notice("Nothing was done. Run the statements with --apply, or with psql.")
