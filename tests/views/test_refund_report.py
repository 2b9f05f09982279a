"""The report on refunds, as rows and as a page."""

from __future__ import annotations

import re
from pathlib import Path

from tests.factories import make_order, make_price, make_purchase, make_sale
from tests.shops import Shop


def refunded(shop: Shop, amount: str, words: str = "", *, at: str = "2026-03-02T09:00:00Z", as_: str = "admin") -> str:
    sale = make_sale(shop, "100.00")
    done = shop(f"txn refund {sale} --amount {amount} {words} --yes", at=at, as_=as_)
    assert done.code == 0, done.err
    return sale


def test_refunds_are_summed_up_by_reason(shop: Shop) -> None:
    refunded(shop, "10.00", "--reason damaged")
    refunded(shop, "20.00", "--reason damaged")
    refunded(shop, "5.00")
    declined = make_sale(shop, token="tok_refund_declined")
    shop(f"txn refund {declined} --yes")

    rows = shop("report refunds -o json", as_="agent").json

    assert [(row["group"], row["refunds"], row["amount"], row["currency"]) for row in rows] == [
        ("damaged", 2, "30.00", "USD"),
        ("(no reason)", 1, "5.00", "USD"),
    ]


def test_refunds_are_summed_up_by_operator_and_by_day_of_the_shop(shop: Shop) -> None:
    shop("setting set timezone Asia/Tokyo")
    refunded(shop, "10.00", as_="agent")
    refunded(shop, "20.00", at="2026-03-02T15:30:00Z")

    by_operator = shop("report refunds --by operator -o json").json
    by_day = shop("report refunds --by day -o json").json

    assert {row["group"]: row["amount"] for row in by_operator} == {"agent": "10.00", "admin": "20.00"}
    assert [(row["group"], row["amount"]) for row in by_day] == [("2026-03-02", "10.00"), ("2026-03-03", "20.00")]


def test_refunds_are_summed_up_by_product(shop: Shop) -> None:
    price = make_price(shop, sku="tea")
    order = make_order(shop, total="100.00")
    purchase = make_purchase(shop, order, "100.00", price=price)
    sale = make_sale(shop, "100.00", order=order, purchase=purchase)
    shop(f"txn refund {sale} --amount 7 --yes")
    refunded(shop, "3.00")

    rows = shop("report refunds --by product -o json").json

    assert {row["group"]: row["amount"] for row in rows} == {"Product tea": "7.00", "(several products)": "3.00"}


def test_what_csctl_did_not_send_is_part_of_it_and_named(shop: Shop) -> None:
    sale = make_sale(shop, "100.00")
    shop(f"txn refund {sale} --amount 10 --outside 'cheque 1' --yes")
    shop(f"txn dispute {sale} --lost --amount 30")

    rows = {row["group"]: row for row in shop("report refunds -o json").json}

    assert (rows["(no reason)"]["amount"], rows["(no reason)"]["outside"]) == ("10.00", "10.00")
    assert (rows["(chargeback)"]["amount"], rows["(chargeback)"]["chargebacks"]) == ("30.00", "30.00")


def test_what_left_the_queue_is_counted_for_who_asked_for_it(shop: Shop) -> None:
    for amount in ("10.00", "20.00"):
        sale = make_sale(shop, amount, token="tok_refund_declined_1")
        shop(f"txn refund {sale} --reason damaged --yes", as_="agent")
    assert shop("queue resolve rfq_2 --reference 'cheque 7' --yes").code == 0
    shop("queue retry", at="2026-03-03T09:00:00Z", as_="service")

    (by_operator,) = shop("report refunds --by operator -o json").json
    (by_reason,) = shop("report refunds --by reason -o json").json

    assert (by_operator["group"], by_operator["refunds"], by_operator["amount"]) == ("agent", 2, "30.00")
    assert (by_reason["group"], by_reason["amount"], by_reason["outside"]) == ("damaged", "30.00", "20.00")
    days = shop("report refunds --by day -o json").json
    assert [(row["group"], row["amount"]) for row in days] == [("2026-03-02", "20.00"), ("2026-03-03", "10.00")]


def test_a_period_limits_the_report(shop: Shop) -> None:
    refunded(shop, "10.00", at="2026-03-02T09:00:00Z")
    refunded(shop, "20.00", at="2026-03-05T09:00:00Z")
    shop.now = "2026-03-05T10:00:00Z"

    assert [row["amount"] for row in shop("report refunds --since 1d -o json").json] == ["20.00"]
    assert [row["amount"] for row in shop("report refunds --until 2026-03-02 -o json").json] == ["10.00"]
    assert shop("report refunds --since 2027-01 -o json").json == []


def test_the_page_is_one_file_that_loads_nothing(shop: Shop, tmp_path: Path) -> None:
    refunded(shop, "10.00", "--reason '<b>late</b>'")
    refunded(shop, "20.00", at="2026-03-20T09:00:00Z")
    file = tmp_path / "refunds.html"

    done = shop("report", "refunds", "--html", str(file), "-o", "json")
    page = file.read_text()

    assert done.code == 0, done.err
    assert "<svg" in page
    assert "30.00 USD" in page
    assert "&lt;b&gt;late" in page
    assert "<b>late" not in page
    assert re.search(r"<script|<link|src=|https?://|url\(", page) is None
    assert page.count('<rect x="') == 19  # a column for each day from the first to the last, and none for the others


def test_a_long_period_is_shown_by_week(shop: Shop, tmp_path: Path) -> None:
    refunded(shop, "10.00", at="2026-03-02T09:00:00Z")
    refunded(shop, "20.00", at="2026-12-20T09:00:00Z")
    file = tmp_path / "refunds.html"

    shop("report", "refunds", "--html", str(file))

    assert "By week" in file.read_text()


def test_an_empty_report_is_a_page_too(shop: Shop, tmp_path: Path) -> None:
    file = tmp_path / "refunds.html"

    assert shop("report", "refunds", "--html", str(file)).code == 0
    assert "No refunds in this period." in file.read_text()
