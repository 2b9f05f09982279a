"""An Authorize.Net that answers about something else, or with invalid values: nothing of it is believed."""

from __future__ import annotations

import json

import pytest

from csctl.domain.states import Kind, State
from csctl.errors import Unreachable
from csctl.gateways.authorizenet import reports, requests
from csctl.gateways.authorizenet.adapter import AuthorizeNet
from csctl.gateways.conformance.server import Fault
from tests.gateways.ledgers.authorizenet import AuthorizeNetLedger
from tests.gateways.operations import Op


@pytest.mark.parametrize("fields", [{"refTransID": "77"}, {"transId": "78"}, {"transId": "78\0"}], ids=str)
def test_a_void_of_another_sale_is_unknown(
    account: AuthorizeNet, ledger: AuthorizeNetLedger, op: Op, fields: dict[str, str]
) -> None:
    void = op(Kind.VOID, sale=ledger.sell("20.00"))

    def change(body: bytes) -> bytes:
        answer = json.loads(body.decode("utf-8-sig"))
        answer["transactionResponse"] |= fields
        return json.dumps(answer).encode()

    ledger.fail_next(Fault(change=change))

    assert account.void(void).state is State.UNKNOWN


def test_a_list_that_shows_the_same_page_again_and_again_ends(
    account: AuthorizeNet, ledger: AuthorizeNetLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "PAGE", 1)
    shown = [{"transId": "77", "transactionStatus": "capturedPendingSettlement"}]
    page = json.dumps({"transactions": shown, "messages": {"resultCode": "Ok", "message": []}}).encode()
    ledger.fail_next(Fault(body=page), times=5, matches=lambda request: b"Unsettled" in request.body)

    with pytest.raises(Unreachable, match="cannot answer"):
        list(account.changes(None))
    assert len(ledger.wire) == 2


def test_an_invalid_time_is_none_and_a_cursor_of_the_future_too(
    account: AuthorizeNet, ledger: AuthorizeNetLedger
) -> None:
    assert reports.moment("0001-01-01T00:00:00+14:00") is None
    sale = ledger.sell("20.00", settled=True)

    for cursor in ("2099-01-01T00:00:00Z", "9999-12-31T23:59:59Z"):
        changes = list(account.changes(cursor))
        assert [change.reference for change in changes] == [sale]
        assert changes[-1].cursor <= requests.stamp(ledger.time)
