"""csctl purchase pause, resume, cancel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from csctl.domain.ids import Ref
from csctl.results import MONEY_FIELDS

from ..cli.change import ChangeOutput
from ..cli.ids import ids_argument
from ..cli.shared_options import fail_fast_option
from .group import CHANGE, purchase

if TYPE_CHECKING:
    from csctl.app import App


@purchase.command(
    "pause",
    **CHANGE,
    asks="many",
    examples=("csctl purchase pause pur_3 --until 2099-06-01", "csctl purchase pause pur_3 --until 2099-06-01 -o json"),
)
@ids_argument("pur")
@click.option("--until", metavar="DATE", required=True, help="Day on which billing continues.")
@fail_fast_option
def pause(app: App, out: ChangeOutput, refs: list[Ref], until: str, fail_fast: bool) -> None:
    """Pause billing until a day. A billing that falls into the pause moves to that day."""
    from csctl.services.purchases import changes

    out.change(lambda dry_run: changes.pause(app, refs, until, dry_run=dry_run, fail_fast=fail_fast))


@purchase.command(
    "resume",
    **CHANGE,
    asks="many",
    examples=("csctl purchase resume pur_3", "csctl purchase resume pur_3 pur_4 --yes -o json"),
)
@ids_argument("pur")
@fail_fast_option
def resume(app: App, out: ChangeOutput, refs: list[Ref], fail_fast: bool) -> None:
    """Resume paused purchases today, and remove scheduled cancellations."""
    from csctl.services.purchases import changes

    out.change(lambda dry_run: changes.resume(app, refs, dry_run=dry_run, fail_fast=fail_fast))


@purchase.command(
    "cancel",
    **{**CHANGE, "fields": (*MONEY_FIELDS, "status", "before", "after")},
    money=True,
    asks="always",
    examples=(
        "csctl purchase cancel pur_3 --reason 'moved abroad'",
        "csctl purchase cancel pur_3 --when before-next",
        "csctl purchase cancel pur_3 --refund-last --dry-run",
    ),
)
@ids_argument("pur")
@click.option(
    "--when",
    default="now",
    show_default=True,
    metavar="now|after-next|before-next|DATE",
    help="Time of the cancellation: now, after the next approved billing, before the next billing, or a day.",
)
@click.option("--reason", metavar="TEXT", help="Reason, kept with the purchase.")
@click.option("--refund-last", is_flag=True, help="Also refund the last billing.")
@fail_fast_option
def cancel(
    app: App, out: ChangeOutput, refs: list[Ref], when: str, reason: str | None, refund_last: bool, fail_fast: bool
) -> None:
    """Cancel purchases, now or later. Their shipments do not change; resume removes a scheduled cancellation.

    With --refund-last, the purchase is cancelled once the refund is accepted or queued; if the refund is refused,
    nothing is done.
    """
    from csctl.services.purchases import cancel

    out.change(
        lambda dry_run: cancel.cancel(
            app, refs, when, reason, refund_last=refund_last, dry_run=dry_run, fail_fast=fail_fast
        )
    )
