"""csctl billing: bill the subscriptions that are due."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from csctl.results import MONEY_FIELDS

from .cli.change import ChangeOutput
from .cli.declare import group
from .cli.shared_options import concurrency_option

if TYPE_CHECKING:
    from csctl.app import App

billing = group("billing", "Bill the subscriptions that are due.")


@billing.command(
    fields=MONEY_FIELDS,
    columns=("id", "outcome", "amount", "currency", "transaction_id", "message"),
    changes=True,
    money=True,
    cron=True,
    noun="purchase",
    examples=("csctl billing run", "csctl billing run --dry-run", "csctl billing run --catch-up all -o jsonl"),
)
@click.option(
    "--catch-up",
    type=click.Choice(["one", "all"]),
    default="one",
    show_default=True,
    help="Missed cycles to bill: one, and continue from today, or all of them.",
)
@concurrency_option(8)
def run(app: App, out: ChangeOutput, catch_up: str, concurrency: int) -> None:
    """Bill the purchases that are due, and create their shipments. Made for a daily cron job.

    Several hosts may run it at the same time, and several times a day: each cycle is billed once. Pauses end and
    cancellations take effect on their day. A soft decline is retried on later days (setting recycle-days).
    Blacklisted customers are skipped. Waiting emails are delivered last.
    """
    from csctl.services.billing import daily
    from csctl.services.emails.delivery import Delivery
    from csctl.services.payments import reconcile

    every = catch_up == "all"
    orphans = reconcile.Orphans()
    out.change(lambda dry: daily.run(app, orphans, every_missed=every, concurrency=concurrency, dry_run=dry))
    out.complete(unknown_left=reconcile.unknown_left(app), trouble=orphans.misconfigured)
    if not out.dry_run:
        Delivery(app).deliver_waiting()
