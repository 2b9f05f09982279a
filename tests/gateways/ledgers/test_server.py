"""The server that ledger servers share goes wrong as it is asked to."""

from __future__ import annotations

import http.client
from collections.abc import Iterator

import pytest

from csctl.gateways.conformance.server import Fault, LedgerServer, Request, Response


class Counter(LedgerServer):
    """Counts the calls that reach its books."""

    count = 0

    def writes(self, request: Request) -> bool:
        return request.method == "POST"

    def carry_out(self, request: Request) -> Response:
        self.count += 1
        return Response(b"counted")


@pytest.fixture
def ledger() -> Iterator[Counter]:
    with Counter() as made:
        yield made


def _post(ledger: Counter, body: str = "") -> bytes:
    connection = http.client.HTTPConnection(ledger.base.removeprefix("http://"), timeout=5)
    try:
        connection.request("POST", "/path?a=1", body, {"X-Key": "k"})
        return connection.getresponse().read()
    finally:
        connection.close()


def test_a_call_is_carried_out_and_kept_as_it_stood_on_the_wire(ledger: Counter) -> None:
    assert _post(ledger, "amount=1.00") == b"counted"

    (request,) = ledger.written()
    assert (request.path, request.query, request.form) == ("/path", [("a", "1")], {"amount": "1.00"})
    assert request.headers["x-key"] == "k"


@pytest.mark.parametrize("effect", [True, False])
@pytest.mark.parametrize(
    ("cut", "reset", "error"),
    [
        (0, False, http.client.RemoteDisconnected),
        (3, False, http.client.IncompleteRead),
        (None, True, ConnectionResetError),
    ],
)
def test_an_answer_is_lost_with_and_without_the_effect(
    ledger: Counter, effect: bool, cut: int | None, reset: bool, error: type[Exception]
) -> None:
    body = b"counted" if cut else None
    ledger.fail_next(Fault(effect=effect, cut=cut, reset=reset, body=body))

    with pytest.raises(error):
        _post(ledger)

    assert ledger.count == int(effect)
    assert _post(ledger) == b"counted"  # the next one is well again


def test_another_answer_takes_the_place_of_the_real_one(ledger: Counter) -> None:
    seen: list[int] = []
    ledger.fail_next(Fault(status=503, body=b"<html>", hook=lambda: seen.append(ledger.count)))

    assert _post(ledger) == b"<html>"
    assert seen == [1]


def test_a_closed_ledger_refuses_connections(ledger: Counter) -> None:
    ledger.close()

    with pytest.raises(ConnectionRefusedError):
        _post(ledger)
