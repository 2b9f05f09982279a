"""csctl txn: ask the gateways, and compare the books with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from csctl.domain.ids import Ref
from csctl.errors import Conflict, Usage
from csctl.results import MONEY_FIELDS, RESULT_FIELDS

from ..cli.change import ChangeOutput
from ..cli.ids import ids_argument
from ..cli.search_options import period_options
from ..cli.shared_options import (
    concurrency_option,
    fail_fast_option,
)
from .group import txn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from csctl.app import App
    from csctl.results import Result

_since, _until = period_options("created")


_DIFFERENCES = (
    *("difference", "kind", "state", "gateway", "gateway_ref"),
    *("gateway_state", "gateway_amount", "gateway_currency", "at", "fix"),
)


@txn.command(
    fields=(*MONEY_FIELDS, *_DIFFERENCES),
    columns=MONEY_FIELDS,
    changes=True,
    money=True,
    cron=True,
    examples=(
        "csctl txn reconcile",
        "csctl txn reconcile txn_12 -o json",
        "csctl txn reconcile txn_12 --as failed",
        "csctl txn reconcile txn_12 --as approved --amount 4.00",
        "csctl txn reconcile --against sandbox --since 30d",
    ),
)
@ids_argument("txn", required=False)
@concurrency_option(4)
@fail_fast_option
@click.option(
    "--as",
    "seen",
    type=click.Choice(["approved", "failed"]),
    help="Outcome that the gateway's own page shows, for gateways without lookup (administrators).",
)
@click.option("--reference", metavar="REF", help="Reference at the gateway, with --as approved.")
@click.option("--amount", metavar="4.00", help="Amount that the gateway moved, with --as approved [default: as asked].")
@click.option(
    "--against",
    metavar="ACCOUNT",
    help="Only compare the books with what this gateway account has on record (administrators); changes nothing.",
)
@_since
@_until
def reconcile(
    app: App,
    out: ChangeOutput,
    refs: list[Ref],
    concurrency: int,
    fail_fast: bool,
    seen: str | None,
    reference: str | None,
    amount: str | None,
    against: str | None,
    since: str | None,
    until: str | None,
) -> None:
    """Ask the gateway for the outcome of unknown, pending and orphaned transactions.

    Without ids: of all of them. Exits 9 if some remain unknown. With --against it lists the differences between the
    books and the gateway [default: of the last 30 days], and exits 5 if there are any.
    """
    from csctl.services.payments import reconcile

    if against is not None:
        if refs or seen or reference or amount:
            raise Usage("--against compares a whole period", fix="leave the ids, --as, --reference and --amount out")
        _compare(app, out, against, since, until)
        return
    if since or until:
        raise Usage("--since and --until go with --against", fix="leave them out, or add --against ACCOUNT")
    verdict = reconcile.verdict(app, refs, seen, reference, amount)
    out.change(
        lambda dry_run: reconcile.reconcile(
            app, refs, verdict, dry_run=dry_run, concurrency=concurrency, fail_fast=fail_fast
        )
    )
    out.complete(unknown_left=0 if refs else reconcile.unknown_left(app))


def _compare(app: App, out: ChangeOutput, name: str, since: str | None, until: str | None) -> None:
    from csctl.services.payments import against

    out.narrow(against.FIELDS, against.COLUMNS)
    period = against.period(app, since, until)
    rows = against.differences(app, against.account(app, name, period), period)
    out.rows(rows)
    out.exit_code = Conflict.exit if rows else 0


@txn.command(
    fields=RESULT_FIELDS,
    changes=True,
    money=True,
    cron=True,
    examples=("csctl txn sync", "csctl txn sync txn_9 -o json"),
)
@ids_argument("txn", required=False)
@concurrency_option(4)
@fail_fast_option
def sync(app: App, out: ChangeOutput, refs: list[Ref], concurrency: int, fail_fast: bool) -> None:
    """Ask the gateways which sales have settled, and which refunds were returned.

    Without ids: about all transactions that have not settled yet; prints only those that have changed.
    """
    from csctl.domain.outcomes import Outcome
    from csctl.services.payments import reconcile, settlement
    from csctl.services.payments import sync as syncing

    def work(dry_run: bool) -> Iterator[Result]:
        if refs:
            return settlement.sync(app, refs, dry_run=dry_run, concurrency=concurrency, fail_fast=fail_fast)
        return syncing.everything(app, dry_run=dry_run, concurrency=concurrency, fail_fast=fail_fast)

    out.change(
        work,
        unlisted=() if refs else {Outcome.SKIPPED},
    )
    out.complete(unknown_left=0 if refs else reconcile.unknown_left(app))
