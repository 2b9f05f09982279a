"""What tests of billing sell, and how to look at it afterwards."""

from __future__ import annotations

from typing import Any

from tests.factories import make_customer, make_payment_method, make_price, number
from tests.shops import Shop


def make_buyer(shop: Shop, token: str = "tok_ok", **given: Any) -> str:
    """A customer with a card that does as its token says."""
    customer = make_customer(shop, **given)
    make_payment_method(shop, customer, token)
    return customer


def change_card(shop: Shop, customer: str, token: str) -> None:
    """From now on the customer's card does as another token says."""
    shop.sql("UPDATE payment_methods SET token = :token WHERE customer_id = :id", token=token, id=number(customer))


def subscribe(
    shop: Shop, token: str = "tok_ok", *, customer: str | None = None, at: str | None = None, **price: Any
) -> str:
    """A subscription, made by `order create`; of a month at 10.00 USD unless `price` says otherwise. Its purchase."""
    code = make_price(shop, **{"amount": "10.00", "interval": "month", **price})
    made = shop(f"order create --customer {customer or make_buyer(shop, token)} --item {code} --yes -o json", at=at)
    assert made.code == 0, made.err
    purchases = shop(f"order show {made.json[0]['order_id']} -o json").json["purchases"]
    return str(purchases[0]["id"])


def purchase(shop: Shop, name: str) -> dict[str, Any]:
    """A purchase as it is shown."""
    shown: dict[str, Any] = shop(f"purchase show {name} -o json").json
    return shown


def bill(shop: Shop, *days: str, words: str = "") -> list[dict[str, Any]]:
    """The rows of a billing run at nine in the morning of each of these days."""
    rows = []
    for day in days:
        done = shop(f"billing run {words} -o json", as_="service", at=f"{day}T09:00:00Z")
        assert done.code == 0, done.err
        rows += done.json
    return rows


def paid(shop: Shop) -> list[tuple[str, str]]:
    """Day and amount of every sale that the gateway approved, oldest first."""
    sales = [row for row in shop.ledger() if row["kind"] == "sale" and row["result"] == "approved"]
    return [(row["at"][:10], f"{row['amount']} {row['currency']}") for row in sales]


def days(shop: Shop) -> list[str]:
    return [day for day, _ in paid(shop)]


def state(shop: Shop, name: str = "pur_1") -> tuple[str, int, str | None]:
    shown = purchase(shop, name)
    return shown["status"], shown["cycle"], shown["next_bill_on"]
