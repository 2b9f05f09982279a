"""Twenty orders refunded from a pipe, and the cron of the days after: row by row as the rules have it."""

from __future__ import annotations

from collections import defaultdict

from tests.factories import make_notify_email, make_sale
from tests.shops import Shop

MONDAY, TUESDAY, WEDNESDAY, FRIDAY, SATURDAY = (f"2026-03-0{day}" for day in (2, 3, 4, 6, 7))
RUNS = [  # once twice on a day, once two minutes earlier than the day before, and once with a day missed
    f"{TUESDAY}T09:00:00Z",
    f"{TUESDAY}T15:00:00Z",
    f"{WEDNESDAY}T08:58:00Z",
    f"{FRIDAY}T09:00:00Z",
    f"{SATURDAY}T09:00:00Z",
]
# token -> the gateway's answers by day, the item's state and retries, and the email that is written
EXPECTED = {
    "tok_ok": ([(MONDAY, "approved")], None, "refund"),
    "tok_refund_declined_1": ([(MONDAY, "declined"), (TUESDAY, "approved")], ("succeeded", 1), "refund"),
    "tok_refund_declined_2": (
        [(MONDAY, "declined"), (TUESDAY, "declined"), (WEDNESDAY, "approved")],
        ("succeeded", 2),
        "refund",
    ),
    "tok_refund_declined_3": (
        [(MONDAY, "declined"), (TUESDAY, "declined"), (WEDNESDAY, "declined"), (FRIDAY, "approved")],
        ("succeeded", 3),
        "refund",
    ),
    "tok_refund_declined": (
        [(day, "declined") for day in (MONDAY, TUESDAY, WEDNESDAY, FRIDAY)],
        ("exhausted", 3),
        "refund_exhausted",
    ),
}


def test_twenty_orders_over_the_days(shop: Shop) -> None:
    make_notify_email(shop)
    tokens = {
        make_sale(shop, amount=f"{n}.99", token=token, adopt=False): token for n, token in enumerate([*EXPECTED] * 4)
    }
    shop.adopt()

    first = shop("order refund - --yes -o jsonl", input=shop("order list --limit 20 -o name").out)
    runs = [shop("queue retry -o jsonl", as_="service", at=at) for at in RUNS]

    assert first.code == 3
    assert len(first.rows) == 20
    assert [run.code for run in runs] == [0] * len(RUNS)
    assert [len(run.rows) for run in runs] == [16, 0, 12, 8, 0]
    shop.now = f"{SATURDAY}T10:00:00Z"
    sales = {row["id"]: row for row in shop("txn list --kind sale --all -o json").json}
    answers = defaultdict(list)
    for row in shop.ledger():
        if row["kind"] == "refund":
            answers[row["parent_ref"]].append((row["at"][:10], row["result"]))
    items = {row["transaction_id"]: row for row in shop("queue list --state any --all -o json").json}
    emails = {row["order_id"]: row["kind"] for row in shop("email list --all -o json").json}
    for sale, token in tokens.items():
        attempts, item, email = EXPECTED[token]
        assert answers[sales[sale]["gateway_ref"]] == attempts
        assert (items[sale]["state"], items[sale]["attempts"]) == item if item else sale not in items
        assert emails[sales[sale]["order_id"]] == email
    paid = sum(float(row["amount"]) for row in shop.ledger() if (row["kind"], row["result"]) == ("refund", "approved"))
    believed = sum(float(row["refunded"]) for row in shop("order list --all -o json").json)
    assert round(paid, 2) == round(believed, 2)
    assert len(shop.mails()) == 20
    assert shop("db check").code == 0
