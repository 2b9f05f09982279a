"""The question before a change that needs somebody's word: what would be done, to what, and how much it comes to."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import click

from csctl.domain.text import printable
from csctl.errors import NotPermitted, Unconfirmed, Usage

from . import errors as report
from .tally import Tally

if TYPE_CHECKING:
    from csctl.results import Result

    from .output import Output

_FEW = 3  # records are shown one by one


@dataclass
class Rehearsal:
    """What a dry run came to. `few` are its results where they are few, `refused` all of them where all are refused."""

    tally: Tally
    few: list[Result] = field(default_factory=list)
    refused: list[Result] = field(default_factory=list)

    def look(self, results: Iterable[Result]) -> None:
        for result in self.tally.watch(results):
            if self.tally.total <= _FEW:
                self.few.append(result)
            if self.tally.outcomes["refused"] == self.tally.total:
                self.refused.append(result)
            else:
                self.refused.clear()

    def say(self) -> None:
        report.say(printable(self.tally.summary(would=True)))
        for one in self.few if self.tally.total <= _FEW else ():
            said = [one.id, one.outcome if one.error else "", str(one.money or ""), one.message]
            report.say(printable("  " + "  ".join(part for part in said if part)))


def is_due(out: Output) -> bool:
    """Whether this change asks. Raises Usage if it does and nobody is there to answer."""
    due = {"always": True, "many": (out.count or 0) > 1, "named": bool(out.count)}.get(out.asks, False)
    if out.yes or out.dry_run or not due:
        return False
    if out.ids_from_stdin or not sys.stdin.isatty():
        raise Usage(
            "this asks before it works, and there is nobody to ask", fix="add --yes, or look first with --dry-run"
        )
    return True


def confirm(out: Output, work: Callable[[bool], Iterable[Result]]) -> list[Result]:
    """Show what would be done, and ask. Raises Unconfirmed for anything but yes.

    Where all of it would be refused there is nothing to ask: these refusals are what became of it, and are returned.
    """
    rehearsed = Rehearsal(Tally(out.noun))
    rehearsed.look(work(True))
    if rehearsed.refused:
        return [_for_good(out, result) for result in rehearsed.refused]
    rehearsed.say()
    if out.besides:
        report.say(out.besides)
    try:
        agreed = click.confirm("Go on?", default=False, err=True)
    except click.Abort:  # the end of the input is no answer
        agreed = False
    if not agreed:
        raise Unconfirmed("nothing was done")
    return []


def _for_good(out: Output, result: Result) -> Result:
    """The refusal as that of a real change: one for lack of rights is put into the trail."""
    if isinstance(result.error, NotPermitted) and out.carrier:
        app = out.carrier.app
        app.note_refusal(app, result.error, result.id)
    return replace(result, dry_run=False)
