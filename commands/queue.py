"""csctl queue: manage the refund queue, and retry what is due."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from csctl.domain.ids import Ref
from csctl.domain.states import ItemState
from csctl.results import MONEY_FIELDS, RESULT_FIELDS

from .cli.change import ChangeOutput
from .cli.declare import group
from .cli.ids import id_option, ids_argument
from .cli.output import Output
from .cli.shared_options import amount_options, choice_option, concurrency_option, fail_fast_option, list_options

if TYPE_CHECKING:
    from csctl.app import App
    from csctl.results import Limit

queue = group("queue", "Manage the refund queue, and retry what is due.")

FIELDS = (
    "id",
    "transaction_id",
    "order_id",
    "customer_id",
    "customer_name",
    "customer_email",
    "amount",
    "currency",
    "state",
    "attempts",
    "next_attempt_on",
    "last_reason",
    "waits_for",
    "created_at",
)


@queue.command(
    "list",
    fields=FIELDS,
    columns=("id", "order_id", "amount", "currency", "state", "attempts", "next_attempt_on", "waits_for"),
    examples=("csctl queue list", "csctl queue list --state exhausted -o json"),
)
@choice_option(
    "--state",
    [*(state.value for state in ItemState), "any"],
    "Only items in this state [default: queued and in_progress].",
)
@id_option("cus", "--customer", "customer_id", multiple=True, help="Only items of this customer.")
@amount_options
@list_options
def list_(app: App, out: Output, limit: Limit, **wanted: Any) -> None:
    """List the refund queue, newest first."""
    from csctl.services.views import queue

    out.rows(queue.listing(app, limit, **wanted))


@queue.command(
    fields=(*FIELDS, "closed_at", "close_reason", "reference", "history"),
    examples=("csctl queue show rfq_7", "csctl queue show rfq_7 -o json"),
)
@ids_argument("rfq")
def show(app: App, out: Output, refs: list[Ref]) -> None:
    """Show a queued refund, with every attempt and the reason why it failed."""
    from csctl.services.views import queue

    from .layouts.queue import queue_layout

    out.show_each(refs, lambda ref: queue.show(app, ref.id), queue_layout(out))


@queue.command(
    fields=("state", "currency", "items", "amount", "oldest", "due_today", "due_amount", "disputed"),
    examples=("csctl queue stats", "csctl queue stats -o json"),
)
def stats(app: App, out: Output) -> None:
    """Show the totals of the queue by state and currency, and what is due today."""
    from csctl.services.views import queue

    out.rows(queue.stats(app))


@queue.command(
    fields=(*MONEY_FIELDS[:3], "attempt", *MONEY_FIELDS[3:]),
    changes=True,
    money=True,
    cron=True,
    asks="named",
    examples=("csctl queue retry", "csctl queue retry --concurrency 16 -o jsonl", "csctl queue retry rfq_7 --yes"),
)
@ids_argument("rfq", required=False)
@click.option(
    "--limit", type=click.IntRange(min=1), help="Largest number of refunds to retry [default: all that are due]."
)
@concurrency_option(8)
@fail_fast_option
def retry(app: App, out: ChangeOutput, refs: list[Ref], limit: int | None, concurrency: int, fail_fast: bool) -> None:
    """Retry the refunds that are due today. Made for a daily cron job.

    Several hosts may run it at the same time, and several times a day: each refund is retried once a day. With ids, it
    retries those now, in place of today's retry. Waiting emails are delivered last.
    """
    from csctl.services.emails.delivery import Delivery
    from csctl.services.payments import reconcile
    from csctl.services.refunds import retries, wishes

    if refs:
        how = wishes.How(concurrency=concurrency, fail_fast=fail_fast)
        out.change(lambda dry_run: retries.retry_named(app, refs, replace(how, dry_run=dry_run)))
        return
    orphans = reconcile.Orphans()
    out.change(
        lambda dry_run: retries.retry_due(
            app, orphans, limit=limit, concurrency=concurrency, dry_run=dry_run, fail_fast=fail_fast
        )
    )
    out.complete(unknown_left=reconcile.unknown_left(app), trouble=orphans.misconfigured)
    if not out.dry_run:
        Delivery(app).deliver_waiting()


@queue.command(
    fields=MONEY_FIELDS,
    changes=True,
    asks="always",
    examples=(
        "csctl queue remove rfq_7 --reason 'paid by bank transfer'",
        "csctl queue remove - --reason dispute --yes",
    ),
)
@ids_argument("rfq")
@click.option("--reason", required=True, metavar="TEXT", help="Reason for the removal.")
@fail_fast_option
def remove(app: App, out: ChangeOutput, refs: list[Ref], reason: str, fail_fast: bool) -> None:
    """Remove refunds from the queue. Their amount is no longer reserved on the sale."""
    from csctl.services.refunds import queue

    out.change(lambda dry_run: queue.remove(app, refs, reason, dry_run=dry_run, fail_fast=fail_fast))


@queue.command(
    fields=MONEY_FIELDS,
    changes=True,
    asks="always",
    examples=("csctl queue requeue rfq_7", "csctl queue list --state exhausted -o name | csctl queue requeue - --yes"),
)
@ids_argument("rfq")
@fail_fast_option
def requeue(app: App, out: ChangeOutput, refs: list[Ref], fail_fast: bool) -> None:
    """Put exhausted or removed refunds back into the queue, with all their retries."""
    from csctl.services.refunds import queue

    out.change(lambda dry_run: queue.requeue(app, refs, dry_run=dry_run, fail_fast=fail_fast))


@queue.command(
    fields=MONEY_FIELDS,
    changes=True,
    asks="always",
    examples=(
        "csctl queue resolve rfq_7 --reference 'bank transfer 2026-118'",
        "csctl queue resolve 7 --reference X --yes",
    ),
)
@ids_argument("rfq")
@click.option("--reference", required=True, metavar="REF", help="Reference of the payment outside of the gateway.")
@fail_fast_option
def resolve(app: App, out: ChangeOutput, refs: list[Ref], reference: str, fail_fast: bool) -> None:
    """Record that the money was returned outside of the gateway, and count it as refunded."""
    from csctl.services.refunds import queue

    out.change(lambda dry_run: queue.resolve(app, refs, reference, dry_run=dry_run, fail_fast=fail_fast))


notify = group("notify", "Manage the Notify Emails, which receive a message when a refund is exhausted.")
queue.add_command(notify)
_NOTIFY = ("id", "email", "created_at")


@notify.command("list", fields=_NOTIFY, examples=("csctl queue notify list", "csctl queue notify list -o json"))
def notify_list(app: App, out: Output) -> None:
    """List the Notify Emails."""
    from csctl.services.emails import notify_emails

    out.rows(notify_emails.listing(app))


@notify.command(
    "add",
    fields=RESULT_FIELDS,
    changes=True,
    noun="Notify Email",
    examples=("csctl queue notify add support@example.com", "csctl queue notify add a@example.com b@example.com"),
)
@click.argument("addresses", metavar="EMAIL…", nargs=-1, required=True)
@fail_fast_option
def notify_add(app: App, out: ChangeOutput, addresses: tuple[str, ...], fail_fast: bool) -> None:
    """Add Notify Emails."""
    from csctl.services.emails import notify_emails

    out.change(lambda dry_run: notify_emails.add(app, addresses, dry_run=dry_run, fail_fast=fail_fast))


@notify.command(
    "remove",
    fields=RESULT_FIELDS,
    changes=True,
    noun="Notify Email",
    asks="many",
    examples=("csctl queue notify remove support@example.com", "csctl queue notify remove a@example.com --yes"),
)
@click.argument("addresses", metavar="EMAIL…", nargs=-1, required=True)
@fail_fast_option
def notify_remove(app: App, out: ChangeOutput, addresses: tuple[str, ...], fail_fast: bool) -> None:
    """Remove Notify Emails."""
    from csctl.services.emails import notify_emails

    out.target.count = len(set(addresses))
    out.change(lambda dry_run: notify_emails.remove(app, addresses, dry_run=dry_run, fail_fast=fail_fast))
