"""Delivery of what waits in the outbox: claim it, send it outside of any transaction, mark it as sent.

At least once: a process that dies between sending and marking leaves an email that is sent again, with the same
Message-ID. One connection to the mail server serves all emails of a process.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING

from csctl import interrupts
from csctl.domain import ids
from csctl.domain.outcomes import Outcome
from csctl.errors import UNREADABLE, CsctlError, Damaged, Unreachable
from csctl.mail.message import compose
from csctl.mail.rendering import Rendered, TemplateBroken
from csctl.mail.transport import ConnectionLost, Postponed, Refused
from csctl.models import Email
from csctl.results import Result
from csctl.services.emails import outbox

if TYPE_CHECKING:
    from csctl.app import App

_AFTER_A_COMMAND = 10.0  # seconds
_BATCH = 25  # emails that are claimed together
_SLOW = timedelta(minutes=2)  # after so long the rest of a batch is claimed anew, well before its lease ends
_LOST_IN_A_ROW = 3  # connections; one alone may be one email's fault

Attempt = tuple[Email, CsctlError | None]  # an email, and why it was not sent


class Delivery:
    """Delivers emails over the way out of this process, which remembers why no more are tried (`app.mail.stopped`)."""

    def __init__(self, app: App) -> None:
        self._app, self._mail = app, app.mail

    def deliver_new(self) -> bool:
        """Deliver what this process wrote into the outbox, now that it is committed. Whether all of it was sent.

        It has ten seconds: who waits for the result of a refund does not wait for a mail server. Never raises a
        CsctlError: what was announced is done, and the email waits. A notice says so.
        """
        numbers = [email.id for email in self._app.new_emails]
        self._app.new_emails.clear()
        with self._mail.within(_AFTER_A_COMMAND):
            return self._quietly(lambda: self._among(numbers), len(numbers))

    def deliver_waiting(self) -> bool:
        """Deliver all that waits, as the last step of a cron's work. Never raises a CsctlError, as above."""
        self._app.new_emails.clear()  # they are in the outbox, with the rest
        return self._quietly(self._all, outbox.count_waiting(self._app))

    def deliver(
        self, refs: Sequence[ids.Ref] | None = None, *, dry_run: bool = False, fail_fast: bool = False
    ) -> Iterator[Result]:
        """Deliver the named emails, or all that wait; with `fail_fast`, none after the first that fails.

        Raises Misconfigured or Unreachable if none can be delivered. If that shows only later, the email in hand is
        refused for it, and those after it stay as they are, as they do after SIGINT or SIGTERM.
        """
        self._mail.transport  # noqa: B018 - a wrong URL is refused before anything is claimed
        if refs is not None:
            results = (self._named(ref, dry_run=dry_run) for ref in refs)
        else:
            results = self._waiting(dry_run=dry_run)
        with closing(results):  # what was claimed and not tried is released
            while not interrupts.asked() and (result := next(results, None)):
                yield result
                if fail_fast and not result.ok:
                    return

    # -- which emails

    def _waiting(self, *, dry_run: bool) -> Generator[Result]:
        for place, (email, error) in enumerate(self._rehearsed() if dry_run else self._all()):
            if error and self._mail.stopped and place == 0:
                raise error
            yield _result(ids.show("eml", email.id), email, error, dry_run=dry_run)

    def _all(self) -> Iterator[Attempt]:
        after = 0
        while not self._mail.stopped and (batch := outbox.claim(self._app, _BATCH, after=after)):
            for email, error in self._attempts(batch):
                after = email.id
                yield email, error

    def _among(self, numbers: Sequence[int]) -> Iterator[Attempt]:
        for start in range(0, len(numbers), _BATCH):
            left = set(numbers[start : start + _BATCH])
            while left and not self._mail.stopped and (batch := outbox.claim(self._app, _BATCH, among=sorted(left))):
                for email, error in self._attempts(batch):
                    left.discard(email.id)
                    yield email, error

    def _named(self, ref: ids.Ref, *, dry_run: bool) -> Result:
        try:
            email = outbox.find_unsent(self._app, ref)
            if dry_run:
                return _result(ref.given, email, self._rehearse(email), dry_run=True)
            if self._mail.stopped:
                return _result(ref.given, email, self._mail.stopped)
            for claimed, error in self._attempts(outbox.claim(self._app, 1, among=[ref.id])):
                return _result(ref.given, claimed, error)
            raise outbox.taken(ref)
        except CsctlError as error:
            return Result.refused(ref.given, error, dry_run=dry_run)

    # -- one after the other

    def _attempts(self, batch: Sequence[Email]) -> Iterator[Attempt]:
        """What comes of each; `stopped` is set, and the rest released, where the next would fare no better."""
        untried = list(batch)
        try:
            while untried and not self._mail.stopped and not self._slow(untried[0]):
                if self._mail.seconds_left() <= 0:
                    self._mail.stopped = Unreachable("the time for emails is over", fix="csctl email send")
                    return
                email = untried.pop(0)
                yield email, self._attempt(email)
        finally:
            outbox.release(self._app, untried)

    def _slow(self, email: Email) -> bool:
        left = (email.lease_until or self._app.clock.now()) - self._app.clock.now()
        return left < outbox.LEASE - _SLOW

    def _attempt(self, email: Email) -> CsctlError | None:
        try:
            said = self._rendered(email)
            message = compose(email, said, self._app.shop)
            self._mail.transport.send(ids.show("eml", email.id), message, within=self._mail.seconds_left())
        except Refused as error:
            outbox.failed(self._app, email, error)
            return error
        except CsctlError as error:
            self._mail.lost_in_a_row = self._mail.lost_in_a_row + 1 if isinstance(error, ConnectionLost) else 0
            if self._mail.lost_in_a_row >= _LOST_IN_A_ROW or not isinstance(error, TemplateBroken | Postponed):
                self._mail.stopped = error
            outbox.postponed(self._app, email, error)
            return error
        self._mail.lost_in_a_row = 0
        outbox.sent(self._app, email, said)
        return None

    def _rendered(self, email: Email) -> Rendered:
        """What an email says. Raises Refused where its values cannot be read: no later attempt would help."""
        try:
            return self._mail.renderer.render(email.kind, email.context)
        except (Damaged, *UNREADABLE) as error:
            raise Refused("its values are damaged", cause=f"{type(error).__name__}: {error}"[:200]) from error

    # -- without sending

    def _rehearsed(self) -> Iterator[Attempt]:
        after = 0
        while batch := outbox.waiting(self._app, _BATCH, after=after):
            for email in batch:
                yield email, self._rehearse(email)
            after = batch[-1].id

    def _rehearse(self, email: Email) -> CsctlError | None:
        try:
            compose(email, self._rendered(email), self._app.shop)
        except CsctlError as error:
            return error
        return None

    # -- after a command's own work

    def _quietly(self, attempts: Callable[[], Iterator[Attempt]], number: int) -> bool:
        """Whether none of `number` emails was left unsent; if one was, a notice has said why."""
        if number == 0:
            return True
        failed: list[str] = []
        waits = False
        try:
            self._mail.transport  # noqa: B018 - a wrong URL is the one reason for all of them
            for email, error in attempts():
                if error:
                    shown = ids.show("eml", email.id)
                    self._tell(f"The email {shown} was not sent: {_reason(error)}")
                    if isinstance(error, Refused):
                        failed.append(shown)
                    else:
                        waits = True
        except CsctlError as error:
            waits = True
            self._tell(f"No email was sent: {_reason(error)}")
        self._tell_what_is_left(failed, waits=waits or self._mail.stopped is not None)
        return not (failed or waits or self._mail.stopped)

    def _tell_what_is_left(self, failed: Sequence[str], *, waits: bool) -> None:
        if waits:
            self._tell("What was not sent waits in the outbox. To send it: csctl email send")
        if failed:
            number = "1 email has" if len(failed) == 1 else f"{len(failed):,} emails have"
            self._tell(
                f"{number} failed, and will not be sent unless it is named: csctl email send {' '.join(failed[:3])}"
                + (" …  All of them: csctl email list --state failed" if len(failed) > 3 else "")
            )

    def _tell(self, text: str) -> None:
        """A notice, once: the hundredth email that finds no server is no news."""
        if text not in self._mail.said:
            self._mail.said.add(text)
            self._app.notice(text)


def _reason(error: CsctlError) -> str:
    return f"{error.message} ({error.cause})" if error.cause else error.message


def _result(given: str, email: Email, error: CsctlError | None, *, dry_run: bool = False) -> Result:
    if error is None:
        return Result(given, Outcome.SENT, f"{email.kind.value} email to {email.recipient}", dry_run=dry_run)
    outcome = Outcome.FAILED if isinstance(error, Refused) else Outcome.QUEUED
    return Result(given, outcome, error.message, error=error, dry_run=dry_run)
