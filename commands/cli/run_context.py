"""What a bulk change needs to be recorded as a run, and to be resumed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .invocation import Target

if TYPE_CHECKING:
    from csctl.app import App
    from csctl.services.runs.journal import Kept
    from csctl.services.runs.repeats import DoneBefore
    from csctl.services.runs.runs import Resumption


@dataclass
class RunContext:
    """The command that a change belongs to.

    `words` gives the words that repeat the command. `given` are the records that ids name, None if a file names them.
    """

    app: App
    words: Callable[[], Sequence[str]]
    given: Sequence[str] | None
    resumption: Resumption | None = None

    def done_before(self) -> DoneBefore | None:
        """The stopped run of the same command that did some of these records, if there is one."""
        from csctl.services.runs import repeats

        words = self.words()
        if self.resumption or not self.given or any(word.startswith("--request-id") for word in words):
            return None
        return repeats.stopped_before(self.app, words, self.given)

    def begin(self, target: Target) -> Kept | None:
        """Begin or take over the run of this change, if it is a bulk change.

        Attempts that an interrupted run has under way are settled first, by asking the gateway.
        """
        from csctl.services.payments import orphans
        from csctl.services.runs import runs

        count = target.count or 0
        if not (self.resumption or count > 1 or (count and target.from_stdin)):
            return None
        if self.resumption is None:
            return runs.begin(self.app, self.words(), self.given, count)
        run = runs.take_over(self.app, self.resumption, count)
        for _ in orphans.settle(self.app, run.attempts()):
            pass  # reported with the record that the attempt belongs to
        return run
