"""The customer's profile on the web, row by row, from the shell: what an agent does there is done here."""

from __future__ import annotations

import pytest

from tests.factories import (
    customer_of,
    make_customer,
    make_fulfillment,
    make_payment_method,
    make_price,
    make_sale,
)
from tests.selection import on_sqlite
from tests.shops import Shop

pytestmark = on_sqlite  # each command is tried on both elsewhere


def subscribed(shop: Shop, **price: str | int) -> tuple[str, str]:
    """A customer with a monthly subscription at 20.00, bought today. Returns customer and purchase."""
    customer = make_customer(shop)
    make_payment_method(shop, customer)
    make_price(shop, "tea-small", "20.00", sku="tea", option="small", interval="month", **price)  # type: ignore[arg-type]
    make_price(shop, "tea-large", "30.00", sku="tea", option="large", interval="month")
    done = shop(f"order create --customer {customer} --item tea-small --yes -o json", as_="agent")
    assert done.code == 0, done.err
    return customer, "pur_1"


def ok(shop: Shop, *words: str) -> list[dict[str, object]]:
    """What an agent's command gives, having succeeded."""
    done = shop(*words, "-o", "json", as_="agent")
    assert done.code == 0, done.err
    rows = done.json
    return rows if isinstance(rows, list) else [rows]


def purchase(shop: Shop) -> dict[str, object]:
    return ok(shop, "purchase", "show", "pur_1")[0]


def test_find_a_customer_and_open_the_profile(shop: Shop) -> None:
    customer = make_customer(shop, first_name="Bjørn", last_name="Hansen")

    found = ok(shop, "customer", "search", "bjorn")

    assert [row["id"] for row in found] == [customer]
    assert ok(shop, "customer", "show", customer)[0]["last_name"] == "Hansen"


@pytest.mark.parametrize(
    ("option", "value", "field", "kept"),
    [
        ("--first-name", "Ann", "first_name", "Ann"),
        ("--last-name", "Lee", "last_name", "Lee"),
        ("--email", "Ann@Example.com", "email", "Ann@example.com"),
        ("--phone", "+49 30 26555280", "phone", "+493026555280"),
        ("--billing-city", "Berlin", "city", "Berlin"),
    ],
)
def test_edit_each_field_of_the_customer(shop: Shop, option: str, value: str, field: str, kept: str) -> None:
    customer = make_customer(shop)

    ok(shop, "customer", "edit", customer, option, value)

    assert ok(shop, "customer", "show", customer)[0][field] == kept


def test_add_a_note_and_start_a_call(shop: Shop) -> None:
    customer = make_customer(shop, phone="+12125550142")

    ok(shop, "customer", "note", customer, "Prefers to be called in the morning.")
    call = ok(shop, "customer", "call", customer)

    assert call[0]["uri"] == "tel:+12125550142"
    assert [row["kind"] for row in ok(shop, "customer", "history", customer)] == ["call", "note"]


def test_create_an_order_with_the_customers_information(shop: Shop) -> None:
    customer, _ = subscribed(shop)

    order = ok(shop, "order", "show", "ord_1")[0]

    assert (order["customer_id"], order["status"], order["total"]) == (customer, "complete", "20.00")
    assert order["shipping"] == ok(shop, "customer", "show", customer)[0]["shipping"]
    assert [row["kind"] for row in ok(shop, "email", "list")] == ["welcome"]


def test_see_orders_transactions_and_fulfillments_of_a_customer(shop: Shop) -> None:
    customer, _ = subscribed(shop)

    profile = ok(shop, "customer", "show", customer)[0]

    assert [len(profile[name]) for name in ("orders", "purchases", "transactions", "fulfillments")] == [1] * 4  # type: ignore[arg-type]


def test_void_a_pending_transaction_and_refund_a_settled_one(shop: Shop) -> None:
    pending, settled = make_sale(shop, settled=False), make_sale(shop)

    assert ok(shop, "txn", "void", pending, "--yes")[0]["outcome"] == "voided"
    assert ok(shop, "txn", "refund", settled, "--yes")[0]["outcome"] == "refunded"


def test_reship_a_fulfillment_and_cancel_one(shop: Shop) -> None:
    shipped, waiting = make_fulfillment(shop, status="shipped"), make_fulfillment(shop)

    ok(shop, "fulfillment", "reship", shipped)
    ok(shop, "fulfillment", "cancel", waiting, "--yes")

    newest = ok(shop, "fulfillment", "list")[0]
    assert (newest["reship_of"], newest["status"]) == (shipped, "pending")
    assert ok(shop, "fulfillment", "show", waiting)[0]["status"] == "cancelled"


def test_cancel_an_order(shop: Shop) -> None:
    subscribed(shop)

    ok(shop, "order", "cancel", "ord_1", "--reason", "moved abroad", "--yes")

    assert ok(shop, "order", "show", "ord_1")[0]["status"] == "cancelled"
    assert purchase(shop)["status"] == "cancelled"


def test_process_a_refund_of_an_order_void_first_and_refund_if_that_fails(shop: Shop) -> None:
    make_sale(shop, settled=False)
    shop.now = "2026-03-03T09:00:00Z"  # it has settled overnight, and our books do not know

    assert ok(shop, "order", "refund", "ord_1", "--yes")[0]["outcome"] == "refunded"
    assert [row["kind"] for row in shop.ledger()] == ["sale", "void", "refund"]


def test_resend_the_welcome_email(shop: Shop) -> None:
    subscribed(shop)

    ok(shop, "order", "resend-email", "ord_1", "--kind", "welcome")

    assert [mail["Subject"] for mail in shop.mails()] == [shop.mails()[0]["Subject"]] * 2


@pytest.mark.parametrize("by", ["transaction", "order"])
@pytest.mark.parametrize("kind", ["refund", "void"])
def test_resend_a_refund_and_a_void_email_of_a_transaction_and_of_an_order(shop: Shop, kind: str, by: str) -> None:
    sale = make_sale(shop, settled=kind == "refund")
    ok(shop, "txn", kind, sale, "--yes")

    if by == "transaction":
        ok(shop, "txn", "resend-email", sale)
    else:
        ok(shop, "order", "resend-email", "ord_1", "--kind", kind)

    assert [row["kind"] for row in ok(shop, "email", "list")] == [kind, kind]
    assert len({mail["Message-ID"] for mail in shop.mails()}) == 2


def test_restart_skip_and_stop_a_trial(shop: Shop) -> None:
    subscribed(shop, trial_days=14, trial_amount="1.00")
    shop.now = "2026-03-05T09:00:00Z"

    ok(shop, "purchase", "trial", "restart", "pur_1")
    restarted = purchase(shop)
    ok(shop, "purchase", "trial", "skip", "pur_1", "--yes")
    skipped = purchase(shop)

    assert (restarted["status"], restarted["next_bill_on"]) == ("trial", "2026-03-19")
    assert (skipped["status"], skipped["cycle"], skipped["next_bill_on"]) == ("active", 2, "2026-04-05")


def test_stop_a_trial(shop: Shop) -> None:
    subscribed(shop, trial_days=14, trial_amount="1.00")

    ok(shop, "purchase", "trial", "stop", "pur_1", "--yes")

    assert purchase(shop)["status"] == "cancelled"
    assert [row["amount"] for row in shop.ledger()] == ["1.00"]


def test_select_another_option_price_point_and_billing_date(shop: Shop) -> None:
    subscribed(shop)

    ok(shop, "purchase", "option", "pur_1", "large", "--price", "tea-large")
    ok(shop, "purchase", "billing-date", "pur_1", "2026-03-20")
    changed = purchase(shop)
    ok(shop, "purchase", "price", "pur_1", "tea-large")

    assert (changed["option"], changed["unit_price"], changed["next_bill_on"]) == ("large", "30.00", "2026-03-20")


def test_cancel_a_subscription(shop: Shop) -> None:
    subscribed(shop)

    ok(shop, "purchase", "cancel", "pur_1", "--when", "before-next", "--reason", "too much tea", "--yes")

    assert purchase(shop)["status"] == "cancellation_scheduled"


def test_force_bill_the_current_cycle_with_another_quantity_and_unit_price(shop: Shop) -> None:
    customer, _ = subscribed(shop)
    shop.now = "2026-03-10T09:00:00Z"

    billed = ok(shop, "purchase", "force-bill", "pur_1", "--quantity", "3", "--unit-price", "18.00", "--yes")

    assert (billed[0]["outcome"], billed[0]["amount"]) == ("billed", "54.00")
    assert (purchase(shop)["cycle"], purchase(shop)["price"]) == (2, "54.00")
    assert customer_of(shop, "ord_1") == customer
