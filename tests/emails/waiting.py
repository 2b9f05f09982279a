"""Emails that wait in the outbox, as a refund leaves them there, and what delivered ones say."""

from __future__ import annotations

from email.message import EmailMessage
from typing import Any

from csctl.domain import ids
from csctl.domain.states import EmailKind, EmailState
from csctl.models import Email
from csctl.services.emails.preview import SAMPLES
from tests.shops import Shop

NOWHERE = {"CSCTL_MAIL_URL": ""}  # no mail server is configured


def make_email(shop: Shop, recipient: str = "jane@example.com", kind: str = "refund", **given: Any) -> str:
    """An email that waits, about a sample."""
    with shop.session() as session:
        number = (session.query(Email).count()) + 1
        values = {
            "kind": EmailKind(kind),
            "recipient": recipient,
            "message_id": f"<{number}@shop.example>",
            "context": SAMPLES[EmailKind(kind)],
            "state": EmailState.WAITING,
            "attempts": 0,
            "created_at": shop.moment,
        }
        email = Email(**{**values, **given})
        session.add(email)
        session.flush()
        return ids.show("eml", email.id)


def states(shop: Shop) -> list[str]:
    """The states of all emails, the oldest first."""
    return [row["state"] for row in shop.sql("SELECT state FROM emails ORDER BY id")]


def text(mail: EmailMessage) -> str:
    """Its plain text."""
    return _part(mail, "plain")


def html(mail: EmailMessage) -> str:
    """Its HTML."""
    return _part(mail, "html")


def _part(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert isinstance(part, EmailMessage), f"it has no {kind} part"
    return str(part.get_content())
