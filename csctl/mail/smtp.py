"""Deliver to a mail server."""

from __future__ import annotations

import smtplib
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from urllib.parse import parse_qs, unquote, urlsplit

from csctl.errors import CsctlError, Misconfigured, Unreachable
from csctl.mail.connection import Connection, Guard, TlsConnection
from csctl.mail.transport import ConnectionLost, Postponed, Refused, not_understood
from csctl.settings import mask

TIMEOUT = 30.0  # seconds that one answer of the server may take
_PORTS = {"none": 25, "starttls": 587, "smtps": 465}
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_TOO_BIG = 552  # refusals of one message; other refusals of the sender concern them all


@dataclass
class Server:
    """A mail server. One connection serves many messages, and is opened again after it was lost."""

    host: str
    port: int
    tls: str  # none, starttls, or smtps
    user: str | None = None
    password: str | None = field(repr=False, default=None)
    cafile: str | None = None
    _connection: Connection | TlsConnection | None = field(repr=False, default=None)
    _guard: Guard = field(repr=False, default_factory=Guard)

    @classmethod
    def at(cls, url: str) -> Server:
        """The server of a URL; connects to nothing yet.

        Raises Misconfigured for an invalid URL, or one that would send its password unencrypted.
        """
        try:
            parts = urlsplit(url)
            asked = dict(parse_qs(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise not_understood(url, str(error)) from None
        tls = "smtps" if parts.scheme == "smtps" else asked.pop("tls", ["none"])[-1]
        cafile = asked.pop("cafile", [None])[-1]
        if not host or tls not in _PORTS or asked or parts.path not in ("", "/"):
            raise not_understood(url, "it names no host" if not host else "it asks for what csctl does not know")
        if parts.password and tls == "none" and host not in _LOOPBACK:
            raise Misconfigured(
                f"CSCTL_MAIL_URL would send its password in the clear: {mask(url)}",
                fix="add ?tls=starttls, or begin it with smtps://",
            )
        user, password = (unquote(word) if word else None for word in (parts.username, parts.password))
        return cls(host, port or _PORTS[tls], tls, user, password, cafile)

    def send(self, name: str, message: EmailMessage, *, within: float) -> None:
        with self._guard.within(within):
            if not self._sent_on_open(message):
                self._connection = self._connect(within)
                self._hand_over(self._connection, message)

    def check(self) -> None:
        with self._guard.within(TIMEOUT):
            self._connection = self._connect(TIMEOUT)
        self.close()

    def _sent_on_open(self, message: EmailMessage) -> bool:
        """Send over the open connection. False if there is none, or if the server has closed it, as some do after each
        message.
        """
        if self._connection is None or _ended(self._connection):
            return False
        try:
            self._hand_over(self._connection, message)
        except Postponed:
            if self._connection.handed_over or self._guard.cut or not _ended(self._connection):
                raise
            return False
        return True

    def _hand_over(self, connection: Connection | TlsConnection, message: EmailMessage) -> None:
        connection.handed_over = False
        try:
            connection.send_message(message)
        except (smtplib.SMTPException, OSError) as error:
            if not isinstance(error, smtplib.SMTPRecipientsRefused | smtplib.SMTPResponseException):
                connection.close()
            raise self._verdict(error) from error

    def _verdict(self, error: OSError) -> CsctlError:
        """The error for the current message."""
        if self._guard.cut:
            return ConnectionLost("the mail server takes too long", fix="csctl email send")
        match error:
            case smtplib.SMTPRecipientsRefused():
                return _answer(*next(iter(error.recipients.values())))
            case smtplib.SMTPSenderRefused() if error.smtp_code // 100 == 5 and error.smtp_code != _TOO_BIG:
                return Misconfigured(
                    f"the mail server refuses the sender {error.sender}",
                    cause=_said(error.smtp_code, error.smtp_error),
                    fix="csctl setting set mail-from ADDRESS",
                )
            case smtplib.SMTPResponseException():
                return _answer(error.smtp_code, error.smtp_error)
            case smtplib.SMTPNotSupportedError():
                return Refused(
                    "the mail server takes no addresses beyond ASCII",
                    cause="it does not offer SMTPUTF8",
                    fix="csctl email send EML, once CSCTL_MAIL_URL names one that does",
                )
        return ConnectionLost("the connection to the mail server was lost", cause=_why(error))

    def _connect(self, within: float) -> Connection | TlsConnection:
        connection = None
        try:
            connection = self._greet(min(within, TIMEOUT))
            if self.tls == "starttls":
                connection.starttls(context=self._trust())
            if self.user is not None:
                connection.login(self.user, self.password or "")
        except (smtplib.SMTPException, OSError) as error:
            if connection is not None:
                connection.close()
            self._guard.forget()
            raise self._no_connection(error) from error
        return connection

    def _greet(self, timeout: float) -> Connection | TlsConnection:
        if self.tls == "smtps":
            return TlsConnection(self.host, self.port, timeout, self._guard, self._trust())
        return Connection(self.host, self.port, timeout, self._guard)

    def _trust(self) -> ssl.SSLContext:
        """Always verify certificates."""
        try:
            return ssl.create_default_context(cafile=self.cafile)
        except OSError as error:
            raise Misconfigured(
                f"the file {self.cafile} holds no certificates", cause=_why(error), fix="check cafile in CSCTL_MAIL_URL"
            ) from error

    def _no_connection(self, error: OSError) -> CsctlError:
        server, fix = f"the mail server {self.host}:{self.port}", "check CSCTL_MAIL_URL"
        if self._guard.cut:
            return Unreachable(f"{server} takes too long to answer", fix=f"{fix}; once it is faster: csctl email send")
        match error:
            case ssl.SSLError():
                return Misconfigured(
                    f"the connection to {server} cannot be secured",
                    cause=_why(error),
                    fix=f"{fix}; for a certificate authority of your own add cafile=FILE to it",
                )
            case smtplib.SMTPNotSupportedError():
                return Misconfigured(f"{server} does not offer what is asked of it", cause=_why(error), fix=fix)
            case smtplib.SMTPAuthenticationError() if error.smtp_code // 100 == 5:
                return Misconfigured(
                    f"{server} refuses user and password", cause=_said(error.smtp_code, error.smtp_error), fix=fix
                )
        return Unreachable(
            f"{server} cannot be reached", cause=_why(error), fix=f"{fix}; once it can: csctl email send"
        )

    def close(self) -> None:
        if self._connection is not None:
            with suppress(smtplib.SMTPException, OSError):
                self._connection.quit()
            self._connection.close()
            self._connection = None
        self._guard.forget()


def _ended(connection: smtplib.SMTP) -> bool:
    return connection.sock is None


def _answer(code: int, said: bytes | str) -> CsctlError:
    kind = Refused if code // 100 == 5 else Postponed
    return kind("the mail server did not take it", cause=_said(code, said), fix="csctl email send EML, to try again")


def _why(error: OSError) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return _said(error.smtp_code, error.smtp_error)
    return str(error.strerror or error) or type(error).__name__


def _said(code: int, said: bytes | str) -> str:
    text = said.decode(errors="replace") if isinstance(said, bytes) else said
    return " ".join(f"{code} {text}".split())[:300]
