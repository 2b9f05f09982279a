"""Import from the API of CheckoutChamp: by day, read only, and billed there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from urllib.parse import quote

import pytest

from csctl.gateways.conformance.server import Fault
from tests.gateways.ledgers.checkoutchamp import LOGIN, PASSWORD, CheckoutChampLedger
from tests.running import Done
from tests.selection import one_database
from tests.shops import Shop

NOW = "2026-03-02T09:00:00Z"
_TXN = {"orderId": "K1", "merchantId": "2", "currencyCode": "USD", "txnType": "SALE", "responseType": "SUCCESS"}


@pytest.fixture
def crm() -> Iterator[CheckoutChampLedger]:
    with CheckoutChampLedger() as made:
        yield made


@pytest.fixture
def stocked(crm: CheckoutChampLedger) -> CheckoutChampLedger:
    item = {"purchaseId": "P1", "name": "Glow", "qty": "1", "price": "29.90", "purchaseStatus": "ACTIVE"}
    item |= {"billingCycleNumber": "2", "nextBillDate": "2026-04-01", "recurringPrice": "49.00"}
    crm.add("customer", customerId=100, firstName="Ada", lastName="Abara", emailAddress="ada@example.com", country="US")
    crm.add("order", orderId="K1", customerId=100, orderStatus="COMPLETE", currencyCode="USD", items={"500": item})
    crm.add("order", "2026-02-20 10:00:00", orderId="K2", customerId=101, orderStatus="DECLINED", currencyCode="USD")
    crm.add("purchase", purchaseId="P1", orderId="K1", price="49.00", status="ACTIVE", nextBillDate="2026-04-01")
    crm.add("transactions", transactionId="T1", totalAmount="29.90", merchantTxnId="m1", **_TXN)
    crm.add("transactions", transactionId="T2", totalAmount="49.00", merchantTxnId="m2", isChargedback="1", **_TXN)
    back = {**_TXN, "txnType": "REFUND", "parentTxnId": "T1"}
    crm.add("transactions", transactionId="T3", totalAmount="9.90", merchantTxnId="m3", **back)
    crm.add("transactions", transactionId="T4", totalAmount="49.00", **{**_TXN, "responseType": "SOFT_DECLINE"})
    return crm


def account(crm: CheckoutChampLedger, password: str = PASSWORD) -> dict[str, str]:
    secret = quote(f"{LOGIN}:{password}", safe="")
    return {"CSCTL_GATEWAY_CRM": f"checkoutchamp:{secret}?base={crm.base}&rate=10000/s"}


def bring(shop: Shop, crm: CheckoutChampLedger, more: str = "") -> Done:
    words = f"data import checkoutchamp --account crm --map-merchant 2=main -o json {more}"
    return shop(words, env=account(crm), at=NOW)


def test_records_come_in_with_the_sums_of_the_system_and_stay_billed_there(
    shop: Shop, stocked: CheckoutChampLedger
) -> None:
    done = bring(shop, stocked)

    assert done.code == 0, done.err
    sales = shop.sql(
        "SELECT sum(amount) AS taken, sum(refunded) AS back FROM transactions"
        " WHERE kind = 'sale' AND state = 'approved' AND gateway = 'main'"
    )
    assert (sales[0]["taken"], sales[0]["back"]) == (7890, 990)
    assert [row["amount"] for row in shop.sql("SELECT amount FROM transactions WHERE disputed_at IS NOT NULL")] == [
        4900
    ]
    found = shop.sql("SELECT billed_by, status, price, checkout_amount, cycle FROM purchases")
    assert found == [
        {"billed_by": "checkoutchamp", "status": "active", "price": 4900, "checkout_amount": 2990, "cycle": 2}
    ]
    assert shop("purchase force-bill pur_1 --yes", at=NOW).code != 0
    assert {row["status"] for row in shop.sql("SELECT status FROM orders")} == {"complete", "declined"}


def test_a_second_import_changes_nothing_and_credentials_stay_out_of_urls(
    shop: Shop, stocked: CheckoutChampLedger
) -> None:
    bring(shop, stocked)

    for more in ("", "--update"):
        again = bring(shop, stocked, more)
        assert again.code == 0, again.err
        assert sum(row["created"] + row["updated"] + row["rejected"] for row in again.json) == 0
    assert stocked.written() == []
    assert not [request for request in stocked.wire if "?" in request.target or LOGIN in request.target]


def test_a_busy_day_is_paged_and_an_interrupted_import_continues(shop: Shop, crm: CheckoutChampLedger) -> None:
    day = date(2026, 1, 1)
    for number in range(1100):
        crm.add(
            "customer", f"{day + timedelta(days=number % 50)} 08:00:00", customerId=number, firstName=f"Ann {number}"
        )
    crm.fail_next(Fault(status=503), matches=lambda request: request.path == "/order/query/")

    stopped = bring(shop, crm)
    before = len([request for request in crm.wire if request.path == "/customer/query/"])
    done = bring(shop, crm)

    assert stopped.code == 3
    assert done.code == 0, done.err
    assert shop.sql("SELECT count(*) AS found FROM customers")[0]["found"] == 1100
    assert len([request for request in crm.wire if request.path == "/customer/query/"]) == before


@one_database
def test_wrong_credentials_are_named_and_not_repeated(shop: Shop, stocked: CheckoutChampLedger) -> None:
    done = shop("data import checkoutchamp --account crm", env=account(stocked, "wrong-secret"), at=NOW)

    assert done.code == 11
    assert "wrong-secret" not in done.err + done.out
    assert not shop.sql("SELECT id FROM customers")


@one_database
def test_money_is_not_moved_at_the_system(shop: Shop, stocked: CheckoutChampLedger) -> None:
    words = "data import checkoutchamp --account crm"
    assert shop(words, env=account(stocked), at=NOW).code == 0

    for how in ("--dry-run", "--yes"):
        done = shop(f"txn refund txn_1 {how}", env=account(stocked), at=NOW)
        assert done.code == 11
        assert "map-merchant" in done.err
    assert not shop.sql("SELECT id FROM transactions WHERE key IS NOT NULL")
    assert stocked.written() == []


@one_database
def test_hostile_answers_reject_their_rows_or_stop_the_import(shop: Shop, crm: CheckoutChampLedger) -> None:
    crm.add("customer", customerId="1", firstName="4111 1111 1111 1111", lastName=["x"])
    crm.add("customer", customerId="2", firstName="\x1b[31mRed", emailAddress=None)
    crm.add("transactions", transactionId="T1", totalAmount="29.90", **{**_TXN, "orderId": "none"})

    done = bring(shop, crm)

    assert done.code == 3
    assert {row["kind"]: (row["created"], row["rejected"]) for row in done.json} == {
        "customers": (1, 1),
        "transactions": (0, 1),
    }
    crm.fail_next(Fault(body=b"<html>"), matches=lambda request: True)
    assert bring(shop, crm).code == 8
