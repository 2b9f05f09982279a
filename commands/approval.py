"""csctl approval: grant and deny refunds above an agent's limit."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from csctl.domain.ids import Ref
from csctl.domain.states import ApprovalState
from csctl.errors import Unconfirmed
from csctl.results import MONEY_FIELDS

from .cli.change import ChangeOutput
from .cli.declare import group
from .cli.ids import ids_argument
from .cli.output import Output
from .cli.shared_options import bulk_options, fail_fast_option, list_options

if TYPE_CHECKING:
    from csctl.app import App
    from csctl.results import Limit

approval = group("approval", "Grant and deny refunds above an agent's limit.")

FIELDS = (
    "id",
    "transaction_id",
    "order_id",
    "customer_id",
    "amount",
    "currency",
    "reason",
    "state",
    "requested_by",
    "created_at",
    "expires_at",
    "decided_by",
    "decided_at",
    "decision_reason",
    "refund_id",
)


@approval.command(
    "list",
    fields=FIELDS,
    columns=("id", "transaction_id", "amount", "currency", "reason", "state", "requested_by", "created_at"),
    examples=("csctl approval list", "csctl approval list --state granted -o json"),
)
@click.option(
    "--state",
    type=click.Choice([*(state.value for state in ApprovalState), "any"]),
    help="Only requests in this state [default: open].",
)
@list_options
def list_(app: App, out: Output, state: str | None, limit: Limit) -> None:
    """List requests for approval, newest first.

    Agents see their own requests, administrators those of everyone.
    """
    from csctl.services.refunds import approvals

    out.rows(approvals.listing_of(app, limit, state=state))


@approval.command(
    fields=(*FIELDS, "refundable", "returned_since"),
    examples=("csctl approval show apr_3", "csctl approval show apr_3 -o json"),
)
@ids_argument("apr")
def show(app: App, out: Output, refs: list[Ref]) -> None:
    """Show one request, and what was returned of its sale since it was made."""
    from csctl.services.refunds import approvals

    out.show_each(refs, lambda ref: approvals.show(app, ref.id))


@approval.command(
    fields=MONEY_FIELDS,
    changes=True,
    money=True,
    asks="always",
    examples=("csctl approval grant apr_3", "csctl approval grant apr_3 apr_4 --yes -o json"),
)
@ids_argument("apr")
@click.option("--again", is_flag=True, help="With --yes: also where money of the sale was returned since the request.")
@bulk_options
def grant(app: App, out: ChangeOutput, refs: list[Ref], again: bool, concurrency: int, fail_fast: bool) -> None:
    """Carry out refunds that agents asked for, as if the limit had allowed them.

    A request of your own has to be granted by another administrator. Where money of the sale was returned after the
    request, it is shown, and you are asked once more; a script says --yes --again.
    """
    from csctl.services.refunds import granting, wishes

    accepted = None
    if not again:
        accepted = granting.changed_since(app, refs)
        if accepted and not out.yes and not out.dry_run and sys.stdin.isatty():
            _ask_again(out, {f"apr_{number}": str(money) for number, money in accepted.items()})
        else:
            accepted = {}
    out.change(lambda dry_run: granting.grant(app, refs, accepted, wishes.How(dry_run, concurrency, fail_fast)))


def _ask_again(out: ChangeOutput, returned: dict[str, str]) -> None:
    """The question before the usual one. Raises Unconfirmed for anything but yes."""
    for name, money in returned.items():
        out.notice(f"{name}: {money} of its sale was returned after the request.")
    if not click.confirm("Grant these requests all the same?", default=False, err=True):
        raise Unconfirmed("nothing was done")


@approval.command(
    fields=MONEY_FIELDS,
    columns=("id", "outcome", "amount", "currency", "message"),
    changes=True,
    asks="many",
    examples=("csctl approval deny apr_3 --reason 'outside the return period'", "csctl approval deny 3 --reason X"),
)
@ids_argument("apr")
@click.option("--reason", required=True, metavar="TEXT", help="Why; shown to the agent.")
@fail_fast_option
def deny(app: App, out: ChangeOutput, refs: list[Ref], reason: str, fail_fast: bool) -> None:
    """Close requests without a refund."""
    from csctl.services.refunds import approvals

    out.change(lambda dry_run: approvals.deny(app, refs, reason, dry_run=dry_run, fail_fast=fail_fast))


@approval.command(
    fields=MONEY_FIELDS,
    columns=("id", "outcome", "amount", "currency", "message"),
    changes=True,
    asks="many",
    examples=("csctl approval withdraw apr_3", "csctl approval list -o name | csctl approval withdraw - --yes"),
)
@ids_argument("apr")
@fail_fast_option
def withdraw(app: App, out: ChangeOutput, refs: list[Ref], fail_fast: bool) -> None:
    """Take back requests of your own."""
    from csctl.services.refunds import approvals

    out.change(lambda dry_run: approvals.withdraw(app, refs, dry_run=dry_run, fail_fast=fail_fast))
