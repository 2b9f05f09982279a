"""Exports of other systems go in as they are: counts and sums are those of the file."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from csctl.services.data.mapping import shipped
from tests.data.files import rejected
from tests.running import Done
from tests.shops import Shop

EXPORTS, EXAMPLES = Path(__file__).parent / "exports", Path(__file__).parents[2] / "docs/examples"
Rows = list[dict[str, str]]


def rows_of(file: str) -> Rows:
    with (EXPORTS / file).open(encoding="utf-8-sig", newline="") as opened:
        return list(csv.DictReader(opened))


def taken(shop: Shop, file: str, words: str, code: int = 0) -> dict[str, dict[str, Any]]:
    """Import all of a file, and return the counts by kind."""
    shutil.copy(EXPORTS / file, file)
    done = shop(f"data import all {file} {words} -o json")
    assert done.code == code, done.err
    return {row["kind"]: row for row in done.json}


def created(counts: dict[str, dict[str, Any]]) -> dict[str, int]:
    return {kind: row["created"] for kind, row in counts.items()}


def total(amounts: Iterable[str]) -> Decimal:
    return sum((Decimal(amount) for amount in amounts), Decimal())


def booked(shop: Shop, kind: str, state: str = "approved") -> Decimal:
    """The sum of the transactions of a kind, in all currencies."""
    done: Done = shop(f"txn list --kind {kind} --state {state} --all -o json")
    return total(row["amount"] for row in done.json)


def test_shopify(shop: Shop) -> None:
    orders, payments = rows_of("shopify_orders.csv"), rows_of("shopify_transactions.csv")

    customers = taken(shop, "shopify_customers.csv", "--from shopify-customers")
    found = taken(shop, "shopify_orders.csv", "--from shopify-orders", 3)

    assert created(customers) == {"customers": 40}
    two_of_one_email = [row for row in orders if row["Email"] == "nils.nez13@example.com"]
    names = {row["Name"] for row in orders} - {row["Name"] for row in two_of_one_email}
    assert found["orders"]["created"] == len(names)
    assert found["purchases"]["created"] == len(orders) - len(two_of_one_email)
    lines = [row for row in orders if row["Name"] in names]
    prices = shop("data export purchases -o json").json
    assert total(row["unit_price"] for row in prices) == total(row["Lineitem price"] for row in lines)
    assert shop("order show '#1001' -o json").json["shipping"]["postal_code"] == "45371"
    assert shop("customer search --external-id 7210448300000 -o json").json[0]["first_name"] == "Ada"

    counts = taken(shop, "shopify_transactions.csv", "--from shopify-transactions", 3)
    assert (
        "import it first: csctl data import all FILE --from shopify-orders"
        in counts["transactions"]["problems"][0]["reason"]
    )

    known = [row for row in payments if row["Name"] in names]
    assert counts["transactions"]["created"] == len(known)
    for kind, word in (("sale", "sale"), ("capture", "capture"), ("refund", "refund"), ("authorize", "authorization")):
        theirs = total(row["Amount"] for row in known if (row["Kind"], row["Status"]) == (word, "success"))
        assert booked(shop, kind) == theirs, kind
    assert shop("db check").code == 0
    halves = Path("shopify_transactions.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    Path("half.csv").write_text(halves[0] + "".join(halves[2::2]), encoding="utf-8")  # an order's are in two files
    half = shop("data import transactions half.csv --from shopify-transactions -o json").json
    assert (half["created"], half["differ"]) == (0, 0)
    again = taken(shop, "shopify_transactions.csv", "--from shopify-transactions", 3)["transactions"]
    assert (again["created"], again["unchanged"], again["differ"]) == (0, len(known), 0)


def test_orders_of_shopify_alone_bring_their_customers_along(shop: Shop) -> None:
    counts = taken(shop, "shopify_orders.csv", "--from shopify-orders")

    orders = rows_of("shopify_orders.csv")
    assert created(counts) == {
        "customers": len({row["Email"] for row in orders}),
        "orders": len({row["Name"] for row in orders}),
        "purchases": len(orders),
        "fulfillments": sum(row["Fulfillment Status"] == "fulfilled" for row in orders),
    }


def test_woocommerce(shop: Shop) -> None:
    rows = rows_of("woo_orders.csv")

    shutil.copy(EXPORTS / "woo_orders.csv", "woo_orders.csv")
    look = shop("data import all woo_orders.csv --from woocommerce-orders --dry-run")
    assert "currency is USD" in look.err
    other = "data import all woo_orders.csv --from woocommerce-orders --map currency:=EUR --dry-run"
    assert "Warning" not in shop(other).err
    counts = taken(shop, "woo_orders.csv", "--from woocommerce-orders")

    orders = {row["Order Number"]: row for row in rows}
    assert (counts["orders"]["created"], counts["purchases"]["created"]) == (len(orders), len(rows))
    paid = [row for row in orders.values() if row["Order Status"] in ("Completed", "Processing", "Refunded")]
    assert booked(shop, "sale") == total(row["Order Total Amount"] for row in paid)
    assert booked(shop, "refund") == total(row["Order Refund Amount"] for row in rows if row["Item #"] == "1")


def test_stripe(shop: Shop) -> None:
    rows = rows_of("stripe_payments.csv")

    customers = taken(shop, "stripe_customers.csv", "--from stripe-customers")
    counts = taken(shop, "stripe_payments.csv", "--from stripe-payments")

    assert created(customers) == {"customers": 40, "payment-methods": 40}
    assert counts["customers"]["unchanged"] == 40
    assert counts["orders"]["created"] == len(rows)
    paid = [row for row in rows if row["Status"] in ("Paid", "Refunded", "Partial Refund")]
    assert booked(shop, "sale") == total(row["Amount"] for row in paid)
    assert booked(shop, "refund") == total(row["Amount Refunded"] for row in rows)
    assert booked(shop, "sale", "declined") == total(row["Amount"] for row in rows if row not in paid)
    assert shop("order show ch_3Q0003inventedA -o json").json["currency"] == "JPY"
    assert shop("txn show pi_3Q0003invented -o json").json["created_at"] == "2024-06-10T23:38:54Z"


def test_charges_of_stripes_api_are_in_minor_units(shop: Shop) -> None:
    charges = json.loads((EXPORTS / "stripe_charges_list.json").read_text())["data"]

    counts = taken(shop, "stripe_charges_list.json", f"--mapping {EXAMPLES / 'stripe-charges.toml'}")

    assert counts["orders"]["created"] == len(charges)
    units = {"usd": 100, "eur": 100, "jpy": 1}
    paid = [charge for charge in charges if charge["status"] == "succeeded"]
    assert booked(shop, "sale") == sum(Decimal(one["amount"]) / units[one["currency"]] for one in paid)
    assert booked(shop, "refund") == sum(Decimal(one["amount_refunded"]) / units[one["currency"]] for one in charges)


def test_a_refund_of_csctl_in_a_newer_answer_of_stripes_api_is_not_booked_again(shop: Shop) -> None:
    words = f"--mapping {EXAMPLES / 'stripe-charges.toml'} -o json"
    shop.env["CSCTL_GATEWAY_STRIPE"] = f"sandbox:{shop.sandbox}"
    answer = json.loads((EXPORTS / "stripe_charges_list.json").read_text())
    Path("charges.json").write_text(json.dumps(answer))
    shop(f"data import all charges.json {words}")
    shop("sandbox adopt")
    charge = next(one for one in answer["data"] if one["id"] == "ch_3Q0002inventedA")
    assert shop(f"txn refund {charge['id']} --amount 10 --yes").code == 0
    (made,) = [
        row for row in shop("txn list --kind refund --all -o json").json if row["gateway_ref"].startswith("sbx_")
    ]
    charge["refunds"]["data"].append(
        {"id": made["gateway_ref"], "amount": 1000, "status": "succeeded", "created": 1772442000}
    )
    Path("charges.json").write_text(json.dumps(answer))

    again = {row["kind"]: row for row in shop(f"data import all charges.json {words}").json}

    assert (again["transactions"]["created"], again["transactions"]["rejected"]) == (0, 0)
    assert shop(f"txn show {charge['id']} -o json").json["refunded"] == "10.00"


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("paypal_us.csv", "--from paypal-activity"),
        ("paypal_de.csv", "--from paypal-activity --decimal ,"),
        ("paypal_de.csv", f"--mapping {EXAMPLES / 'paypal-german.toml'}"),
    ],
)
def test_paypal(shop: Shop, file: str, words: str) -> None:
    rows = rows_of("paypal_us.csv")

    counts = taken(shop, file, words)

    sums = {
        kind: total(row["Gross"].replace(",", "") for row in rows if row["Type"] == kind)
        for kind in {r["Type"] for r in rows}
    }
    assert booked(shop, "sale") == sums["Express Checkout Payment"] + sums["Subscription Payment"]
    assert booked(shop, "refund") == -sums["Payment Refund"]
    assert booked(shop, "authorize") == sums["General Authorization"]
    assert counts["transactions"]["skipped"] == sum(
        row["Type"] in ("General Withdrawal", "Account Hold for Open Authorization") for row in rows
    )
    assert shop("txn show 00AB2345CD7890000 -o json").json["created_at"] == "2023-03-04T21:57:10Z"


def test_a_payment_that_paypal_or_a_bank_reversed_is_a_chargeback(shop: Shop) -> None:
    text = (EXPORTS / "paypal_us.csv").read_text(encoding="utf-8-sig").replace("Payment Refund", "Payment Reversal", 1)
    Path("p.csv").write_text(text.replace("Payment Refund", "Chargeback", 1), encoding="utf-8")

    assert shop("data import all p.csv --from paypal-activity").code == 0

    found = shop.sql("SELECT outside, count(*) AS number FROM transactions WHERE kind = 'refund' GROUP BY outside")
    assert {(row["outside"], row["number"]) for row in found} == {("chargeback", 2), (None, 4)}


def test_german_amounts_are_not_taken_for_others(shop: Shop) -> None:
    counts = taken(shop, "paypal_de.csv", "--from paypal-activity", 3)

    assert counts["transactions"]["created"] == 0
    assert "decimal = " in counts["transactions"]["problems"][0]["reason"]


def test_square(shop: Shop) -> None:
    rows = rows_of("square_transactions.csv")

    counts = taken(shop, "square_transactions.csv", "--from square-transactions", 3)

    def amount(row: dict[str, str]) -> Decimal:
        return Decimal(row["Total Collected"].replace("$", "").replace(",", ""))

    sales = {row["Transaction ID"]: amount(row) for row in rows if row["Event Type"] == "Payment"}
    refunds = [row for row in rows if row["Event Type"] == "Refund"]
    possible = [row for row in refunds if sales.get(row["Transaction ID"], Decimal()) >= -amount(row)]
    assert counts["orders"]["created"] == len(sales)
    assert counts["transactions"]["rejected"] == len(refunds) - len(possible) > 0
    assert booked(shop, "sale") == sum(sales.values())
    assert booked(shop, "refund") == -sum(map(amount, possible))
    assert shop("txn show SQP0000 -o json").json["created_at"] == "2024-10-05T18:30:00Z"


def test_braintree(shop: Shop) -> None:
    rows = rows_of("braintree_search.csv")

    text = (EXPORTS / "braintree_search.csv").read_text(encoding="utf-8")
    Path("part.csv").write_text(text.replace("29.90,29.90,B0000", "29.90,20.00,B0000"), encoding="utf-8")
    assert shop("data import all part.csv --from braintree-transactions").code == 0
    assert shop("txn show bt00000 -o json").json["amount"] == "20.00"  # so much was settled of what was authorized
    rows[0]["Amount Authorized"] = "20.00"

    charged = ("settled", "settling", "submitted_for_settlement", "voided")
    by_status = {
        status: total(
            r["Amount Authorized"]
            for r in rows
            if r["Transaction Status"] == status and r["Transaction Type"] == "sale"
        )
        for status in {row["Transaction Status"] for row in rows}
    }
    assert booked(shop, "sale") == sum(by_status[status] for status in charged)
    assert booked(shop, "authorize") == by_status["authorized"]
    assert booked(shop, "refund") == -total(r["Amount Authorized"] for r in rows if r["Transaction Type"] == "credit")
    settled = shop("txn list --settlement settled --kind sale --all -o json").json
    assert len(settled) == sum((r["Transaction Status"], r["Transaction Type"]) == ("settled", "sale") for r in rows)
    voided = shop("txn show bt00003 -o json").json
    assert (bool(voided["voided"]), voided["refundable"]) == (True, "0.00")
    assert shop("db check").code == 0


def test_checkoutchamp_is_billed_there(shop: Shop) -> None:
    orders = json.loads((EXPORTS / "checkoutchamp_order_query.json").read_text())["message"]["data"]

    counts = taken(shop, "checkoutchamp_order_query.json", "--from checkoutchamp-orders")

    assert created(counts) == {"customers": 25, "orders": 25, "purchases": 25}
    sums = shop("order list --all -o json").json
    assert total(row["total"] for row in sums) == total(order["totalAmount"] for order in orders)
    purchases = shop("purchase list --all -o json").json
    assert {row["billed_by"] for row in purchases} == {"checkoutchamp"}
    assert shop("billing run --dry-run -o json", at="2026-01-01T00:00:00Z").json == []
    assert shop("purchase force-bill pur_1 --yes").code == 5


def test_woocommerces_api(shop: Shop) -> None:
    orders = json.loads((EXPORTS / "woo_rest_orders.json").read_text())

    counts = taken(shop, "woo_rest_orders.json", f"--mapping {EXAMPLES / 'woocommerce-rest.toml'}")

    assert counts["purchases"]["created"] == sum(len(order["line_items"]) for order in orders)
    paid = [order for order in orders if order["status"] not in ("cancelled", "on-hold")]
    assert booked(shop, "sale") == total(order["total"] for order in paid)
    assert booked(shop, "refund") == -total(one["total"] for order in orders for one in order["refunds"])


def test_a_file_of_another_system_is_refused_naming_what_is_missing(shop: Shop) -> None:
    shutil.copy(EXPORTS / "square_transactions.csv", "s.csv")

    done = shop("data import all s.csv --from braintree-transactions")

    assert done.code == 2
    assert "Merchant Account" not in done.err
    assert "Transaction Type" in done.err
    assert not shop.sql("SELECT id FROM customers")


def test_mappings_are_listed_and_shown(shop: Shop) -> None:
    rows = shop("data mapping list -o json").json

    assert {row["name"] for row in rows} == set(shipped.names()) >= {"shopify-orders", "checkoutchamp-orders"}
    text = shop("data mapping show shopify-orders").out
    Path("own.toml").write_text(text, encoding="utf-8")
    assert created(taken(shop, "shopify_orders.csv", "--mapping own.toml"))["orders"] == 60
    assert shop("data mapping show shopfy").code == 4


def test_rejected_rows_of_a_mapping_can_be_corrected_and_imported(shop: Shop) -> None:
    shutil.copy(EXPORTS / "shopify_customers.csv", "c.csv")
    text = Path("c.csv").read_text(encoding="utf-8").replace("ada.abara0@example.com", "nonsense")
    Path("c.csv").write_text(text, encoding="utf-8")
    done = shop("data import customers c.csv --from shopify-customers -o json")
    assert [row["Customer ID"] for row in rejected(done)] == ["'7210448300000"]
    corrected = Path("c.rejects.csv").read_text(encoding="utf-8").replace(",nonsense", ",a@example.com")
    Path("c.rejects.csv").write_text(corrected, encoding="utf-8")

    again = shop("data import customers c.rejects.csv --from shopify-customers -o json")

    assert again.json["created"] == 1
    assert shop("customer show 7210448300000 -o json").json["billing"]["postal_code"] == "45371"
