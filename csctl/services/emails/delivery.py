"""Deliver the emails of the outbox: claim them, send them outside of any transaction, mark them as sent.

At least once: if a process dies between sending and marking, the email is sent again, with the same Message-ID. One
connection to the mail server serves all emails of a process.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING

from csctl import interrupts
from csctl.domain import ids
from csctl.domain.outcomes import Outcome
from csctl.errors import CsctlError, Damaged, Unreachable
from csctl.mail.message import compose
from csctl.mail.rendering import Rendered, TemplateBroken
from csctl.mail.transport import ConnectionLost, Postponed, Refused
from csctl.models import Email
from csctl.results import Result
from csctl.services.emails import outbox
from csctl.services.shared.chunks import chunks
from csctl.unreadable import UNREADABLE

if TYPE_CHECKING:
    from csctl.app import App

_AFTER_A_COMMAND = 10.0  # seconds
_BATCH = 25  # emails that are claimed together
_SLOW = timedelta(minutes=2)  # after this time the rest of a batch is claimed again, well before its lease ends
_LOST_IN_A_ROW = 3  # connections; a single one may be the fault of one email

Attempt = tuple[Email, CsctlError | None]  # an email, and why it was not sent


class Delivery:
    """Deliver emails through the transport of this process, which knows why no more are tried (`app.mail.stopped`)."""

    def __init__(self, app: App) -> None:
        self._app, self._mail = app, app.mail

    def deliver_new(self) -> bool:
        """Deliver the emails of this process, which are committed now. Returns whether all were sent.

        It takes ten seconds at most: the result of a refund must not wait for a mail server. Never raises a CsctlError:
        the change is made, and the email waits. A notice says so.
        """
        numbers = outbox.numbers(self._app, self._app.new_emails)
        self._app.new_emails.clear()
        with self._mail.within(_AFTER_A_COMMAND):
            return self._quietly(lambda: self._among(numbers), len(numbers))

    def deliver_waiting(self) -> bool:
        """Deliver all waiting emails, as the last step of a cron command. Never raises a CsctlError, as above."""
        self._app.new_emails.clear()  # they are among the waiting ones
        return self._quietly(self._all, outbox.count_waiting(self._app))

    def deliver(
        self, refs: Sequence[ids.Ref] | None = None, *, dry_run: bool = False, fail_fast: bool = False
    ) -> Iterator[Result]:
        """Deliver the named emails, or all that wait; with `fail_fast`, none after the first failure.

        Raises Misconfigured or Unreachable if none can be delivered. If that shows later, the current email is refused
        for it, and those after it stay as they are, as they do after SIGINT or SIGTERM.
        """
        self._mail.transport  # noqa: B018 - a wrong URL is refused before anything is claimed
        if refs is not None:
            results = (self._named(ref, dry_run=dry_run) for ref in refs)
        else:
            results = self._waiting(dry_run=dry_run)
        with closing(results):  # claimed emails that were not tried are released
            while not interrupts.asked() and (result := next(results, None)):
                yield result
                if fail_fast and not result.ok:
                    return

    # -- selection

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
        for some in chunks(numbers, _BATCH):
            left = set(some)
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

    # -- attempts

    def _attempts(self, batch: Sequence[Email]) -> Iterator[Attempt]:
        """The outcome of each; if the next would fail as well, `stopped` is set and the rest released."""
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
        """The text of an email. Raises Refused if its values cannot be read: a later attempt would fail as well."""
        try:
            return self._mail.renderer.render(email.kind, email.context)
        except (Damaged, *UNREADABLE) as error:
            raise Refused("its values are damaged", cause=f"{type(error).__name__}: {error}"[:200]) from error

    # -- dry run

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

    # -- after the work of a command

    def _quietly(self, attempts: Callable[[], Iterator[Attempt]], number: int) -> bool:
        """Whether all of `number` emails were sent; if not, a notice has said why."""
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
        """Print a notice once, not for each of a hundred emails."""
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
