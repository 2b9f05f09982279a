"""What a gateway did otherwise than the books say: another amount, more returned, carried out after all."""

from __future__ import annotations

import pytest

from csctl import fault_points
from csctl.fault_points import Point
from tests.factories import make_notify_email, make_sale
from tests.refunds.scenes import gateway, paid
from tests.selection import one_database
from tests.shops import Shop

TUESDAY = "2026-03-03T09:00:00Z"


# -- another amount


def test_an_administrator_books_what_the_gateway_did_and_the_rest_remains(shop: Shop) -> None:
    sale = make_sale(shop, token="tok_amount_mismatch")
    (unknown,) = shop(f"txn refund {sale} --amount 8 --yes -o json").json
    refund = unknown["transaction_id"]
    agent = shop(f"txn reconcile {refund} --as approved --amount 4.00", as_="agent")
    too_much = shop(f"txn reconcile {refund} --as approved --amount 400 -o json")
    booked = shop(f"txn reconcile {refund} --as approved --amount 4.00 -o json")
    shown = shop(f"txn show {sale} -o json").json

    assert unknown["error"]["fix"].endswith(f"csctl txn reconcile {refund} --as approved --amount AMOUNT")
    assert (agent.code, too_much.code) == (6, 5)
    assert (booked.code, booked.json[0]["outcome"], booked.json[0]["amount"]) == (0, "refunded", "4.00")
    assert (shown["refunded"], shown["refundable"]) == ("4.00", "15.99")
    assert shop("db check").code == 0


def test_the_rest_of_a_queued_refund_stays_in_the_queue(shop: Shop) -> None:
    sale = make_sale(shop, token="tok_refund_declined_1")
    shop(f"txn refund {sale} --amount 8 --yes")
    shop.sql("UPDATE payment_methods SET token = 'tok_amount_mismatch'")
    shop.adopt()
    refund = shop("queue retry -o json", at=TUESDAY).json[0]["transaction_id"]
    booked = shop(f"txn reconcile {refund} --as approved --amount 4.00 -o json", at=TUESDAY)
    (item,) = shop("queue list -o json").json

    assert booked.json[0]["outcome"] == "refunded", booked.err
    assert (item["state"], item["amount"], item["next_attempt_on"]) == ("queued", "4.00", "2026-03-04")
    assert shop("db check").code == 0


@one_database
def test_another_amount_is_only_for_what_the_gateway_reported_so(shop: Shop) -> None:
    refund = shop(f"txn refund {make_sale(shop, token='tok_timeout_applied')} --yes -o json").json[0]["transaction_id"]

    assert shop(f"txn reconcile {refund} --as approved --amount 4.00").code == 5
    assert shop(f"txn reconcile {refund} --amount 4.00").code == 2


# -- more returned


def test_a_refund_over_the_gateways_balance_books_what_was_returned_there(shop: Shop) -> None:
    make_notify_email(shop)
    whole, part = make_sale(shop, token="tok_outside_refund"), make_sale(shop, token="tok_outside_refund_5")
    first = shop(f"txn refund {whole} --amount 4 --yes -o json").json[0]
    second = shop(f"txn refund {part} --yes -o json").json[0]
    books = [shop(f"txn show {sale} -o json").json for sale in (whole, part)]
    items = {row["id"]: row for row in shop("queue list --state any -o json").json}

    assert [row["refunded"] for row in books] == ["19.99", "5.00"]
    assert second["amount"] == "14.99"
    assert "5.00 USD was returned at the gateway before" in second["message"]
    assert items[first["queue_item_id"]]["state"] == "resolved"
    assert (items[second["queue_item_id"]]["state"], items[second["queue_item_id"]]["amount"]) == ("queued", "14.99")
    assert len([mail for mail in shop.mails() if mail["To"] == "finance@example.com"]) == 2
    assert shop("queue retry -o json", at=TUESDAY).json[0]["outcome"] == "refunded"
    assert sorted(amount for kind, amount in paid(shop) if kind == "refund") == ["14.99", "19.99", "5.00"]
    assert shop("db check").code == 0


def test_a_refund_of_a_settled_sale_by_others_is_learned_by_the_daily_sync(shop: Shop) -> None:
    sale = make_sale(shop)
    shop("txn sync", as_="service")
    shop.sql("UPDATE payment_methods SET token = 'tok_outside_refund_5'")
    shop.adopt()

    learned = shop("txn sync -o json", at=TUESDAY, as_="service")
    again = shop("txn sync -o json", at="2026-03-04T09:00:00Z", as_="service")

    assert [(row["id"], row["message"]) for row in learned.json] == [(sale, "5.00 USD were returned at the gateway")]
    assert again.json == []
    assert shop(f"txn show {sale} -o json").json["refunded"] == "5.00"
    assert shop("db check").code == 0


# -- carried out after all


def test_a_named_refund_that_was_taken_for_failed_is_asked_about_again(shop: Shop) -> None:
    shop.env |= gateway(shop, "lookup_delay=15m")
    sale = make_sale(shop, token="tok_timeout_applied")
    refund = shop(f"txn refund {sale} --amount 5 --yes -o json").json[0]["transaction_id"]
    shop.sql("UPDATE transactions SET state = 'failed', reason = 'never_executed' WHERE state = 'unknown'")
    shop.sql("UPDATE transactions SET reserved = 0 WHERE id = 1")
    asked = shop(f"txn reconcile {refund} -o json", at="2026-03-02T10:00:00Z")
    again = shop(f"txn reconcile {refund} -o json", at="2026-03-02T10:01:00Z")

    assert "approved after it had been taken for failed" in asked.json[0]["message"], asked.err
    assert shop(f"txn show {sale} -o json").json["refunded"] == "5.00"
    assert again.json[0]["outcome"] == "refunded"


# -- dry runs ask


@pytest.mark.parametrize(
    "words", ["txn refund {sale} --amount 5", "order refund {order} --amount 5", "txn void {sale}"]
)
def test_a_dry_run_refuses_what_the_real_run_refuses(shop: Shop, words: str) -> None:
    """The sale has settled since the books were brought up to date."""
    sale = make_sale(shop, settled=False)
    order = shop(f"txn show {sale} -o json").json["order_id"]
    shop.now = TUESDAY
    dry = shop(words.format(sale=sale, order=order) + " --dry-run -o json")
    unchanged = shop(f"txn show {sale} -o json").json["settlement"]
    real = shop(words.format(sale=sale, order=order) + " --yes -o json")

    assert dry.code == real.code, dry.err
    assert unchanged == "unsettled"
    assert dry.json[0]["outcome"] == real.json[0]["outcome"]


# -- not attempted for days


def test_what_could_not_be_attempted_for_days_is_reported_once(shop: Shop) -> None:
    make_notify_email(shop)
    shop(f"txn refund {make_sale(shop, token='tok_unreachable')} --yes")
    shop("setting set unattempted-days 3")
    reported = []
    for day in range(3, 9):
        shop("queue retry", at=f"2026-03-0{day}T09:00:00Z", as_="service")
        reported.append(len(shop.mails()))
    (found,) = [row for row in shop("doctor -o json", at="2026-03-08T10:00:00Z").json if row["check"] == "queue"]

    assert reported == [0, 0, 0, 1, 1, 1]
    assert "not attempted for 3 days" in found["problem"]
    assert "could not be attempted for 3 days" in shop.mails()[0].get_body(("plain",)).get_content()  # type: ignore[union-attr]


# -- the steps of the protocol by name


@one_database
def test_a_refund_reaches_the_fault_points_in_their_order(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    sale, reached = make_sale(shop), list[Point]()
    monkeypatch.setattr(fault_points, "hook", reached.append)
    shop(f"txn refund {sale} --yes")

    assert [point for point in reached if not point.startswith("change")] == list(Point)[2:]


def test_an_administrator_decides_where_the_gateway_itself_does_not_know(shop: Shop) -> None:
    sale = make_sale(shop, token="tok_refund_duplicate")
    shop(f"txn refund {sale} --yes")

    asked = shop("txn reconcile -o json")
    (row,) = asked.json
    decided = shop(f"txn reconcile {row['id']} --as failed --yes")

    assert asked.code == 9
    assert row["error"]["fix"].endswith(f"csctl txn reconcile {row['id']} --as approved|failed")
    assert decided.code in (0, 12), decided.err
    assert [item["state"] for item in shop("queue list -o json").json] == ["queued"]
