"""Refunds of settled sales (domain rules, section 2)."""

from __future__ import annotations

import pytest

from tests.factories import make_order, make_purchase, make_sale, make_transaction
from tests.refunds.scenes import paid, refused
from tests.shops import Shop


def test_a_settled_sale_is_refunded_whole_when_no_amount_is_given(shop: Shop) -> None:
    sale = make_sale(shop, amount="19.99")

    done = shop(f"txn refund {sale} --yes -o json", as_="agent")

    assert done.code == 0, done.err
    assert done.json[0]["outcome"] == "refunded"
    assert (done.json[0]["amount"], done.json[0]["currency"]) == ("19.99", "USD")
    assert paid(shop) == [("refund", "19.99")]
    shown = shop(f"txn show {sale} -o json").json
    assert (shown["refunded"], shown["refundable"]) == ("19.99", "0.00")


def test_a_sale_is_refunded_in_parts_up_to_its_amount_and_no_further(shop: Shop) -> None:
    sale = make_sale(shop, amount="10.00")

    first = shop(f"txn refund {sale} --amount 4.00 --yes")
    second = shop(f"txn refund {sale} --amount 6.01 --yes -o json")
    third = shop(f"txn refund {sale} --yes")  # what is left

    assert (first.code, second.code, third.code) == (0, 5, 0)
    assert "6.00 USD remains" in second.json[0]["error"]["cause"]
    assert paid(shop) == [("refund", "4.00"), ("refund", "6.00")]


@pytest.mark.parametrize(
    ("amount", "currency", "wanted"),
    [
        ("20.00", "USD", "0"),
        ("20.00", "USD", "-5"),
        ("20.00", "USD", "19.999"),
        ("500", "JPY", "0.5"),
        ("20.00", "USD", "x"),
    ],
)
def test_an_amount_that_cannot_be_is_a_usage_error_and_nothing_is_sent(
    shop: Shop, amount: str, currency: str, wanted: str
) -> None:
    sale = make_sale(shop, amount=amount, currency=currency)

    done = shop("txn", "refund", sale, "--amount", wanted, "--yes", "-o", "json")

    assert done.code == 2
    assert done.out == ""
    assert done.error["code"] == "usage"
    assert paid(shop) == []


def test_one_amount_for_sales_in_several_currencies_is_a_usage_error(shop: Shop) -> None:
    dollars, yen = make_sale(shop), make_sale(shop, amount="500", currency="JPY")

    done = shop(f"txn refund {dollars} {yen} --amount 5 --yes")

    assert done.code == 2
    assert "several currencies" in done.err
    assert paid(shop) == []


@pytest.mark.parametrize(("amount", "currency"), [("500", "JPY"), ("1.234", "KWD")])
def test_currencies_keep_their_own_number_of_decimals(shop: Shop, amount: str, currency: str) -> None:
    sale = make_sale(shop, amount=amount, currency=currency)

    done = shop(f"txn refund {sale} --amount {amount} --yes -o json")

    assert done.json[0]["amount"] == amount
    assert paid(shop) == [("refund", amount)]


def test_an_unsettled_sale_cannot_be_refunded_and_the_fix_is_a_void(shop: Shop) -> None:
    sale = make_sale(shop, settled=False)

    done = shop(f"txn refund {sale} --yes -o json")

    assert done.code == 5
    assert "has not settled" in refused(done)
    assert done.json[0]["error"]["fix"] == f"csctl txn void {sale}"
    assert paid(shop) == []


def test_the_gateway_is_asked_before_a_refund_is_refused_because_of_settlement(shop: Shop) -> None:
    """Our books say unsettled; a day later the gateway has settled it."""
    sale = make_sale(shop, settled=False)

    done = shop(f"txn refund {sale} --yes", at="2026-03-03T09:00:00Z")

    assert done.code == 0, done.err
    assert shop(f"txn show {sale} -o json").json["settlement"] == "settled"


def test_only_approved_sales_can_be_refunded_or_voided(shop: Shop) -> None:
    declined = make_transaction(shop, "sale", "declined")
    sale = make_sale(shop)
    refund = shop(f"txn refund {sale} --amount 1 --yes -o json").json[0]["transaction_id"]

    assert shop(f"txn refund {declined} --yes").code == 5
    assert shop(f"txn void {declined} --yes").code == 5
    assert "is not a sale" in refused(shop(f"txn refund {refund} --yes -o json"))


def test_a_disputed_sale_is_not_refunded(shop: Shop) -> None:
    sale = make_sale(shop, disputed_at="2026-03-01T00:00:00Z")

    done = shop(f"txn refund {sale} --yes -o json")

    assert done.code == 5
    assert "disputed" in refused(done)
    assert paid(shop) == []


def test_unknown_ids_and_ids_of_other_things(shop: Shop) -> None:
    assert shop("txn refund txn_999 --yes").code == 4
    assert shop("order refund ord_999 --yes").code == 4
    wrong = shop("txn refund ord_9 --yes")
    assert wrong.code == 2
    assert "csctl order refund ord_9" in wrong.err


def test_the_database_itself_refuses_a_reservation_beyond_the_sale(shop: Shop) -> None:
    sale = make_sale(shop, amount="10.00")

    with pytest.raises(Exception, match="reservation"):
        shop.sql("UPDATE transactions SET reserved = 1001 WHERE id = :id", id=int(sale.removeprefix("txn_")))


def test_a_bulk_refund_reports_every_record_and_goes_on_after_a_refusal(shop: Shop) -> None:
    good, unsettled, other = make_sale(shop), make_sale(shop, settled=False), make_sale(shop)

    done = shop(f"txn refund {good} {unsettled} {other} {good} --yes -o jsonl")

    assert done.code == 3
    assert [(row["id"], row["outcome"]) for row in done.rows] == [
        (good, "refunded"),
        (unsettled, "refused"),
        (other, "refunded"),
    ]


def test_fail_fast_stops_at_the_first_failure(shop: Shop) -> None:
    unsettled, good = make_sale(shop, settled=False), make_sale(shop)

    done = shop(f"txn refund {unsettled} {good} --yes --fail-fast -o jsonl")

    assert len(done.rows) == 1
    assert paid(shop) == []


def test_a_dry_run_does_the_same_and_keeps_nothing(shop: Shop) -> None:
    sale, unsettled = make_sale(shop), make_sale(shop, settled=False)
    before = shop.sql("SELECT count(*) AS n FROM transactions")

    done = shop(f"txn refund {sale} {unsettled} --dry-run -o json")

    assert done.code == 3
    assert [(row["outcome"], row["dry_run"], row["transaction_id"]) for row in done.json] == [
        ("refunded", True, None),
        ("refused", True, None),
    ]
    assert paid(shop) == []
    assert shop.sql("SELECT count(*) AS n FROM transactions") == before
    assert shop.sql("SELECT count(*) AS n FROM emails") == [{"n": 0}]
    assert shop.mails() == []


def test_money_asks_and_without_a_terminal_it_is_refused_before_any_work(shop: Shop) -> None:
    sale = make_sale(shop)

    done = shop(f"txn refund {sale}")

    assert done.code == 2
    assert "--yes" in done.err
    assert paid(shop) == []


def test_a_request_said_twice_is_done_once_and_gives_the_first_result(shop: Shop) -> None:
    sale, other = make_sale(shop, amount="10.00"), make_sale(shop)

    first = shop(f"txn refund {sale} --amount 4 --request-id abc --yes -o json")
    again = shop(f"txn refund {sale} --amount 4 --request-id abc --yes -o json")
    by_another = shop(f"txn refund {sale} --amount 4 --request-id abc --yes -o json", as_="agent")
    for_something_else = shop(f"txn refund {other} --amount 4 --request-id abc --yes")

    assert again.json == first.json
    assert again.code == 0
    assert by_another.json[0]["transaction_id"] != first.json[0]["transaction_id"]
    assert for_something_else.code == 5
    assert paid(shop) == [("refund", "4.00")] * 2


def test_every_refund_and_void_is_announced_unless_asked_not_to(shop: Shop) -> None:
    refunded, voided, quiet = make_sale(shop), make_sale(shop, settled=False), make_sale(shop)

    shop(f"txn refund {refunded} --yes")
    shop(f"txn void {voided} --yes")
    shop(f"txn refund {quiet} --yes --no-email")

    kinds = [row["kind"] for row in shop("email list --all -o json").json]
    assert sorted(kinds) == ["refund", "void"]
    assert len(shop.mails()) == 2


def test_an_agent_may_refund_up_to_the_limit_of_one_sale_in_all(shop: Shop) -> None:
    shop("setting", "set", "agent-refund-limit", "5 USD")
    sale = make_sale(shop, amount="20.00")
    euros = make_sale(shop, amount="20.00", currency="EUR")

    first = shop(f"txn refund {sale} --amount 4 --yes", as_="agent")
    above = shop(f"txn refund {sale} --amount 2 --yes -o json", as_="agent")
    elsewhere = shop(f"txn refund {euros} --amount 1 --yes", as_="agent")
    by_admin = shop(f"txn refund {sale} --amount 2 --yes")

    assert (first.code, above.code, elsewhere.code, by_admin.code) == (0, 6, 6, 0)
    assert "admin" in above.json[0]["message"]
    refusals = shop.sql("SELECT operator, target FROM audit WHERE outcome = 'refused'")
    assert {"operator": "agent", "target": sale} in refusals


def test_a_refund_and_its_refusal_leave_one_audit_row_each(shop: Shop) -> None:
    sale = make_sale(shop)

    shop(f"txn refund {sale} --amount 5 --yes", as_="agent")

    rows = shop.sql("SELECT operator, command, target, outcome FROM audit WHERE command = 'txn refund'")
    assert rows == [{"operator": "agent", "command": "txn refund", "target": sale, "outcome": "refunded"}]


def test_cancel_goes_with_a_refund_once_it_is_accepted(shop: Shop) -> None:
    order = make_order(shop)
    purchase = make_purchase(shop, order, status="active", interval="month", next_bill_on="2026-04-01")
    sale = make_sale(shop, order=order, purchase=purchase)

    shop(f"txn refund {sale} --cancel --yes")

    assert shop.sql("SELECT status, next_bill_on FROM purchases") == [{"status": "cancelled", "next_bill_on": None}]


def test_an_order_whose_money_is_all_returned_is_refunded(shop: Shop) -> None:
    sale = make_sale(shop, amount="10.00")

    shop(f"txn refund {sale} --amount 4 --yes")
    partly = shop("order list -o json").json[0]
    shop(f"txn refund {sale} --yes")
    wholly = shop("order list -o json").json[0]

    assert (partly["status"], partly["refunded"]) == ("complete", "4.00")
    assert (wholly["status"], wholly["refunded"]) == ("refunded", "10.00")


def test_hostile_reasons_are_refused_or_kept_as_text(shop: Shop) -> None:
    sale = make_sale(shop)

    card = shop("txn", "refund", sale, "--reason", "card 4111 1111 1111 1111", "--yes")
    kept = shop("txn", "refund", sale, "--reason", "{{ 7*7 }}; DROP TABLE orders; --", "--yes")

    assert card.code == 2
    assert "card number" in card.err
    assert kept.code == 0
    assert shop.sql("SELECT refund_reason FROM transactions WHERE kind = 'refund'") == [
        {"refund_reason": "{{ 7*7 }}; DROP TABLE orders; --"}
    ]
