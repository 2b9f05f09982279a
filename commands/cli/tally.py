"""The summary of a change or of its dry run, counted while the results are printed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from csctl.domain.outcomes import Outcome
from csctl.domain.plurals import counted
from csctl.errors import Unreachable

if TYPE_CHECKING:
    from csctl.results import Result

# outcome -> what a dry run would do
_VERBS = {
    Outcome.REFUNDED: "refund",
    Outcome.VOIDED: "void",
    Outcome.BILLED: "bill",
    Outcome.CANCELLED: "cancel",
    Outcome.CREATED: "create",
    Outcome.UPDATED: "update",
    Outcome.SENT: "send",
    Outcome.REMOVED: "remove",
    Outcome.RESOLVED: "resolve",
    Outcome.REQUEUED: "requeue",
    Outcome.RESHIPPED: "reship",
    Outcome.SKIPPED: "skip",
}
_ID = re.compile(r"\b[a-z]{2,3}_[0-9]+\b")
_RETRIED_ELSEWHERE = (Outcome.QUEUED, Outcome.UNKNOWN)  # by queue retry, or by txn reconcile and the next resume
_REASONS = 3  # reasons that the summary names
_KINDS = 1000  # different reasons that are counted


@dataclass
class Tally:
    """The counts of a change. `noun` is what its records are called."""

    noun: str = "record"
    total: int = 0
    unsent: int = 0  # records of which nothing was sent, as a gateway or the database did not answer
    retriable: int = 0  # records that failed, and that nothing else will retry
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    kinds: dict[Outcome, set[str]] = field(default_factory=dict)  # of the records, by the prefix of their ids
    own: str = ""  # the kind of the first record, which `noun` is for
    moved: dict[Outcome, list[Any]] = field(default_factory=dict)
    problems: list[Any] = field(default_factory=list)  # the first two errors
    reasons: Counter[str] = field(default_factory=Counter)
    exits: Counter[int] = field(default_factory=Counter)

    def watch(self, results: Iterable[Result]) -> Iterator[Result]:
        """The same results, counted as they pass."""
        for result in results:
            self.add(result)
            yield result

    def add(self, result: Result) -> None:
        """Count one result."""
        self.total += 1
        self.outcomes[result.outcome] += 1
        kind = result.id.partition("_")[0]
        self.own = self.own or kind
        self.kinds.setdefault(result.outcome, set()).add(kind)
        self.exits[result.error.exit if result.error else 0] += 1
        self.unsent += result.unsent or (result.error is not None and result.error.exit == Unreachable.exit)
        if result.error:
            self._add_problem(result)
        if result.money and result.outcome != Outcome.REFUSED:
            self._add_money(result.outcome, result.money)

    def _add_problem(self, result: Result) -> None:
        self.retriable += result.outcome not in _RETRIED_ELSEWHERE
        if len(self.problems) < 2:
            self.problems.append(result.error)
        if result.outcome == Outcome.REFUSED and len(self.reasons) < _KINDS:
            self.reasons[_generic(result.message, result.id)] += 1

    def _add_money(self, outcome: Outcome, money: Any) -> None:
        sums = self.moved.setdefault(outcome, [])
        for place, one in enumerate(sums):
            if one.currency == money.currency:
                sums[place] = one + money
                return
        sums.append(money)

    def exit_code(self) -> int:
        """0 if all records succeeded, the common exit code if all failed alike, else 3."""
        return next(iter(self.exits)) if len(self.exits) == 1 else 3 if self.exits else 0

    def exit_code_when_stopped(self) -> int:
        """9 if outcomes are unknown, else 3: never a code that promises that nothing was sent."""
        return 9 if self.exits[9] else 3

    def summary(self, *, would: bool) -> str:
        """One line: what was done to how many records, the totals by currency, and why some were refused.

        `would refund 1,204 transactions, 31,202.10 USD and 88,000 JPY; 13 would be refused: …`
        """
        parts = [
            self._part(outcome, would=would) for outcome, _ in self.outcomes.most_common() if outcome != Outcome.REFUSED
        ]
        if refused := self.outcomes[Outcome.REFUSED]:
            # Of a single record, the error says why.
            why = f": {self._why()}" if self.total > 1 else ""
            parts.append(f"{refused:,} {'would be ' if would else ''}refused{why}")
        return "; ".join(parts)

    def _part(self, outcome: Outcome, *, would: bool) -> str:
        from csctl.domain.money import totals

        number = self.outcomes[outcome]
        many = counted(number, "transaction" if outcome.moves_money else self._noun(outcome))
        if not (verb := _VERBS.get(outcome)):
            said = f"{many} {'would be ' if would else ''}{outcome}"
        else:
            said = f"{f'would {verb}' if would else outcome} {many}"
        money = totals(self.moved.get(outcome, []))
        return f"{said}, {money}" if money else said

    def _noun(self, outcome: Outcome) -> str:
        """What the records with this outcome are called: a command may change others besides its own."""
        from csctl.domain.ids import PREFIXES

        (kind, *more) = self.kinds[outcome]
        return self.noun if more or kind == self.own or kind not in PREFIXES else PREFIXES[kind][0]

    def _why(self) -> str:
        said = [reason if len(self.reasons) == 1 else f"{reason} ({n:,})" for reason, n in self.reasons.most_common()]
        more = len(said) - _REASONS
        return ", ".join(said[:_REASONS]) + (f", and {more:,} other reasons" if more > 0 else "")


def _generic(message: str, given: str) -> str:
    """The message without ids, so that equal reasons are counted together: `has not settled`."""
    text = message.removeprefix(given).strip() if message.startswith(f"{given} ") else message
    return _ID.sub("…", text)
