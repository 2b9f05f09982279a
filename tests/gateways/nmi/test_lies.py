"""An NMI that answers about something else, or with invalid values: nothing of it is believed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from csctl.domain.states import Kind, State
from csctl.errors import Unreachable
from csctl.gateways.conformance.server import Fault
from csctl.gateways.nmi import requests, search
from csctl.gateways.nmi.adapter import Nmi
from csctl.gateways.nmi.query import stamp
from tests.gateways.ledgers.nmi import NmiLedger
from tests.gateways.operations import NOW, Op


def test_a_reference_with_a_nul_is_unknown(account: Nmi, ledger: NmiLedger, op: Op) -> None:
    refund = op(Kind.REFUND, "8.00", sale=ledger.sell("20.00", settled=True))
    ledger.fail_next(Fault(change=lambda body: body.replace(b"transactionid=", b"transactionid=%00")))

    assert account.refund(refund).state is State.UNKNOWN


def test_an_operation_of_the_future_leaves_none_out(account: Nmi, ledger: NmiLedger) -> None:
    first = ledger.sell("20.00")
    ledger.books[first].actions[0].at = NOW + timedelta(days=5000)
    cursor = list(account.changes(None))[-1].cursor
    ledger.now = NOW + timedelta(days=1)
    second = ledger.sell("30.00")

    assert cursor == stamp(NOW)
    assert second in {change.reference for change in account.changes(cursor)}
    assert second in {change.reference for change in account.changes("20990101000000")}


def test_a_list_has_an_end(account: Nmi, ledger: NmiLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "PAGE", 1)
    monkeypatch.setattr(search, "MOST_PAGES", 3)
    for _ in range(5):
        ledger.sell("20.00")

    with pytest.raises(Unreachable, match="cannot answer"):
        list(account.changes(None))
