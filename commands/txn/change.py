"""csctl txn: resend emails, and mark disputes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from csctl.domain.ids import Ref
from csctl.results import RESULT_FIELDS

from ..cli.change import ChangeOutput
from ..cli.ids import ids_argument
from ..cli.shared_options import (
    fail_fast_option,
)
from .group import txn

if TYPE_CHECKING:
    from csctl.app import App


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
