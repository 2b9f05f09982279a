"""A day of customer support, from the first call to the last, played on the command line."""

from __future__ import annotations

import pytest

from tests.billing.catalog import make_buyer
from tests.factories import make_customer, make_order, make_payment_method, make_price, make_purchase, make_sale
from tests.running import Done
from tests.shops import Shop

pytestmark = pytest.mark.both_databases


def done(shop: Shop, words: str, as_: str = "agent", code: int = 0) -> Done:
    """Run a command that has to end so."""
    found = shop(words, as_=as_)
    assert found.code == code, f"{words}: {found.code} {found.err}"
    return found


def test_a_day_of_customer_support(shop: Shop) -> None:
    """All that callers ask for is done without a detour, and in the end books and gateway agree."""
    shop("setting set agent-refund-limit '50 USD'")
    shop("setting set refund-reasons 'damaged, late, changed mind'")
    shop("queue notify add finance@example.com")
    jane = _one_of_two_lines_is_returned(shop)
    _a_person_who_came_twice_is_merged(shop, jane)
    subscription = _an_expired_card_is_replaced(shop)
    _a_dispute_is_lost(shop)
    _a_refund_above_the_limit_is_granted(shop)
    done(shop, f"txn refund {make_sale(shop, '40.00')} --outside 'cheque 118' --yes")  # a card is closed
    _the_unused_days_are_returned(shop, subscription)
    assert done(shop, "db check", as_="admin").code == 0
    returned = [row["amount"] for row in shop.ledger() if row["kind"] == "refund" and row["result"] == "approved"]
    assert sorted(returned) == ["120.00", "15.00", "9.00"]
    report = {row["group"]: row["amount"] for row in done(shop, "report refunds -o json").json}
    assert report == {
        "late": "120.00",
        "(no reason)": "40.00",
        "(chargeback)": "25.00",
        "changed mind": "15.00",
        "damaged": "9.00",
    }


def _one_of_two_lines_is_returned(shop: Shop) -> str:
    """A caller knows an amount, a day and the last digits of the card. One of her mugs was broken."""
    jane = make_customer(shop, first_name="Jane", email="jane@example.com")
    cups = make_order(shop, jane, total="47.00", external_id="#1001")
    mugs, tea = make_purchase(shop, cups, "9.00", 3), make_purchase(shop, cups, "20.00")
    card = make_payment_method(shop, jane, last4="1881")
    paid = make_sale(shop, "47.00", order=cups, payment_method=card)
    found = done(shop, "txn list --amount 47 --card-last4 1881 --since 3d -o json").json
    assert [row["id"] for row in found] == [paid]
    assert found[0]["customer_name"] == "Jane Doe"
    one = done(shop, f"order refund --purchase {mugs} --quantity 1 --reason damaged --yes -o json").json
    assert one[0]["amount"] == "9.00"
    assert tea in done(shop, "order show '#1001'").out
    return jane


def _a_person_who_came_twice_is_merged(shop: Shop, jane: str) -> None:
    """After the merge, her orders are together."""
    twin = make_customer(shop, first_name="Jane", email="jane.old@example.com")
    make_sale(shop, "15.00", customer=twin)
    shop(f"customer merge {jane} {twin} --yes")
    assert jane in done(shop, f"customer show {jane}").out
    assert len(done(shop, f"order list --customer {jane} -o json").json) == 2


def _an_expired_card_is_replaced(shop: Shop) -> str:
    """A new card is chosen, and the subscription is billed again."""
    joe = make_buyer(shop, token="tok_declined")
    monthly = make_price(shop, amount="31.00", interval="month")
    subscription = make_purchase(
        shop, make_order(shop, joe), "31.00", price=monthly, status="active", next_bill_on="2026-03-02"
    )
    done(shop, "billing run", as_="service")
    assert done(shop, f"purchase show {subscription} -o json").json["status"] == "recycle_failed"
    fresh = make_payment_method(shop, joe, is_default=False)
    done(shop, f"customer payment-method default {fresh}")
    done(shop, f"purchase payment-method {subscription} {fresh}")
    billed = done(shop, f"purchase force-bill {subscription} --yes -o json").json
    assert (billed[0]["outcome"], billed[0]["amount"]) == ("billed", "31.00")
    return subscription


def _a_dispute_is_lost(shop: Shop) -> None:
    """While it lasts, nothing is refunded."""
    disputed = make_sale(shop, "25.00")
    done(shop, f"txn dispute {disputed}")
    assert done(shop, "txn list --disputed -o name").out == f"{disputed}\n"
    done(shop, f"txn refund {disputed} --yes", code=5)
    done(shop, f"txn dispute {disputed} --lost")


def _a_refund_above_the_limit_is_granted(shop: Shop) -> None:
    """The agent requests it, another person grants it."""
    dear = make_sale(shop, "120.00")
    done(shop, f"txn refund {dear} --reason late --yes", code=6)
    asked = done(shop, f"txn refund {dear} --reason late --request-approval --yes -o json").json
    granted = done(shop, f"approval grant {asked[0]['approval_id']} --yes -o json", as_="admin").json
    assert (granted[0]["outcome"], granted[0]["amount"]) == ("refunded", "120.00")


def _the_unused_days_are_returned(shop: Shop, subscription: str) -> None:
    """A subscription is cancelled in the middle of its month."""
    shop.now = "2026-03-17T09:00:00Z"
    done(shop, "txn sync", as_="service")
    done(shop, f"purchase cancel {subscription} --reason 'moved abroad' --yes")
    back = done(shop, f"order refund --prorate {subscription} --reason 'changed mind' --yes -o json").json
    assert back[0]["amount"] == "15.00"
