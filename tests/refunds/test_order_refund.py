"""Refunding an order: void first, refund if that definitely fails (domain rules, section 2)."""

from __future__ import annotations

from typing import Any

from tests.billing.catalog import make_buyer
from tests.factories import make_order, make_price, make_purchase, make_sale, make_transaction
from tests.shops import Shop


def moved(shop: Shop) -> list[tuple[str, str]]:
    rows = [row for row in shop.ledger() if row["kind"] != "sale" and row["result"] == "approved"]
    return [(row["kind"], row["amount"]) for row in rows]


def rebilled(shop: Shop, *settled: bool) -> str:
    """An order whose purchase was billed so many times, oldest first."""
    order = make_order(shop)
    purchase = make_purchase(shop, order, status="active", interval="month", next_bill_on="2026-04-01")
    for cycle, is_settled in enumerate(settled, start=1):
        make_sale(
            shop,
            order=order,
            purchase=purchase,
            cycle=cycle,
            settled=is_settled,
            created_at=f"2026-0{cycle}-01T00:00:00Z" if is_settled else "2026-03-02T08:00:00Z",
        )
    return order


def outcomes(done: Any) -> list[tuple[str, str]]:
    return [(row["outcome"], row["amount"]) for row in done.json]


def test_an_unsettled_order_is_voided_and_a_settled_one_refunded(shop: Shop) -> None:
    make_sale(shop, settled=False)
    make_sale(shop, settled=True)

    done = shop("order refund ord_1 ord_2 --yes -o json", as_="agent")

    assert done.code == 0
    assert outcomes(done) == [("voided", "19.99"), ("refunded", "19.99")]
    assert [row["id"] for row in done.json] == ["ord_1", "ord_2"]


def test_a_charge_that_has_settled_since_is_refunded_instead(shop: Shop) -> None:
    make_sale(shop, settled=False)

    done = shop("order refund ord_1 --yes -o json", at="2026-03-03T09:00:00Z")

    assert done.code == 0
    assert outcomes(done) == [("refunded", "19.99")]
    kinds = [(row["kind"], row["result"]) for row in shop.ledger() if row["kind"] != "sale"]
    assert kinds == [("void", "declined"), ("refund", "approved")]
    assert shop("db check").code == 0


def test_a_charge_known_to_be_settled_is_not_voided_first(shop: Shop) -> None:
    make_sale(shop, settled=True)

    shop("order refund ord_1 --yes")

    assert [row["kind"] for row in shop.ledger() if row["kind"] != "sale"] == ["refund"]


def test_several_billings_need_a_choice(shop: Shop) -> None:
    order = rebilled(shop, True, True)

    unsaid = shop(f"order refund {order} --yes -o json")
    last = shop(f"order refund {order} --last --yes -o json")
    now_only_one_is_left = shop(f"order refund {order} --yes -o json")

    assert unsaid.code == 5
    assert "--all-cycles" in unsaid.json[0]["error"]["fix"]
    assert len(last.json) == 1
    assert now_only_one_is_left.code == 0


def test_a_cycle_is_chosen_by_its_number(shop: Shop) -> None:
    order = rebilled(shop, True, True)

    done = shop(f"order refund {order} --cycle 1 --amount 5 --yes")

    assert done.code == 0
    assert shop("txn show txn_1 -o json").json["refunded"] == "5.00"
    assert shop(f"order refund {order} --cycle 7 --yes").code == 5


def test_all_cycles_returns_them_all_with_a_row_each(shop: Shop) -> None:
    order = rebilled(shop, True, True, False)

    done = shop(f"order refund {order} --all-cycles --yes -o json")

    assert outcomes(done) == [("voided", "19.99"), ("refunded", "19.99"), ("refunded", "19.99")]
    assert shop("order list -o json").json[0]["status"] == "refunded"


def test_a_partial_amount_takes_the_newest_sale_first(shop: Shop) -> None:
    order = rebilled(shop, True, True)

    done = shop(f"order refund {order} --all-cycles --amount 25 --yes -o json")

    assert outcomes(done) == [("refunded", "19.99"), ("refunded", "5.01")]
    assert shop("txn show txn_2 -o json").json["refundable"] == "0.00"


def test_a_part_of_an_unsettled_sale_is_refused_as_a_whole_with_what_is_possible(shop: Shop) -> None:
    order = rebilled(shop, True, False)

    done = shop(f"order refund {order} --all-cycles --amount 5 --yes -o json")

    assert done.code == 5
    error = done.json[0]["error"]
    assert "no partial void" in error["message"]
    assert "19.99 USD of settled sales can be refunded now" in error["cause"]
    assert moved(shop) == []


def test_an_amount_that_is_all_of_an_unsettled_sale_voids_it(shop: Shop) -> None:
    order = rebilled(shop, True, False)

    done = shop(f"order refund {order} --all-cycles --amount 24.99 --yes -o json")

    assert outcomes(done) == [("voided", "19.99"), ("refunded", "5.00")]


def test_before_a_part_is_refused_the_gateway_is_asked(shop: Shop) -> None:
    make_sale(shop, settled=False)

    done = shop("order refund ord_1 --amount 5 --yes -o json", at="2026-03-03T09:00:00Z")

    assert outcomes(done) == [("refunded", "5.00")]


def test_a_purchase_gets_no_more_than_its_price_of_a_sale_that_covers_others(shop: Shop) -> None:
    order = make_order(shop, total="30.00")
    small = make_purchase(shop, order, unit_price="10.00")
    make_purchase(shop, order, unit_price="20.00")
    make_sale(shop, amount="30.00", order=order)

    done = shop(f"order refund {order} --purchase {small} --yes -o json")
    elsewhere = shop(f"order refund {order} --purchase pur_99 --yes")

    assert outcomes(done) == [("refunded", "10.00")]
    assert elsewhere.code == 4


def test_a_purchase_gets_back_what_its_checkout_charged_for_it(shop: Shop) -> None:
    """Not its price: of a trial that is less, and the price may have changed since."""
    buyer = make_buyer(shop)
    make_price(shop, "trial", "29.99", interval="month", trial_days=14, trial_amount="1.00")
    make_price(shop, "free", "29.99", interval="month", trial_days=14)
    make_price(shop, "mug", "10.00")
    shop(f"order create --customer {buyer} --item trial --item free --item mug --yes")
    tomorrow = "2026-03-03T09:00:00Z"
    shop("txn sync", at=tomorrow)
    shop("purchase quantity pur_1 --quantity 3 --unit-price 5", at=tomorrow)

    trial, free, mug = (shop(f"order refund ord_1 --purchase pur_{n} --yes -o json", at=tomorrow) for n in (1, 2, 3))

    assert (trial.code, outcomes(trial)) == (0, [("refunded", "1.00")])
    assert (free.code, free.json[0]["outcome"]) == (5, "refused")
    assert (mug.code, outcomes(mug)) == (0, [("refunded", "10.00")])


def test_while_a_charge_is_unknown_the_last_billing_is_unknown(shop: Shop) -> None:
    order, purchase = rebilled(shop, True), "pur_1"
    make_transaction(shop, "sale", "unknown", order=order, purchase=purchase, cycle=2, key="k2")

    done = shop(f"order refund {order} --last --yes -o json")

    assert (done.code, done.error["fix"]) == (5, "csctl txn reconcile txn_2")
    assert moved(shop) == []


def test_nothing_left_is_a_conflict(shop: Shop) -> None:
    make_sale(shop)
    shop("order refund ord_1 --yes")

    done = shop("order refund ord_1 --yes -o json")

    assert done.code == 5
    assert "nothing remains" in done.json[0]["message"]


def test_cancel_cancels_the_order_its_purchases_and_what_has_not_shipped(shop: Shop) -> None:
    order = rebilled(shop, True)

    done = shop(f"order refund {order} --cancel --yes")

    assert done.code == 0
    shown = shop(f"order show {order} -o json").json
    assert shown["cancelled_at"] is not None
    assert shown["purchases"][0]["status"] == "cancelled"


def test_refunding_alone_does_not_cancel(shop: Shop) -> None:
    order = rebilled(shop, True)

    done = shop(f"order refund {order} --yes")

    assert done.code == 0, done
    assert shop(f"order show {order} -o json").json["purchases"][0]["status"] == "active"


def test_ids_come_from_a_pipe(shop: Shop) -> None:
    for _ in range(3):
        make_sale(shop)
    listed = shop("order list -o name").out

    done = shop("order refund - --yes -o jsonl", input="# today's\n\n" + listed + listed)

    assert [row["outcome"] for row in done.rows] == ["refunded"] * 3
    assert shop("order refund - --yes -o json", input="").json == []
    assert "line 2" in shop("order refund - --yes", input="ord_1\nwhat?\n").err
