"""`purchase force-bill` and `purchase trial skip`."""

from __future__ import annotations

from typing import Any

import pytest

from csctl.domain.purchases import TABLE, Operation
from csctl.domain.states import PurchaseStatus
from tests.billing.catalog import bill, change_card, make_buyer, paid, purchase, subscribe
from tests.factories import make_price, make_purchase
from tests.selection import on_sqlite
from tests.shops import Shop

TUESDAY = "2026-03-03T09:00:00Z"
FORCE = "purchase force-bill pur_1 --yes -o json"
SKIP = "purchase trial skip pur_1 --yes -o json"


def state(shop: Shop) -> dict[str, Any]:
    """What a billing may change."""
    shown = purchase(shop, "pur_1")
    names = ("status", "cycle", "quantity", "unit_price", "price", "next_bill_on", "trial_ends_on", "recycle_attempts")
    return {name: shown[name] for name in names}


def test_force_bill_charges_the_next_cycle_now_and_moves_the_next_billing(shop: Shop) -> None:
    subscribe(shop)

    done = shop(FORCE, as_="agent", at=TUESDAY)
    sale = shop(f"txn show {done.json[0]['transaction_id']} -o json").json
    after = state(shop)

    assert (done.code, done.json[0]["outcome"], done.json[0]["amount"]) == (0, "billed", "10.00")
    assert (sale["kind"], sale["state"], sale["purchase_id"]) == ("sale", "approved", "pur_1")
    assert (after["status"], after["cycle"], after["next_bill_on"]) == ("active", 2, "2026-05-02")
    assert paid(shop) == [("2026-03-02", "10.00 USD"), ("2026-03-03", "10.00 USD")]
    assert len(shop("order show ord_1 -o json").json["fulfillments"]) == 2
    assert shop("order show ord_1 -o json").json["total"] == "10.00"
    assert len(shop.mails()) == 1


def test_force_bill_with_another_quantity_and_unit_price_keeps_them(shop: Shop) -> None:
    subscribe(shop)

    done = shop(f"{FORCE} --quantity 3 --unit-price 4.50", at=TUESDAY)
    after = state(shop)

    assert done.json[0]["amount"] == "13.50"
    assert (after["quantity"], after["unit_price"], after["price"]) == (3, "4.50", "13.50")


@pytest.mark.parametrize(("token", "code"), [("tok_declined", 12), ("tok_soft_declined", 12), ("tok_unreachable", 8)])
def test_a_force_bill_that_fails_changes_nothing(shop: Shop, token: str, code: int) -> None:
    buyer = make_buyer(shop)
    subscribe(shop, customer=buyer)
    change_card(shop, buyer, token)
    before = state(shop)

    done = shop(f"{FORCE} --quantity 3 --unit-price 4.50", at=TUESDAY)
    failed = state(shop)
    change_card(shop, buyer, "tok_ok")
    again = shop(FORCE, at=TUESDAY)

    assert done.code == code
    assert failed == before
    assert (again.code, again.json[0]["amount"]) == (0, "10.00")
    assert state(shop) == {**before, "cycle": 2, "next_bill_on": "2026-05-02"}


def test_a_second_billing_on_one_day_must_name_its_cycle(shop: Shop) -> None:
    subscribe(shop)

    on_the_day_of_the_order = shop(FORCE)
    first = shop(FORCE, at=TUESDAY)
    second = shop(FORCE, at="2026-03-03T23:00:00Z")
    named = shop(f"{FORCE} --cycle 3", at="2026-03-03T23:30:00Z")
    named_again = shop(f"{FORCE} --cycle 3", at="2026-03-03T23:30:00Z")
    too_far = shop(f"{FORCE} --cycle 9", at="2026-03-04T09:00:00Z")

    assert [done.code for done in (on_the_day_of_the_order, first, second, named, named_again, too_far)] == [
        *(5, 0, 5, 0, 5, 5)
    ]
    assert second.error["fix"] == "csctl purchase force-bill pur_1 --cycle 3, if it is meant"
    assert len(paid(shop)) == 3
    assert state(shop)["next_bill_on"] == "2026-06-02"


def test_so_it_is_after_a_checkout_that_covered_other_purchases_too(shop: Shop) -> None:
    buyer = make_buyer(shop)
    make_price(shop, "mug", "5.00")
    make_price(shop, "tea", "10.00", interval="month")
    shop(f"order create --customer {buyer} --item mug --item tea --yes")

    unnamed = shop("purchase force-bill pur_2 --yes -o json")
    named = shop("purchase force-bill pur_2 --cycle 2 --yes")

    assert (unnamed.code, unnamed.error["cause"][:10]) == (5, "with txn_1")
    assert (named.code, len(paid(shop))) == (0, 2)


def test_what_costs_nothing_is_billed_once_a_day_too(shop: Shop) -> None:
    subscribe(shop, amount="0")

    codes = [shop(FORCE, at=at).code for at in (None, TUESDAY, TUESDAY)]
    named = shop(f"{FORCE} --cycle 3", at=TUESDAY)

    assert (codes, named.code) == ([5, 0, 5], 0)
    assert (state(shop)["cycle"], state(shop)["next_bill_on"]) == (3, "2026-06-02")
    assert len(shop("order show ord_1 -o json").json["fulfillments"]) == 3


def test_a_day_is_the_shops_day(shop: Shop) -> None:
    shop("setting set timezone America/New_York")
    subscribe(shop)

    evening = shop(FORCE, at="2026-03-04T03:00:00Z")  # ten in the evening of the 3rd
    same_day = shop(FORCE, at="2026-03-04T04:30:00Z")
    next_day = shop(FORCE, at="2026-03-04T05:30:00Z")

    assert [done.code for done in (evening, same_day, next_day)] == [0, 5, 0]


def test_a_failed_subscription_is_active_again_once_it_is_billed(shop: Shop) -> None:
    buyer = make_buyer(shop)
    subscribe(shop, customer=buyer)
    change_card(shop, buyer, "tok_declined")
    bill(shop, "2026-04-02")
    failed = state(shop)
    change_card(shop, buyer, "tok_ok")

    done = shop(FORCE, at="2026-04-20T09:00:00Z")

    assert (failed["status"], failed["cycle"], failed["next_bill_on"]) == ("recycle_failed", 1, None)
    assert done.code == 0
    assert (state(shop)["status"], state(shop)["next_bill_on"]) == ("active", "2026-05-02")


def test_a_disputed_sale_of_the_order_blocks_it(shop: Shop) -> None:
    subscribe(shop)
    shop.sql("UPDATE transactions SET disputed_at = '2026-03-03 08:00:00'")

    done = shop(FORCE, at=TUESDAY)

    assert (done.code, done.error["message"]) == (5, "a sale of ord_1 is disputed")
    assert len(paid(shop)) == 1


def test_the_blacklisted_are_not_charged(shop: Shop) -> None:
    subscribe(shop)
    subscribe(shop, trial_days=7)
    shop("blacklist add --email '*@example.com' --reason fraud --yes")

    assert shop(FORCE, as_="agent", at=TUESDAY).code == 6
    assert shop("purchase trial skip pur_2 --yes", at=TUESDAY).code == 6
    assert len(paid(shop)) == 1


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("--quantity 3", 2),
        ("--quantity 0 --unit-price 1", 2),
        ("--unit-price 1.999", 2),
        ("--unit-price -1", 2),
        ("--unit-price cheap", 2),
    ],
)
def test_terms_that_cannot_be_are_refused(shop: Shop, words: str, code: int) -> None:
    subscribe(shop)

    assert shop(f"{FORCE} {words}", at=TUESDAY).code == code
    assert len(paid(shop)) == 1


def test_one_price_for_several_currencies_is_refused(shop: Shop) -> None:
    subscribe(shop)
    subscribe(shop, amount="900", currency="JPY")

    done = shop("purchase force-bill pur_1 pur_2 --unit-price 5 --yes", at=TUESDAY)

    assert done.code == 2
    assert len(paid(shop)) == 2


def test_a_dry_run_bills_nothing(shop: Shop) -> None:
    subscribe(shop)
    before = state(shop)

    done = shop("purchase force-bill pur_1 --dry-run -o json", at=TUESDAY)

    assert (done.json[0]["outcome"], done.json[0]["amount"]) == ("billed", "10.00")
    assert state(shop) == before
    assert len(paid(shop)) == 1


def test_billing_asks_first(shop: Shop) -> None:
    subscribe(shop)

    assert shop("purchase force-bill pur_1", at=TUESDAY).code == 2


@pytest.mark.parametrize("status", list(PurchaseStatus))
@pytest.mark.parametrize(
    ("words", "operation"), [("force-bill", Operation.FORCE_BILL), ("trial skip", Operation.TRIAL_SKIP)]
)
@on_sqlite
def test_billing_by_hand_is_for_the_states_of_the_table(
    shop: Shop, status: PurchaseStatus, words: str, operation: Operation
) -> None:
    price = make_price(shop, amount="10.00", interval="month")
    name = make_purchase(shop, price=price, status=status, next_bill_on="2026-03-20", payment_method=None)
    shop.sql(
        "INSERT INTO payment_methods (customer_id, gateway, token, is_default, created_at)"
        " SELECT id, 'main', 'tok_ok', true, created_at FROM customers"
    )

    done = shop(f"purchase {words} {name} --yes")

    assert done.code == (0 if (status, operation) in TABLE else 5)
    assert purchase(shop, name)["status"] == TABLE.get((status, operation), status)


def test_skipping_a_trial_bills_the_full_price_now(shop: Shop) -> None:
    subscribe(shop, trial_days=14, trial_amount="1.00")

    done = shop(SKIP, as_="agent", at=TUESDAY)
    after = state(shop)

    assert (done.code, done.json[0]["outcome"], done.json[0]["amount"]) == (0, "billed", "10.00")
    assert (after["status"], after["cycle"], after["next_bill_on"]) == ("active", 2, "2026-04-03")
    assert paid(shop) == [("2026-03-02", "1.00 USD"), ("2026-03-03", "10.00 USD")]


def test_a_trial_whose_skip_is_declined_goes_on(shop: Shop) -> None:
    buyer = make_buyer(shop)
    subscribe(shop, customer=buyer, trial_days=14, trial_amount="1.00")
    change_card(shop, buyer, "tok_declined")
    before = state(shop)

    done = shop(SKIP, at=TUESDAY)

    assert (done.code, done.json[0]["outcome"]) == (12, "declined")
    assert state(shop) == before
    assert before["status"] == "trial"


def test_agents_bill_by_hand_and_cron_does_not(shop: Shop) -> None:
    subscribe(shop)

    assert shop(FORCE, as_="service", at=TUESDAY).code == 6
    assert shop("billing run", as_="agent").code == 6
