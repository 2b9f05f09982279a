"""Looking at purchases."""

from __future__ import annotations

from csctl.domain.states import PurchaseStatus
from tests.factories import customer_of, make_order, make_price, make_purchase, make_sale
from tests.shops import Shop


def test_a_listing_has_the_newest_first_and_can_be_narrowed(shop: Shop) -> None:
    make_price(shop, "tea", sku="green-tea", interval="month")
    order = make_order(shop)
    due = make_purchase(shop, order, price="tea", status=PurchaseStatus.ACTIVE, next_bill_on="2026-03-09")
    later = make_purchase(shop, order, price="tea", status=PurchaseStatus.ACTIVE, next_bill_on="2026-03-10")
    thing = make_purchase(shop)

    assert shop("purchase list -o name").out.split() == [thing, later, due]
    assert shop("purchase list --status active -o name").out.split() == [later, due]
    assert shop("purchase list --due-before 2026-03-10 -o name").out.split() == [due]
    assert shop("purchase list --product green-tea -o name").out.split() == [later, due]
    assert shop("purchase list --product THING -o name").out.split() == [thing]
    assert shop(f"purchase list --customer {customer_of(shop, order)} --limit 1 -o name").out.split() == [later]
    assert shop("purchase list --due-before tomorrow").code == 2


def test_a_purchase_is_shown_with_the_keys_of_the_contract(shop: Shop) -> None:
    make_price(shop, "tea", "10.00", sku="green-tea", option="large", interval="month")
    purchase = make_purchase(
        shop, None, "10.00", 2, price="tea", status=PurchaseStatus.ACTIVE, next_bill_on="2026-03-31"
    )

    shown = shop(f"purchase show {purchase} -o json", as_="agent").json

    keys = "id order_id product option price_point status quantity unit_price price currency cycle trial_ends_on"
    assert {*keys.split(), "next_bill_on", "cancel_on"} <= shown.keys()
    assert (shown["option"], shown["price_point"], shown["price"]) == ("large", "tea", "20.00")
    assert shown["next_billing"]["on"] == "2026-03-31"
    assert shop("purchase show pur_99").code == 4
    assert "txn show txn_9" in shop("purchase show txn_9").err


def test_the_page_of_a_purchase_names_its_transactions(shop: Shop) -> None:
    order = make_order(shop)
    purchase = make_purchase(shop, order)
    sale = make_sale(shop, order=order, purchase=purchase)

    page = shop(f"purchase show {purchase}").out

    assert sale in page
    assert "1 x 19.99 = 19.99 USD" in page


def test_purchases_are_no_work_for_cron(shop: Shop) -> None:
    assert shop("purchase list", as_="service").code == 6
