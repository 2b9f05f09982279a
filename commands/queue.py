"""csctl queue: refunds that failed and are tried again once a day."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from csctl.domain.ids import Ref
from csctl.domain.states import ItemState
from csctl.results import MONEY_FIELDS, RESULT_FIELDS

from .cli.change import ChangeOutput
from .cli.declare import group
from .cli.ids import id_argument, ids_argument
from .cli.output import Output
from .cli.shared_options import concurrency_option, fail_fast_option, limit_options

if TYPE_CHECKING:
    from csctl.app import App

queue = group("queue", "Failed refunds, tried again once a day.")

FIELDS = (
    "id",
    "transaction_id",
    "order_id",
    "customer_id",
    "amount",
    "currency",
    "state",
    "attempts",
    "next_attempt_on",
    "last_reason",
    "created_at",
)


@queue.command(
    "list",
    fields=FIELDS,
    columns=("id", "order_id", "amount", "currency", "state", "attempts", "next_attempt_on"),
    examples=("csctl queue list", "csctl queue list --state exhausted -o json"),
)
@click.option(
    "--state",
    type=click.Choice([*(state.value for state in ItemState), "any"]),
    help="Only in this state; without it, those queued and in progress.",
)
@limit_options
def list_(app: App, out: Output, state: str | None, limit: int | None) -> None:
    """What is in the queue, newest first."""
    from csctl.services.views import queue

    out.rows(queue.listing(app, state, limit))


@queue.command(
    fields=(*FIELDS, "closed_at", "close_reason", "reference", "history"),
    examples=("csctl queue show rfq_7", "csctl queue show rfq_7 -o json"),
)
@id_argument("rfq")
def show(app: App, out: Output, ref: Ref) -> None:
    """One refund in the queue, with every attempt and why it failed."""
    from csctl.services.views import queue

    from .layouts.queue import queue_layout

    out.show(queue.show(app, ref.id), queue_layout(out))


@queue.command(
    fields=("state", "currency", "items", "amount", "oldest", "due_today", "due_amount"),
    examples=("csctl queue stats", "csctl queue stats -o json"),
)
def stats(app: App, out: Output) -> None:
    """How much is in the queue, by state and currency, and how much of it is due today."""
    from csctl.services.views import queue

    out.rows(queue.stats(app))


@queue.command(
    fields=(*MONEY_FIELDS[:3], "attempt", *MONEY_FIELDS[3:]),
    changes=True,
    money=True,
    asks="named",
    examples=("csctl queue retry", "csctl queue retry --concurrency 16 -o jsonl", "csctl queue retry rfq_7 --yes"),
)
@ids_argument("rfq", required=False)
@click.option("--limit", type=click.IntRange(min=1), help="At most so many.")
@concurrency_option(8)
@fail_fast_option
def retry(app: App, out: ChangeOutput, refs: list[Ref], limit: int | None, concurrency: int, fail_fast: bool) -> None:
    """Try again the refunds that are due today. Meant for a daily cron.

    Any number of hosts may run it at once, and as often as they like: each refund is tried once a day. With ids: those
    now, which takes their turn of today. Waiting emails are delivered last.
    """
    from csctl.services.emails.delivery import Delivery
    from csctl.services.payments import reconcile
    from csctl.services.refunds import queue, refunds

    if refs:
        how = refunds.How(concurrency=concurrency, fail_fast=fail_fast)
        out.change(lambda dry_run: queue.retry_named(app, refs, replace(how, dry_run=dry_run)))
        return
    orphans = reconcile.Orphans()
    out.change(
        lambda dry_run: queue.retry_due(
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
@click.option("--reason", required=True, metavar="TEXT", help="Why it is given up.")
@fail_fast_option
def remove(app: App, out: ChangeOutput, refs: list[Ref], reason: str, fail_fast: bool) -> None:
    """Take refunds out of the queue. Their amount is left of the sale again."""
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
    """Put refunds that were given up or removed back, for three new attempts."""
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
@click.option("--reference", required=True, metavar="REF", help="Of the payment outside.")
@fail_fast_option
def resolve(app: App, out: ChangeOutput, refs: list[Ref], reference: str, fail_fast: bool) -> None:
    """The money was returned outside of the gateway: count it as refunded."""
    from csctl.services.refunds import queue

    out.change(lambda dry_run: queue.resolve(app, refs, reference, dry_run=dry_run, fail_fast=fail_fast))


notify = group("notify", "The Notify Emails: who is told when a refund is given up.")
queue.add_command(notify)
_NOTIFY = ("id", "email", "created_at")


@notify.command("list", fields=_NOTIFY, examples=("csctl queue notify list", "csctl queue notify list -o json"))
def notify_list(app: App, out: Output) -> None:
    """The addresses that are told."""
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
    """Tell these addresses too."""
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
    """Tell these addresses no more."""
    from csctl.services.emails import notify_emails

    out.target.count = len(set(addresses))
    out.change(lambda dry_run: notify_emails.remove(app, addresses, dry_run=dry_run, fail_fast=fail_fast))
