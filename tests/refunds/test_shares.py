"""Refunds of one line, of some of its quantity, and of unused days (domain rules, section 2)."""

from __future__ import annotations

from datetime import date

import pytest

from csctl.domain.money import Money
from csctl.domain.proration import Period, Prorated
from tests.billing.catalog import subscribe
from tests.factories import make_order, make_purchase, make_sale
from tests.refunds.scenes import paid
from tests.shops import Shop


def two_lines(shop: Shop, sale: str = "40.00") -> tuple[str, str, str]:
    """An order of 3 x 10.00 and 1 x 10.00 that was paid in one sale; its purchases."""
    order = make_order(shop, total="40.00")
    many = make_purchase(shop, order, "10.00", 3)
    one = make_purchase(shop, order, "10.00")
    make_sale(shop, sale, order=order)
    return order, many, one


def test_a_line_is_refunded_by_its_price(shop: Shop) -> None:
    order, many, _ = two_lines(shop)

    done = shop(f"order refund {order} --purchase {many} --yes -o json", as_="agent")

    assert (done.code, done.json[0]["amount"]) == (0, "30.00")
    assert shop(f"order refund {order} --purchase {many} --yes").code == 5
    assert paid(shop) == [("refund", "30.00")]


@pytest.mark.both_databases
def test_some_of_a_line_are_refunded_by_their_number(shop: Shop) -> None:
    order, many, _ = two_lines(shop)

    two = shop(f"order refund {order} --purchase {many} --quantity 2 --yes -o json", as_="agent")
    two_more = shop(f"order refund {order} --purchase {many} --quantity 2 --yes")
    the_last = shop(f"order refund --purchase {many} --quantity 1 --yes -o json")

    assert (two.code, two.json[0]["amount"], two.json[0]["message"]) == (0, "20.00", "2 x 10.00 USD")
    assert two_more.code == 5
    assert (the_last.code, the_last.json[0]["amount"]) == (0, "10.00")
    assert shop("db check").code == 0


@pytest.mark.parametrize("words", ["", "--quantity 1"])
@pytest.mark.parametrize("sale", ["44.00", "35.00"])
def test_with_tax_or_a_coupon_the_share_is_not_guessed(shop: Shop, sale: str, words: str) -> None:
    order, many, _ = two_lines(shop, sale)

    done = shop(f"order refund {order} --purchase {many} {words} --yes -o json")

    error = done.json[0]["error"]
    assert (done.code, paid(shop)) == (5, [])
    assert f"{sale} USD" in error["cause"]
    assert "40.00 USD" in error["cause"]
    assert "--amount" in error["fix"]


def test_with_tax_the_caller_says_the_amount(shop: Shop) -> None:
    order, many, _ = two_lines(shop, "44.00")

    done = shop(f"order refund {order} --purchase {many} --amount 33.00 --yes -o json")

    assert (done.code, done.json[0]["amount"]) == (0, "33.00")


@pytest.mark.parametrize(
    "words",
    [
        "ord_1 --quantity 1",
        "ord_1 --purchase pur_1 --quantity 1 --amount 5",
        "ord_1 --prorate pur_1 --amount 5",
        "ord_1 --prorate pur_1 --last",
        "",
    ],
)
def test_options_that_say_two_amounts_are_usage_errors(shop: Shop, words: str) -> None:
    two_lines(shop)

    assert shop(f"order refund {words} --yes").code == 2


def test_more_than_the_line_has_is_a_conflict(shop: Shop) -> None:
    _, many, _ = two_lines(shop)

    done = shop(f"order refund --purchase {many} --quantity 4 --yes -o json")

    assert (done.code, done.json[0]["error"]["message"]) == (5, f"{many} has a quantity of 3")


@pytest.mark.both_databases
def test_the_unused_days_of_the_latest_billing_are_refunded(shop: Shop) -> None:
    purchase = subscribe(shop, amount="31.00", at="2026-03-01T09:00:00Z")
    shop("txn sync", at="2026-03-03T09:00:00Z")

    look = shop(f"order refund --prorate {purchase} --dry-run -o json", at="2026-03-16T09:00:00Z")
    done = shop(f"order refund --prorate {purchase} --yes -o json", as_="agent", at="2026-03-16T09:00:00Z")
    again = shop(f"order refund --prorate {purchase} --yes -o json", at="2026-03-16T10:00:00Z")

    assert look.json[0]["message"] == ("15.00 USD = 31.00 USD x 15 unused of 31 days (2026-03-01 to 2026-04-01)")
    assert (done.code, done.json[0]["amount"]) == (0, "15.00")
    assert again.code == 5
    assert paid(shop) == [("refund", "15.00")]


def test_a_later_billing_date_does_not_move_the_period(shop: Shop) -> None:
    purchase = subscribe(shop, amount="31.00", at="2026-03-01T09:00:00Z")
    shop("txn sync", at="2026-03-03T09:00:00Z")
    shop(f"purchase billing-date {purchase} 2026-04-20", at="2026-03-10T09:00:00Z")

    done = shop(f"order refund --prorate {purchase} --dry-run -o json", at="2026-03-16T09:00:00Z")

    assert done.json[0]["amount"] == "15.00"


def test_on_the_last_day_nothing_is_left_to_prorate(shop: Shop) -> None:
    purchase = subscribe(shop, amount="31.00", at="2026-03-01T09:00:00Z")
    shop("txn sync", at="2026-03-03T09:00:00Z")

    done = shop(f"order refund --prorate {purchase} --yes -o json", at="2026-03-31T09:00:00Z")

    assert (done.code, done.json[0]["error"]["message"]) == (5, f"nothing of {purchase} remains to prorate")


def test_a_disputed_billing_is_not_prorated(shop: Shop) -> None:
    purchase = subscribe(shop, amount="31.00", at="2026-03-01T09:00:00Z")
    shop("txn sync", at="2026-03-03T09:00:00Z")
    shop("txn dispute txn_1", at="2026-03-03T09:00:00Z")

    done = shop(f"order refund --prorate {purchase} --yes -o json", at="2026-03-10T09:00:00Z")

    assert done.code == 5
    assert "disputed" in done.json[0]["error"]["message"]


def test_what_was_bought_once_has_no_unused_days(shop: Shop) -> None:
    _, many, _ = two_lines(shop)

    assert shop(f"order refund --prorate {many} --yes").code == 5


@pytest.mark.parametrize(
    ("today", "unused"),
    [("2026-02-20", 31), ("2026-03-01", 30), ("2026-03-02", 29), ("2026-03-31", 0), ("2026-05-01", 0)],
)
def test_days_after_today_are_unused(today: str, unused: int) -> None:
    period = Period(date(2026, 3, 1), date(2026, 4, 1))

    assert period.unused(date.fromisoformat(today)) == unused


def test_prorated_amounts_are_rounded_down_and_never_negative() -> None:
    period = Period(date(2026, 3, 1), date(2026, 3, 4))

    assert Prorated(period, 1, Money(1000, "USD"), 0).amount == 333
    assert Prorated(period, 1, Money(1000, "USD"), 400).amount == 0


# -- reasons


def test_a_reason_is_one_of_the_shops_list(shop: Shop) -> None:
    shop("setting set refund-reasons 'Damaged, Late'")
    sale = make_sale(shop)

    wrong = shop(f"txn refund {sale} --reason whatever --yes", as_="agent")
    right = shop(f"txn refund {sale} --amount 5 --reason damaged --note 'A long story' --yes", as_="agent")
    rows = shop("txn list --kind refund -o json").json

    assert (wrong.code, right.code) == (2, 0)
    assert "Damaged, Late" in wrong.err
    assert [row["refund_reason"] for row in rows] == ["Damaged"]
    assert "Damaged" in shop("audit list --command 'txn refund' -o json").out


def test_the_share_is_shown_again_after_the_gateway_was_asked_about_settlement(shop: Shop) -> None:
    order, many, _ = two_lines(shop)
    shop.sql("UPDATE transactions SET settlement = 'unsettled', settled_at = NULL")

    done = shop(f"order refund {order} --purchase {many} --quantity 1 --yes -o json")

    assert (done.code, done.json[0]["amount"]) == (0, "10.00")
