"""csctl audit: list, seal and verify the audit log."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from csctl.domain.plurals import counted

from .cli.change import ChangeOutput
from .cli.declare import group
from .cli.output import Output
from .cli.shared_options import list_options

if TYPE_CHECKING:
    from csctl.app import App
    from csctl.results import Limit

audit = group("audit", "List, seal and verify the audit log.")


@audit.command(
    "list",
    fields=("id", "at", "operator", "login", "command", "target", "outcome", "changes"),
    columns=("id", "at", "operator", "command", "target", "outcome"),
    examples=(
        "csctl audit list --operator tim --since 2026-03-01",
        "csctl audit list --command 'txn refund' --target txn_9 -o json",
    ),
)
@click.option("--operator", metavar="NAME", multiple=True, help="Only changes by this operator (name or id).")
@click.option("--command", metavar="COMMAND", help="Only changes by this command (txn refund) or group (txn).")
@click.option("--target", metavar="ID", help="Only changes of this record.")
@click.option("--since", metavar="TIME", help="Only changes at this time or on this day, or later.")
@click.option("--until", metavar="TIME", help="Only changes at this time or on this day, or earlier.")
@list_options
def list_(
    app: App,
    out: Output,
    operator: tuple[str, ...],
    command: str | None,
    target: str | None,
    since: str | None,
    until: str | None,
    limit: Limit,
) -> None:
    """List changes and denied permissions, newest first."""
    from csctl.services.shared import audit

    out.rows(audit.find(app, operator=operator, command=command, target=target, since=since, until=until, limit=limit))


@audit.command(
    fields=("root", "last_seal", "seals", "rows", "dry_run"),
    columns=("root", "last_seal", "seals", "rows"),
    changes=True,
    examples=("csctl audit seal", "csctl audit seal --dry-run -o json"),
)
def seal(app: App, out: ChangeOutput) -> None:
    """Seal the audit log, and print the root. Made for cron.

    `csctl audit verify` finds sealed rows that are changed, removed or inserted afterwards. Keep the root in a place
    that people who can write to the database cannot change: it proves that the seals themselves are unchanged.
    """
    from csctl.services.administration import seals

    done = seals.seal(app, dry_run=out.dry_run)
    out.show({**asdict(done), "dry_run": out.dry_run})
    if not done.seals:
        out.notice("Nothing new to seal.")
    elif out.dry_run:
        out.notice(f"Nothing was done: {counted(done.rows, 'row')} would be sealed.")
    else:
        out.notice("Keep the root outside of the database: csctl audit verify --root ROOT.")


@audit.command(
    fields=("check", "target", "problem"),
    exits=(5,),
    examples=("csctl audit verify", 'csctl audit verify --root "$(tail -1 roots.txt)"'),
)
@click.option("--root", "roots", metavar="ROOT", multiple=True, help="Root from an earlier seal. May be repeated.")
def verify(app: App, out: Output, roots: tuple[str, ...]) -> None:
    """Verify the audit log: find rows that were changed, removed, inserted or back-dated after they were sealed.

    Without --root, a person who can write to the database could have replaced the seals as well.
    """
    from csctl.services.administration import seals

    findings = list(seals.verify(app, roots))
    out.rows(map(asdict, findings))
    out.exit_code = 5 if findings else 0
    if not findings:
        out.notice("The audit log is verified: no integrity errors.")
    else:
        out.notice("1 integrity error." if len(findings) == 1 else f"{len(findings):,} integrity errors.")
