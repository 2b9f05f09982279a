"""What must follow from a refund or void, and what must not, when it is late, limited, unknown or declined."""

from __future__ import annotations

import pytest

from csctl.services.payments import calls
from tests.factories import make_notify_email, make_order, make_purchase, make_sale
from tests.refunds.scenes import rebilled
from tests.selection import on_sqlite
from tests.shops import Shop

TUESDAY = "2026-03-03T09:00:00Z"
pytestmark = on_sqlite


def on(day: int, time: str = "09:00:00") -> str:
    """The time on this day of March; Monday is the second."""
    return f"2026-03-{day:02}T{time}Z"


def asked_for(shop: Shop) -> list[str]:
    """What was asked of the gateway, with success or without."""
    return [row["kind"] for row in shop.ledger() if row["kind"] != "sale"]


def subscription(shop: Shop, token: str, *, settled: bool = True) -> str:
    """The sale of an active subscription, paid with this token."""
    order = make_order(shop)
    purchase = make_purchase(shop, order, status="active", interval="month", next_bill_on="2026-04-01")
    return make_sale(shop, token=token, settled=settled, order=order, purchase=purchase)


# -- late


def test_a_call_that_could_not_be_begun_in_time_is_not_sent_and_releases_its_amount(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    sale = make_sale(shop)

    with monkeypatch.context() as patch:
        patch.setattr(calls, "_TOO_LATE", -1)
        late = shop(f"txn refund {sale} --yes -o json")

    assert (late.code, late.json[0]["outcome"]) == (8, "failed")
    assert asked_for(shop) == []
    assert shop("queue list --state any -o json").json == []
    assert shop(f"txn show {sale} -o json").json["refundable"] == "19.99"
    assert shop(f"txn refund {sale} --yes").code == 0


def test_that_a_gateway_does_not_know_a_refund_is_believed_only_after_its_delay(shop: Shop) -> None:
    shop.env["CSCTL_GATEWAY_MAIN"] += "?lookup_delay=1h"
    sale = make_sale(shop, token="tok_timeout_lost")
    shop(f"txn refund {sale} --yes")

    early = shop("txn reconcile -o json", at=on(2, "09:10:00"))
    queued_early = shop("queue list -o json").json
    final = shop("txn reconcile -o json", at=on(2, "10:01:00"))

    assert (early.code, [row["outcome"] for row in early.json], queued_early) == (9, ["unknown"], [])
    assert (final.code, [row["outcome"] for row in final.json]) == (0, ["queued"])


# -- limited


def test_the_agents_limit_holds_for_each_sale_of_an_order_and_nothing_is_sent(shop: Shop) -> None:
    shop("setting", "set", "agent-refund-limit", "5 USD")
    order, _ = rebilled(shop)

    above = shop(f"order refund {order} --all-cycles --amount 22 --yes", as_="agent")

    assert above.code == 6
    assert asked_for(shop) == []
    assert shop.sql("SELECT count(*) AS n FROM transactions WHERE kind = 'refund'") == [{"n": 0}]
    assert shop(f"order refund {order} --last --amount 5 --yes", as_="agent").code == 0


# -- voids


def test_a_void_is_not_repeated_while_it_is_unknown(shop: Shop) -> None:
    sale = make_sale(shop, settled=False, token="tok_timeout_lost")

    lost = shop(f"txn void {sale} --yes")
    again = shop(f"txn void {sale} --yes -o json")

    assert (lost.code, again.code) == (9, 5)
    assert "19.99 USD is under way" in again.json[0]["error"]["cause"]
    assert asked_for(shop) == []


def test_a_sale_of_which_a_part_was_refunded_is_not_voided(shop: Shop) -> None:
    sale = make_sale(shop)
    shop(f"txn refund {sale} --amount 5 --yes")

    done = shop(f"txn void {sale} --yes -o json")

    assert done.code == 5
    assert "5.00 USD is refunded" in done.json[0]["error"]["cause"]
    assert asked_for(shop) == ["refund"]


def test_a_void_that_did_not_reach_the_gateway_may_be_repeated_and_cancels_nothing(shop: Shop) -> None:
    sale = subscription(shop, "tok_unreachable", settled=False)

    void = shop(f"txn void {sale} --yes")
    order = shop("order refund ord_1 --cancel --yes -o json")

    assert (void.code, order.code) == (8, 8)
    assert [row["outcome"] for row in order.json] == ["failed"]
    assert shop.sql("SELECT status FROM purchases") == [{"status": "active"}]
    assert shop("order list -o json").json[0]["cancelled_at"] is None
    assert shop(f"txn show {sale} -o json").json["refundable"] == "19.99"


# -- declined, and pending


def test_no_email_holds_for_the_retry_that_is_approved(shop: Shop) -> None:
    sale = make_sale(shop, token="tok_refund_declined_1")
    shop(f"txn refund {sale} --no-email --yes")

    done = shop("queue retry -o json", at=TUESDAY)

    assert [row["outcome"] for row in done.json] == ["refunded"]
    assert shop("email list -o json").json == []
    assert shop.mails() == []


@pytest.mark.parametrize(("token", "outcome"), [("tok_refund_declined", "queued"), ("tok_pending", "pending")])
@pytest.mark.parametrize("command", ["txn refund txn_1", "order refund ord_1"])
def test_cancel_goes_with_a_refund_that_is_queued_or_pending(
    shop: Shop, command: str, token: str, outcome: str
) -> None:
    subscription(shop, token)

    looked = shop(f"{command} --cancel --dry-run -o json")
    done = shop(f"{command} --cancel --yes -o json")

    named = "cancels ord_1, pur_1" if command.startswith("order") else "cancels pur_1"
    assert named in looked.json[0]["message"]
    assert [row["outcome"] for row in done.json] == [outcome]
    assert shop.sql("SELECT status FROM purchases") == [{"status": "cancelled"}]


def test_retrying_an_item_of_a_disputed_sale_by_hand_is_a_conflict(shop: Shop) -> None:
    sale = make_sale(shop, token="tok_refund_declined_1")
    shop(f"txn refund {sale} --yes")
    shop(f"txn dispute {sale}")

    done = shop("queue retry rfq_1 --yes -o json", at=TUESDAY)

    assert done.code == 5
    assert "disputed" in str(done.json[0]["error"])
    assert shop("queue list -o json").json[0]["attempts"] == 0
    assert shop.sql("SELECT count(*) AS n FROM transactions WHERE kind = 'refund'") == [{"n": 1}]  # that of Monday


def test_one_refunded_and_one_queued_is_exit_3(shop: Shop) -> None:
    good, declined = make_sale(shop), make_sale(shop, token="tok_refund_declined")

    done = shop(f"txn refund {good} {declined} --yes -o json")

    assert done.code == 3
    assert [row["outcome"] for row in done.json] == ["refunded", "queued"]


def test_a_refund_that_is_given_up_twice_is_reported_twice(shop: Shop) -> None:
    make_notify_email(shop)
    sale = make_sale(shop, token="tok_refund_declined")
    shop(f"txn refund {sale} --yes")
    for day in (3, 4, 5):
        shop("queue retry", at=on(day))
    reported_once = len(shop.mails())
    shop("queue requeue rfq_1 --yes", at=on(5, "12:00:00"))

    outcomes = [shop("queue retry -o json", at=on(day)).json[0]["outcome"] for day in (6, 7, 8)]

    assert outcomes == ["queued", "queued", "exhausted"]
    assert reported_once == 1
    assert len({mail["Message-ID"] for mail in shop.mails()}) == 2
