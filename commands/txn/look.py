"""csctl txn: list and show transactions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from csctl.domain.ids import Ref
from csctl.domain.states import Kind, Settlement, State

from ..cli.ids import id_option, ids_argument
from ..cli.output import Output
from ..cli.search_options import period_options
from ..cli.shared_options import (
    amount_options,
    choice_option,
    list_options,
)
from .group import FIELDS, txn

if TYPE_CHECKING:
    from csctl.app import App
    from csctl.results import Limit

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

    from ..layouts.transaction import transaction_layout

    out.show_each(refs, lambda ref: transactions.show(app, ref.id), transaction_layout(out))
