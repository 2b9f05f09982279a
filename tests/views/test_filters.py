"""Filters, order and number of lists."""

from __future__ import annotations

import pytest

from tests.factories import make_customer, make_order, make_payment_method, make_price, make_purchase, make_sale
from tests.selection import on_sqlite
from tests.shops import Shop

pytestmark = pytest.mark.both_databases


def listed(shop: Shop, words: str) -> list[str]:
    done = shop(f"{words} -o name")
    assert done.code == 0, done.err
    return done.out.split()


def test_a_repeated_filter_means_any_of_its_values(shop: Shop) -> None:
    done, open_, lost = (make_order(shop, status=status) for status in ("complete", "pending", "declined"))

    assert listed(shop, "order list --status complete --status declined") == [lost, done]
    assert listed(shop, "order list --status pending") == [open_]


def test_repeated_customers_and_gateways_are_any_of_them_too(shop: Shop) -> None:
    jane, joe = make_customer(shop), make_customer(shop)
    first, second = make_sale(shop, customer=jane, adopt=False), make_sale(shop, customer=joe, adopt=False)
    make_sale(shop, adopt=False)

    assert listed(shop, f"txn list --customer {jane} --customer {joe}") == [second, first]
    assert listed(shop, "customer search --email jane1 --email nobody") is not None


def test_search_fields_may_be_repeated(shop: Shop) -> None:
    ann, bob = make_customer(shop, first_name="Ann"), make_customer(shop, first_name="Bob")
    make_customer(shop, first_name="Eve")

    assert listed(shop, "customer search --first-name ann --first-name bob") == [bob, ann]


@pytest.mark.parametrize(
    "words",
    [
        "txn list --gateway nowhere",
        "order list --product nothing",
        "purchase list --product nothing",
        "audit list --operator nobody",
    ],
)
def test_a_filter_that_names_nothing_is_an_error(shop: Shop, words: str) -> None:
    make_sale(shop)

    done = shop(f"{words} -o json")

    assert (done.code, done.out) == (4, "")


def test_amounts_are_compared_in_the_currency_of_each_record(shop: Shop) -> None:
    dollars = make_sale(shop, "20.00", adopt=False)
    yen = make_sale(shop, "20", "JPY", adopt=False)
    dinars = make_sale(shop, "20.500", "KWD", adopt=False)
    make_sale(shop, "5.00", adopt=False)

    assert listed(shop, "txn list --amount 20") == [yen, dollars]
    assert listed(shop, "txn list --amount 20.5 --amount 5") == [*listed(shop, "txn list --max-amount 5"), dinars]
    assert listed(shop, "txn list --min-amount 20 --max-amount 20.10") == [yen, dollars]
    assert shop("txn list --min-amount 3 --max-amount 2").code == 2
    assert shop("txn list --amount 1e3").code == 2


def test_orders_purchases_and_queued_refunds_are_found_by_amount(shop: Shop) -> None:
    order = make_order(shop, total="12.00")
    purchase = make_purchase(shop, order, "12.00")
    sale = make_sale(shop, "7.00", token="tok_refund_declined")
    shop(f"txn refund {sale} --yes")

    assert listed(shop, "order list --amount 12") == [order]
    assert listed(shop, "purchase list --amount 12") == [purchase]
    assert listed(shop, "queue list --amount 7") == ["rfq_1"]
    assert listed(shop, "queue list --amount 8") == []


def test_a_card_and_a_day_find_a_charge(shop: Shop) -> None:
    customer = make_customer(shop)
    card = make_payment_method(shop, customer, last4="1881")
    sale = make_sale(shop, customer=customer, payment_method=card, adopt=False)
    make_sale(shop, adopt=False)

    assert listed(shop, "txn list --card-last4 1881 --since 3d") == [sale]
    assert listed(shop, "txn list --card-last4 1881 --since 1d") == []


def test_times_in_filters_may_be_ages_months_and_names_of_days(shop: Shop) -> None:
    old = make_sale(shop, adopt=False, created_at="2026-01-31T23:30:00Z")
    month = make_sale(shop, adopt=False, created_at="2026-02-10T00:00:00Z")
    yesterday = make_sale(shop, adopt=False, created_at="2026-03-01T12:00:00Z")
    today = make_sale(shop, adopt=False, created_at="2026-03-02T08:50:00Z")

    assert listed(shop, "txn list --since today") == [today]
    assert listed(shop, "txn list --since yesterday --until yesterday") == [yesterday]
    assert listed(shop, "txn list --since 2026-02 --until 2026-02") == [month]
    assert listed(shop, "txn list --since 90m") == [today]
    assert listed(shop, "txn list --since 36h") == [today, yesterday]
    assert listed(shop, "txn list --until 4w") == [old]
    assert shop("txn list --since today --until yesterday").code == 2
    wrong = shop("txn list --since 3y")
    assert wrong.code == 2
    assert "today or 3d" in wrong.err


def test_a_list_is_sorted_by_any_of_its_columns(shop: Shop) -> None:
    big, small = make_sale(shop, "30.00", adopt=False), make_sale(shop, "10.00", adopt=False)
    middle = make_sale(shop, "20.00", adopt=False)

    assert listed(shop, "txn list --sort amount") == [small, middle, big]
    assert listed(shop, "txn list --sort -amount --limit 2") == [big, middle]
    for words in ("txn list --sort voided", "queue list --sort transaction_id", "fulfillment list --sort -reship_of"):
        assert shop(words).code == 0, words  # as JSON names them
    refused = shop("txn list --sort nonsense")
    assert refused.code == 2
    assert "amount" in refused.err
    assert "lease_until" not in refused.err
    assert "joins_queue" not in refused.err
    assert "token" not in shop("customer payment-method list --sort nonsense").err


def test_empty_values_are_sorted_last(shop: Shop) -> None:
    without = make_order(shop, cancelled_at=None)
    cancelled = make_order(shop, cancelled_at="2026-02-01T00:00:00Z")

    assert listed(shop, "order list --sort cancelled_at") == [cancelled, without]
    assert listed(shop, "order list --sort -cancelled_at") == [cancelled, without]


def test_only_the_number_of_records_is_printed(shop: Shop) -> None:
    for _ in range(3):
        make_sale(shop, "30.00", adopt=False)
    make_sale(shop, "10.00", adopt=False)

    assert shop("txn list --amount 30 --count --limit 1").out == "3\n"
    assert shop("txn list --count -o json").json == 4
    assert shop("order search --status complete --count").out == "4\n"


def test_the_customer_can_be_asked_for_with_everything_that_is_theirs(shop: Shop) -> None:
    jane = make_customer(shop, first_name="Jane", last_name="Doe", email="jane@example.com")
    price = make_price(shop)
    order = make_order(shop, jane)
    make_purchase(shop, order, price=price)
    make_sale(shop, order=order, token="tok_refund_declined")
    shop("txn refund txn_1 --yes")

    for words in ("order list", "purchase list", "txn list --kind sale", "queue list", "fulfillment list"):
        done = shop(f"{words} --fields customer_name,customer_email -o json")
        assert done.code == 0, words
        assert done.json in ([], [{"customer_name": "Jane Doe", "customer_email": "jane@example.com"}]), words


def test_a_wide_table_has_more_columns(shop: Shop) -> None:
    make_sale(shop, gateway_ref="ch_1", adopt=False)

    narrow, wide = shop("txn list"), shop("txn list -o wide")

    assert "gateway_ref" not in narrow.out
    assert "gateway_ref" in wide.out
    assert "ch_1" in wide.out


@on_sqlite
def test_on_a_terminal_an_empty_result_says_so(shop: Shop) -> None:
    for words in ("order list", "queue retry"):
        terminal = shop.terminal(words)
        terminal.expect("Nothing found")

    assert shop("order list").err == ""


def test_a_table_of_a_dry_run_says_what_would_be(shop: Shop) -> None:
    sale = make_sale(shop)

    assert "would be refunded" in shop(f"txn refund {sale} --dry-run -q").out
    assert shop(f"txn refund {sale} --dry-run -o json").json[0]["outcome"] == "refunded"
