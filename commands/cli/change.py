"""The output of a command that changes records: it asks, carries the change out, and sums it up."""

from __future__ import annotations

import json
import sys
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from csctl.domain.outcomes import Outcome
from csctl.errors import CsctlError, GatewayRefused, NotPermitted, Unreachable

from . import confirm, errors, formats, root_options
from .confirm import Asks, Work
from .cron import CronLog
from .execution import Execution
from .invocation import Target
from .output import Output
from .run_context import RunContext
from .tally import Tally

if TYPE_CHECKING:
    from csctl.results import Result


@dataclass
class ChangeOutput(Output):
    """How one change asks, prints, and which exit code it ends with.

    `asks` says when it asks for confirmation, `besides` what it changes besides the records themselves.
    """

    target: Target = field(default_factory=Target)
    asks: Asks = "never"
    besides: str | None = None
    context: RunContext | None = None
    log: CronLog | None = None  # of a cron command
    dry_run: bool = False
    yes: bool = False
    repeat: bool = False  # do records again that a stopped run of the same command did
    _tally: Tally = field(default_factory=Tally)
    _unknown_left: int = 0
    _exits: set[int] = field(default_factory=set)  # the exit codes of the records
    _problem: CsctlError | None = None  # of a change of one record

    def change(self, work: Work, *, unlisted: Collection[Outcome] = ()) -> None:
        """Carry out a change, after asking if it has to, and print the result of each record.

        `work` is called with whether this is a dry run. Records with an `unlisted` outcome are counted, and not
        printed. Raises Ended if the change stops before its end.
        """
        if self.skip_empty():
            return
        context = self.context
        before = context.done_before() if context and not self.dry_run and not self.repeat else None
        if before and self.yes:
            raise before.refusal()
        asks: Asks = "always" if context and context.resumption else self.asks
        if not self.yes and not self.dry_run and confirm.is_due(asks, self.target):
            where = context.app.where if context else None
            besides = "\n".join(text for text in (before and before.warning(), self.besides) if text)
            refused = [self._recorded(result) for result in confirm.confirm(work, self.target, besides, where)]
            if refused:
                work, context = lambda _dry_run: refused, None  # nothing is begun, so there is no run
        tally = self._tally = Tally(self.target.noun)
        execution = Execution(self, self.target, tally, context, self.dry_run, self.log, frozenset(unlisted))
        run = execution.carry_out(work)
        self.exit_code, self._exits = tally.exit_code(), set(tally.exits)
        self._problem = tally.problems[0] if len(tally.problems) == tally.total == 1 else None
        if tally.total:
            self.notice((f"{run}: " if run else "") + tally.summary(would=self.dry_run))
        elif self.log and self.log.everything and sys.stderr.isatty():
            self.notice("Nothing found.")

    def _recorded(self, result: Result) -> Result:
        """The refusal of a dry run as that of the change itself: a missing permission goes into the audit log."""
        if isinstance(result.error, NotPermitted) and self.context:
            app = self.context.app
            app.note_refusal(app, result.error, result.id)
        return replace(result, dry_run=False)

    def skip_empty(self) -> bool:
        """Whether standard input or a file was to name the records and named none: that never means all. Says so."""
        if self.target.count != 0 or not (self.target.from_stdin or self.target.from_file):
            return False
        where = "records in the file" if self.target.from_file else "ids on standard input"
        self.notice(f"No {where}: nothing to do.")
        self.write([])
        return True

    def complete(self, *, unknown_left: int = 0, trouble: CsctlError | None = None) -> None:
        """End a run over everything that was due: it succeeds whatever the gateways answered, unless outcomes are
        unknown. csctl's own errors keep their exit code; so do `trouble`, which is not of a record, and gateways that
        were unreachable for every record.
        """
        self._unknown_left = unknown_left
        serious = self._exits - {0, 8, 9, 12} | ({trouble.exit} if trouble else set())
        if not serious and 0 < self._tally.total == self._tally.unsent:
            serious = {Unreachable.exit}
        if len(serious) == 1:
            self.exit_code = serious.pop()
        elif not serious:
            self.exit_code = 9 if unknown_left or 9 in self._exits else 0
        if trouble:
            errors.say_error(trouble)
        if unknown_left:
            many = "1 transaction is" if unknown_left == 1 else f"{unknown_left:,} transactions are"
            self.notice(f"{many} unknown: csctl txn reconcile")

    def complete_named(self) -> None:
        """End a run over named records: an answer is a success, whatever it says. A record that was refused beside it
        makes the result a mixed one.
        """
        exits = {0 if code == GatewayRefused.exit else code for code in self._exits}
        self.exit_code = 9 if 9 in exits else exits.pop() if len(exits) == 1 else 3 if exits else 0

    def end(self) -> None:
        """Print what follows the records: the summary of a cron command, and why a single record failed."""
        if self.log and self.log.everything and self.output == "jsonl":
            more = {"unknown_left": self._unknown_left, "dry_run": self.dry_run, "exit": self.exit_code}
            line = {**dict.fromkeys(self.all_fields), **self.log.summary(self._tally, **more)}  # the keys of a row, too
            self.text(formats.to_json(line))
        self._say_problem()

    def ended_by(self, error: CsctlError) -> Exception:
        """The error as what ends the command: after its records no exit code says that nothing was sent."""
        if not self._tally.total or self.dry_run or self._exits <= {Unreachable.exit}:
            return error
        return errors.Ended(self._tally.exit_code_when_stopped(), f"The records are done. Then: {error.message}")

    def _say_problem(self) -> None:
        """Print why the one record of a change failed, unless the command succeeds all the same."""
        if self._problem is None or self.exit_code == 0:
            return
        if self.output in ("json", "jsonl"):
            errors.say(json.dumps({"error": root_options.in_fix(self._problem.as_dict())}))
        else:
            errors.say_error(self._problem, self.color)
