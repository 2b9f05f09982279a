"""`order create`: one checkout, charged in one sale, with the customer's details as they are."""

from __future__ import annotations

import pytest

from tests.billing.catalog import make_buyer, paid, purchase
from tests.factories import make_customer, make_payment_method, make_price
from tests.shops import Shop


def test_an_order_charges_all_that_is_due_now_in_one_sale(shop: Shop) -> None:
    buyer = make_buyer(shop)
    make_price(shop, "mug", "5.00")
    make_price(shop, "coffee", "10.00", interval="month")
    make_price(shop, "club", "30.00", interval="month", trial_days=7, trial_amount="1.50")

    done = shop(
        f"order create --customer {buyer} --item mug:2@4.25 --item coffee --item club:2 --yes -o json", as_="agent"
    )
    row = done.json[0]
    order = shop(f"order show {row['order_id']} -o json").json
    sale = order["transactions"][0]

    assert done.code == 0
    assert (row["ok"], row["outcome"], row["amount"], row["currency"]) == (True, "created", "21.50", "USD")
    assert row["transaction_id"] == sale["id"]
    assert (order["status"], order["total"]) == ("complete", "21.50")
    assert [(p["status"], p["price"], p["cycle"], p["next_bill_on"]) for p in order["purchases"]] == [
        ("complete", "8.50", 1, None),
        ("active", "10.00", 1, "2026-04-02"),
        ("trial", "60.00", 1, "2026-03-09"),
    ]
    assert (sale["state"], sale["settlement"], sale["purchase_id"]) == ("approved", "unsettled", None)
    assert paid(shop) == [("2026-03-02", "21.50 USD")]
    assert [ful["status"] for ful in order["fulfillments"]] == ["pending"]
    assert [mail["Subject"] for mail in shop.mails()] == [f"Your order {row['order_id']} with Our shop"]


def test_an_order_takes_the_customers_details_as_they_are(shop: Shop) -> None:
    buyer, price = make_buyer(shop), make_price(shop)

    first = shop(f"order create --customer {buyer} --item {price} --yes -o json").json[0]["order_id"]
    shop(f"customer edit {buyer} --billing-city Chicago --shipping-city Chicago")
    order = shop(f"order show {first} -o json").json

    assert (order["billing"]["city"], order["shipping"]["city"]) == ("Springfield", "Springfield")


def test_the_parcel_may_go_elsewhere(shop: Shop) -> None:
    buyer, price = make_buyer(shop), make_price(shop)
    create = f"order create --customer {buyer} --item {price} --yes -o json"

    corrected = shop(f"{create} --shipping-city Boston").json[0]["order_id"]
    elsewhere = shop(f"{create} --shipping-line1 'Ring 1' --shipping-country Germany").json[0]["order_id"]
    shown = [shop(f"order show {order} -o json").json["shipping"] for order in (corrected, elsewhere)]

    assert (shown[0]["line1"], shown[0]["city"]) == ("12 Elm Street", "Boston")
    assert (shown[1]["line1"], shown[1]["city"], shown[1]["country"]) == ("Ring 1", None, "DE")
    assert shop(f"customer show {buyer} -o json").json["shipping"]["city"] == "Springfield"


def test_a_sale_for_one_purchase_names_it(shop: Shop) -> None:
    buyer, price = make_buyer(shop), make_price(shop)

    sale = shop(f"order create --customer {buyer} --item {price} --yes -o json").json[0]["transaction_id"]

    assert shop(f"txn show {sale} -o json").json["purchase_id"] == "pur_1"


def test_a_trial_that_costs_nothing_charges_nothing(shop: Shop) -> None:
    buyer, price = make_buyer(shop), make_price(shop, interval="month", trial_days=14)

    row = shop(f"order create --customer {buyer} --item {price} --yes -o json").json[0]
    order = shop(f"order show {row['order_id']} -o json").json

    assert (row["outcome"], row["amount"], row["transaction_id"]) == ("created", "0.00", None)
    assert (order["status"], order["transactions"], len(order["fulfillments"])) == ("complete", [], 1)
    assert paid(shop) == []
    assert len(shop.mails()) == 1


def test_a_trial_of_no_days_is_none(shop: Shop) -> None:
    buyer = make_buyer(shop)
    price = make_price(shop, amount="10.00", interval="month", trial_days=0, trial_amount="1.00")

    row = shop(f"order create --customer {buyer} --item {price} --yes -o json").json[0]

    assert row["amount"] == "10.00"
    assert (purchase(shop, "pur_1")["status"], purchase(shop, "pur_1")["next_bill_on"]) == ("active", "2026-04-02")


def test_a_declined_order_is_kept_and_nothing_follows(shop: Shop) -> None:
    buyer, price = make_buyer(shop, "tok_declined"), make_price(shop, interval="month")

    done = shop(f"order create --customer {buyer} --item {price} --yes -o json")
    order = shop(f"order show {done.json[0]['order_id']} -o json").json

    assert (done.code, done.json[0]["outcome"], done.json[0]["ok"]) == (12, "declined", False)
    assert done.error["fix"] == f"csctl order rerun {order['id']} --payment-method PM"
    assert (order["status"], order["fulfillments"]) == ("declined", [])
    assert [p["status"] for p in order["purchases"]] == ["cancelled"]
    assert [t["state"] for t in order["transactions"]] == ["declined"]
    assert shop.mails() == []
    assert shop("billing run -o json", at="2026-04-02T09:00:00Z").json == []


def test_a_gateway_that_cannot_be_reached_leaves_no_order_to_serve(shop: Shop) -> None:
    buyer, price = make_buyer(shop, "tok_unreachable"), make_price(shop, interval="month")

    done = shop(f"order create --customer {buyer} --item {price} --yes -o json")
    order = shop(f"order show {done.json[0]['order_id']} -o json").json

    assert done.code == 8
    assert (order["status"], order["fulfillments"]) == ("declined", [])
    assert [p["status"] for p in order["purchases"]] == ["cancelled"]
    assert shop.mails() == []


def test_wrong_credentials_are_our_fault(shop: Shop) -> None:
    buyer, price = make_buyer(shop), make_price(shop)
    wrong = {"CSCTL_GATEWAY_MAIN": f"sandbox:{shop.sandbox}?credentials=wrong"}

    done = shop(f"order create --customer {buyer} --item {price} --yes -o json", env=wrong)

    assert done.code == 11
    assert shop("order list -o json").json == []


def test_an_order_that_could_not_be_charged_for_our_fault_is_charged_again_once_that_is_corrected(shop: Shop) -> None:
    buyer, price = make_buyer(shop), make_price(shop)
    shop(f"order create --customer {buyer} --item {price} --yes")
    wrong = {"CSCTL_GATEWAY_MAIN": f"sandbox:{shop.sandbox}?credentials=wrong"}

    done = shop(f"order create --customer {buyer} --item {price} --yes -o json", env=wrong)
    again = shop("order rerun ord_2 --yes")

    assert (done.code, done.error["fix"].endswith("csctl order rerun ord_2")) == (11, True)
    assert again.code == 0, again.err
    assert [row["amount"] for row in shop.ledger()] == ["19.99", "19.99"]


def test_no_email_means_none(shop: Shop) -> None:
    buyer, price = make_buyer(shop), make_price(shop)

    assert shop(f"order create --customer {buyer} --item {price} --no-email --yes").code == 0
    assert shop.mails() == []


def test_the_card_that_is_named_is_charged(shop: Shop) -> None:
    buyer, price = make_buyer(shop, "tok_declined"), make_price(shop, interval="month")
    other = make_payment_method(shop, buyer, is_default=False)

    done = shop(f"order create --customer {buyer} --item {price} --payment-method {other} --yes")
    run = shop("billing run", at="2026-04-02T09:00:00Z")

    assert (done.code, run.code) == (0, 0)
    assert [day for day, _ in paid(shop)] == ["2026-03-02", "2026-04-02"]


@pytest.mark.parametrize(
    ("items", "code", "says"),
    [
        ("nothing", 4, "no price point"),
        ("mug:0", 2, "orders nothing"),
        ("mug:2@-1", 2, "invalid price"),
        ("mug:2@1.999", 2, "finer than USD"),
        ("mug:2@much", 2, "not an amount"),
        ("mug:999999@999999999999999", 2, "invalid price"),
        ("mug:1@9999999999999.99 --item mug:1@9999999999999.99", 2, "invalid price"),
        ("mug --item tasse", 5, "EUR and USD"),
        ("rice:1@0.5", 2, "finer than JPY"),
    ],
)
def test_what_cannot_be_ordered_is_refused_before_anything_is_written(
    shop: Shop, items: str, code: int, says: str
) -> None:
    buyer = make_buyer(shop)
    make_price(shop, "mug", "5.00")
    make_price(shop, "tasse", "5.00", "EUR")
    make_price(shop, "rice", "500", "JPY")

    done = shop(f"order create --customer {buyer} --item {items} --yes -o json")

    assert done.code == code
    assert says in done.error["message"]
    assert shop("order list -o json").json == []
    assert shop.ledger() == []


def test_who_has_no_default_card_is_not_charged(shop: Shop) -> None:
    poor, undecided, price = make_customer(shop), make_customer(shop), make_price(shop)
    for _ in range(2):
        make_payment_method(shop, undecided, is_default=False)

    for customer in (poor, undecided):
        assert shop(f"order create --customer {customer} --item {price} --yes").code == 5
    assert shop("order list -o json").json == []


def test_the_card_of_another_customer_is_refused(shop: Shop) -> None:
    buyer, price, other = make_buyer(shop), make_price(shop), make_payment_method(shop)

    assert shop(f"order create --customer {buyer} --item {price} --payment-method {other} --yes").code == 5
    assert shop(f"order create --customer {buyer} --item {price} --payment-method pm_999 --yes").code == 4


def test_a_blacklisted_customer_orders_nothing(shop: Shop) -> None:
    buyer, price = make_buyer(shop), make_price(shop)
    shop(f"blacklist add --customer {buyer} --reason fraud --yes")

    done = shop(f"order create --customer {buyer} --item {price} --yes -o json", as_="agent")

    assert done.code == 6
    assert done.error["code"] == "not_permitted"
    assert shop.ledger() == []
    assert shop("audit list --command 'order create' -o json").json[0]["outcome"] == "refused"


def test_a_dry_run_charges_no_one(shop: Shop) -> None:
    buyer, price = make_buyer(shop), make_price(shop)

    done = shop(f"order create --customer {buyer} --item {price}:3 --dry-run -o json")

    assert done.code == 0
    assert (done.json[0]["dry_run"], done.json[0]["amount"]) == (True, "59.97")
    assert (done.json[0]["id"], done.json[0]["order_id"]) == ("new", None)
    assert "59.97 USD" in done.err
    assert (shop("order list -o json").json, shop.ledger(), shop.mails()) == ([], [], [])


def test_it_asks_before_it_charges(shop: Shop) -> None:
    buyer, price = make_buyer(shop), make_price(shop)

    assert shop(f"order create --customer {buyer} --item {price}").code == 2
    assert shop.ledger() == []


@pytest.mark.parametrize(("amount", "currency"), [("1980", "JPY"), ("1.234", "KWD")])
def test_currencies_keep_their_decimals(shop: Shop, amount: str, currency: str) -> None:
    buyer = make_buyer(shop)
    make_price(shop, "thing", amount, currency, interval="month")

    row = shop(f"order create --customer {buyer} --item thing --yes -o json").json[0]
    shop("billing run", at="2026-04-02T09:00:00Z")

    assert (row["amount"], row["currency"]) == (amount, currency)
    assert [money for _, money in paid(shop)] == [f"{amount} {currency}"] * 2
