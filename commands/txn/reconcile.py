"""csctl txn: ask the gateways, and compare the books with them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from csctl.domain.ids import Ref
from csctl.domain.states import State
from csctl.errors import Conflict, Usage
from csctl.results import MONEY_FIELDS, RESULT_FIELDS

from ..cli.change import ChangeOutput
from ..cli.confined import InputFile
from ..cli.file_options import file_options, mapping_options
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
    from csctl.tabular.options import ColumnOptions, FileOptions

_since, _until = period_options("created")


class AccountOrFile(InputFile):
    """The name of a gateway account; one with a dot or a slash is a file."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return super().convert(value, param, ctx) if "." in str(value) or "/" in str(value) else value


_DIFFERENCES = (
    *("difference", "kind", "state", "gateway", "gateway_ref"),
    *("gateway_state", "gateway_amount", "gateway_currency", "fix"),
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
        "csctl txn reconcile --against payments.csv --from stripe-payments -o csv",
    ),
)
@ids_argument("txn", required=False)
@concurrency_option(4)
@fail_fast_option
@click.option(
    "--as",
    "seen",
    type=click.Choice([State.APPROVED.value, State.FAILED.value]),
    help="Outcome that the gateway's own page shows, for gateways without lookup (administrators).",
)
@click.option("--reference", metavar="REF", help="Reference at the gateway, with --as approved.")
@click.option("--amount", metavar="4.00", help="Amount that the gateway moved, with --as approved [default: as asked].")
@click.option(
    "--against",
    type=AccountOrFile(),
    metavar="ACCOUNT|FILE",
    help="Only compare the books with what this gateway account has on record, or with its export"
    " (administrators); changes nothing.",
)
@mapping_options
@file_options
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
    against: str | Path | None,
    since: str | None,
    until: str | None,
    columns: ColumnOptions,
    form: FileOptions,
) -> None:
    """Ask the gateway for the outcome of unknown, pending and orphaned transactions.

    Without ids: of all of them. Exits 9 if some remain unknown. With --against it lists the differences between the
    books and the gateway [default: of the last 30 days, or of the file], and exits 5 if there are any. A name with a
    dot or a slash is a file, with the fields of csctl data import transactions.
    """
    from csctl.services.payments import reconcile

    if against is not None:
        if refs or seen or reference or amount:
            raise Usage("--against compares a whole period", fix="leave the ids, --as, --reference and --amount out")
        _compare(app, out, against, (since, until), columns, form)
        return
    if since or until or columns:
        raise Usage("options of a comparison need --against", fix="leave them out, or add --against ACCOUNT")
    verdict = reconcile.verdict(app, refs, seen, reference, amount)
    out.change(
        lambda dry_run: reconcile.reconcile(
            app, refs, verdict, dry_run=dry_run, concurrency=concurrency, fail_fast=fail_fast
        )
    )
    _complete(app, out, refs)


def _complete(app: App, out: ChangeOutput, refs: list[Ref]) -> None:
    """End a run over the named transactions, or over all that are open."""
    from csctl.services.payments import reconcile

    if refs:
        out.complete_named()
    else:
        out.complete(unknown_left=reconcile.unknown_left(app))


def _compare(
    app: App,
    out: ChangeOutput,
    what: str | Path,
    limits: tuple[str | None, str | None],
    columns: ColumnOptions,
    form: FileOptions,
) -> None:
    from csctl.services.payments import against

    out.narrow(against.FIELDS, against.COLUMNS)
    out.log = None  # nothing is carried out that a summary could count
    if isinstance(what, Path):
        from csctl.services.data import statement
        from csctl.services.data.mapping import options

        against.permit(app)
        records = statement.read(app, what, options.given("transactions", columns, form))
        period = against.period(app, *limits, records)
    else:
        period = against.period(app, *limits)
        records = against.account(app, what, period)
    rows = against.differences(app, records, period)
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
    from csctl.services.payments import settlement
    from csctl.services.payments import sync as syncing

    def work(dry_run: bool) -> Iterator[Result]:
        if refs:
            return settlement.sync(app, refs, dry_run=dry_run, concurrency=concurrency, fail_fast=fail_fast)
        return syncing.everything(app, dry_run=dry_run, concurrency=concurrency, fail_fast=fail_fast)

    out.change(
        work,
        unlisted=() if refs else {Outcome.SKIPPED},
    )
    _complete(app, out, refs)
