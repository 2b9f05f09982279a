"""Erasing a person."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect

from csctl import database
from csctl.domain.addresses import Address
from csctl.domain.personal import Details
from csctl.domain.states import PurchaseStatus
from tests.billing.catalog import make_buyer
from tests.factories import (
    make_customer,
    make_notify_email,
    make_order,
    make_payment_method,
    make_price,
    make_purchase,
    make_sale,
    make_transaction,
)
from tests.selection import on_sqlite
from tests.shops import Shop
from tests.views.records import make_entry, make_event

# Words that stand nowhere else.
HOUSE = Address("7 Quillfeather Mews", "Flat Zobelix", "Wexcombe", "Wiltshire", "SN8 3PQ", "GB")
PERSON: dict[str, Any] = {
    "external_id": "xanthe@quorble.example",
    "first_name": "Xanthe",
    "last_name": "Quorbleworth",
    "email": "xanthe@quorble.example",
    "phone": "+441632960555",
    "ip": "203.0.113.77",
    "billing": HOUSE,
    "shipping": HOUSE,
}
TRACES = ("xanthe", "quorble", "1632960555", "01632 960555", "203.0.113.77", "quillfeather", "zobelix", "wexcombe")
TOMORROW = "2026-03-03T09:00:00Z"
LEASE_END = "2026-03-02 09:05:00"
CARD = ("tok_xanthe_card", "559988", "7331")


def make_person(shop: Shop) -> str:
    """A customer with an order, a refund, emails sent and waiting, notes, calls, and remarks that name her."""
    person = make_customer(shop, **PERSON)
    card = make_payment_method(shop, person, token=CARD[0], bin=CARD[1], last4=CARD[2])
    order = make_order(shop, person, billing=HOUSE, shipping=HOUSE, cancel_reason="Xanthe changed her mind")
    sale = make_sale(shop, order=order, payment_method=card)
    shop(f"txn refund {sale} --amount 5 --reason 'called from 01632 960555' --yes")
    shop(f"txn refund {sale} --amount 2 --reason duplicate --yes", env={"CSCTL_MAIL_URL": ""})
    shop("customer", "note", person, "Wants it left with the neighbour, Mrs Zobelix.")
    shop(f"customer call {person}")
    make_event(shop, person, "refund email sent to xanthe@quorble.example")
    make_event(shop, person, "order placed")
    return person


def everything(shop: Shop) -> str:
    """Every cell of every table, in small letters."""
    engine = database.connect(shop.database_url)
    tables = set(inspect(engine).get_table_names()) - {"customer_search"}  # an index: it can only be asked
    engine.dispose()
    rows = [list(row.values()) for table in tables for row in shop.sql(f"SELECT * FROM {table}")]  # noqa: S608
    return json.dumps(rows, default=str, ensure_ascii=False).casefold()


def test_nothing_of_the_person_is_left_in_the_database(shop: Shop) -> None:
    person = make_person(shop)
    before = everything(shop)
    assert [trace for trace in TRACES if trace not in before] == []

    done = shop(f"customer erase {person} --yes -o json")

    assert (done.code, done.json[0]["outcome"]) == (0, "removed"), done.err
    after = everything(shop)
    assert [trace for trace in (*TRACES, *CARD, "waiting") if trace in after] == []


def test_a_reason_in_the_journal_of_a_run_is_redacted(shop: Shop) -> None:
    customer = make_customer(shop, first_name="Wilhelmina", last_name="Quack")
    sales = [make_sale(shop, customer=customer) for _ in range(2)]
    shop("txn", "refund", *sales, "--amount", "1", "--reason", "Wilhelmina called twice", "--yes")
    assert "wilhelmina" in json.dumps(shop("run show run_1 -o json").json["arguments"]).casefold()

    done = shop(f"customer erase {customer} --yes -o json")

    assert done.code == 0, done.err
    assert "wilhelmina" not in everything(shop)
    assert shop("run show run_1 -o json").json["arguments"][1:] == ["--amount=1", "--reason=erased"]


def test_what_was_theirs_before_is_not_left_where_people_wrote_it(shop: Shop) -> None:
    """A former phone number is known from nowhere: so all that people wrote about them goes."""
    buyer = make_buyer(shop, external_id="old.wilma@example.org", email="old.wilma@example.org", phone="+4930998877")
    price = make_price(shop, interval="month")
    for _ in range(3):
        made = shop(f"order create --customer {buyer} --item {price} --shipping-line1 '99 Yonder Lane' --yes")
        assert made.code == 0, made.err
    shop(f"customer edit {buyer} --email new.wilma@example.org --phone +4930112233")
    shop("order resend-email ord_1 ord_2 --yes")
    shop("purchase cancel pur_1 --when after-next --reason 'call 030 998877' --yes")
    shop("purchase cancel pur_2 --reason 'moved from 99 Yonder Lane' --yes")
    shop("order cancel ord_1 ord_3 --reason 'old.wilma@example.org, 99 Yonder Lane' --yes")
    assert shop("txn refund txn_1 txn_2 --amount 1 --reason 'call 030 998877' --yes", at=TOMORROW).code == 0
    traces = ("wilma", "yonder", "998877", "112233")
    assert [trace for trace in traces if trace not in everything(shop)] == []

    done = shop(f"customer erase {buyer} --yes")

    assert done.code == 0, done.err
    assert [trace for trace in traces if trace in everything(shop)] == []
    assert {"cancelled pur_2", "cancelled ord_3"} <= {row["text"] for row in shop.sql("SELECT text FROM history")}
    assert shop("audit list --target pur_2 -o json").json[0]["changes"]["reason"] == "given"


def test_the_journal_of_a_run_by_a_file_does_not_keep_what_it_called_them(shop: Shop) -> None:
    for name in ("wilma", "fred"):
        make_customer(shop, external_id=f"{name}@example.org", email=f"{name}@example.org")
    changes = Path("changes.csv")
    changes.write_text("external_id,last_name\nwilma@example.org,Flint\nfred@example.org,Stone\n")
    assert shop(f"customer edit --from {changes} --yes").code == 0

    shop("customer erase cus_1 --yes")

    assert "wilma" not in everything(shop)
    assert [row["id"] for row in shop("run show run_1 -o json").json["records"]] == ["erased 1", "fred@example.org"]


def test_the_books_are_kept(shop: Shop) -> None:
    person = make_person(shop)
    books = (
        "SELECT id, customer_id, status, total, currency, billing_country FROM orders",
        "SELECT id, kind, state, amount, refunded, reserved, gateway_ref, settled_at FROM transactions",
    )
    before = [shop.sql(f"{query} ORDER BY id") for query in books]

    shop(f"customer erase {person} --yes")

    assert [shop.sql(f"{query} ORDER BY id") for query in books] == before
    assert "order placed" in {row["text"] for row in shop.sql("SELECT text FROM history")}
    assert shop("db check -o json").json == []


def test_an_email_that_waits_is_not_sent_any_more(shop: Shop) -> None:
    person = make_person(shop)
    delivered = len(shop.mails())

    shop(f"customer erase {person} --yes")
    shop("email send --yes")

    assert len(shop.mails()) == delivered == 1
    assert shop("email list -o json").json
    assert shop("email list --state waiting -o json").json == []


def test_a_customer_is_not_erased_while_an_email_is_being_sent(shop: Shop) -> None:
    person = make_person(shop)
    shop.sql("UPDATE emails SET state = 'sending', lease_until = :until WHERE state = 'waiting'", until=LEASE_END)

    sending = shop(f"customer erase {person} --yes", at="2026-03-02T09:01:00Z")
    given_up = shop(f"customer erase {person} --yes", at="2026-03-02T09:06:00Z")

    assert (sending.code, given_up.code) == (10, 0)


@on_sqlite
def test_nothing_of_the_person_is_left_in_the_files_of_sqlite(shop: Shop) -> None:
    person = make_person(shop)
    shop(f"customer edit {person} --shipping-city Yanthexa")

    shop(f"customer erase {person} --yes")

    path = Path(shop.database_url.removeprefix("sqlite:///"))
    found = b"".join(file.read_bytes() for file in path.parent.glob(f"{path.name}*")).lower()
    assert [trace for trace in (*TRACES, *CARD, "yanthexa") if trace.encode() in found] == []


def test_who_was_merged_into_the_person_is_erased_with_them(shop: Shop) -> None:
    person, kept = make_person(shop), make_customer(shop)
    shop(f"customer merge {kept} {person} --yes")

    assert shop(f"customer erase {person} --yes").code == 5
    assert shop(f"customer erase {kept} --yes").code == 0
    after = everything(shop)
    assert [trace for trace in (*TRACES, *CARD) if trace in after] == []


def test_an_external_id_that_tells_nothing_is_kept(shop: Shop) -> None:
    person = make_customer(shop, external_id="web-7")

    shop(f"customer erase {person} --yes")

    assert shop(f"customer show {person} -o json").json["external_id"] == "web-7"


def test_an_external_id_that_is_an_email_goes_even_if_it_is_not_theirs_today(shop: Shop) -> None:
    person = make_customer(shop, external_id="formerly@example.org")

    shop(f"customer erase {person} --yes")

    assert shop(f"customer show {person} -o json").json["external_id"] is None


def test_what_the_blacklist_says_of_them_stays(shop: Shop) -> None:
    person = make_customer(shop, email="fraud@example.com")
    make_entry(shop, "email", "fraud@example.com")

    shop(f"customer erase {person} --yes")

    assert [row["value"] for row in shop("blacklist list -o json").json] == ["fraud@example.com"]


@pytest.mark.parametrize("status", PurchaseStatus)
def test_a_purchase_that_can_still_be_billed_refuses_it(shop: Shop, status: PurchaseStatus) -> None:
    person = make_customer(shop)
    purchase = make_purchase(shop, make_order(shop, person), interval="month", status=status)
    over = status in (PurchaseStatus.CANCELLED, PurchaseStatus.COMPLETE)

    done = shop(f"customer erase {person} --yes -o json")

    assert done.code == (0 if over else 5)
    if not over:
        assert done.error["fix"] == f"csctl purchase cancel {purchase}"
        assert shop(f"customer show {person} -o json").json["last_name"] == "Doe"


@pytest.mark.parametrize("state", ["created", "sent", "pending", "unknown"])
def test_money_on_its_way_refuses_it(shop: Shop, state: str) -> None:
    person = make_customer(shop)
    refund = make_transaction(shop, "refund", state, order=make_order(shop, person))

    done = shop(f"customer erase {person} --yes -o json")

    assert (done.code, done.error["fix"]) == (5, f"csctl txn reconcile {refund}")


def test_a_queued_refund_refuses_it_until_it_is_over(shop: Shop) -> None:
    person = make_customer(shop)
    sale = make_sale(shop, customer=person, token="tok_refund_declined")
    queued = shop(f"txn refund {sale} --yes -o json").json[0]["queue_item_id"]

    assert shop(f"customer erase {person} --yes").code == 5
    shop(f"queue remove {queued} --reason 'paid in cash' --yes")
    assert shop(f"customer erase {person} --yes").code == 0


def test_staff_is_informed_of_a_refund_given_up_before_the_name_is_erased(shop: Shop) -> None:
    make_notify_email(shop)
    person = make_customer(shop)
    sale = make_sale(shop, customer=person, token="tok_refund_declined")
    shop(f"txn refund {sale} --yes")
    for day in ("2026-03-03", "2026-03-04", "2026-03-05"):
        shop("queue retry", at=f"{day}T09:00:00Z", env={"CSCTL_MAIL_URL": ""})
    later = "2026-03-06T09:00:00Z"

    waiting = shop(f"customer erase {person} --yes -o json", at=later)
    shop("email send", at=later)
    informed = shop(f"customer erase {person} --yes -o json", at=later)

    assert (waiting.code, informed.code) == (5, 0)
    assert shop("email list --kind refund_exhausted -o json").json[0]["recipient"] == "finance@example.com"
    assert "Jane" not in json.dumps(shop.sql("SELECT context, subject, text, html FROM emails"), default=str)


def test_a_dry_run_erases_nothing(shop: Shop) -> None:
    person = make_person(shop)
    before = everything(shop)

    done = shop(f"customer erase {person} --dry-run -o json")

    assert (done.code, done.json[0]["dry_run"]) == (0, True)
    assert everything(shop) == before


def test_it_is_for_administrators_and_always_asks(shop: Shop) -> None:
    person = make_customer(shop)

    assert shop(f"customer erase {person} --yes", as_="agent").code == 6
    assert shop(f"customer erase {person}").code == 2
    assert shop(f"customer show {person} -o json").json["last_name"] == "Doe"


def test_a_customer_is_erased_once(shop: Shop) -> None:
    person = make_customer(shop)

    assert shop(f"customer erase {person} --yes").code == 0
    assert shop(f"customer erase {person} --yes").code == 5


def test_the_audit_log_says_who_erased_which_customer(shop: Shop) -> None:
    person = make_customer(shop)

    shop(f"customer erase {person} --yes")

    row = shop(f"audit list --target {person} -o json").json[0]
    assert (row["command"], row["outcome"], row["operator"]) == ("customer erase", "removed", "admin")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("Mrs DOE-SMITH wrote", True),
        ("call 030/1234567", True),
        ("sent to JO@example.com", True),
        ("lives in 1 high  street", True),
        ("a job well done", False),  # "Jo" is too short to be looked for
        ("refund of 1234.56", False),
        ("", False),
        (None, False),
    ],
)
def test_a_person_is_found_in_a_text_by_whole_words_and_digits(text: str | None, named: bool) -> None:
    known = Details.of(["Jo", "Dœ-Smith", "jo@example.com", None, "1 High Street"], ["+49 30 1234567"])

    assert known.named_in(text) is named
