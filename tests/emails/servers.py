"""A real mail server on this machine, which does what a test wants of it."""

from __future__ import annotations

import asyncio
import email.policy
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

USER, PASSWORD = "shop", "p@ss/w:rd?"


@dataclass
class MailServer:
    """What arrived, oldest first: the message, and the envelope's recipients.

    `answer` is asked about each recipient, `taken` is called with each message before it is acknowledged, and the
    connection is dropped instead of an acknowledgement if `hangs_up` says so, or after it if the server
    `ends_connections`.
    """

    url: str = ""
    messages: list[EmailMessage] = field(default_factory=list)
    envelopes: list[list[str]] = field(default_factory=list)
    connections: int = 0
    answer: Callable[[str], str] = lambda _recipient: "250 OK"
    taken: Callable[[EmailMessage], None] = lambda _message: None
    hangs_up: Callable[[EmailMessage], bool] = lambda _message: False
    ends_connections: bool = False

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's name
        self, _server: Any, session: Any, _envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        self.connections += 1
        return responses

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802
        said = self.answer(address)
        if said.startswith("250"):
            envelope.rcpt_tos.append(address)
        return said

    async def handle_DATA(self, server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        message = message_from_bytes(envelope.content, EmailMessage, policy=email.policy.default)
        if self.hangs_up(message):
            server.transport.abort()
        self.messages.append(message)
        self.envelopes.append(list(envelope.rcpt_tos))
        self.taken(message)
        if self.ends_connections:
            asyncio.get_running_loop().call_soon(server.transport.close)
        return "250 OK"

    @property
    def ids(self) -> list[str]:
        return [str(message["Message-ID"]) for message in self.messages]


class AnyPort(Controller):
    """Port 0 is whichever is free; the class connects to it once, to see that it is up."""

    def _trigger_server(self) -> None:
        server: Any = self.server
        self.port = server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]


@contextmanager
def serving(**options: Any) -> Iterator[MailServer]:
    """A server on a free port. `options` are aiosmtpd's. It has stopped when the block ends."""
    server = MailServer()
    controller = AnyPort(server, hostname="127.0.0.1", port=0, **options)
    controller.start()
    server.connections = 0  # the controller made one, to see that it is up
    try:
        server.url = f"127.0.0.1:{controller.port}"
        yield server
    finally:
        controller.stop()


def only_our_user(_server: Any, _session: Any, _envelope: Any, _mechanism: str, auth_data: Any) -> AuthResult:
    right = LoginPassword(USER.encode(), PASSWORD.encode())
    return AuthResult(success=auth_data == right, handled=False)


@dataclass(frozen=True)
class Certificate:
    """A certificate for 127.0.0.1 that signs itself."""

    file: Path
    key: Path

    @classmethod
    def make(cls, folder: Path) -> Certificate:
        made = cls(folder / "certificate.pem", folder / "key.pem")
        request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=mail"]
        names = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(made.key), "-out", str(made.file)]
        subprocess.run([*request, *names], check=True, capture_output=True)
        return made

    def context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.file, self.key)
        return context


@contextmanager
def chattering(lines: Iterable[bytes]) -> Iterator[str]:
    """A server that sends these lines to each client, and then nothing. Gives its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def talk() -> None:
        with suppress(OSError):
            line, _ = listener.accept()
            with line:
                for said in lines:
                    line.sendall(said)
                over.wait(30)

    talking = threading.Thread(target=talk, daemon=True)
    talking.start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        over.set()
        listener.close()


def smtp(server: MailServer) -> dict[str, str]:
    return {"CSCTL_MAIL_URL": f"smtp://{server.url}"}
