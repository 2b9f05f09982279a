"""Import from the API of Stripe: what its books say, once, and read only."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from csctl.gateways.conformance.server import Fault, Request
from tests.gateways.ledgers.stripe import KEY
from tests.gateways.ledgers.stripe_shop import StripeShop
from tests.running import Done
from tests.selection import one_database
from tests.shops import Shop

NOW = "2026-03-02T09:00:00Z"


@pytest.fixture
def stripe() -> Iterator[StripeShop]:
    with StripeShop() as made:
        made.now = datetime(2026, 1, 5, 9, tzinfo=UTC)
        yield made


@pytest.fixture
def stocked(stripe: StripeShop) -> StripeShop:
    """Of everything that costs or returns money, at least one."""
    zoe, ann = stripe.add_customer(), stripe.add_customer("Ann", None)
    stripe.add_card(zoe)
    sold = stripe.add_charge(zoe, 5000)
    whole = stripe.add_charge(zoe, 800)
    stripe.add_refund(whole, 800)
    whole["refunded"] = True
    stripe.add_refund(sold, 1200)
    stripe.add_refund(sold, 300, "failed", failure_reason="expired_or_canceled_card")
    stripe.add_charge(ann, 700, status="failed")
    stripe.add_charge(ann, 900, "jpy")
    details = {"email": "guest@example.com", "name": "Gil Guest", "address": {"city": "Oslo", "country": "NO"}}
    stripe.add_charge(None, 2500, billing_details=details)
    stripe.add_dispute(stripe.add_charge(zoe, 3100), "needs_response")
    stripe.add_dispute(stripe.add_charge(zoe, 3200), "lost")
    stripe.add_dispute(stripe.add_charge(zoe, 3300), "won")
    stripe.add_subscription(zoe, months=3)
    stripe.add_subscription(ann, "canceled")
    return stripe


def account(stripe: StripeShop) -> dict[str, str]:
    return {"CSCTL_GATEWAY_SHOP": f"stripe:{KEY}?base={stripe.base}&rate=10000/s"}


def bring(shop: Shop, stripe: StripeShop, more: str = "") -> Done:
    return shop(f"data import stripe --account shop -o json {more}", env=account(stripe), at=NOW)


def total(shop: Shop, what: str) -> int:
    return int(shop.sql(f"SELECT coalesce(sum(amount), 0) AS found FROM transactions WHERE {what}")[0]["found"])  # noqa: S608


def test_sums_and_counts_are_those_of_the_account(shop: Shop, stocked: StripeShop) -> None:
    done = bring(shop, stocked)

    assert done.code == 0, done.err
    charges = stocked._all("charge")
    for currency in ("USD", "JPY"):
        taken = sum(one["amount"] for one in charges if one["captured"] and one["currency"] == currency.lower())
        assert total(shop, f"kind = 'sale' AND state = 'approved' AND currency = '{currency}'") == taken
    assert total(shop, "kind = 'refund' AND state = 'approved' AND outside IS NULL") == 2000
    assert total(shop, "kind = 'refund' AND outside = 'chargeback'") == 3200
    assert len(shop.sql("SELECT id FROM transactions WHERE kind = 'sale'")) == len(charges)
    assert [
        row["state"] for row in shop.sql("SELECT state FROM transactions WHERE kind = 'sale' AND amount = 700")
    ] == ["declined"]
    disputed = shop.sql("SELECT amount FROM transactions WHERE disputed_at IS NOT NULL")
    assert [row["amount"] for row in disputed] == [3100]
    refunded = shop.sql("SELECT refunded FROM transactions WHERE kind = 'sale' AND amount = 5000")
    assert refunded[0]["refunded"] == 1200


def test_subscriptions_stay_billed_by_stripe(shop: Shop, stocked: StripeShop) -> None:
    bring(shop, stocked)

    rows = shop.sql("SELECT id, status, cycle, billed_by, price, interval FROM purchases WHERE billed_by IS NOT NULL")
    assert sorted((row["status"], row["cycle"], row["billed_by"], row["price"]) for row in rows) == [
        ("active", 3, "stripe", 1900),
        ("cancelled", 1, "stripe", 1900),
    ]
    assert {row["interval"] for row in rows} == {"month"}
    paid = shop.sql("SELECT count(*) AS found FROM transactions WHERE purchase_id IS NOT NULL")
    assert paid[0]["found"] == 4
    active = next(row["id"] for row in rows if row["status"] == "active")
    refused = shop(f"purchase force-bill pur_{active} --yes", env=account(stocked), at=NOW)
    assert refused.code != 0
    assert "stripe" in refused.err


def contents(shop: Shop) -> list[object]:
    tables = ("customers", "payment_methods", "orders", "purchases", "transactions")
    return [shop.sql(f"SELECT * FROM {table} ORDER BY id") for table in tables]  # noqa: S608


def test_a_second_import_changes_nothing_and_only_reads(shop: Shop, stocked: StripeShop) -> None:
    bring(shop, stocked)
    before = contents(shop)

    for more in ("", "--update"):
        again = bring(shop, stocked, more)
        assert again.code == 0, again.err
        assert [row["created"] + row["updated"] + row["rejected"] for row in again.json] == [0] * len(again.json)
    assert contents(shop) == before
    assert {request.method for request in stocked.wire} == {"GET"}
    assert not [request for request in stocked.wire if KEY in request.target]


def write_payments(stripe: StripeShop) -> None:
    """The file of Payments > Export of the same account, of what no subscription made."""
    names = "id,Created date (UTC),Amount,Amount Refunded,Currency,Status,PaymentIntent ID,Customer ID,Customer Email"
    lines = [f"{names},Customer Phone,Card Name,Dispute Status,Disputed Amount,Dispute Date (UTC),Refunded date (UTC)"]
    for one in stripe._all("charge"):
        if not one["payment_intent"] or one["currency"] == "jpy" or one["amount"] in (1900, 3100, 3200):
            continue
        email = (one.get("billing_details") or {}).get("email") or ""
        status = "Failed" if one["status"] == "failed" else "Paid"
        back = sum(
            refund["amount"]
            for refund in stripe._all("refund")
            if refund["charge"] == one["id"] and refund["status"] == "succeeded"
        )
        amounts = f"{one['amount'] / 100:.2f},{back / 100:.2f}"
        about = f"2026-01-05 09:00:00,{amounts},{one['currency']},{status},{one['payment_intent']}"
        lines.append(f"{one['id']},{about},{one['customer'] or ''},{email},,,,,,")
    Path("payments.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


@one_database
@pytest.mark.parametrize("first", ["file", "api"])
def test_a_file_and_the_api_of_one_account_make_nothing_twice(shop: Shop, stocked: StripeShop, first: str) -> None:
    write_payments(stocked)
    file = "data import all payments.csv --from stripe-payments --map gateway:=shop -o json"
    if first == "file":
        assert shop(file, at=NOW).code == 0
    done = bring(shop, stocked)
    assert done.code == 0, done.err
    if first == "api":
        assert shop(file, at=NOW).code == 0

    charges = stocked._all("charge")
    intents = {one["payment_intent"] or one["id"] for one in charges if one["amount"] != 1900}
    assert shop.sql("SELECT count(*) AS found FROM orders")[0]["found"] == len(intents) + 2  # subscriptions
    empty = "SELECT o.id FROM orders o WHERE NOT EXISTS (SELECT 1 FROM transactions t WHERE t.order_id = o.id)"
    assert shop.sql(empty) == []
    assert len(shop.sql("SELECT id FROM transactions WHERE kind = 'sale'")) == len(charges)
    assert total(shop, "kind = 'refund' AND state = 'approved' AND outside IS NULL") == 2000
    assert shop("customer search guest@example.com --count").out.strip() == "1"
    assert shop("db check").code == 0
    wrong = shop("data import all payments.csv --from stripe-payments", at=NOW)
    assert wrong.code == 3
    assert "on record at the account shop" in wrong.err
    assert "--map gateway:=shop" in wrong.err


def test_a_killed_import_continues_where_it_stopped(shop: Shop, stocked: StripeShop) -> None:
    for _ in range(120):
        stocked.add_charge(None, 100, billing_details={"email": "many@example.com"})
    words = "data import stripe --account shop --since 900d"  # which is another moment by the next day
    process = shop.start(words, env={**account(stocked), "CSCTL_NOW": NOW})
    stocked.fail_next(Fault(hook=process.kill), matches=_second_page_of_charges)
    process.wait()
    listed = len(stocked.wire)

    done = shop(words, env=account(stocked), at="2026-03-03T10:00:00Z")

    assert done.code == 0, done.err
    assert "Continuing" in done.err
    after = [request for request in stocked.wire[listed:] if request.path == "/v1/customers"]
    assert after == []
    taken = sum(one["amount"] for one in stocked._all("charge") if one["captured"] and one["currency"] == "usd")
    assert total(shop, "kind = 'sale' AND state = 'approved' AND currency = 'USD'") == taken


def _second_page_of_charges(request: Request) -> bool:
    return request.path == "/v1/charges" and any(name == "starting_after" for name, _value in request.query)


@one_database
def test_a_refund_brings_the_charge_that_is_older_than_the_period(shop: Shop, stripe: StripeShop) -> None:
    sold = stripe.add_charge(stripe.add_customer(), 5000)
    stripe.now = datetime(2026, 2, 1, tzinfo=UTC)
    stripe.add_refund(sold, 1000)

    done = bring(shop, stripe, "--since 2026-01-20")

    assert done.code == 0, done.err
    assert total(shop, "kind = 'refund'") == 1000
    assert total(shop, "kind = 'sale'") == 5000


@one_database
def test_hostile_values_are_refused_or_kept_as_text(shop: Shop, stripe: StripeShop) -> None:
    stripe.add_customer("4242 4242 4242 4242", "card@example.com")
    stripe.add_customer("\x1b[31mRed\u202e", "red@example.com")
    stripe.add_customer(name=5, email=["x"])  # type: ignore[arg-type]
    stripe.add_charge(stripe.add_customer("Ann", "not an address"), 100, "zzz")

    done = bring(shop, stripe)

    assert done.code == 3
    found = {row["kind"]: row for row in done.json}
    assert counts_of(found["customers"]) == {"created": 2, "rejected": 2}
    kept = "".join(path.read_text() for path in Path().glob("stripe-shop.*.rejects.jsonl"))
    assert "4242 4242 4242 4242" not in kept + done.err + done.out
    assert not shop.sql("SELECT id FROM customers WHERE first_name LIKE '%4242%' OR last_name LIKE '%4242%'")


def counts_of(row: dict[str, int]) -> dict[str, int]:
    return {name: row[name] for name in ("created", "updated", "unchanged", "rejected") if row[name]}


@one_database
def test_a_dry_run_stores_nothing_and_an_account_of_another_kind_is_refused(shop: Shop, stocked: StripeShop) -> None:
    done = bring(shop, stocked, "--dry-run")

    assert done.code == 0, done.err
    assert sum(row["created"] for row in done.json) > 10
    assert not shop.sql("SELECT id FROM customers")
    assert shop("data import stripe --account main").code == 2
    assert shop("data import stripe").code == 2
    assert shop("data import stripe file.csv --account main").code == 2
    assert shop("data import customers").code == 2
