"""The gateway decides what has settled, what is voided and what was carried out; our books only remember."""

from __future__ import annotations

import json
import sqlite3

import pytest

from tests.factories import make_order, make_payment_method, make_sale, make_transaction
from tests.refunds.scenes import finished, gateway, paid, rebilled
from tests.selection import on_sqlite
from tests.shops import Shop

TUESDAY = "2026-03-03T09:00:00Z"


def at_the_gateway(shop: Shop, statement: str) -> None:
    ledger = sqlite3.connect(shop.sandbox)
    with ledger:
        ledger.execute(statement)
    ledger.close()


def test_the_gateway_is_asked_before_a_void_is_refused_because_of_settlement(shop: Shop) -> None:
    sale = make_sale(shop, settled=False)
    shop.sql("UPDATE transactions SET settlement = 'settled', settled_at = created_at")

    done = shop(f"txn void {sale} --yes -o json")

    assert (done.code, done.json[0]["outcome"]) == (0, "voided")


@pytest.mark.parametrize("words", ["txn void txn_1", "order refund ord_1"])
def test_a_charge_that_was_voided_on_the_gateways_page_is_learnt_from_its_answer(shop: Shop, words: str) -> None:
    sale = make_sale(shop, settled=False)
    at_the_gateway(shop, "UPDATE operations SET voided = 1")

    done = shop(f"{words} --yes -o json")
    known = shop(f"txn show {sale} -o json").json

    assert (done.code, done.json[0]["outcome"]) == (5, "refused")
    assert "voided already" in done.json[0]["message"]
    assert (known["voided"], known["refundable"]) == (True, "0.00")


def test_an_authorization_never_settles_and_can_be_voided_on_any_day(shop: Shop) -> None:
    order = make_order(shop)
    hold = make_transaction(
        shop,
        "authorize",
        "approved",
        order=order,
        payment_method=make_payment_method(shop),
        gateway_ref="hold",
        settlement="unsettled",
    )
    shop.adopt()

    shop("txn sync", at="2026-03-09T09:00:00Z")
    done = shop(f"txn void {hold} --yes -o json", at="2026-03-10T09:00:00Z")

    assert (done.code, done.json[0]["outcome"]) == (0, "voided")


def test_a_void_that_never_arrived_is_found_so_and_the_run_is_complete(shop: Shop) -> None:
    sale = make_sale(shop, settled=False, token="tok_timeout_lost")
    assert shop(f"txn void {sale} --yes").code == 9

    found = shop("txn reconcile -o json")

    assert (found.code, [row["outcome"] for row in found.json]) == (0, ["failed"])


def test_a_gateway_that_is_away_for_one_sale_does_not_fail_the_run(shop: Shop) -> None:
    shop.env |= gateway(shop, "changes=off")
    make_sale(shop, settled=False, token="tok_unreachable")
    make_sale(shop, settled=False)

    mixed = shop("txn sync -o json", at=TUESDAY)
    alone = shop("txn sync -o json", at=TUESDAY)

    assert (mixed.code, sorted(row["ok"] for row in mixed.json)) == (0, [False, True])
    assert alone.code == 8, "nobody was reached"


@pytest.mark.both_databases
def test_two_reconciles_at_once_leave_each_others_work_alone(shop: Shop) -> None:
    sales = [make_sale(shop, token="tok_timeout_applied", adopt=False) for _ in range(6)]
    shop.adopt()
    shop(f"txn refund {' '.join(sales)} --amount 5 --yes")
    runs = [shop.start("txn reconcile -o json", env=gateway(shop, "latency_ms=1000")) for _ in range(2)]
    ended = [finished(run) for run in runs]

    assert {code for code, _, _ in ended} <= {0, 9}, "9 while the other is still asking"
    assert [row["outcome"] for _, out, _ in ended for row in json.loads(out)] == ["refunded"] * 6
    assert paid(shop) == [("refund", "5.00")] * 6


def test_a_pending_refund_is_decided_on_the_shops_next_day(shop: Shop) -> None:
    """New York's evening is after midnight in UTC, and still the same business day."""
    shop("setting set timezone America/New_York")
    sale = make_sale(shop, token="tok_pending")
    shop(f"txn refund {sale} --yes", at="2026-03-10T20:00:00Z")

    evening = shop("txn reconcile -o json", at="2026-03-11T01:00:00Z")
    morning = shop("txn reconcile -o json", at="2026-03-11T12:00:00Z")

    assert [row["outcome"] for row in evening.json] == ["pending"]
    assert [row["outcome"] for row in morning.json] == ["refunded"]


# -- the agents' limit


def test_the_agents_limit_is_on_refunds_and_not_on_voids(shop: Shop) -> None:
    shop("setting set agent-refund-limit '5 USD'")
    make_sale(shop, settled=False)

    done = shop("order refund ord_1 --yes -o json", as_="agent")

    assert (done.code, done.json[0]["outcome"]) == (0, "voided")


def test_a_void_that_would_become_a_refund_above_the_limit_is_refused(shop: Shop) -> None:
    """The charge has settled since: what would follow is a refund."""
    shop("setting set agent-refund-limit '5 USD'")
    sale = make_sale(shop, settled=False)

    done = shop("order refund ord_1 --yes -o json", as_="agent", at=TUESDAY)

    assert done.code == 6
    assert paid(shop) == []
    assert shop(f"txn show {sale} -o json").json["refundable"] == "19.99"


# -- requests


def test_an_amount_is_the_same_however_it_is_written(shop: Shop) -> None:
    sale = make_sale(shop)
    first = shop(f"txn refund {sale} --amount 4 --request-id K --yes -o json").json
    again = shop(f"txn refund {sale} --amount 4.00 --request-id K --yes -o json").json

    assert again[0]["transaction_id"] == first[0]["transaction_id"]
    assert paid(shop) == [("refund", "4.00")]


def test_the_id_of_a_request_that_was_refused_may_be_used_again(shop: Shop) -> None:
    sale = make_sale(shop)
    too_much = shop(f"txn refund {sale} --amount 20 --request-id K --yes")
    corrected = shop(f"txn refund {sale} --amount 10 --request-id K --yes")
    other = shop(f"txn refund {sale} --amount 5 --request-id K --yes")

    assert (too_much.code, corrected.code, other.code) == (5, 0, 5)
    assert paid(shop) == [("refund", "10.00")]


@on_sqlite
def test_the_same_request_while_it_is_under_way_is_a_conflict(shop: Shop) -> None:
    sale = make_sale(shop)
    words = f"txn refund {sale} --amount 4 --request-id K --yes"
    run = shop.start(words, env=gateway(shop, "latency_ms=1500"))
    shop.wait_for("SELECT 1 FROM transactions WHERE state = 'sent'")

    second = shop(words)
    finished(run)

    assert (second.code, "is being worked on" in second.err) == (5, True)
    assert paid(shop) == [("refund", "4.00")]


# -- runs that go on


def test_a_resumed_run_charges_no_declined_customer_again(shop: Shop) -> None:
    """Both answers were lost; one record is found declined when the run goes on."""
    orders = [rebilled(shop, 1)[0] for _ in range(2)]
    purchases = [order.replace("ord_", "pur_") for order in orders]
    shop.sql("UPDATE payment_methods SET token = 'tok_declined'")
    shop.adopt()
    words = f"purchase force-bill {' '.join(purchases)} --yes"
    run = shop.start(words, env=gateway(shop, "latency_ms=3000"))
    shop.wait_for("SELECT 1 FROM transactions WHERE state = 'sent'")
    run.kill()
    run.wait()
    first = charges(shop)

    resumed = shop("run resume run_1 --yes -o json")
    plain = charges(shop)
    shop("run resume run_1 --yes")
    again = shop("run resume run_1 --retry-failed --yes")

    assert [row["outcome"] for row in resumed.json] == ["declined", "declined"]
    assert first <= 1
    assert plain == 2
    assert again.code == 12
    assert charges(shop) == 4


def charges(shop: Shop) -> int:
    return sum(row["kind"] == "sale" and row["result"] == "declined" for row in shop.ledger())


def test_a_cancellation_whose_void_was_refused_continues_with_the_refund(shop: Shop) -> None:
    sales = [make_sale(shop, settled=False) for _ in range(2)]
    orders = [shop(f"txn show {sale} -o json").json["order_id"] for sale in sales]
    run = shop.start(
        f"order cancel {' '.join(orders)} --refund --yes", at=TUESDAY, env=gateway(shop, "latency_ms=1500")
    )
    shop.wait_for("SELECT 1 FROM transactions WHERE state = 'sent' AND kind = 'void'")
    run.kill()
    run.wait()

    resumed = shop("run resume run_1 --yes -o json", at=TUESDAY)

    assert resumed.code == 0, resumed.err
    assert sorted(row["outcome"] for row in resumed.json) == ["cancelled", "cancelled", "refunded", "refunded"]
    assert [row["status"] for row in shop("order list -o json").json] == ["refunded", "refunded"]
    assert len(paid(shop)) == 2
