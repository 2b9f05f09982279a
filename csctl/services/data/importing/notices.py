"""What a person should know of an import besides its counts, on stderr."""

from __future__ import annotations

from typing import TYPE_CHECKING

from csctl.domain.plurals import counted
from csctl.domain.record_kinds import KINDS
from csctl.services.data.importing.job import Count, Job
from csctl.services.data.importing.passes import Pass

if TYPE_CHECKING:
    from csctl.app import App

_MOST = 30  # columns that are named


def header(app: App, one: Pass, *, only: bool) -> None:
    """What was passed over to find the header, and columns that nothing is mapped to."""
    if one.columns is not None and one.source.above:
        lines = "1 line" if one.source.above == 1 else f"{one.source.above} lines"
        app.notice(f"Passed over {lines} above the header.")
    if one.columns is not None and only:
        _ignored(app, list(one.evaluation.ignored))


def columns(app: App, one: Pass, count: Count, *, only: bool) -> None:
    """The same of rows that name their own columns, once they were read."""
    if one.columns is None and only:
        _ignored(app, list(one.evaluation.ignored))
        if count.read and (missing := one.evaluation.never_seen):
            app.notice(f"No row has these columns, though they are mapped: {', '.join(missing)}")


def assumed(app: App, job: Job) -> None:
    """What the mapping takes for granted because the file does not say it."""
    guesses = {
        f"{name} is {rule.constant}": f"--map {name}:=VALUE"
        for section in job.mappings.sections
        for name, rule in section.rules.items()
        if rule.assumed
    }
    for guess, option in guesses.items():
        app.notice(f"Warning: the file does not say it, and so {guess}. If that is wrong: {option}")


def after(app: App, job: Job, counts: list[Count]) -> None:
    """Warnings, what differs, what was refused, and what is imported next."""
    if not any(count.read for count in counts):
        app.notice("No records in the file: nothing to import.")
    for count in counts:
        for line in count.warnings.lines():
            app.notice(line)
        if count.skipped:
            app.notice(f"{counted(count.skipped, 'row')} skipped, which the mapping leaves out ({count.kind})")
        if count.differ:
            differ = "is here already and differs" if count.differ == 1 else "are here already and differ"
            app.notice(
                f"{counted(count.differ, 'record')} {differ} ({count.kind}): to update from the file, add --update"
            )
        if count.rejected:
            first = min(count.problems.values(), key=lambda problem: problem.line)
            app.notice(
                f"{counted(count.rejected, 'row')} rejected, see {' and '.join(count.rejects)}."
                f" The first: line {first.line}: {first.reason}"
            )
    if (following := _next(job)) and any(count.created for count in counts):
        app.notice(f"Next: {following}")


def _ignored(app: App, names: list[str]) -> None:
    if names:
        more = ", …" if len(names) > _MOST else ""
        app.notice(f"Ignored, since no field is mapped to them: {', '.join(names[:_MOST])}{more}")


def _next(job: Job) -> str | None:
    """The import that usually follows."""
    if job.mappings.next:
        return f"csctl data import all FILE --from {job.mappings.next}"
    if len(job.mappings.sections) > 1 or not job.mappings.sections[0].automatic:
        return None
    kinds = list(KINDS)
    last = max(kinds.index(section.kind.name) for section in job.mappings.sections)
    return f"csctl data import {kinds[last + 1]} FILE" if last + 1 < len(kinds) else None
