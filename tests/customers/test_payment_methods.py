"""Cards: which one is charged, and which no more."""

from __future__ import annotations

from tests.factories import make_customer, make_order, make_payment_method, make_price, make_purchase
from tests.shops import Shop


def due_today(shop: Shop, customer: str, **given: object) -> str:
    """A subscription of the customer that is billed today."""
    price = make_price(shop, amount="20.00", interval="month")
    order = make_order(shop, customer)
    return make_purchase(
        shop,
        order,
        "20.00",
        price=price,
        status="active",
        next_bill_on=shop.now[:10],
        **given,  # type: ignore[arg-type]
    )


def charged(shop: Shop) -> list[str]:
    """The tokens' cards that sales were made on, by our books."""
    rows = shop.sql("SELECT payment_method_id FROM transactions WHERE kind = 'sale' AND state = 'approved' ORDER BY id")
    return [f"pm_{row['payment_method_id']}" for row in rows]


def test_cards_are_listed_without_their_tokens(shop: Shop) -> None:
    customer = make_customer(shop)
    card = make_payment_method(shop, customer, token="tok_secret")

    done = shop(f"customer payment-method list {customer} -o json", as_="agent")

    assert done.json[0]["id"] == card
    assert (done.json[0]["last4"], done.json[0]["default"], done.json[0]["purchases"]) == ("4242", True, 0)
    assert "tok_secret" not in done.out


def test_cards_that_expire_soon_are_found_over_all_customers(shop: Shop) -> None:
    soon = make_payment_method(shop, exp_year=2026, exp_month=3)
    make_payment_method(shop, exp_year=2026, exp_month=4)
    make_payment_method(shop, exp_year=2026, exp_month=2)

    done = shop("customer payment-method list --expiring 30d -o json", as_="agent")

    assert [row["id"] for row in done.json] == [soon]
    assert done.json[0]["customer_email"]
    assert len(shop("customer payment-method list -o json").json) == 3
    assert shop("customer payment-method list --expiring soon").code == 2


def test_the_default_card_is_the_one_that_is_charged(shop: Shop) -> None:
    customer = make_customer(shop)
    make_payment_method(shop, customer)
    other = make_payment_method(shop, customer, is_default=False)
    due_today(shop, customer)

    done = shop(f"customer payment-method default {other} -o json", as_="agent")
    shop("billing run")

    assert (done.code, done.json[0]["outcome"]) == (0, "updated")
    assert charged(shop) == [other]
    assert shop(f"customer payment-method default {other} -o json").json[0]["outcome"] == "skipped"


def test_a_disabled_card_is_never_charged_and_no_other_one_instead(shop: Shop) -> None:
    customer = make_customer(shop)
    card = make_payment_method(shop, customer)
    make_payment_method(shop, customer, is_default=False)
    purchase = due_today(shop, customer, payment_method=card)

    done = shop(f"customer payment-method disable {card} -o json", as_="agent")
    run = shop("billing run -o json")
    forced = shop(f"purchase force-bill {purchase} --yes")

    assert "payment-method PUR PM" in done.json[0]["message"]
    assert [row["outcome"] for row in run.json] == ["skipped"]
    assert forced.code == 5
    assert charged(shop) == []
    assert shop(f"customer payment-method default {card}").code == 5


def test_a_purchase_is_billed_on_the_card_that_is_chosen_for_it(shop: Shop) -> None:
    customer = make_customer(shop)
    make_payment_method(shop, customer)
    other = make_payment_method(shop, customer, is_default=False)
    purchase = due_today(shop, customer)

    done = shop(f"purchase payment-method {purchase} {other} -o json", as_="agent")
    shop("billing run")

    assert (done.code, done.json[0]["outcome"]) == (0, "updated")
    assert charged(shop) == [other]


def test_the_card_of_another_customer_is_refused(shop: Shop) -> None:
    purchase = due_today(shop, make_customer(shop))
    strange = make_payment_method(shop)

    assert shop(f"purchase payment-method {purchase} {strange}").code == 5
    assert shop(f"purchase payment-method {purchase} pm_999").code == 4
