"""Build an email: headers, text, and the same as HTML."""

from __future__ import annotations

from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from typing import TYPE_CHECKING

from email_validator import EmailNotValidError, validate_email

from csctl.mail.rendering import Rendered
from csctl.mail.transport import Refused
from csctl.models import Email

if TYPE_CHECKING:
    from csctl.domain.shop import Shop

_DEFAULT_SENDER = "no-reply@localhost"


def compose(email: Email, rendered: Rendered, shop: Shop) -> EmailMessage:
    """Build the message of an outbox row; every delivery of it has the same Message-ID and Date.

    Raises Refused unless the recipient is one address (a comma in it must not make two), or for invalid text.
    """
    try:
        return _message(email, rendered, shop)
    except (ValueError, LookupError, MessageError) as error:
        raise Refused("it cannot be made into a message", cause=str(error)[:200]) from error


def _message(email: Email, rendered: Rendered, shop: Shop) -> EmailMessage:
    recipient = _on_the_wire(email.recipient)
    message = EmailMessage(policy=SMTP if recipient.addr_spec.isascii() else SMTPUTF8)
    message["Message-ID"] = email.message_id
    message["Date"] = email.created_at
    message["From"] = _sender(shop)
    message["To"] = recipient
    if shop.support_email:
        message["Reply-To"] = _on_the_wire(shop.support_email)
    message["Subject"] = rendered.subject
    message["Auto-Submitted"] = "auto-generated"  # so that out-of-office programs do not answer (RFC 3834)
    message.set_content(rendered.text)
    message.add_alternative(rendered.html, subtype="html")
    message.set_boundary(f"=_{email.message_id.strip('<>').partition('@')[0]}")  # every delivery has the same bytes
    return message


def sender_address(shop: Shop) -> str:
    """The address in From."""
    return shop.mail_from or _DEFAULT_SENDER


def _sender(shop: Shop) -> Address:
    if shop.mail_from is None:
        return Address(display_name=shop.name, addr_spec=sender_address(shop))
    return _on_the_wire(sender_address(shop), shop.name)


def _on_the_wire(address: str, name: str = "") -> Address:
    """The address with its domain in ASCII, which every server accepts.

    The part before the @ has no such form: for other characters, the server must offer SMTPUTF8 (RFC 6531).
    """
    try:
        found = validate_email(address, check_deliverability=False)
    except EmailNotValidError as error:
        raise Refused(f"{address[:80]!r} is not one email address: {error}") from None
    return Address(display_name=name, username=found.local_part, domain=found.ascii_domain)
