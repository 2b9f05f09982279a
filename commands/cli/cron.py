"""The output of commands for cron: every row with its time and run, and a summary at the end, for logs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .tally import Tally

if TYPE_CHECKING:
    from csctl.app import App
    from csctl.results import Row

FIELDS = ("at", "run")


class CronLog:
    """One run of a cron command. `run` tells its rows from those of other runs in the same log.

    `everything`: no ids are given, so that it works on everything that is due.
    """

    def __init__(self, app: App, *, everything: bool) -> None:
        self._app, self._started, self.everything = app, app.clock.now(), everything
        self.run = f"{app.command.replace(' ', '-')}-{self._started:%Y%m%dT%H%M%SZ}-{os.getpid()}"

    def row(self) -> Row:
        """The fields that every row gets: the time at which the record was done, and the run."""
        return {"at": self._app.clock.now(), "run": self.run}

    def summary(self, tally: Tally, **more: Any) -> Mapping[str, Any]:
        """The last line of a log, also where nothing was due: `{"at": …, "run": …, "summary": {…}}`."""
        counts = {
            "command": self._app.command,
            "started_at": self._started,
            "total": tally.total,
            "outcomes": {str(outcome): number for outcome, number in tally.outcomes.most_common()},
            "amounts": {str(outcome): _by_currency(sums) for outcome, sums in tally.moved.items()},
            **more,
        }
        return {**self.row(), "summary": counts}


def _by_currency(sums: list[Any]) -> dict[str, str]:
    from csctl.domain.money import to_decimal

    return {one.currency: to_decimal(one.amount, one.currency) for one in sums}
