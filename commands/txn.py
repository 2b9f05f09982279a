"""csctl txn: void, refund and reconcile transactions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from csctl.domain.ids import Ref
from csctl.domain.states import Kind, Settlement, State
from csctl.errors import Usage
from csctl.results import MONEY_FIELDS, RESULT_FIELDS

from .cli.change import ChangeOutput
from .cli.declare import group
from .cli.ids import id_option, ids_argument
from .cli.output import Output
from .cli.refund_options import reason_options, refund_options
from .cli.search_options import period_options
from .cli.shared_options import (
    amount_options,
    bulk_options,
    choice_option,
    concurrency_option,
    fail_fast_option,
    list_options,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from csctl.app import App
    from csctl.results import Limit, Result

txn = group("txn", "Void, refund and reconcile transactions.")

FIELDS = (
    "id",
    "external_id",
    "order_id",
    "purchase_id",
    "customer_id",
    "customer_name",
    "customer_email",
    "kind",
    "state",
    "amount",
    "currency",
    "settlement",
    "standing",
    "settled_at",
    "refunded",
    "over_returned",
    "refundable",
    "voided",
    "disputed",
    "outside",
    "outside_reference",
    "refund_reason",
    "parent_id",
    "gateway",
    "gateway_ref",
    "reason",
    "message",
    "created_at",
    "created_by",
)
_since, _until = period_options("created")


@txn.command(
    "list",
    fields=FIELDS,
    columns=("id", "kind", "standing", "amount", "currency", "created_at"),
    examples=(
        "csctl txn list --order ord_7",
        "csctl txn list --kind refund --state failed --state declined --since 3d",
        "csctl txn list --amount 19.99 --card-last4 4242 --since yesterday",
    ),
)
@id_option("ord", "--order", "order_id", multiple=True, help="Only transactions of this order.")
@id_option("cus", "--customer", "customer_id", multiple=True, help="Only transactions of this customer.")
@choice_option("--kind", [kind.value for kind in Kind], "Only transactions of this kind.")
@choice_option("--state", [state.value for state in State], "Only transactions in this state.")
@choice_option("--settlement", [one.value for one in Settlement], "Only settled, or only unsettled ones.")
@click.option("--disputed", is_flag=True, help="Only disputed sales.")
@click.option("--gateway", metavar="NAME", multiple=True, help="Only transactions of this gateway account.")
@click.option("--card-last4", metavar="DIGITS", multiple=True, help="Only transactions with a card ending in these.")
@amount_options
@_since
@_until
@list_options
def list_(app: App, out: Output, limit: Limit, **wanted: Any) -> None:
    """List transactions, newest first. A filter that is given twice means any of its values."""
    from csctl.services.views import transactions

    out.rows(transactions.listing(app, limit, transactions.Filters(**wanted)))


@txn.command(
    fields=(*FIELDS, "payment_method", "children"),
    examples=("csctl txn show txn_9", "csctl txn show txn_9 -o json"),
)
@ids_argument("txn")
def show(app: App, out: Output, refs: list[Ref]) -> None:
    """Show a transaction, its remaining amount, and its refunds and voids."""
    from csctl.services.views import transactions

    from .layouts.transaction import transaction_layout

    out.show_each(refs, lambda ref: transactions.show(app, ref.id), transaction_layout(out))


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
@click.option(
    "--cancel", flag_value="purchase", help="Also cancel the purchase, once the refund is accepted or queued."
)
@click.option(
    "--outside", metavar="REFERENCE", help="Only record money that was returned by other means, such as 'cheque 118'."
)
@click.option("--undo-outside", is_flag=True, help="Take a mistaken record of --outside back (administrators).")
@bulk_options
def refund(
    app: App,
    out: ChangeOutput,
    refs: list[Ref],
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
    from csctl.services.refunds import outside as records
    from csctl.services.refunds import refunds

    if undo_outside:
        if outside is not None or wish["amount"] is not None:
            raise Usage("--undo-outside takes back a whole record", fix="leave --outside and --amount out")
        out.change(lambda dry_run: records.undo(app, refs, dry_run=dry_run, fail_fast=fail_fast))
        return
    wanted = refunds.Wish(**wish)
    out.besides = "Each refund also cancels the purchase that was billed." if wanted.cancel else None

    def work(dry_run: bool) -> Iterator[Result]:
        how = refunds.How(dry_run, concurrency, fail_fast)
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
    from csctl.services.refunds import refunds

    wanted = refunds.Wish(**wish)
    out.change(
        lambda dry_run: refunds.void_transactions(app, refs, wanted, refunds.How(dry_run, concurrency, fail_fast))
    )


@txn.command(
    fields=MONEY_FIELDS,
    changes=True,
    money=True,
    cron=True,
    examples=("csctl txn reconcile", "csctl txn reconcile txn_12 -o json", "csctl txn reconcile txn_12 --as failed"),
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
def reconcile(
    app: App,
    out: ChangeOutput,
    refs: list[Ref],
    concurrency: int,
    fail_fast: bool,
    seen: str | None,
    reference: str | None,
) -> None:
    """Ask the gateway for the outcome of unknown, pending and orphaned transactions.

    Without ids: of all of them. Exits 9 if some remain unknown.
    """
    from csctl.services.payments import reconcile

    verdict = reconcile.verdict(app, refs, seen, reference)
    out.change(
        lambda dry_run: reconcile.reconcile(
            app, refs, verdict, dry_run=dry_run, concurrency=concurrency, fail_fast=fail_fast
        )
    )
    out.complete(unknown_left=0 if refs else reconcile.unknown_left(app))


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


@txn.command(
    "resend-email",
    fields=(*RESULT_FIELDS, "email_id"),
    columns=("id", "ok", "outcome", "message", "email_id"),
    changes=True,
    noun="email",
    asks="many",
    examples=("csctl txn resend-email txn_9", "csctl txn resend-email txn_9 txn_12 --yes -o json"),
)
@ids_argument("txn")
@fail_fast_option
def resend_email(app: App, out: ChangeOutput, refs: list[Ref], fail_fast: bool) -> None:
    """Resend the email of an approved refund or void.

    For a sale: that of its newest refund or void.
    """
    from csctl.services.emails import resend

    out.change(lambda dry_run: resend.of_transactions(app, refs, dry_run=dry_run, fail_fast=fail_fast))


@txn.command(
    fields=(*RESULT_FIELDS, "disputed"),
    columns=("id", "outcome", "message"),
    changes=True,
    asks="many",
    examples=(
        "csctl txn dispute txn_9",
        "csctl txn dispute txn_9 --revert -o json",
        "csctl txn dispute txn_9 --lost --cancel",
    ),
)
@ids_argument("txn")
@click.option("--revert", is_flag=True, help="Remove the mark: the dispute was won or withdrawn.")
@click.option("--lost", is_flag=True, help="The bank keeps the money: count it as returned.")
@click.option("--amount", metavar="19.99", help="With --lost: what the bank took back [default: the remaining amount].")
@click.option("--cancel", is_flag=True, help="Also cancel the purchases that the sale paid for.")
@click.option("--resume-billing", is_flag=True, help="After a lost dispute: bill the purchases again.")
@fail_fast_option
def dispute(app: App, out: ChangeOutput, refs: list[Ref], fail_fast: bool, **wanted: Any) -> None:
    """Mark sales as disputed (a chargeback by the customer's bank), or say how the dispute ended.

    A disputed sale cannot be refunded, its queued refunds wait, and its purchases are not billed. After a lost dispute
    they stay unbilled until --resume-billing.
    """
    from csctl.services.payments import disputes

    change = disputes.Change(**wanted)
    out.change(lambda dry_run: disputes.change(app, refs, change, dry_run=dry_run, fail_fast=fail_fast))
