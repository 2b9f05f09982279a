"""csctl audit: who changed what."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .cli.change import ChangeOutput
from .cli.declare import group
from .cli.output import Output
from .cli.shared_options import limit_options

if TYPE_CHECKING:
    from csctl.app import App

audit = group("audit", "Who changed what.")


@audit.command(
    "list",
    fields=("id", "at", "operator", "command", "target", "outcome", "changes"),
    columns=("id", "at", "operator", "command", "target", "outcome"),
    examples=(
        "csctl audit list --operator tim --since 2026-03-01",
        "csctl audit list --command 'txn refund' --target txn_9 -o json",
    ),
)
@click.option("--operator", metavar="NAME", help="Of this operator; a name or an id.")
@click.option("--command", metavar="COMMAND", help="By this command (txn refund) or group of commands (txn).")
@click.option("--target", metavar="ID", help="To this record.")
@click.option("--since", metavar="TIME", help="From this time or day on.")
@click.option("--until", metavar="TIME", help="Until this time, or this day included.")
@limit_options
def list_(
    app: App,
    out: Output,
    operator: str | None,
    command: str | None,
    target: str | None,
    since: str | None,
    until: str | None,
    limit: int | None,
) -> None:
    """Changes, and refusals for lack of rights, newest first."""
    from csctl.services.shared import audit

    out.rows(audit.find(app, operator=operator, command=command, target=target, since=since, until=until, limit=limit))


@audit.command(
    fields=("root", "last_seal", "seals", "rows", "dry_run"),
    columns=("root", "last_seal", "seals", "rows"),
    changes=True,
    examples=("csctl audit seal", "csctl audit seal --dry-run -o json"),
)
def seal(app: App, out: ChangeOutput) -> None:
    """Seal what is in the trail, and print the root. Meant for cron.

    Whoever changes a sealed row, or takes one out or in, is found out by audit verify. Keep the root where those who
    could change the database cannot: it vouches for the seals themselves.
    """
    from csctl.services.administration import seals

    done = seals.seal(app, dry_run=out.dry_run)
    out.show(done)
    if not done["seals"]:
        out.notice("Nothing new to seal.")
    elif out.dry_run:
        out.notice(f"Nothing was done: this would seal {done['rows']:,} rows.")
    else:
        out.notice("Keep the root elsewhere: csctl audit verify --root ROOT.")


@audit.command(
    fields=("check", "target", "problem"),
    exits=(5,),
    examples=("csctl audit verify", 'csctl audit verify --root "$(tail -1 roots.txt)"'),
)
@click.option("--root", "roots", metavar="ROOT", multiple=True, help="A root that was kept, the newest or older ones.")
def verify(app: App, out: Output, roots: tuple[str, ...]) -> None:
    """Check the trail against its seals: which rows were changed, removed, slipped in or back-dated.

    Without a root that was kept elsewhere, whoever can write the database could have made the seals anew.
    """
    from csctl.services.administration import seals

    findings = list(seals.verify(app, roots))
    out.rows(findings)
    out.exit_code = 5 if findings else 0
    out.notice(f"{len(findings)} things do not hold." if findings else "The trail holds.")
