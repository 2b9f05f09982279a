"""What operators do with queued refunds: remove, requeue, resolve."""

from __future__ import annotations

from tests.refunds.queued import failed_refund, item, on
from tests.shops import Shop


def test_removing_an_item_needs_a_reason_and_releases_the_amount(shop: Shop) -> None:
    sale = failed_refund(shop)
    number = item(shop)["id"]

    without = shop(f"queue remove {number} --yes")
    blank = shop("queue", "remove", number, "--reason", " ", "--yes")
    done = shop("queue", "remove", number, "--reason", "paid in cash", "--yes", "-o", "json", as_="agent")

    assert (without.code, blank.code) == (2, 2)
    assert (done.code, done.json[0]["outcome"]) == (0, "removed")
    assert shop(f"txn show {sale} -o json").json["refundable"] == "19.99"
    assert shop("queue retry -o json", at=on(1)).json == []
    assert shop(f"queue remove {number} --reason again --yes").code == 5


def test_requeue_gives_three_new_attempts_and_reserves_again_or_is_a_conflict(shop: Shop) -> None:
    sale = failed_refund(shop, "tok_refund_declined_4")
    number = item(shop)["id"]
    for day in (1, 2, 3):
        shop("queue retry", at=on(day))

    done = shop(f"queue requeue {number} --yes -o json", at=on(3, "10:00:00"))
    same_day = shop("queue retry -o json", at=on(3, "11:00:00"))
    next_day = shop("queue retry -o json", at=on(4))

    assert done.json[0]["outcome"] == "requeued"
    assert same_day.json == []
    assert [(row["outcome"], row["attempt"]) for row in next_day.json] == [("refunded", 1)]
    assert shop(f"txn show {sale} -o json").json["refunded"] == "19.99"
    assert shop(f"queue requeue {number} --yes").code == 5


def test_requeue_is_a_conflict_when_the_amount_is_gone(shop: Shop) -> None:
    sale = failed_refund(shop, "tok_refund_declined_1")
    number = item(shop)["id"]
    shop(f"queue remove {number} --reason mistake --yes")
    assert shop(f"txn refund {sale} --amount 5 --yes").code == 0

    done = shop(f"queue requeue {number} --yes -o json")

    assert done.code == 5
    assert "14.99 USD remains" in done.json[0]["error"]["cause"]


def test_a_refund_paid_outside_counts_as_refunded(shop: Shop) -> None:
    sale = failed_refund(shop)
    number = item(shop)["id"]

    done = shop("queue", "resolve", number, "--reference", "wire 118", "--yes", "-o", "json", as_="agent")

    assert (done.code, done.json[0]["outcome"]) == (0, "resolved")
    shown = shop(f"txn show {sale} -o json").json
    assert (shown["refunded"], shown["refundable"]) == ("19.99", "0.00")
    assert shop("order list -o json").json[0]["status"] == "refunded"
    assert shop("email list -o json").json == []
    assert shop("db check").code == 0


def test_resolving_respects_the_agents_limit(shop: Shop) -> None:
    failed_refund(shop)
    shop("setting", "set", "agent-refund-limit", "5 USD")
    number = item(shop)["id"]

    assert shop(f"queue resolve {number} --reference X --yes", as_="agent").code == 6
    assert shop(f"queue resolve {number} --reference X --yes").code == 0


def test_requeuing_respects_the_agents_limit(shop: Shop) -> None:
    failed_refund(shop)
    shop("setting", "set", "agent-refund-limit", "5 USD")
    number = item(shop)["id"]
    shop(f"queue remove {number} --reason mistake --yes")

    assert shop(f"queue requeue {number} --yes", as_="agent").code == 6
    assert shop(f"queue requeue {number} --yes").code == 0
