"""Comparing the books with what a gateway has on record (command line contract, section 4)."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

import pytest

from tests.factories import make_order, make_sale
from tests.selection import one_database
from tests.shops import Shop

SINCE = "--since 2025-01-01"


def in_ledger(shop: Shop, statement: str) -> None:
    """Change something in the sandbox's own books."""
    with sqlite3.connect(shop.sandbox) as books:
        books.execute(statement)
    books.close()


def against(shop: Shop, options: str = f"sandbox {SINCE}", **more: Any) -> tuple[int, list[tuple[str, str]]]:
    done = shop(f"txn reconcile --against {options} -o json", **more)
    return done.code, [(row["id"], row["difference"]) for row in done.json]


def test_books_that_agree_with_the_ledger_have_no_differences(shop: Shop) -> None:
    sale, other = make_sale(shop), make_sale(shop, token="tok_refund_declined")
    shop(f"txn refund {sale} --amount 5.00 --yes")
    shop(f"txn refund {other} --yes")
    shop(f"txn refund {other} --outside 'cheque 118' --yes")

    assert against(shop) == (0, [])
    assert against(shop, f"main {SINCE}") == (0, [])


def test_a_refund_that_is_failed_in_the_books_and_was_paid_is_found(shop: Shop) -> None:
    """A process was killed after the gateway had paid, and an operator took its attempt for failed."""
    sale = make_sale(shop, token="tok_timeout_applied")
    (refund,) = (row["transaction_id"] for row in shop(f"txn refund {sale} --amount 5.00 --yes -o json").json)
    shop.sql("UPDATE transactions SET state = 'failed', reason = 'never_executed' WHERE kind = 'refund'")
    shop.sql("UPDATE transactions SET reserved = 0 WHERE kind = 'sale'")

    done = shop(f"txn reconcile --against sandbox {SINCE} -o json")

    assert done.code == 5
    rows = {row["id"]: row for row in done.json}
    assert rows[refund]["difference"] == "paid_after_all"
    assert rows[refund]["fix"] == f"csctl txn reconcile {refund}"
    assert (rows[sale]["difference"], rows[sale]["gateway_state"]) == ("refunded", "approved")


def test_each_side_alone_is_named_with_its_amount(shop: Shop) -> None:
    sale, kept = make_sale(shop), make_sale(shop)
    shop(f"txn refund {sale} --amount 5.00 --yes")
    in_ledger(shop, "DELETE FROM operations WHERE kind = 'refund'")
    in_ledger(
        shop,
        "INSERT INTO operations (ref, kind, amount, currency, token, result, at, settled_at)"
        " VALUES ('sbx_stranger', 'sale', 1234, 'USD', 'tok_ok', 'approved', '2026-03-01T08:00:00+00:00',"
        " '2026-03-02T00:00:00+00:00')",
    )

    found = against(shop)

    assert found == (5, [(sale, "refunded"), ("sbx_stranger", "only_gateway"), ("txn_3", "only_books")])
    assert kept


def lost_refund(shop: Shop) -> None:
    """The answer was lost, and the gateway has paid."""
    shop(f"txn refund {make_sale(shop, token='tok_timeout_applied')} --amount 5.00 --yes")


def lost_refund_next_to_another(shop: Shop) -> None:
    """The same, and on the gateway's own page money of that sale was returned, too."""
    lost_refund(shop)
    returned_on_its_page(shop)


def taken_for_failed(shop: Shop) -> None:
    lost_refund(shop)
    shop.sql("UPDATE transactions SET state = 'failed', reason = 'never_executed' WHERE kind = 'refund'")
    shop.sql("UPDATE transactions SET reserved = 0 WHERE kind = 'sale'")


def returned_outside(shop: Shop) -> None:
    make_sale(shop)
    returned_on_its_page(shop)


def returned_on_its_page(shop: Shop) -> None:
    """Of the only sale."""
    in_ledger(
        shop,
        "INSERT INTO operations (ref, kind, amount, currency, token, result, at, parent_ref, settled_at)"
        " SELECT 'sbx_own_page', 'refund', 300, 'USD', 'tok_ok', 'approved', '2026-03-01T08:00:00+00:00', ref,"
        " '2026-03-02T00:00:00+00:00' FROM operations WHERE kind = 'sale'",
    )


def voided_outside(shop: Shop) -> None:
    make_sale(shop, settled=False)
    in_ledger(shop, "UPDATE operations SET voided = 1")


def void_with_a_lost_answer(shop: Shop) -> None:
    shop(f"txn void {make_sale(shop, settled=False, token='tok_timeout_applied')} --yes")


def returned_by_a_bank(shop: Shop) -> None:
    shop(f"txn refund {make_sale(shop, token='tok_refund_returned_late_1')} --yes")
    shop.now = "2026-03-05T09:00:00Z"


def another_amount(shop: Shop) -> None:
    """The gateway has refunded another amount than it was asked for."""
    shop(f"txn refund {make_sale(shop, token='tok_timeout_applied')} --amount 5.00 --yes")
    in_ledger(shop, "UPDATE operations SET amount = 400 WHERE kind = 'refund'")
    shop("txn reconcile", at="2026-03-02T10:00:00Z")
    shop.now = "2026-03-02T10:30:00Z"


FIXED = (
    *(lost_refund, lost_refund_next_to_another, taken_for_failed, returned_outside),
    *(voided_outside, void_with_a_lost_answer, returned_by_a_bank, another_amount),
)


@one_database
@pytest.mark.parametrize("happens", FIXED)
def test_typing_what_is_printed_leaves_no_difference(shop: Shop, happens: Callable[[Shop], None]) -> None:
    """In the order in which it is printed, once."""
    happens(shop)
    shop.now = shop.now.replace("09:00", "09:30")  # the leases are over

    found = shop(f"txn reconcile --against main {SINCE} -o json").json
    for line in dict.fromkeys(row["fix"] for row in found):
        for command in line.split("; "):
            assert shop(command.removeprefix("csctl ")).code in (0, 9), (command, found)

    assert found
    assert against(shop, f"main {SINCE}") == (0, [])


@one_database
def test_a_sale_that_only_the_gateway_has_is_imported_from_what_is_printed(shop: Shop) -> None:
    """But for its order, which no gateway knows."""
    make_sale(shop, order=make_order(shop, external_id="1001"))
    shop.sql("DELETE FROM transactions")
    (row,) = shop(f"txn reconcile --against main {SINCE} -o json").json
    file = shop.folder / "FILE"
    file.write_text(shop(f"txn reconcile --against main {SINCE} -o csv").out)

    columns = "--map external_id=id --map amount=gateway_amount --map state=gateway_state --map created_at=at"
    done = shop(row["fix"].replace("FILE", f"{file} --map order:=1001 {columns}").removeprefix("csctl "))

    assert (row["fix"], row["currency"], row["gateway_amount"]) == (
        "csctl data import transactions FILE",
        "USD",
        "19.99",
    )
    assert done.code == 0, done.err
    assert against(shop, f"main {SINCE}") == (0, [])


@one_database
def test_an_export_settles_what_the_gateway_itself_cannot_tell(shop: Shop) -> None:
    shop.env["CSCTL_GATEWAY_MAIN"] += "?lookup=off&idempotency=off"
    lost_refund(shop)
    file = shop.folder / "ledger.csv"
    file.write_text(shop("sandbox ledger --all -o csv").out)
    words = f"txn reconcile --against {file} --map gateway_ref=ref --map state=result --map created_at=at"
    shop.now = "2026-03-02T09:30:00Z"

    fixes = [row["fix"] for row in shop(f"{words} --map parent=parent_ref -o json").json]
    codes = [shop(fix.removeprefix("csctl ")).code for fix in fixes]

    assert codes == [0, 0], fixes
    assert " --as approved --reference sbx_" in fixes[0]
    assert shop(words).code == 0


@one_database
def test_what_was_returned_on_the_gateways_page_is_booked_by_the_printed_command(shop: Shop) -> None:
    make_sale(shop, "20.00", token="tok_outside_refund_5")
    wrong = make_sale(shop, "20.00")
    shop.sql("UPDATE transactions SET amount = 1500 WHERE id = 2")
    first = shop("txn reconcile --against sandbox -o json").json  # the sandbox does the refund when it is asked
    second = shop("txn reconcile --against sandbox -o json").json
    (command,) = {row["fix"] for row in (*first, *second) if row["id"] != wrong}
    shop(command.removeprefix("csctl "))
    (left,) = shop("txn reconcile --against sandbox -o json").json

    assert command == "csctl txn sync txn_1"
    assert (left["id"], left["difference"]) == (wrong, "amount")
    assert left["fix"] == f"compare it with the gateway's own page: csctl txn show {wrong}"


def test_what_lies_outside_of_the_period_is_not_compared(shop: Shop) -> None:
    sale = make_sale(shop)
    in_ledger(shop, "DELETE FROM operations")

    assert against(shop, "main --since 2031-01-01") == (0, [])
    assert against(shop) == (5, [(sale, "only_books")])


@one_database
def test_only_administrators_compare_and_nothing_changes(shop: Shop) -> None:
    make_sale(shop)
    before = shop.sql("SELECT * FROM transactions")

    assert shop(f"txn reconcile --against main {SINCE}", as_="agent").code == 6
    assert shop("txn reconcile --against nowhere").code == 4
    assert shop("txn reconcile txn_1 --against main").code == 2
    assert shop("txn reconcile --since 3d").code == 2
    assert shop("txn reconcile --against main --since 2026-03-02 --until 2026-03-01").code == 2
    assert shop.sql("SELECT * FROM transactions") == before


@one_database
def test_an_export_of_the_gateway_is_compared_by_a_mapping(shop: Shop) -> None:
    sale = make_sale(shop)
    shop(f"txn refund {sale} --amount 5.00 --yes")
    file = shop.folder / "ledger.csv"
    columns = "--map gateway_ref=ref --map state=result --map created_at=at --map parent=parent_ref"
    file.write_text(shop("sandbox ledger --all -o csv").out)

    agreed = shop(f"txn reconcile --against {file} {columns}")
    file.write_text(file.read_text().replace("5.00", "6.00"))
    differing = shop(f"txn reconcile --against {file} {columns} -o json")
    file.write_text(file.read_text().replace("6.00", "six"))
    refused = shop(f"txn reconcile --against {file} {columns} -o json")
    file.write_text(file.read_text().partition("\n")[0])  # a period in which nothing happened, or the wrong one
    empty = shop(f"txn reconcile --against {file} {columns} -o json")

    assert (agreed.code, agreed.out) == (0, ""), agreed.err
    assert differing.code == 5
    assert [(row["difference"], row["gateway_amount"]) for row in differing.json] == [("amount", "6.00")]
    assert (refused.code, "line 2: amount" in refused.error["message"]) == (2, True)
    assert (empty.code, "has no transaction" in empty.error["message"]) == (2, True)


@one_database
def test_an_export_that_names_no_refunds_is_compared_by_the_totals_of_sales(shop: Shop) -> None:
    """As that of Stripe, which has one row for each payment, with what was refunded of it."""
    sale = make_sale(shop)
    shop(f"txn refund {sale} --amount 5.00 --yes")
    (reference,) = (row["gateway_ref"] for row in shop("txn list --kind sale -o json").json)
    file = shop.folder / "payments.csv"
    mapping = shop.folder / "mapping.toml"
    mapping.write_text(
        "[transactions]\nexternal_id = 'id'\ncurrency = 'currency'\n"
        "[transactions.sale]\nkind = {value = 'sale'}\namount = 'amount'\ngateway_ref = 'id'\ncreated_at = 'at'\n"
        "[transactions.refund]\nwhere = {refunded = {not = ['0.00']}}\nexternal_id = '{id}/refund'\n"
        "parent = 'id'\nkind = {value = 'refund'}\namount = 'refunded'\n"
    )
    rows = "id,amount,currency,refunded,at\n{},19.99,USD,{},2026-02-28\n"

    codes = []
    for refunded in ("5.00", "7.00", "0.00"):
        file.write_text(rows.format(reference, refunded))
        done = shop(f"txn reconcile --against {file} --mapping {mapping} -o json")
        codes.append((done.code, [row["difference"] for row in done.json] if done.out else done.err))

    assert codes == [(0, []), (5, ["refunded"]), (5, ["refunded"])]
