"""The outbox: waiting emails, their claims, and their outcomes.

Each email belongs to one process while it is `sending`, until its lease ends. If that process dies, the email is sent
again, with the same Message-ID.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import ColumnElement, CursorResult, and_, case, func, or_, select, update
from sqlalchemy.orm import Session

from csctl import fault_points
from csctl.domain import ids
from csctl.domain.ids import Ref
from csctl.domain.outcomes import Outcome
from csctl.domain.states import EmailKind, EmailState
from csctl.errors import Busy, Conflict, CsctlError, NotFound
from csctl.mail.message import sender_address
from csctl.mail.rendering import Rendered
from csctl.models import Email
from csctl.results import Limit, Page, Row
from csctl.services.shared import audit, listing
from csctl.services.shared.chunks import chunks

if TYPE_CHECKING:
    from csctl.app import App
    from csctl.domain.shop import Shop

LEASE = timedelta(minutes=5)
_BY_HAND = "email send"

# A damaged count stays at the limit of the database: it must not stop the other emails.
_MOST = 1_000_000_000
_ONE_MORE = case((Email.attempts.between(0, _MOST - 1), Email.attempts + 1), else_=_MOST)


def claim(app: App, batch: int, *, after: int = 0, among: Sequence[int] | None = None) -> list[Email]:
    """Claim up to `batch` waiting emails, the oldest first: those with an id above `after`, or those `among` ids.

    Named ones are claimed even if they have failed.
    """
    now = app.clock.now()
    if among is None:
        wanted = and_(_free(now), Email.id > after)
    else:
        wanted = and_(or_(_free(now), Email.state == EmailState.FAILED), Email.id.in_(among))
    with app.write(points=fault_points.CLAIM) as session:
        emails = session.scalars(
            select(Email).where(wanted).order_by(Email.id).limit(batch).with_for_update(skip_locked=True)
        ).all()
        for email in emails:
            email.state, email.lease_until = EmailState.SENDING, now + LEASE
    return list(emails)


def numbers(app: App, message_ids: Sequence[str]) -> list[int]:
    """The ids of emails, in the order in which they were written."""
    with app.read() as session:
        named = (select(Email.id).where(Email.message_id.in_(some)) for some in chunks(message_ids))
        return sorted(number for statement in named for number in session.scalars(statement))


def _free(now: datetime) -> ColumnElement[bool]:
    """Whether it waits, or its lease has ended."""
    return or_(Email.state == EmailState.WAITING, and_(Email.state == EmailState.SENDING, Email.lease_until <= now))


def sent(app: App, email: Email, said: Rendered) -> None:
    """Mark an email as sent, with its text. The owner of the lease does not matter here."""
    with app.write(points=fault_points.MARK) as session:
        session.execute(
            update(Email)
            # unless the person was erased in the time between
            .where(Email.id == email.id, Email.recipient == email.recipient)
            .values(
                state=EmailState.SENT,
                subject=said.subject,
                text=said.text,
                html=said.html,
                sent_at=app.clock.now(),
                lease_until=None,
                error=None,
                attempts=_ONE_MORE,
            )
        )
        if app.command == _BY_HAND:  # an email in the transaction of a refund is part of that change
            audit.write(session, app, Outcome.SENT, target=ids.show("eml", email.id))


def failed(app: App, email: Email, error: CsctlError) -> None:
    """Mark an email as failed: it will not be accepted as it is. `email send EML` tries it again."""
    with app.write() as session:
        if _give_back(session, email, EmailState.FAILED, error):
            audit.write(session, app, Outcome.FAILED, target=ids.show("eml", email.id))


def postponed(app: App, email: Email, error: CsctlError) -> None:
    """Return an email to the outbox after an attempt."""
    with app.write() as session:
        _give_back(session, email, EmailState.WAITING, error)


def release(app: App, emails: Sequence[Email]) -> None:
    """Return claimed emails that were not tried."""
    if not emails:
        return
    with app.write() as session:
        for email in emails:
            _give_back(session, email, EmailState.WAITING, None)


def _give_back(session: Session, email: Email, state: EmailState, error: CsctlError | None) -> bool:
    """Whether the email still belonged to this process: after its lease, another one decides."""
    ours = and_(Email.id == email.id, Email.state == EmailState.SENDING, Email.lease_until == email.lease_until)
    tried = {"error": _reason(error), "attempts": _ONE_MORE} if error else {}
    done = session.execute(update(Email).where(ours).values(state=state, lease_until=None, **tried))
    return bool(cast("CursorResult[Any]", done).rowcount)


def _reason(error: CsctlError) -> str:
    return f"{error.message}: {error.cause}" if error.cause else error.message


def find_unsent(app: App, ref: Ref) -> Email:
    """A named email that may be delivered now. Raises NotFound, Conflict if it was sent, Busy while another process
    sends it.
    """
    shown = ids.show("eml", ref.id)
    with app.read() as session:
        email = session.get(Email, ref.id)
    if email is None:
        raise NotFound(f"there is no email {shown}", fix="csctl email list")
    if email.state is EmailState.SENT:
        raise Conflict(f"{shown} has been sent already", fix=_again(email))
    if email.state is EmailState.SENDING and email.lease_until and email.lease_until > app.clock.now():
        raise taken(ref)
    return email


def taken(ref: Ref) -> Busy:
    """The error for an email that another process delivers."""
    shown = ids.show("eml", ref.id)
    return Busy(f"{shown} is being delivered by another process", fix=f"csctl email show {shown}")


def _again(email: Email) -> str | None:
    """The command that writes the same email again."""
    if email.transaction_id:
        return f"csctl txn resend-email {ids.show('txn', email.transaction_id)}"
    if email.order_id and email.kind is EmailKind.WELCOME:
        return f"csctl order resend-email {ids.show('ord', email.order_id)}"
    return None


def waiting(app: App, batch: int, *, after: int = 0) -> list[Email]:
    """Emails that could be claimed now, the oldest first, above the id `after`. They are not claimed."""
    with app.read() as session:
        free = select(Email).where(_free(app.clock.now()), Email.id > after)
        return list(session.scalars(free.order_by(Email.id).limit(batch)))


def count_waiting(app: App) -> int:
    """The number of emails that can be sent now."""
    with app.read() as session:
        return session.scalar(select(func.count()).select_from(Email).where(_free(app.clock.now()))) or 0


# -- read


def emails(app: App, limit: Limit, *, state: str | None = None, kind: str | None = None) -> Page:
    """The emails of the outbox, newest first."""
    statement = select(Email)
    if state:
        statement = statement.where(Email.state == EmailState(state))
    if kind:
        statement = statement.where(Email.kind == EmailKind(kind))

    def rows(_session: Session, found: list[Email]) -> list[Row]:
        return [_row(app, email) for email in found]

    return listing.newest_first(app, statement, Email.created_at, Email.id, rows, limit)


def show(app: App, number: int) -> Row:
    """An email as it was sent, or as it would be sent now. Raises NotFound.

    If its template is broken, it has no subject, text and HTML, and `error` says why.
    """
    with app.read() as session:
        email = listing.existing(session, Email, "eml", number)
    row = {**_row(app, email), "attempts": email.attempts, "error": email.error}
    row |= {"from": sender(app.shop), "reply_to": app.shop.support_email, "text": email.text, "html": email.html}
    if email.text is None:
        try:
            said = app.mail.renderer.render(email.kind, email.context)
        except CsctlError as error:
            row["error"] = _reason(error)
        else:
            row |= {"text": said.text, "html": said.html}
    return row


def sender(shop: Shop) -> str:
    """The sender of emails, as a mail reader shows it."""
    return f"{shop.name} <{sender_address(shop)}>"


def _row(app: App, email: Email) -> Row:
    return {
        "id": ids.show("eml", email.id),
        "kind": email.kind.value,
        "recipient": email.recipient,
        "subject": email.subject or _subject(app, email),
        "state": email.state.value,
        "order_id": ids.show_or_none("ord", email.order_id),
        "transaction_id": ids.show_or_none("txn", email.transaction_id),
        "customer_id": ids.show_or_none("cus", email.customer_id),
        "queue_item_id": ids.show_or_none("rfq", email.queue_item_id),
        "created_at": email.created_at,
        "sent_at": email.sent_at,
        "message_id": email.message_id,
    }


def _subject(app: App, email: Email) -> str | None:
    """The subject of an email that was not rendered yet; None if its template is broken, so that lists still work."""
    try:
        return app.mail.renderer.subject(email.kind, email.context)
    except CsctlError:
        return None
