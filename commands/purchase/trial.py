"""csctl purchase trial restart, stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from csctl.domain.ids import Ref

from ..cli.change import ChangeOutput
from ..cli.ids import ids_argument
from ..cli.shared_options import fail_fast_option
from .group import CHANGE, trial

if TYPE_CHECKING:
    from csctl.app import App


@trial.command(
    **CHANGE,
    asks="many",
    examples=("csctl purchase trial restart pur_3", "csctl purchase trial restart pur_3 pur_4 --dry-run"),
)
@ids_argument("pur")
@fail_fast_option
def restart(app: App, out: ChangeOutput, refs: list[Ref], fail_fast: bool) -> None:
    """Restart trials: today is day 1, and billing starts after the trial days of the price point."""
    from csctl.services.purchases import changes

    out.change(lambda dry_run: changes.restart_trials(app, refs, dry_run=dry_run, fail_fast=fail_fast))


@trial.command(
    **CHANGE,
    asks="always",
    examples=("csctl purchase trial stop pur_3", "csctl purchase trial stop pur_3 pur_4 --yes -o json"),
)
@ids_argument("pur")
@fail_fast_option
def stop(app: App, out: ChangeOutput, refs: list[Ref], fail_fast: bool) -> None:
    """Stop trials now: the purchases are cancelled, and nothing is billed."""
    from csctl.services.purchases import changes

    out.change(lambda dry_run: changes.stop_trials(app, refs, dry_run=dry_run, fail_fast=fail_fast))
