"""A file that says how much of each sale was refunded so far, imported again after that has grown."""

from __future__ import annotations

import pytest

from tests.data.files import CUSTOMER, ORDER, SALE, bring, bring_all, counts, reasons, written
from tests.running import Done
from tests.selection import one_database
from tests.shops import Shop

TOTAL = """
where = {Refunded = {not = ["", "0"]}}
external_id = "{external_id}/refund"
parent = "external_id"
kind = {value = "refund"}
amount = {column = "Refunded", total = true}
"""


@pytest.fixture
def shop(shop: Shop) -> Shop:
    """A shop with a sale of 20.00."""
    bring_all(shop, "customers", CUSTOMER)
    bring_all(shop, "orders", ORDER)
    bring_all(shop, "transactions", {**SALE, "gateway_ref": "ch_1"})
    return shop


def refunded(shop: Shop, total: str) -> Done:
    """Import a file in which so much of the sale was refunded."""
    path = written("f.csv", {**SALE, "kind": "", "Refunded": total})
    with open("m.toml", "w", encoding="utf-8") as file:
        columns = ("state", "currency", "gateway", "created_at")
        file.write("[transactions]\n" + "".join(f'{name} = "{name}"\n' for name in columns) + TOTAL)
    return shop(f"data import transactions {path} --mapping m.toml -o json")


def refunds(shop: Shop) -> list[tuple[str | None, int]]:
    assert shop("db check").code == 0
    found = shop.sql("SELECT external_id, amount FROM transactions WHERE kind = 'refund' ORDER BY id")
    return [(row["external_id"], row["amount"]) for row in found]


def test_the_difference_to_the_books_is_one_more_refund_and_is_booked_once(shop: Shop) -> None:
    assert [counts(refunded(shop, total)) for total in ("5.00", "8.00", "8.00", "5.00", "9.50")] == [
        {"created": 1},
        {"created": 1},
        {"unchanged": 1},
        {"unchanged": 1},
        {"created": 1},
    ]
    assert refunds(shop) == [("t1/refund", 500), ("t1/refund/2", 300), ("t1/refund/3", 150)]
    assert "more than the remaining amount of the sale" in reasons(refunded(shop, "20.01"))[0]


def test_refunds_of_csctl_count_and_cheques_do_not(shop: Shop) -> None:
    shop.adopt()
    assert shop("txn refund t1 --amount 5 --yes").code == 0
    assert shop("txn refund t1 --amount 2 --outside cheque-1 --yes").code == 0

    assert counts(refunded(shop, "5.00")) == {"unchanged": 1}
    assert counts(refunded(shop, "6.00")) == {"created": 1}
    assert refunds(shop) == [(None, 500), (None, 200), ("t1/refund", 100)]


@pytest.mark.parametrize(("state", "fix"), [("queued", "csctl txn sync"), ("unknown", "csctl txn reconcile")])
def test_a_refund_that_may_be_the_difference_is_not_booked_again(shop: Shop, state: str, fix: str) -> None:
    if state == "queued":
        bring_all(shop, "queue", {"external_id": "q", "transaction": "t1", "amount": "5.00", "currency": "USD"})
    else:
        bring_all(
            shop,
            "transactions",
            {
                **SALE,
                "external_id": "r",
                "kind": "refund",
                "parent": "t1",
                "amount": "5.00",
                "state": state,
                "settlement": "",
            },
        )

    done = refunded(shop, "6.00")

    assert fix in reasons(done)[0]
    assert shop.sql("SELECT refunded FROM transactions WHERE external_id = 't1'") == [{"refunded": 0}]


def test_a_refund_that_csctl_sent_is_known_by_its_reference(shop: Shop) -> None:
    shop.adopt()
    assert shop("txn refund t1 --amount 5 --yes").code == 0
    ref = shop.sql("SELECT gateway_ref FROM transactions WHERE kind = 'refund'")[0]["gateway_ref"]
    assert counts(by_itself(shop, "re_1", "5.00", gateway_ref=ref)) == {"unchanged": 1}
    assert refunds(shop) == [(None, 500)]


def by_itself(shop: Shop, name: str, amount: str, **more: str) -> Done:
    """Import a refund from a source that knows each refund by its id."""
    row = {**SALE, "external_id": name, "kind": "refund", "parent": "t1", "settlement": "", "amount": amount}
    return bring(shop, "transactions", {**row, "gateway_ref": name, **more})


@one_database
def test_a_refund_that_stands_for_a_sum_is_recognized_once_by_its_amount(shop: Shop) -> None:
    refunded(shop, "5.00")

    assert counts(by_itself(shop, "re_1", "5.00", state="declined")) == {"created": 1}
    assert counts(by_itself(shop, "re_2", "5.00")) == {"updated": 1}
    assert counts(by_itself(shop, "re_2", "5.00")) == {"unchanged": 1}
    assert counts(by_itself(shop, "re_3", "5.00")) == {"created": 1}
    assert counts(refunded(shop, "10.00")) == {"unchanged": 1}
    assert refunds(shop) == [("t1/refund", 500), ("re_1", 500), ("re_3", 500)]
    assert shop.sql("SELECT refunded FROM transactions WHERE external_id = 't1'") == [{"refunded": 1000}]


@one_database
def test_a_refund_that_may_be_part_of_a_sum_is_refused(shop: Shop) -> None:
    refunded(shop, "8.00")

    assert "which may contain it" in reasons(by_itself(shop, "re_1", "5.00"))[0]
    assert counts(by_itself(shop, "cb_1", "3.00", outside="chargeback", gateway_ref="")) == {"created": 1}
    assert counts(by_itself(shop, "t1/chargeback", "3.00", outside="chargeback", gateway_ref="")) == {"unchanged": 1}
    assert counts(by_itself(shop, "txn_9@20260302090000000000", "8.00")) == {"created": 1}  # of an export of csctl
    assert refunds(shop) == [("t1/refund", 800), ("cb_1", 300), ("txn_9@20260302090000000000", 800)]
