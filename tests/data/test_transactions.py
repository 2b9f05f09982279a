"""Transactions from files, and what refunds and voids do to their sales."""

from __future__ import annotations

from typing import Any

import pytest

from tests.data.files import ORDER, SALE, bring, bring_all, counts, reasons
from tests.factories import make_customer, make_order, make_payment_method, make_purchase
from tests.shops import Shop

PENDING_CHARGE = {**SALE, "settlement": "unsettled"}
REFUND = {**SALE, "external_id": "t2", "kind": "refund", "parent": "t1", "amount": "5.00", "settlement": ""}
VOID = {**REFUND, "kind": "void", "amount": "20.00"}


@pytest.fixture
def shop(shop: Shop) -> Shop:
    """A shop with a customer, a payment method, and an order of one purchase."""
    customer, other = (make_customer(shop, external_id=name) for name in ("c1", "c2"))
    make_payment_method(shop, customer, external_id="m1")
    make_payment_method(shop, other, external_id="m2")
    order = make_order(shop, customer, external_id="o1", placed_at="2026-01-31T00:00:00Z")
    make_order(shop, customer, external_id="o2", placed_at="2026-01-31T00:00:00Z")
    make_purchase(shop, order, "10.00", external_id="p1")
    return shop


def txn(shop: Shop, external_id: str = "t1") -> dict[str, Any]:
    row = shop.sql("SELECT id FROM transactions WHERE external_id = :key", key=external_id)[0]
    found: dict[str, Any] = shop(f"txn show txn_{row['id']} -o json").json
    return found


def books(shop: Shop) -> tuple[int, int, bool]:
    """Of the sale: refunded, reserved, voided. They add up, or `db check` says so."""
    assert shop("db check").code == 0
    row = shop.sql("SELECT refunded, reserved, voided_at FROM transactions WHERE external_id = 't1'")[0]
    return row["refunded"], row["reserved"], row["voided_at"] is not None


def status(shop: Shop) -> str:
    return str(shop("order show ord_1 -o json").json["status"])


# -- sales


def test_a_sale_comes_in_with_or_without_its_payment_method_and_purchase(shop: Shop) -> None:
    bring_all(shop, "transactions", SALE, {**SALE, "external_id": "t2", "payment_method": "m1", "purchase": "p1"})

    rows = shop.sql("SELECT payment_method_id, purchase_id, key FROM transactions ORDER BY id")
    assert [tuple(row.values()) for row in rows] == [(None, None, None), (1, 1, None)]


@pytest.mark.parametrize(
    ("given", "settlement", "settled_at"),
    [
        ({"settlement": ""}, "unsettled", None),
        ({"settlement": "settled"}, "settled", "2026-02-01T10:00:00Z"),
        ({"settlement": "settled", "settled_at": "2026-02-03"}, "settled", "2026-02-03T00:00:00Z"),
        ({"settlement": "", "settled_at": "2026-02-03"}, "settled", "2026-02-03T00:00:00Z"),
        ({"settlement": "", "state": "declined"}, None, None),
        ({"settlement": "", "kind": "authorize"}, "unsettled", None),
    ],
)
def test_a_charge_is_pending_unless_it_says_that_it_settled(
    shop: Shop, given: dict[str, str], settlement: str | None, settled_at: str | None
) -> None:
    bring_all(shop, "transactions", {**SALE, **given})

    assert txn(shop)["settlement"] == settlement
    assert txn(shop)["settled_at"] == settled_at


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"order": "o9"}, "order: there is no order 'o9'"),
        ({"purchase": "p9"}, "purchase: there is no purchase 'p9'"),
        ({"payment_method": "m9"}, "payment_method: there is no payment method 'm9'"),
        ({"payment_method": "m2"}, "another customer's"),
        ({"purchase": "p1", "order": "o2"}, "another order"),
        ({"currency": "EUR"}, "currency: the order is in USD"),
        ({"amount": "-20"}, "negative"),
        ({"amount": "19.999"}, "finer"),
        ({"kind": "payment"}, "one of: authorize, capture, sale, void, refund"),
        ({"state": "created"}, "still under way"),
        ({"state": "sent"}, "still under way"),
        ({"state": "declined"}, "does not settle"),
        ({"settlement": "unsettled", "settled_at": "2026-02-03"}, "unsettled"),
        ({"gateway": ""}, "gateway is missing"),
        ({"gateway_ref": "ref\x00"}, "NUL"),
    ],
)
def test_a_transaction_that_makes_no_sense_is_rejected(shop: Shop, given: dict[str, str], said: str) -> None:
    done = bring(shop, "transactions", {**SALE, **given})

    assert done.code == 3
    assert said in reasons(done)[0]
    assert shop.sql("SELECT id FROM transactions") == []


# -- what belongs to a sale


def test_a_refund_is_on_the_books_of_its_sale(shop: Shop) -> None:
    bring_all(shop, "transactions", SALE, REFUND)

    assert books(shop) == (500, 0, False)
    assert txn(shop)["refundable"] == "15.00"
    assert status(shop) == "complete"


def test_an_order_whose_money_is_all_returned_is_refunded(shop: Shop) -> None:
    bring_all(shop, "transactions", SALE, REFUND)

    bring_all(shop, "transactions", {**REFUND, "external_id": "t3", "amount": "15.00"})

    assert books(shop) == (2000, 0, False)
    assert status(shop) == "refunded"


def test_an_order_keeps_a_status_that_says_more(shop: Shop) -> None:
    bring(shop, "orders", {**ORDER, "status": "cancelled"}, more="--update")

    bring_all(shop, "transactions", SALE, {**REFUND, "amount": "20.00"})

    assert status(shop) == "cancelled"


def test_a_void_reverts_the_whole_of_a_pending_charge(shop: Shop) -> None:
    bring_all(shop, "transactions", PENDING_CHARGE, VOID)

    assert books(shop) == (0, 0, True)


@pytest.mark.parametrize("state", ["pending", "unknown"])
@pytest.mark.parametrize("record", [REFUND, VOID])
def test_what_is_not_known_yet_is_reserved(shop: Shop, state: str, record: dict[str, str]) -> None:
    bring_all(shop, "transactions", PENDING_CHARGE, {**record, "state": state})

    assert books(shop) == (0, int(record["amount"].replace(".", "")), False)


@pytest.mark.parametrize("state", ["declined", "failed"])
def test_what_failed_changes_nothing(shop: Shop, state: str) -> None:
    bring_all(shop, "transactions", SALE, {**REFUND, "state": state})

    assert books(shop) == (0, 0, False)


@pytest.mark.parametrize(
    ("sale", "records", "said"),
    [
        (SALE, [{**REFUND, "amount": "20.01"}], "more than the remaining amount"),
        (
            SALE,
            [REFUND, {**REFUND, "external_id": "t3", "amount": "15.01"}],
            "more than the remaining amount of the sale, 15.00 USD",
        ),
        (SALE, [{**SALE, "external_id": "s2"}, {**REFUND, "parent": ""}], "2 approved charges"),
        (SALE, [{**REFUND, "parent": "t9"}], "parent: there is no transaction 't9'"),
        (SALE, [{**REFUND, "order": "o2"}], "another order"),
        (SALE, [{**REFUND, "gateway": "eu"}], "made at main"),
        (SALE, [{**REFUND, "amount": "0"}], "makes no sense"),
        ({**SALE, "state": "declined", "settlement": ""}, [REFUND], "cannot belong to a sale that is declined"),
        ({**SALE, "kind": "authorize"}, [REFUND], "cannot belong to a authorize"),
        (SALE, [VOID], "has settled"),
        (PENDING_CHARGE, [{**VOID, "amount": "19.00"}], "for the whole"),
        (PENDING_CHARGE, [VOID, {**VOID, "external_id": "t3"}], "voided already"),
        (PENDING_CHARGE, [VOID, {**REFUND, "external_id": "t3"}], "voided"),
        (
            PENDING_CHARGE,
            [{**REFUND, "state": "pending"}, {**VOID, "external_id": "t3"}],
            "something of it is refunded",
        ),
    ],
)
def test_what_cannot_belong_to_its_sale_is_rejected(
    shop: Shop, sale: dict[str, str], records: list[dict[str, str]], said: str
) -> None:
    bring_all(shop, "transactions", sale, *records[:-1])
    before = books(shop)

    done = bring(shop, "transactions", sale, *records)

    assert counts(done) == {"unchanged": len(records), "rejected": 1}
    assert said in reasons(done)[0]
    assert books(shop) == before


def test_a_file_may_be_sorted_either_way(shop: Shop) -> None:
    bring_all(
        shop,
        "transactions",
        {**REFUND, "parent": "t5"},
        {**SALE, "external_id": "t5", "kind": "capture", "parent": "t4"},
        {**SALE, "external_id": "t4", "kind": "authorize", "settlement": ""},
    )

    assert txn(shop, "t5")["refunded"] == "5.00"


def test_a_second_import_books_nothing_twice(shop: Shop) -> None:
    bring_all(shop, "transactions", SALE, REFUND)

    done = bring(shop, "transactions", SALE, REFUND, REFUND, more="--update")

    assert counts(done) == {"unchanged": 3}
    assert books(shop) == (500, 0, False)


# -- bringing up to date


def test_a_refund_that_was_pending_is_booked_when_its_outcome_comes(shop: Shop) -> None:
    bring_all(shop, "transactions", SALE, {**REFUND, "amount": "20.00", "state": "pending"})

    bring(shop, "transactions", {"external_id": "t2", "state": "approved"}, more="--update")

    assert books(shop) == (2000, 0, False)
    assert status(shop) == "refunded"


def test_a_refund_that_was_pending_and_failed_is_released(shop: Shop) -> None:
    bring_all(shop, "transactions", SALE, {**REFUND, "state": "unknown"})

    bring(shop, "transactions", {"external_id": "t2", "state": "failed"}, more="--update")

    assert books(shop) == (0, 0, False)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"amount": "6.00"}, "amount: it cannot be changed"),
        ({"kind": "void"}, "kind: it cannot be changed"),
        ({"gateway": "eu"}, "gateway: it is on record at the account"),
        ({"state": "pending"}, "approved for good"),
        ({"amount": "6.00", "state": "pending"}, "amount"),
    ],
)
def test_what_is_on_the_books_cannot_be_changed(shop: Shop, changed: dict[str, str], said: str) -> None:
    bring_all(shop, "transactions", SALE, REFUND)

    done = bring(shop, "transactions", {**REFUND, **changed}, more="--update")

    assert said in reasons(done)[0]
    assert books(shop) == (500, 0, False)


def test_a_charge_can_settle_and_never_unsettles(shop: Shop) -> None:
    bring_all(shop, "transactions", PENDING_CHARGE)

    settled = bring(shop, "transactions", {**SALE, "settled_at": "2026-02-02"}, more="--update")
    stale = bring(shop, "transactions", PENDING_CHARGE, more="--update")

    assert counts(settled) == {"updated": 1}
    assert counts(stale) == {"unchanged": 1}
    assert txn(shop)["settlement"] == "settled"


def test_a_pending_refund_that_was_imported_is_never_sent_again_by_asking(shop: Shop) -> None:
    """Csctl did not send it, and so has no key under which a gateway would know it."""
    bring_all(shop, "transactions", {**SALE, "gateway_ref": "ref1"})
    shop.adopt()
    bring_all(shop, "transactions", {**REFUND, "state": "pending", "created_at": shop.now})

    done = shop("txn reconcile txn_2 -o json")

    assert done.json[0]["outcome"] == "pending"
    assert [row["kind"] for row in shop.ledger()] == ["sale"]


def test_a_pending_refund_is_asked_about_by_the_gateways_reference(shop: Shop) -> None:
    bring_all(shop, "transactions", {**SALE, "gateway_ref": "ref1"})
    pending = {**REFUND, "gateway_ref": "ref2", "created_at": shop.now}
    bring_all(shop, "transactions", {**pending, "external_id": "t9"})  # what the gateway knows as approved
    shop.adopt()
    shop.sql("DELETE FROM transactions WHERE external_id = 't9'")
    shop.sql("UPDATE transactions SET refunded = 0")
    bring_all(shop, "transactions", {**pending, "state": "pending"})

    done = shop("txn reconcile -o json")

    assert done.json[0]["outcome"] == "refunded"
    assert books(shop) == (500, 0, False)
    assert [row["kind"] for row in shop.ledger()] == ["sale", "refund"]


def test_imported_sales_can_be_refunded_through_the_sandbox(shop: Shop) -> None:
    bring_all(shop, "transactions", {**SALE, "payment_method": "m1"})
    shop.adopt()

    done = shop("txn refund txn_1 --yes -o json")

    assert done.json[0]["outcome"] == "refunded", done.err
