"""csctl txn: refund and void."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from csctl.domain.ids import Ref
from csctl.errors import Usage
from csctl.results import MONEY_FIELDS

from ..cli.change import ChangeOutput
from ..cli.ids import ids_argument
from ..cli.refund_options import reason_options, refund_options
from ..cli.shared_options import (
    bulk_options,
)
from .group import txn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from csctl.app import App
    from csctl.results import Result


@txn.command(
    fields=(*MONEY_FIELDS, "approval_id"),
    columns=("id", "outcome", "amount", "currency", "transaction_id", "queue_item_id", "message"),
    changes=True,
    money=True,
    asks="always",
    examples=(
        "csctl txn refund txn_9",
        "csctl txn refund txn_9 --amount 5.00 --reason 'arrived late'",
        "csctl txn list --order ord_7 --kind sale -o name | csctl txn refund - --dry-run",
    ),
)
@ids_argument("txn")
@refund_options
@click.option("--cancel", is_flag=True, help="Also cancel the purchase, once the refund is accepted or queued.")
@click.option(
    "--outside", metavar="REFERENCE", help="Only record money that was returned by other means, such as 'cheque 118'."
)
@click.option("--undo-outside", is_flag=True, help="Take a mistaken record of --outside back (administrators).")
@bulk_options
def refund(
    app: App,
    out: ChangeOutput,
    refs: list[Ref],
    cancel: bool,
    outside: str | None,
    undo_outside: bool,
    concurrency: int,
    fail_fast: bool,
    **wish: Any,
) -> None:
    """Refund settled sales, in full or in part.

    A refund that fails for certain is queued (exit 12), and retried once a day: csctl queue. With --outside nothing is
    sent: the amount counts as refunded.
    """
    from csctl.domain.cancellations import Carried, Scope
    from csctl.services.refunds import outside as records
    from csctl.services.refunds import refunds, wishes

    if undo_outside:
        if outside is not None or wish["amount"] is not None:
            raise Usage("--undo-outside takes back a whole record", fix="leave --outside and --amount out")
        out.change(lambda dry_run: records.undo(app, refs, dry_run=dry_run, fail_fast=fail_fast))
        return
    wanted = wishes.Wish(**wish, cancel=Carried(Scope.PAID_FOR) if cancel else None)
    out.besides = "Each refund also cancels the purchase that was billed." if wanted.cancel else None

    def work(dry_run: bool) -> Iterator[Result]:
        how = wishes.How(dry_run, concurrency, fail_fast)
        if outside is not None:
            return records.record(app, refs, outside, wanted, how)
        return refunds.refund_transactions(app, refs, wanted, how)

    out.change(work)


@txn.command(
    fields=MONEY_FIELDS,
    changes=True,
    money=True,
    asks="always",
    examples=("csctl txn void txn_9", "csctl txn void txn_9 txn_10 --reason 'ordered twice' --yes"),
)
@ids_argument("txn")
@click.option("--amount", hidden=True)  # a void is never partial: the error says so
@reason_options
@bulk_options
def void(app: App, out: ChangeOutput, refs: list[Ref], concurrency: int, fail_fast: bool, **wish: Any) -> None:
    """Void charges that have not settled, always for the full amount."""
    from csctl.services.refunds import refunds, wishes

    wanted = wishes.Wish(**wish)
    out.change(
        lambda dry_run: refunds.void_transactions(app, refs, wanted, wishes.How(dry_run, concurrency, fail_fast))
    )
