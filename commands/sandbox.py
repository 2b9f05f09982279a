"""csctl sandbox: inspect the built-in gateway for rehearsals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from csctl.results import RESULT_FIELDS

from .cli.change import ChangeOutput
from .cli.declare import group
from .cli.output import Output
from .cli.shared_options import limit_options

if TYPE_CHECKING:
    from csctl.app import App

sandbox = group("sandbox", "Inspect the built-in gateway for rehearsals.")
_LEDGER = ("ref", "kind", "amount", "currency", "parent_ref", "key", "result", "at", "account")


@sandbox.command(
    fields=_LEDGER,
    columns=("ref", "kind", "amount", "currency", "parent_ref", "result", "at"),
    examples=("csctl sandbox ledger", "csctl sandbox ledger --all -o csv"),
)
@limit_options
def ledger(app: App, out: Output, limit: int | None) -> None:
    """List what the sandbox carried out and refused, newest first, to compare with the database."""
    from csctl.services.administration import sandbox

    out.rows(sandbox.ledger(app, limit))


@sandbox.command(
    fields=RESULT_FIELDS,
    changes=True,
    noun="transaction",
    examples=("csctl sandbox adopt", "csctl sandbox adopt --dry-run -o jsonl"),
)
def adopt(app: App, out: ChangeOutput) -> None:
    """Copy the sales of the database into the sandbox, so that imported ones can be voided and refunded."""
    from csctl.services.administration import sandbox

    out.change(lambda dry_run: sandbox.adopt(app, dry_run=dry_run))


@sandbox.command(
    fields=RESULT_FIELDS,
    changes=True,
    noun="ledger",
    asks="always",
    examples=("csctl sandbox reset --dry-run", "csctl sandbox reset --yes"),
)
def reset(app: App, out: ChangeOutput) -> None:
    """Empty the ledger of the sandbox. The database stays as it is."""
    from csctl.services.administration import sandbox

    out.change(lambda dry_run: sandbox.reset(app, dry_run=dry_run))
