"""A declined billing is tried again, and where its purchase then stands."""

from __future__ import annotations

from tests.billing.catalog import bill, change_card, make_buyer, purchase, state, subscribe
from tests.shops import Shop


def test_a_soft_decline_is_tried_again_on_the_days_of_the_setting(shop: Shop) -> None:
    buyer = make_buyer(shop)
    subscribe(shop, customer=buyer)
    change_card(shop, buyer, "tok_soft_declined")

    outcomes = {}
    for day in range(1, 18):
        for row in bill(shop, f"2026-04-{day:02}"):
            outcomes[day] = (row["outcome"], state(shop)[0])

    assert outcomes == {
        2: ("declined", "recycle_billing"),
        5: ("declined", "recycle_billing"),
        9: ("declined", "recycle_billing"),
        16: ("declined", "recycle_failed"),
    }
    assert state(shop) == ("recycle_failed", 1, None)


def test_a_try_that_came_too_late_keeps_its_distance_to_the_next(shop: Shop) -> None:
    buyer = make_buyer(shop)
    subscribe(shop, customer=buyer)
    change_card(shop, buyer, "tok_soft_declined")

    bill(shop, "2026-04-02", "2026-04-12")

    assert state(shop) == ("recycle_billing", 1, "2026-04-16")


def test_the_shop_decides_on_which_days(shop: Shop) -> None:
    shop("setting set recycle-days 1,2")
    buyer = make_buyer(shop)
    subscribe(shop, customer=buyer)
    change_card(shop, buyer, "tok_soft_declined")

    bill(shop, "2026-04-02")
    first = state(shop)
    bill(shop, "2026-04-03", "2026-04-04")

    assert first == ("recycle_billing", 1, "2026-04-03")
    assert state(shop)[0] == "recycle_failed"


def test_once_it_succeeds_the_billing_returns_to_its_day(shop: Shop) -> None:
    buyer = make_buyer(shop)
    subscribe(shop, customer=buyer)
    change_card(shop, buyer, "tok_soft_declined")
    bill(shop, "2026-04-02", "2026-04-05")
    change_card(shop, buyer, "tok_ok")

    bill(shop, "2026-04-09")
    shown = purchase(shop, "pur_1")

    assert state(shop) == ("active", 2, "2026-05-02")
    assert shown["recycle_attempts"] == 0


def test_a_week_is_counted_from_the_day_that_was_due_however_late_it_was_paid(shop: Shop) -> None:
    buyer = make_buyer(shop)
    subscribe(shop, customer=buyer, interval="7 days")
    change_card(shop, buyer, "tok_soft_declined")
    bill(shop, "2026-03-09")
    change_card(shop, buyer, "tok_ok")

    bill(shop, "2026-03-12")

    assert state(shop) == ("active", 2, "2026-03-16")


def test_a_day_that_was_chosen_while_it_is_tried_again_is_the_day_it_counts_from(shop: Shop) -> None:
    """Whether it is billed on that day or by hand before it: never twice within the interval."""
    buyer = make_buyer(shop)
    for _ in range(2):
        subscribe(shop, customer=buyer)
    change_card(shop, buyer, "tok_soft_declined")
    bill(shop, "2026-04-02")
    change_card(shop, buyer, "tok_ok")
    for name in ("pur_1", "pur_2"):
        assert shop(f"purchase billing-date {name} 2026-05-01", at="2026-04-02T10:00:00Z").code == 0

    by_hand = shop("purchase force-bill pur_1 --yes", at="2026-04-03T09:00:00Z")
    rows = [row["id"] for row in bill(shop, "2026-05-01", words="--catch-up all")]

    assert (by_hand.code, rows) == (0, ["pur_2"])
    assert [state(shop, name) for name in ("pur_1", "pur_2")] == [("active", 2, "2026-06-01")] * 2


def test_a_scheduled_cancellation_is_one_again_once_a_declined_billing_succeeds(shop: Shop) -> None:
    buyer = make_buyer(shop)
    subscribe(shop, customer=buyer)
    shop("purchase cancel pur_1 --when 2026-04-20 --yes")
    change_card(shop, buyer, "tok_soft_declined")
    bill(shop, "2026-04-02")
    change_card(shop, buyer, "tok_ok")

    bill(shop, "2026-04-05")

    assert state(shop) == ("cancellation_scheduled", 2, "2026-05-02")
    assert shop("purchase resume pur_1", at="2026-04-06T09:00:00Z").code == 0
    assert state(shop) == ("active", 2, "2026-05-02")


def test_a_scheduled_cancellation_is_called_off_while_its_billing_is_tried_again(shop: Shop) -> None:
    buyer = make_buyer(shop, "tok_ok")
    for _ in range(2):
        subscribe(shop, customer=buyer)
    shop("purchase cancel pur_1 --when 2026-04-20 --yes")
    change_card(shop, buyer, "tok_soft_declined")
    bill(shop, "2026-04-02")

    called_off, other = (shop(f"purchase resume pur_{n} --yes", at="2026-04-03T09:00:00Z") for n in (1, 2))

    assert (called_off.code, other.code) == (0, 5)
    assert state(shop) == ("recycle_billing", 1, "2026-04-05")
    assert purchase(shop, "pur_1")["cancel_on"] is None


def test_a_hard_decline_is_not_tried_again(shop: Shop) -> None:
    buyer = make_buyer(shop)
    subscribe(shop, customer=buyer)
    change_card(shop, buyer, "tok_declined")

    rows = bill(shop, "2026-04-02")

    assert [(row["outcome"], row["error"]["exit"]) for row in rows] == [("declined", 12)]
    assert state(shop) == ("recycle_failed", 1, None)
    assert bill(shop, "2026-04-05", "2026-05-02") == []


def test_an_unreachable_gateway_is_not_a_decline(shop: Shop) -> None:
    buyer = make_buyer(shop)
    subscribe(shop, customer=buyer)
    change_card(shop, buyer, "tok_unreachable")

    down = shop("billing run -o json", at="2026-04-02T09:00:00Z")
    change_card(shop, buyer, "tok_ok")
    up = shop("billing run -o json", at="2026-04-02T10:00:00Z")

    assert (down.code, down.json[0]["outcome"]) == (8, "failed")
    assert (up.code, up.json[0]["outcome"]) == (0, "billed")
    assert state(shop) == ("active", 2, "2026-05-02")
