"""`billing run`: what is due is billed, once, whatever happens to the run."""

from __future__ import annotations

import pytest

from tests.billing.catalog import bill, change_card, days, make_buyer, paid, purchase, state, subscribe
from tests.factories import make_order, make_payment_method, make_price, make_purchase
from tests.selection import on_sqlite
from tests.shops import Shop

# -- what is due


def test_what_is_due_is_billed_and_shipped(shop: Shop) -> None:
    subscribe(shop)

    before = bill(shop, "2026-04-01")
    rows = bill(shop, "2026-04-02")
    order = shop("order show ord_1 -o json").json
    sale = order["transactions"][0]

    assert before == []
    assert [(row["id"], row["outcome"], row["amount"], row["ok"]) for row in rows] == [
        ("pur_1", "billed", "10.00", True)
    ]
    assert (sale["id"], sale["purchase_id"], sale["state"]) == (rows[0]["transaction_id"], "pur_1", "approved")
    assert state(shop) == ("active", 2, "2026-05-02")
    assert [ful["status"] for ful in order["fulfillments"]] == ["pending", "pending"]
    assert order["total"] == "10.00"
    assert [mail["Subject"] for mail in shop.mails()] == ["Your order ord_1 with Our shop"]


def test_run_twice_it_bills_once(shop: Shop) -> None:
    subscribe(shop)

    first, second = bill(shop, "2026-04-02"), bill(shop, "2026-04-02")

    assert (len(first), second) == (1, [])
    assert days(shop) == ["2026-03-02", "2026-04-02"]


@pytest.mark.both_databases
def test_two_runs_at_once_bill_each_purchase_once(shop: Shop) -> None:
    buyer = make_buyer(shop)
    price = make_price(shop, interval="month")
    for _ in range(20):
        order = make_order(shop, buyer)
        make_purchase(shop, order, price=price, status="active", next_bill_on="2026-03-02", billing_day=2)
    shop.env["CSCTL_GATEWAY_MAIN"] += "?latency_ms=20"

    runs = [shop.start("billing run --concurrency 4 -o jsonl", as_="service") for _ in range(2)]
    said = [run.communicate(timeout=60) for run in runs]
    rows = [line for out, _ in said for line in out.splitlines() if '"summary"' not in line]

    assert [run.returncode for run in runs] == [0, 0], said
    assert len(rows) == 20
    assert len(days(shop)) == 20
    assert shop("db check").code == 0


def test_after_a_week_of_not_running_one_cycle_is_charged(shop: Shop) -> None:
    subscribe(shop, interval="2 days")

    first = bill(shop, "2026-03-11")
    same_day, next_due = bill(shop, "2026-03-11"), bill(shop, "2026-03-12")

    assert (len(first), same_day, len(next_due)) == (1, [], 1)
    assert state(shop) == ("active", 3, "2026-03-14")
    assert days(shop) == ["2026-03-02", "2026-03-11", "2026-03-12"]


def test_catching_up_on_all_charges_each_missed_cycle(shop: Shop) -> None:
    subscribe(shop, interval="2 days")

    rows = bill(shop, "2026-03-11", words="--catch-up all")

    assert [row["outcome"] for row in rows] == ["billed"] * 4
    assert state(shop) == ("active", 5, "2026-03-12")
    assert days(shop) == ["2026-03-02", *["2026-03-11"] * 4]


def test_a_late_run_does_not_move_the_days_on_which_it_bills(shop: Shop) -> None:
    subscribe(shop)

    bill(shop, "2026-04-06")

    assert state(shop) == ("active", 2, "2026-05-02")


def test_a_trial_is_billed_at_its_end(shop: Shop) -> None:
    subscribe(shop, trial_days=7, trial_amount="1.00")

    assert bill(shop, "2026-03-08") == []
    bill(shop, "2026-03-09", "2026-04-09")

    assert paid(shop) == [("2026-03-02", "1.00 USD"), ("2026-03-09", "10.00 USD"), ("2026-04-09", "10.00 USD")]
    assert state(shop) == ("active", 3, "2026-05-09")


def test_what_an_operator_billed_by_hand_is_not_billed_again(shop: Shop) -> None:
    subscribe(shop)
    shop("purchase force-bill pur_1 --yes", at="2026-04-02T08:00:00Z")

    assert bill(shop, "2026-04-02") == []
    assert state(shop) == ("active", 2, "2026-05-02")


def test_what_is_free_goes_on_without_a_gateway(shop: Shop) -> None:
    subscribe(shop, amount="0")

    rows = bill(shop, "2026-04-02")

    assert [(row["outcome"], row["amount"], row["transaction_id"]) for row in rows] == [("billed", "0.00", None)]
    assert state(shop) == ("active", 2, "2026-05-02")
    assert shop.ledger() == []


# -- changes that wait for the next billing


def test_changes_for_the_next_billing_alone_are_forgotten_after_it(shop: Shop) -> None:
    subscribe(shop)
    shop("purchase quantity pur_1 --quantity 3 --unit-price 2 --next-only")

    bill(shop, "2026-04-02", "2026-05-02")

    assert [money for _, money in paid(shop)] == ["10.00 USD", "6.00 USD", "10.00 USD"]


def test_a_decline_does_not_use_up_such_a_change(shop: Shop) -> None:
    buyer = make_buyer(shop)
    subscribe(shop, customer=buyer)
    shop("purchase quantity pur_1 --quantity 3 --unit-price 2 --next-only")
    change_card(shop, buyer, "tok_soft_declined")
    bill(shop, "2026-04-02")
    change_card(shop, buyer, "tok_ok")

    bill(shop, "2026-04-05")

    assert [money for _, money in paid(shop)] == ["10.00 USD", "6.00 USD"]


def test_the_final_cycle_completes_the_purchase(shop: Shop) -> None:
    subscribe(shop, final_cycle=2)

    bill(shop, "2026-04-02", "2026-05-02")

    assert state(shop) == ("complete", 2, None)
    assert len(paid(shop)) == 2


@pytest.mark.parametrize(
    ("when", "billed"), [("after-next", 2), ("before-next", 1), ("2026-04-20", 2), ("2026-04-02", 1)]
)
def test_cancellations_take_effect_at_their_moment(shop: Shop, when: str, billed: int) -> None:
    subscribe(shop)
    shop(f"purchase cancel pur_1 --when {when} --yes")

    bill(shop, "2026-04-02", "2026-04-19", "2026-04-20", "2026-05-02")

    assert (purchase(shop, "pur_1")["status"], len(paid(shop))) == ("cancelled", billed)


def test_a_pause_ends_on_its_day(shop: Shop) -> None:
    subscribe(shop)
    shop("purchase pause pur_1 --until 2026-05-20 --yes")

    bill(shop, "2026-04-02", "2026-05-02", "2026-05-19")
    rows = bill(shop, "2026-05-20")

    assert [row["outcome"] for row in rows] == ["updated", "billed"]
    assert days(shop) == ["2026-03-02", "2026-05-20"]
    assert state(shop) == ("active", 2, "2026-06-20")


def test_a_trial_that_was_paused_is_a_trial_again(shop: Shop) -> None:
    subscribe(shop, trial_days=30)
    shop("purchase pause pur_1 --until 2026-03-10 --yes")

    rows = bill(shop, "2026-03-10")

    assert [row["outcome"] for row in rows] == ["updated"]
    assert state(shop) == ("trial", 1, "2026-04-01")


# -- declines


def test_wrong_credentials_bill_no_one_and_are_reported(shop: Shop) -> None:
    subscribe(shop)
    wrong = {"CSCTL_GATEWAY_MAIN": f"sandbox:{shop.sandbox}?credentials=wrong"}

    done = shop("billing run", at="2026-04-02T09:00:00Z", env=wrong)

    assert done.code == 11
    assert state(shop) == ("active", 1, "2026-04-02")


def test_the_blacklisted_are_skipped_and_reported(shop: Shop) -> None:
    subscribe(shop, customer=make_buyer(shop, email="eve@example.com"))
    subscribe(shop)
    shop("blacklist add --email eve@example.com --reason fraud --yes")

    rows = bill(shop, "2026-04-02")

    assert [(row["id"], row["outcome"], row["ok"]) for row in rows] == [
        ("pur_1", "skipped", True),
        ("pur_2", "billed", True),
    ]
    assert "blacklisted" in rows[0]["message"]
    assert state(shop) == ("active", 1, "2026-04-02")


def test_who_has_no_card_is_reported_and_the_rest_billed(shop: Shop) -> None:
    buyer = make_buyer(shop)
    subscribe(shop, customer=buyer)
    subscribe(shop)
    shop.sql("UPDATE transactions SET payment_method_id = NULL")
    shop.sql("DELETE FROM payment_methods WHERE customer_id = 1")

    rows = bill(shop, "2026-04-02")

    assert [(row["id"], row["outcome"]) for row in rows] == [("pur_1", "skipped"), ("pur_2", "billed")]
    assert "no card is known" in rows[0]["message"]


def test_doctor_notices_that_the_run_is_overdue(shop: Shop) -> None:
    subscribe(shop, customer=make_buyer(shop, email="eve@example.com"))
    subscribe(shop)
    shop("blacklist add --email eve@example.com --reason fraud --yes")

    on_the_day, a_day_late = (
        next(row for row in shop("doctor -o json", at=f"{day}T09:00:00Z").json if row["check"] == "billing")
        for day in ("2026-04-02", "2026-04-03")
    )

    assert on_the_day["status"] == "ok"
    assert (a_day_late["problem"], a_day_late["fix"]) == (
        "1 purchase due before today and not billed: pur_2",
        "csctl billing run",
    )


def test_a_dry_run_says_what_would_be_billed(shop: Shop) -> None:
    subscribe(shop)

    done = shop("billing run --dry-run -o json", at="2026-04-02T09:00:00Z")

    assert [(row["id"], row["outcome"], row["dry_run"]) for row in done.json] == [("pur_1", "billed", True)]
    assert "10.00 USD" in done.err
    assert days(shop) == ["2026-03-02"]


# -- the calendar


@pytest.mark.parametrize(
    ("start", "interval", "expected"),
    [
        ("2027-12-31", "month", ["2028-01-31", "2028-02-29", "2028-03-31", "2028-04-30"]),
        ("2026-01-31", "month", ["2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31"]),
        ("2026-01-30", "month", ["2026-02-28", "2026-03-30", "2026-04-30", "2026-05-30"]),
        ("2028-02-29", "year", ["2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29"]),
        ("2026-02-20", "2 weeks", ["2026-03-06", "2026-03-20", "2026-04-03", "2026-04-17"]),
    ],
)
@on_sqlite
def test_each_cycle_is_billed_on_its_day(shop: Shop, start: str, interval: str, expected: list[str]) -> None:
    subscribe(shop, interval=interval, at=f"{start}T09:00:00Z")

    for day in expected:
        bill(shop, day)

    assert days(shop) == [start, *expected]


@pytest.mark.parametrize(
    ("moment", "billed"),
    [
        ("2026-03-28T23:30:00Z", 1),  # half past midnight on the 29th, before the clocks go forward
        ("2026-03-28T22:59:00Z", 0),
        ("2026-10-24T22:30:00Z", 1),  # half past midnight on the 25th, before the clocks go back
        ("2026-10-24T21:59:00Z", 0),
    ],
)
def test_a_day_begins_at_the_shops_midnight_when_the_clocks_change_too(shop: Shop, moment: str, billed: int) -> None:
    shop("setting set timezone Europe/Berlin")
    due = "2026-03-29" if moment < "2026-04" else "2026-10-25"
    price = make_price(shop, interval="month")
    name = make_purchase(
        shop, make_order(shop, make_buyer(shop)), price=price, status="active", next_bill_on=due, billing_day=31
    )

    rows = shop("billing run -o json", at=moment).json

    assert [row["id"] for row in rows] == [name] * billed


@on_sqlite
def test_after_an_outage_the_next_run_begins_with_what_the_last_one_did_not_reach(shop: Shop) -> None:
    price = make_price(shop, interval="month")
    for _ in range(7):
        method = make_payment_method(shop, token="tok_unreachable")
        make_purchase(shop, price=price, payment_method=method, status="active", next_bill_on="2026-03-02")
    first = shop("billing run --concurrency 1 -o json", as_="service")
    then = shop("billing run --concurrency 1 -o json", as_="service", at="2026-03-03T09:00:00Z")

    assert (first.code, [row["id"] for row in first.json][:2]) == (8, ["pur_1", "pur_2"])
    assert [row["id"] for row in then.json] == ["pur_6", "pur_7", "pur_1", "pur_2", "pur_3", "pur_4", "pur_5"]
