"""Chargebacks: what the customer's bank takes back by itself."""

from __future__ import annotations

from tests.factories import make_sale, make_transaction
from tests.shops import Shop


def test_a_disputed_sale_is_not_refunded_until_the_dispute_is_reverted(shop: Shop) -> None:
    sale = make_sale(shop)

    marked = shop(f"txn dispute {sale} -o json", as_="agent")
    shown = shop(f"txn show {sale} -o json").json
    refused = shop(f"txn refund {sale} --yes -o json")
    reverted = shop(f"txn dispute {sale} --revert -o json", as_="agent")

    assert (marked.code, marked.json[0]["outcome"], marked.json[0]["disputed"]) == (0, "updated", True)
    assert (shown["disputed"], shown["refundable"]) == (True, "0.00")
    assert refused.code == 5
    assert refused.error["fix"].startswith(f"csctl txn dispute {sale} --revert")
    assert reverted.json[0]["disputed"] is False
    assert shop(f"txn refund {sale} --yes").code == 0


def test_a_queued_refund_of_a_disputed_sale_waits_and_loses_no_attempt(shop: Shop) -> None:
    sale = make_sale(shop, token="tok_refund_declined_1")
    item = shop(f"txn refund {sale} --yes -o json").json[0]["queue_item_id"]
    shop(f"txn dispute {sale}")

    shop("queue retry", at="2026-03-03T09:00:00Z")
    waiting = shop(f"queue show {item} -o json").json
    shop(f"txn dispute {sale} --revert")
    shop("queue retry", at="2026-03-04T09:00:00Z")

    assert (waiting["state"], waiting["attempts"]) == ("queued", 0)
    assert shop(f"queue show {item} -o json").json["state"] == "succeeded"


def test_only_an_approved_sale_can_be_disputed_and_only_once(shop: Shop) -> None:
    sale = make_sale(shop)
    voided = make_sale(shop, settled=False)
    shop(f"txn void {voided} --yes")
    declined = make_transaction(shop, "sale", "declined")
    refund = shop(f"txn refund {sale} --amount 5 --yes -o json").json[0]["transaction_id"]

    assert [shop(f"txn dispute {one}").code for one in (voided, declined, refund)] == [5, 5, 5]
    assert shop(f"txn dispute {sale} --revert").code == 5
    assert shop(f"txn dispute {sale}").code == 0
    assert shop(f"txn dispute {sale}").code == 5
    assert shop("txn dispute txn_99").code == 4


def test_a_dispute_is_in_the_history_and_in_the_trail(shop: Shop) -> None:
    sale = make_sale(shop)
    customer = shop(f"txn show {sale} -o json").json["customer_id"]

    shop(f"txn dispute {sale}", as_="agent")
    shop(f"txn dispute {sale} --revert", as_="agent")

    texts = [row["text"] for row in shop(f"customer history {customer} -o json").json]
    assert texts == [f"{sale} is no longer disputed", f"{sale} is disputed"]
    trail = shop(f"audit list --target {sale} -o json").json
    assert [row["changes"]["after"] for row in trail] == [{"disputed": False}, {"disputed": True}]
    assert {row["operator"] for row in trail} == {"agent"}


def test_a_dry_run_marks_nothing(shop: Shop) -> None:
    sale = make_sale(shop)

    assert shop(f"txn dispute {sale} --dry-run -o json").json[0]["dry_run"] is True
    assert shop(f"txn show {sale} -o json").json["disputed"] is False
