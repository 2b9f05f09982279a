"""Chargebacks: what the customer's bank takes back by itself."""

from __future__ import annotations

from tests.billing.catalog import subscribe
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


def test_a_dispute_is_in_the_history_and_in_the_audit_log(shop: Shop) -> None:
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


# -- how a dispute ends


def test_a_lost_dispute_counts_as_returned_and_sends_nothing(shop: Shop) -> None:
    sale = make_sale(shop, "50.00")
    shop(f"txn dispute {sale}")

    done = shop(f"txn dispute {sale} --lost -o json", as_="agent")
    shown = shop(f"txn show {sale} -o json").json

    assert (done.code, done.json[0]["disputed"]) == (0, False)
    assert (shown["refunded"], shown["refundable"]) == ("50.00", "0.00")
    assert [one["outside"] for one in shown["children"]] == ["chargeback"]
    assert [row["kind"] for row in shop.ledger()] == ["sale"]
    assert shop.mails() == []
    assert shop("order show ord_1 -o json").json["status"] == "refunded"
    assert shop("db check").code == 0


def test_of_a_part_that_was_lost_the_rest_can_be_refunded(shop: Shop) -> None:
    sale = make_sale(shop, "50.00")

    assert shop(f"txn dispute {sale} --lost --amount 30").code == 0
    again = shop(f"txn dispute {sale} --lost --amount 30 -o json")
    assert (again.code, again.error["message"]) == (5, f"{sale} has lost its dispute already")
    assert shop(f"txn refund {sale} --yes -o json").json[0]["amount"] == "20.00"


def test_a_queued_refund_that_no_longer_fits_is_removed_and_others_stay(shop: Shop) -> None:
    sale = make_sale(shop, "50.00", token="tok_refund_declined")
    for amount in ("20.00", "10.00"):
        assert shop(f"txn refund {sale} --amount {amount} --yes").code == 12
    shop(f"txn dispute {sale}")

    done = shop(f"txn dispute {sale} --lost --amount 25 -o json")
    items = {row["amount"]: row["state"] for row in shop("queue list --state any -o json").json}

    assert "removed rfq_2" in done.json[0]["message"]
    assert items == {"20.00": "queued", "10.00": "removed"}
    assert shop("db check").code == 0


def test_what_is_being_refunded_is_settled_first(shop: Shop) -> None:
    sale = make_sale(shop, "50.00", token="tok_timeout_applied")
    shop(f"txn refund {sale} --yes")
    shop(f"txn dispute {sale}")

    assert shop(f"txn dispute {sale} --lost").code == 5
    assert shop("db check").code == 0


def test_what_is_disputed_is_not_billed_and_after_a_loss_not_until_billing_is_resumed(shop: Shop) -> None:
    purchase = subscribe(shop, at="2026-02-01T09:00:00Z")
    charges = "txn list --kind sale -o json"
    sale = shop(charges).json[0]["id"]
    shop(f"txn dispute {sale}")

    disputed = shop("billing run -o json")
    forced = shop(f"purchase force-bill {purchase} --yes")
    shop(f"txn dispute {sale} --lost")
    lost = shop("billing run -o json")
    forced_too = shop(f"purchase force-bill {purchase} --yes")
    shop(f"txn dispute {sale} --resume-billing", as_="agent")
    resumed = shop("billing run -o json")

    assert [row["outcome"] for row in disputed.json] == ["skipped"]
    assert sale in disputed.json[0]["message"]
    assert [row["outcome"] for row in lost.json] == ["skipped"]
    assert (forced.code, forced_too.code) == (5, 5)
    assert [row["outcome"] for row in resumed.json] == ["billed"]
    assert len(shop(charges).json) == 2


def test_a_dispute_cancels_what_the_sale_paid_for_if_that_is_said(shop: Shop) -> None:
    purchase = subscribe(shop)
    sale = shop("txn list --kind sale -o json").json[0]["id"]

    done = shop(f"txn dispute {sale} --cancel -o json", as_="agent")

    assert (done.code, done.json[0]["disputed"]) == (0, True)
    assert shop(f"purchase show {purchase} -o json").json["status"] == "cancelled"


def test_nothing_is_resumed_that_was_not_stopped(shop: Shop) -> None:
    assert shop(f"txn dispute {make_sale(shop)} --resume-billing").code == 5
    assert shop("txn dispute txn_1 --revert --lost").code == 2
    assert shop("txn dispute txn_1 --amount 5").code == 2


def test_disputed_sales_are_listed(shop: Shop) -> None:
    sale = make_sale(shop)
    make_sale(shop)
    shop(f"txn dispute {sale}")

    assert shop("txn list --disputed -o name").out == f"{sale}\n"
