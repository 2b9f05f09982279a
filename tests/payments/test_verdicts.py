"""An administrator decides an attempt by the gateway's own page, while others do so too (domain rules, section 3)."""

from __future__ import annotations

import json

import pytest

from tests.factories import make_sale
from tests.refunds.scenes import finished, gateway, paid, sending
from tests.selection import on_sqlite
from tests.shops import Shop

LATER = "2026-03-02T09:06:00Z"  # a lease is over
MUTE = "lookup=off&idempotency=off"


@pytest.mark.both_databases
def test_of_two_verdicts_at_once_the_first_is_kept(shop: Shop) -> None:
    sale = make_sale(shop, token="tok_refund_answer_lost")  # the gateway itself does not know, and is asked first
    refund = shop(f"txn refund {sale} --amount 8 --yes -o json").json[0]["transaction_id"]
    slow = gateway(shop, "latency_ms=600")
    words = f"txn reconcile {refund} -o json --as "

    runs = [shop.start(words + verdict, at=LATER, env=slow) for verdict in ("approved", "failed")]
    (approved, said, _), (failed, _, _) = (finished(run) for run in runs)

    row = shop(f"txn show {sale} -o json").json
    items = [item["state"] for item in shop("queue list --state any -o json").json]
    if approved == 0:
        assert (failed, json.loads(said)[0]["outcome"]) == (5, "refunded")
        assert (row["refunded"], row["refundable"], items) == ("8.00", "11.99", [])
    else:
        assert (approved, failed) == (5, 0)
        assert (row["refunded"], row["refundable"], items) == ("0.00", "11.99", ["queued"])
    assert shop("db check").code == 0


@on_sqlite
@pytest.mark.parametrize("verdict", ["approved", "failed"])
def test_an_answer_that_comes_after_a_verdict_is_in_the_books_once(shop: Shop, verdict: str) -> None:
    shop.env |= gateway(shop, MUTE)
    sale = make_sale(shop)
    run = sending(shop, f"txn refund {sale} --amount 8 --yes", options=f"&{MUTE}")
    (refund,) = [row["id"] for row in shop("txn list --kind refund -o json").json]

    while_leased = shop(f"txn reconcile {refund} --as {verdict}").code
    decided = shop(f"txn reconcile {refund} --as {verdict}", at=LATER).code
    finished(run)
    if verdict == "failed":  # the answer has shown that it was not
        shop(f"txn reconcile {refund} --as approved", at="2026-03-02T09:20:00Z")
    retried = shop("queue retry -o json", at="2026-03-03T09:00:00Z")

    assert (while_leased, decided) == (5, 0)
    assert (paid(shop), retried.json) == ([("refund", "8.00")], [])
    assert shop(f"txn show {sale} -o json").json["refunded"] == "8.00"
    assert len([mail for mail in shop("email list -o json").json if mail["kind"] == "refund"]) == 1
    assert shop("db check").code == 0
