"""The protocol of mail transports, and the errors of one message."""

from __future__ import annotations

from email.message import EmailMessage
from typing import Protocol

from csctl.errors import CsctlError, GatewayRefused, Misconfigured, Unreachable
from csctl.settings import mask


class Refused(GatewayRefused):
    """This message will never be accepted."""

    code = "refused"


class Postponed(Unreachable):
    """This message was not accepted now, and may be later."""


class ConnectionLost(Postponed):
    """The connection broke during this message: the server may have it. It is sent again, with the same Message-ID."""


class Transport(Protocol):
    """A folder, or a mail server."""

    def send(self, name: str, message: EmailMessage, *, within: float) -> None:
        """Send a message within so many seconds. `name` is `eml_12`.

        Raises Refused, Postponed or ConnectionLost for this message, and Unreachable or Misconfigured if the next one
        would fail as well.
        """

    def check(self) -> None:
        """Check whether a message could be sent now. Sends none. Raises Unreachable or Misconfigured."""

    def close(self) -> None:
        """Close the connection."""


def not_understood(url: str, cause: str) -> CsctlError:
    return Misconfigured(
        f"CSCTL_MAIL_URL is not one that csctl understands: {mask(url)}",
        cause=cause,
        fix="write file:DIR, smtp://user:password@host:587?tls=starttls or smtps://user:password@host",
    )
