"""The question before a change: what would be changed, and how much money in total."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import click

from csctl.domain.outcomes import Outcome
from csctl.domain.text import printable
from csctl.errors import Unconfirmed, Usage

from . import errors
from .invocation import Target
from .tally import Tally

if TYPE_CHECKING:
    from csctl.results import Result

Asks = Literal["always", "many", "named", "never"]
Work = Callable[[bool], "Iterable[Result]"]

_LISTED = 3  # up to this many records are listed one by one


@dataclass
class Preview:
    """The result of a dry run. `listed` are its results if they are few, `refused` all of them if all are refused."""

    tally: Tally
    listed: list[Result] = field(default_factory=list)
    refused: list[Result] = field(default_factory=list)

    def read(self, results: Iterable[Result]) -> None:
        """Go through the results of the dry run."""
        for result in self.tally.watch(results):
            if self.tally.total <= _LISTED:
                self.listed.append(result)
            if self.tally.outcomes[Outcome.REFUSED] == self.tally.total:
                self.refused.append(result)
            else:
                self.refused.clear()

    def say(self) -> None:
        """Print what would be done, on stderr."""
        errors.say(printable(self.tally.summary(would=True)))
        for one in self.listed if self.tally.total <= _LISTED else ():
            parts = [one.id, one.outcome if one.error else "", str(one.money or ""), one.about, one.message]
            errors.say(printable("  " + "  ".join(part for part in parts if part)))


def is_due(asks: Asks, target: Target) -> bool:
    """Whether a change of these records asks. Raises Usage if it does and there is no terminal to ask on."""
    if not {"always": True, "many": (target.count or 0) > 1, "named": bool(target.count)}.get(asks, False):
        return False
    if target.from_stdin or not sys.stdin.isatty():
        raise Usage(
            "confirmation is required, and there is no terminal to ask on",
            fix="add --yes, or look first with --dry-run",
        )
    return True


def confirm(work: Work, target: Target, besides: str | None, where: str | None = None) -> Sequence[Result]:
    """Show what would be done, and ask. Raises Unconfirmed for any answer but yes.

    If every record would be refused, there is nothing to ask: returns the refusals, which are the results then.
    """
    preview = Preview(Tally(target.noun))
    preview.read(work(True))
    if preview.refused:
        return preview.refused
    preview.say()
    if besides:
        errors.say(besides)
    if where:
        errors.say(printable(f"On {where}."))
    try:
        agreed = click.confirm("Continue?", default=False, err=True)
    except click.Abort:  # the end of the input is not a yes
        agreed = False
    if not agreed:
        raise Unconfirmed("nothing was done")
    return ()
