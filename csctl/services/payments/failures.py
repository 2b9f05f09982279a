"""Results of what the database did not take: work that could not begin, and answers that could not be recorded."""

from __future__ import annotations

from csctl.domain.outcomes import Outcome
from csctl.domain.states import State
from csctl.errors import CsctlError, OutcomeUnknown
from csctl.results import Result
from csctl.services.payments.jobs import Job, NotRecorded
from csctl.services.shared import damage
from csctl.unreadable import UNREADABLE


def said(problem: Exception, name: str = "the record") -> CsctlError:
    """A problem with the database, or with the record of this name, as an error of csctl."""
    if isinstance(problem, CsctlError):
        return problem
    if isinstance(problem, NotRecorded):
        return problem.error
    if isinstance(problem, UNREADABLE):
        return damage.damaged(name, problem)
    return damage.refused_by_database(problem)


def not_begun(job: Job, problem: CsctlError) -> Result:
    """Nothing was sent. Whether its intent was kept may be unknown; then reconciling closes it."""
    if isinstance(problem, OutcomeUnknown):
        return Result(job.given, Outcome.UNKNOWN, problem.message, error=problem)
    return Result.refused(job.given, problem)


def lost(job: Job, problem: Exception | None) -> Result:
    """The gateway has answered, and the answer could not be recorded: by our books it is still under way."""
    opened = job.needs.opened
    attempt = next((one for one in opened if one.state is State.SENT), opened[-1] if opened else None)
    name = f"txn_{attempt.id}" if attempt else ""
    return Result(
        job.given,
        Outcome.UNKNOWN,
        "the gateway has answered, and the answer could not be recorded",
        error=OutcomeUnknown(
            "the gateway has answered, and the answer could not be recorded",
            cause=said(problem).message if problem else "the database could not be had",
            fix=f"csctl txn reconcile {name}".rstrip(),
        ),
        transaction_id=name or None,
    )
