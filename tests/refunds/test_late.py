"""An approval that comes after csctl has taken the attempt for failed: the money counts, and a person must look."""

from __future__ import annotations

import signal

import pytest

from tests.factories import make_sale
from tests.refunds.scenes import finished, paid, sending
from tests.running import Done
from tests.shops import Shop

TUESDAY = "2026-03-03T09:00:00Z"


@pytest.fixture
def paid_twice(shop: Shop) -> Done:
    """A refund whose worker slept in its call: it was found never executed, and retried, before it arrived."""
    sale = make_sale(shop)
    worker = sending(shop, f"txn refund {sale} --amount 8 --yes -o json")
    worker.send_signal(signal.SIGSTOP)
    asked = shop("txn reconcile -o json", at="2026-03-02T09:06:00Z")
    retried = shop("queue retry -o json", at=TUESDAY)
    cheque = shop(f"txn refund {sale} --outside cheque-7 --amount 11 --yes -o json", at=TUESDAY)
    assert [row["outcome"] for row in (*asked.json, *retried.json, *cheque.json)] == ["queued", "refunded", "refunded"]
    shop.now = TUESDAY
    worker.send_signal(signal.SIGCONT)
    return Done(*finished(worker))


def findings(shop: Shop) -> list[str]:
    return [row["problem"] for row in shop("doctor -o json").json if row["check"] == "transactions" and row["problem"]]


def test_it_counts_as_returned_and_doctor_names_it_until_a_person_has_looked(shop: Shop, paid_twice: Done) -> None:
    sale = shop("txn show txn_1 -o json").json
    found = findings(shop)
    looked = shop("txn reconcile txn_2 --as approved --yes -o json")
    shop("txn refund txn_4 --undo-outside --yes")
    corrected = shop("txn show txn_1 -o json").json

    assert (paid_twice.code, paid_twice.json[0]["outcome"]) == (9, "unknown")
    assert paid(shop) == [("refund", "8.00")] * 2
    assert (sale["refunded"], sale["over_returned"], sale["refundable"]) == ("19.99", "7.01", "0.00")
    assert found == [
        "txn_2 (refund of 8.00 USD) was approved after it had been taken for failed:"
        " 7.01 USD more than txn_1 was returned"
    ]
    assert (looked.code, looked.json[0]["outcome"]) == (0, "refunded")
    assert (corrected["refunded"], corrected["over_returned"], corrected["refundable"]) == ("16.00", "0.00", "3.99")
    assert findings(shop) == []
    assert shop("db check").code == 0


def test_an_agent_cannot_say_that_it_was_looked_at(shop: Shop, paid_twice: Done) -> None:
    assert shop("txn reconcile txn_2 --as approved --yes", as_="agent").code == 6
    assert findings(shop) != []


def test_a_queued_refund_is_paid_by_it_and_not_sent_again(shop: Shop) -> None:
    sale = make_sale(shop, token="tok_refund_declined_1")
    worker = sending(shop, f"txn refund {sale} --amount 5 --yes", milliseconds=6000)
    shop("txn reconcile", at="2026-03-02T09:06:00Z")
    declined = shop("queue retry -o json", at=TUESDAY)
    finished(worker)
    later = shop("queue retry -o json", at="2026-03-04T09:00:00Z")
    (item,) = shop("queue list --state any -o json").json

    assert [row["outcome"] for row in declined.json] == ["queued"]
    assert later.json == []
    assert (item["state"], paid(shop)) == ("succeeded", [("refund", "5.00")])
    assert shop(f"txn show {sale} -o json").json["refunded"] == "5.00"
    assert shop("db check").code == 0
