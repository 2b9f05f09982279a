"""The input and the result of an import."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from csctl import results
from csctl.errors import CsctlError, Incomplete, Unreachable
from csctl.services.data.importing.context import RowOutcome, Warnings
from csctl.services.data.mapping.language import Mappings
from csctl.tabular.row import Row

# What a message quotes, and its numbers: problems that differ in these alone are counted together for the summary.
_DETAILS = re.compile(r"'[^']*'|\"[^\"]*\"|[0-9]+")
SAMPLES = 3  # records that a dry run shows


@dataclass(frozen=True)
class Job:
    """A file, and what its rows are. `all_kinds` goes through every section of the mappings."""

    path: Path
    mappings: Mappings
    update: bool = False
    rejects: Path | None = None


@dataclass
class Entry:
    """One record of a row: the fields that it gives. `number` counts the records of a pass, `verdict` is what is known
    of it before it is looked at.
    """

    number: int
    row: Row
    values: dict[str, str]
    verdict: RowOutcome | CsctlError | None = None


Verdict = tuple[Entry, RowOutcome | CsctlError]


@dataclass
class Found:
    """Problems of one kind: the first one, and how many there are."""

    line: int
    reason: str
    count: int = 1


@dataclass
class Count:
    """The number of records that were read, by outcome. `differ` are among the unchanged, `skipped` are rows that
    the mapping leaves out.
    """

    kind: str
    read: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    differ: int = 0
    rejected: int = 0
    skipped: int = 0
    rejects: list[str] = field(default_factory=list)
    problems: dict[str, Found] = field(default_factory=dict)
    sample: list[results.Row] = field(default_factory=list)
    warnings: Warnings = field(default_factory=Warnings)

    def add(self, verdict: Verdict) -> None:
        entry, outcome = verdict
        self.read += 1
        if isinstance(outcome, CsctlError):
            self.rejected += 1
            self._note(entry.row.line, outcome)
        elif outcome is RowOutcome.DIFFERS:
            self.unchanged += 1
            self.differ += 1
        else:
            setattr(self, outcome.value, getattr(self, outcome.value) + 1)

    def skip(self, rows: int) -> None:
        """Count rows that the mapping leaves out."""
        self.read += rows
        self.skipped += rows

    def _note(self, line: int, error: CsctlError) -> None:
        kind = _DETAILS.sub("…", error.message)
        if kind in self.problems:
            self.problems[kind].count += 1
        else:
            reason = " - ".join(part for part in (error.message, error.cause, error.fix) if part)
            self.problems[kind] = Found(line, reason)

    def numbers(self) -> dict[str, int]:
        names = ("read", "created", "updated", "unchanged", "differ", "rejected", "skipped")
        return {name: getattr(self, name) for name in names}

    def row(self, *, dry_run: bool) -> results.Row:
        """The counts as they are printed."""
        return {
            "kind": self.kind,
            **self.numbers(),
            "rejects_file": self.rejects[0] if len(self.rejects) == 1 else self.rejects or None,
            "dry_run": dry_run,
            "sample": self.sample,
            "problems": [vars(problem) for problem in self.problems.values()],
        }


def together(counts: Sequence[Count]) -> list[Count]:
    """The counts of the sections of each kind, added up. Skipped are the rows that none of them took."""
    found: dict[str, Count] = {}
    for count in counts:
        if (total := found.get(count.kind)) is None:
            found[count.kind] = count
            continue
        rows, taken = total.read, total.read - total.skipped + count.read - count.skipped
        for name, number in count.numbers().items():
            setattr(total, name, getattr(total, name) + number)
        total.skipped = max(0, rows - taken)
        total.read = taken + total.skipped
        total.rejects += count.rejects
        total.sample = [*total.sample, *count.sample][:SAMPLES]
        total.problems |= {kind: one for kind, one in count.problems.items() if kind not in total.problems}
        total.warnings.extend(count.warnings)
    return list(found.values())


@contextmanager
def partial(counts: Collection[Count], *, dry_run: bool, fix: str | None = None) -> Iterator[None]:
    """Raises Incomplete where the database or the API is lost, or the disk is full, once records are stored. `counts`
    grow as they are read.
    """
    try:
        yield
    except Unreachable as gone:
        if dry_run or not any(count.read for count in counts):
            raise
        raise Incomplete(gone.message, cause=gone.cause, fix=fix or gone.fix or "run it again") from None
