"""What delivery asks of a way out, and what can come of one message."""

from __future__ import annotations

from email.message import EmailMessage
from typing import Protocol

from csctl.errors import CsctlError, GatewayRefused, Misconfigured, Unreachable
from csctl.settings import mask


class Refused(GatewayRefused):
    """This message will never be taken."""

    code = "refused"


class Postponed(Unreachable):
    """This message was not taken now, and may be later."""


class ConnectionLost(Postponed):
    """The connection broke in the middle of this message: perhaps it was taken. It goes again, with its Message-ID."""


class Transport(Protocol):
    """A folder, or a mail server."""

    def send(self, name: str, message: EmailMessage, *, within: float) -> None:
        """Hand a message over, within so many seconds; it is somebody else's when this returns. `name` is `eml_12`.

        Raises Refused, Postponed or ConnectionLost for this message, and Unreachable or Misconfigured where the next
        one would fare no better.
        """

    def check(self) -> None:
        """Find out whether a message could be handed over now. Sends none. Raises Unreachable or Misconfigured."""

    def close(self) -> None:
        """Let go of the connection."""


def not_understood(url: str, cause: str) -> CsctlError:
    return Misconfigured(
        f"CSCTL_MAIL_URL is not one that csctl understands: {mask(url)}",
        cause=cause,
        fix="write file:DIR, smtp://user:password@host:587?tls=starttls or smtps://user:password@host",
    )
