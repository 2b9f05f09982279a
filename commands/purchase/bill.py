"""csctl purchase force-bill, trial skip."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from csctl.domain.ids import Ref
from csctl.results import MONEY_FIELDS

from ..cli.change import ChangeOutput
from ..cli.ids import ids_argument
from ..cli.shared_options import bulk_options
from .group import purchase, trial

if TYPE_CHECKING:
    from csctl.app import App

_COLUMNS = ("id", "outcome", "amount", "currency", "transaction_id", "message")


@purchase.command(
    "force-bill",
    fields=MONEY_FIELDS,
    columns=_COLUMNS,
    changes=True,
    money=True,
    asks="always",
    examples=(
        "csctl purchase force-bill pur_3",
        "csctl purchase force-bill pur_3 --quantity 2 --unit-price 9.50 --yes",
        "csctl purchase list --status recycle_failed -o name | csctl purchase force-bill - --dry-run",
    ),
)
@ids_argument("pur")
@click.option(
    "--quantity", type=click.IntRange(1, 1_000_000), metavar="N", help="New quantity, kept for later billings."
)
@click.option("--unit-price", metavar="P", help="New unit price, kept for later billings.")
@click.option(
    "--cycle", type=click.IntRange(min=1), metavar="N", help="Cycle to bill, even if the purchase was billed today."
)
@click.option(
    "--charged", metavar="REFERENCE", help="Record this charge at the gateway, which a restored database lacks."
)
@bulk_options
def force_bill(
    app: App,
    out: ChangeOutput,
    refs: list[Ref],
    quantity: int | None,
    unit_price: str | None,
    cycle: int | None,
    charged: str | None,
    concurrency: int,
    fail_fast: bool,
) -> None:
    """Bill the next cycle now, and move the next billing date by one interval.

    Each cycle is billed once. A new quantity or unit price is kept if the charge is approved. If it is declined,
    nothing changes.

    After a restore from a backup, --charged (admin) records a charge of csctl that the gateway has and the database
    lacks: nothing is sent.
    """
    from csctl.services.billing import forced, recorded
    from csctl.services.refunds.wishes import How

    terms = forced.Terms(quantity, unit_price, cycle)
    if charged is not None:
        wanted = recorded.charge(app, refs, charged, terms)
        out.change(lambda dry_run: recorded.record(app, wanted, terms, dry_run=dry_run))
        return
    out.change(lambda dry_run: forced.force(app, refs, terms, How(dry_run, concurrency, fail_fast)))


@trial.command(
    "skip",
    fields=MONEY_FIELDS,
    columns=_COLUMNS,
    changes=True,
    money=True,
    asks="always",
    examples=("csctl purchase trial skip pur_3", "csctl purchase trial skip pur_3 pur_4 --yes -o json"),
)
@ids_argument("pur")
@bulk_options
def skip(app: App, out: ChangeOutput, refs: list[Ref], concurrency: int, fail_fast: bool) -> None:
    """End trials now, and bill the first full cycle. If the charge is declined, the trial continues."""
    from csctl.services.billing import forced
    from csctl.services.refunds.wishes import How

    out.change(lambda dry_run: forced.skip_trials(app, refs, How(dry_run, concurrency, fail_fast)))
