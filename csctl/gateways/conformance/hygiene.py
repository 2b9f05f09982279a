"""What must not get in, and what must not get out."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from csctl.domain.states import Kind, State
from csctl.errors import CsctlError
from csctl.gateways.conformance.world import HttpWorld, Sold

_CARD = "4111111111111111"


class Hygiene:
    """Group H."""

    def test_secrets_stand_in_headers_and_bodies_alone(
        self, world: HttpWorld, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        sale = world.sell(2000, Sold.SETTLED)
        refund = world.op(Kind.REFUND, 800, sale=sale)
        world.write(refund)
        world.account.find(refund)
        world.account.identity()
        list(world.account.changes(None)) if world.account.capabilities.changes else None
        try:
            world.another(right=False).identity()
        except CsctlError as error:
            caplog.set_level(logging.DEBUG)
            logging.getLogger(__name__).debug("%s %s", error.as_dict(), repr(error))

        written = f"{world.account!r} {caplog.text} {[request.target for request in world.ledger.wire]}"
        assert not any(secret in written for secret in world.secrets)

    def test_texts_of_the_gateway_are_cleaned(self, world: HttpWorld) -> None:
        secret = world.secrets[0]
        world.ledger.fail_next(world.refusal(f"Card {_CARD} \x1b[31m\u202e refused for {secret}"))

        message = world.write(world.op(Kind.SALE)).message or ""

        assert "refused for" in message
        assert not any(text in message for text in (_CARD, secret, "\x1b", "\u202e"))

    def test_the_key_of_an_attempt_stands_in_its_request(self, world: HttpWorld) -> None:
        refund, charge = world.op(Kind.REFUND, 800, sale=world.sell(2000, Sold.SETTLED)), world.op(Kind.SALE)
        world.write(refund)
        world.write(charge)

        keys = [world.key_of(request) for request in world.ledger.written()]

        assert [key and op.key.startswith(key) for key, op in zip(keys, (refund, charge), strict=True)] == [True] * 2

    def test_the_environment_changes_no_request(
        self, world: HttpWorld, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        netrc = tmp_path / "netrc"
        netrc.write_text("default login other password other\n")
        netrc.chmod(0o600)
        monkeypatch.setenv("NETRC", str(netrc))
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
            monkeypatch.setenv(name.lower(), "http://127.0.0.1:9")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))

        assert world.write(world.op(Kind.SALE)).state is State.APPROVED
        assert "Basic" not in str(world.ledger.wire[-1].headers)
