"""Connections: encrypted to the right host or none at all, and nothing sent is distinguished from a lost answer."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from csctl.errors import Misconfigured, Unreachable
from csctl.gateways import connections
from csctl.gateways.conformance import LedgerServer, Request, Response
from csctl.gateways.transport import NotSent, Transport

SECRET = "the-secret-of-the-account"


class Approving(LedgerServer):
    """It approves whatever it is asked for."""

    def writes(self, request: Request) -> bool:
        return True

    def carry_out(self, request: Request) -> Response:
        return Response(b"{}")

    def encrypt(self, certificate: trustme.LeafCert) -> str:
        """Speak TLS from now on. The new address."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        return self.base.replace("http:", "https:")


Server = Callable[[trustme.LeafCert], str]


@pytest.fixture
def server() -> Iterator[Approving]:
    with Approving() as made:
        yield made


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA(key_type=trustme.KeyType.ECDSA)


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path) -> Path:
    file = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(file))
    return file


def transport(base: str, ca: Path | None = None, *, rehearsal: bool = True) -> Transport:
    return Transport(base, secrets=[SECRET], ca=ca, deadline=1, rehearsal=rehearsal)


def send(to: Transport) -> int:
    try:
        return to.write("POST", "/refunds", body=b"{}").status
    finally:
        to.close()


def test_a_host_with_a_certificate_of_its_name_is_trusted(
    server: Approving, authority: trustme.CA, trusted: Path
) -> None:
    base = server.encrypt(authority.issue_cert("127.0.0.1", key_type=trustme.KeyType.ECDSA))

    assert send(transport(base, trusted)) == 200


@pytest.mark.parametrize("what", ["another host", "expired", "an unknown authority"])
def test_nothing_is_sent_to_a_host_that_is_not_trusted(
    server: Approving, authority: trustme.CA, trusted: Path, what: str
) -> None:
    name = "gateway.example" if what == "another host" else "127.0.0.1"
    ended = datetime.now(UTC) - timedelta(days=1) if what == "expired" else None
    base = server.encrypt(authority.issue_cert(name, not_after=ended, key_type=trustme.KeyType.ECDSA))

    with pytest.raises(NotSent):
        send(transport(base, None if what == "an unknown authority" else trusted))
    assert server.wire == []


def test_nothing_is_sent_to_a_host_that_does_not_encrypt(server: Approving, trusted: Path) -> None:
    with pytest.raises(NotSent):
        send(transport(server.base.replace("http:", "https:"), trusted))
    assert server.wire == []


def test_nothing_is_sent_where_the_encryption_is_not_agreed_on_in_time(trusted: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(NotSent):
        send(transport(f"https://127.0.0.1:{silent.getsockname()[1]}", trusted))


def test_nothing_is_sent_to_a_name_without_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    monkeypatch.setattr(connections, "CONTACTED", set())
    gone = transport("https://gateway.example")

    with pytest.raises(NotSent) as caught:
        gone.write("POST", "/refunds")
    with pytest.raises(Unreachable):
        gone.read("GET", "/refunds")
    gone.close()
    assert "gateway.example" not in str(caught.value)


@pytest.mark.parametrize("address", ["http://gateway.example", "http://10.0.0.1", "ftp://127.0.0.1", "127.0.0.1", ""])
def test_only_encrypted_addresses_are_taken(address: str) -> None:
    with pytest.raises(Misconfigured):
        transport(address)


def test_this_machine_is_spoken_to_in_the_clear_on_a_rehearsal_alone(server: Approving) -> None:
    assert send(transport(server.base)) == 200
    with pytest.raises(Misconfigured):
        transport(server.base, rehearsal=False)


def test_a_secret_in_a_url_is_refused_before_it_is_sent(server: Approving) -> None:
    to = transport(server.base)
    for path, query in (f"/keys/{SECRET}", []), ("/keys", [("key", SECRET)]):
        with pytest.raises(ValueError, match="a secret in a URL"):
            to.read("GET", path, query=query)
    to.close()
    assert server.wire == []
