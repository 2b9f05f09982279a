"""Voids of sales that have not settled (domain rules, section 2)."""

from __future__ import annotations

from tests.factories import make_order, make_sale
from tests.refunds.scenes import paid, refused
from tests.shops import Shop


def test_an_unsettled_sale_is_voided_as_a_whole(shop: Shop) -> None:
    sale = make_sale(shop, settled=False)

    done = shop(f"txn void {sale} --yes -o json", as_="agent")

    assert done.code == 0, done.err
    assert (done.json[0]["outcome"], done.json[0]["amount"]) == ("voided", "19.99")
    shown = shop(f"txn show {sale} -o json").json
    assert (shown["voided"], shown["refundable"]) == (True, "0.00")


def test_a_settled_sale_cannot_be_voided_and_the_fix_is_a_refund(shop: Shop) -> None:
    sale = make_sale(shop)

    done = shop(f"txn void {sale} --yes -o json")

    assert done.code == 5
    assert "settled on 1 March 2026" in refused(done)
    assert done.json[0]["error"]["fix"] == f"csctl txn refund {sale}"
    assert [row["kind"] for row in shop.ledger()] == ["sale"]  # the gateway was not asked to


def test_a_void_that_the_gateway_refuses_because_it_settled_is_a_conflict_and_is_remembered(shop: Shop) -> None:
    sale = make_sale(shop, settled=False)

    done = shop(f"txn void {sale} --yes", at="2026-03-03T09:00:00Z")

    assert done.code == 5
    assert shop(f"txn show {sale} -o json").json["settlement"] == "settled"
    assert shop("db check").code == 0


def test_there_is_no_partial_void(shop: Shop) -> None:
    sale = make_sale(shop, settled=False)

    done = shop(f"txn void {sale} --amount 5.00 --yes")

    assert done.code == 2
    assert "no partial void" in done.err
    assert paid(shop) == []


def test_what_is_voided_refunded_or_under_way_cannot_be_voided(shop: Shop) -> None:
    voided = make_sale(shop, settled=False)
    shop(f"txn void {voided} --yes")

    again = shop(f"txn void {voided} --yes -o json")
    refund = shop(f"txn refund {voided} --yes -o json")

    assert (again.code, refund.code) == (5, 5)
    assert "voided" in refused(again)
    assert "voided" in refused(refund)


def test_an_authorization_can_be_voided_and_not_refunded(shop: Shop) -> None:
    order = make_order(shop)
    held = make_sale(shop, order=order, settled=False, kind="authorize")

    refund = shop(f"txn refund {held} --yes -o json")
    void = shop(f"txn void {held} --yes")

    assert (refund.code, void.code) == (5, 0)
    assert "is not a sale" in refused(refund)


def test_money_that_is_only_held_is_named_where_an_order_has_nothing_to_refund(shop: Shop) -> None:
    order = make_order(shop)
    held = make_sale(shop, order=order, settled=False, kind="authorize")

    refund = shop(f"order refund {order} --yes -o json")
    cancel = shop(f"order cancel {order} --refund --dry-run -o json")

    assert refund.json[0]["error"]["fix"] == f"csctl txn void {held}"
    assert f"csctl txn void {held}" in cancel.json[0]["message"]
