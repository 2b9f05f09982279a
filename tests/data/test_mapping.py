"""The mapping language, in TOML: what a file means, for one kind and for several."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.data.files import CUSTOMER, ORDER, SALE, bring_all, counts, names, reasons, written
from tests.running import Done
from tests.selection import one_database
from tests.shops import Shop


def mapped(shop: Shop, kind: str, toml: str, *rows: dict[str, str], more: str = "") -> Done:
    """Import rows with a mapping."""
    Path("m.toml").write_text(toml, encoding="utf-8")
    return shop(f"data import {kind} {written('f.csv', *rows)} --mapping m.toml -o json {more}")


@pytest.fixture
def ordered(shop: Shop) -> Shop:
    """A shop with an order."""
    bring_all(shop, "customers", CUSTOMER)
    bring_all(shop, "orders", ORDER)
    return shop


def test_words_are_translated_and_an_unknown_one_rejects_its_row(ordered: Shop) -> None:
    toml = """
        state = {column = "Status", values = {success = "approved", failure = "declined"}}
        kind = {column = "Type", values = {refund = "refund", "*" = "sale"}}
    """
    sale = {name: text for name, text in SALE.items() if name not in ("state", "kind", "settlement")}

    done = mapped(
        ordered,
        "transactions",
        toml,
        {**sale, "Status": "Success", "Type": "payment"},
        {**sale, "external_id": "t2", "Status": "failure", "Type": "payment"},
        {**sale, "external_id": "t3", "Status": "maybe", "Type": "payment"},
    )

    assert counts(done) == {"created": 2, "rejected": 1}
    assert "does not know 'maybe'" in reasons(done)[0]
    assert [row["state"] for row in ordered.sql("SELECT state FROM transactions ORDER BY id")] == [
        "approved",
        "declined",
    ]


def test_texts_are_composed_and_rows_of_a_key_are_counted(shop: Shop) -> None:
    toml = """
        external_id = "{Name}/{#}"
        first_name = {column = "Who", word = "first"}
        last_name = {column = "Who", word = "rest"}
        created_at = {column = "{Date} {Time}", zone = "{Zone}"}
        [file]
        dates = "%m/%d/%Y %I:%M %p"
    """
    row = {"Name": "#1", "Who": "Ada  Maria Abara", "Date": "03/01/2024", "Time": "1:30 PM", "Zone": "PST"}

    done = mapped(shop, "customers", toml, row, row, {**row, "Name": "#2"})

    assert counts(done) == {"created": 3}
    found = shop.sql("SELECT external_id, first_name, last_name, created_at FROM customers ORDER BY id")
    assert [row["external_id"] for row in found] == ["#1/1", "#1/2", "#2/1"]
    assert (found[0]["first_name"], found[0]["last_name"]) == ("Ada", "Maria Abara")
    assert shop("customer show '#1/1' -o json").json["created_at"] == "2024-03-01T21:30:00Z"


def test_a_customer_is_named_by_an_email_that_only_one_has(shop: Shop) -> None:
    bring_all(shop, "customers", CUSTOMER, *({"external_id": f"{n}", "email": "two@example.com"} for n in (1, 2)))
    toml = 'customer = {column = "Email", by = "email"}'
    emails = ("ZOE@example.com", "two@example.com", "none@example.com")

    done = mapped(
        shop,
        "orders",
        toml,
        *({"external_id": f"o{place}", "Email": email, "currency": "USD"} for place, email in enumerate(emails)),
    )

    assert counts(done) == {"created": 1, "rejected": 2}
    several, none = reasons(done)
    assert "2 customers have the email" in several
    assert "csctl customer merge cus_2 cus_3" in several
    assert "import it first" not in several
    assert "no customer has the email" in none
    assert "import it first" in none
    assert shop("customer merge cus_2 cus_3 --yes").code == 0
    merged = mapped(shop, "orders", toml, {"external_id": "o9", "Email": "two@example.com", "currency": "USD"})
    assert counts(merged) == {"created": 1}


@one_database
def test_an_order_that_is_here_stays_with_its_customer_when_others_have_the_email(shop: Shop) -> None:
    bring_all(shop, "customers", CUSTOMER)
    toml = 'customer = {column = "Email", by = "email"}'
    row = {"external_id": "o1", "Email": "zoe@example.com", "currency": "USD"}
    mapped(shop, "orders", toml, row)

    bring_all(shop, "customers", {"external_id": "c2", "email": "zoe@example.com"})
    assert counts(mapped(shop, "orders", toml, row)) == {"unchanged": 1}
    assert shop("customer edit c1 --email zoe@new.example.com").code == 0
    assert "cannot be changed" in reasons(mapped(shop, "orders", toml, row))[0]  # it names the other one now
    assert shop("customer edit c2 --email ann@example.com").code == 0
    assert counts(mapped(shop, "orders", toml, row)) == {"unchanged": 1}
    assert shop.sql("SELECT customer_id FROM orders") == [{"customer_id": 1}]


def test_rows_that_a_condition_leaves_out_are_counted_as_skipped(shop: Shop) -> None:
    toml = '[rows]\nwhere = {Type = ["customer", "guest"], Note = {not = ["test"]}}'
    kinds = [("customer", ""), ("guest", "test"), ("Guest", ""), ("bot", "")]

    done = mapped(
        shop,
        "customers",
        toml,
        *(
            {"external_id": f"{n}", "first_name": kind, "Type": kind, "Note": note}
            for n, (kind, note) in enumerate(kinds)
        ),
    )

    assert (done.json["skipped"], counts(done)) == (2, {"created": 2})
    assert names(shop) == ["customer", "Guest"]


def test_a_field_may_be_left_out_and_columns_may_replace_each_other(shop: Shop) -> None:
    toml = 'phone = false\nfirst_name = ["Nick", "Name"]\nlast_name = {value = "Doe"}'

    mapped(
        shop,
        "customers",
        toml,
        {"external_id": "1", "phone": "+12175550100", "Nick": "", "Name": "Ann"},
        {"external_id": "2", "phone": "+12175550100", "Nick": "Bo", "Name": "Bob"},
    )

    assert names(shop) == ["Ann", "Bo"]
    assert {tuple(row.values()) for row in shop.sql("SELECT phone, last_name FROM customers")} == {(None, "Doe")}


@pytest.mark.parametrize(
    ("file", "amount", "stored"),
    [('amounts = "minor"', "2990", 2990), ('decimal = ","', "1.250,50", 125050), ("", "1.250", None)],
)
def test_amounts_are_read_as_the_file_writes_them_or_not_at_all(
    shop: Shop, file: str, amount: str, stored: int | None
) -> None:
    row = {"sku": "a", "price": "p", "amount": amount, "currency": "USD"}

    done = mapped(shop, "products", f"[file]\n{file}\n", row)

    found = [row["amount"] for row in shop.sql("SELECT amount FROM price_points")]
    assert found == ([] if stored is None else [stored]), done.err
    assert stored or "decimal = " in reasons(done)[0]


_SEVERAL_KINDS = """
[file]
dates = "unix"
[customers]
repeats = "first"
external_id = "Email"
email = "Email"
[orders]
where = {Type = ["sale"]}
external_id = "Order"
customer = "Email"
currency = "Currency"
placed_at = "At"
[transactions]
external_id = "Id"
order = "Order"
currency = "Currency"
gateway = {value = "main"}
state = {value = "approved"}
kind = "Type"
amount = {column = "Gross", absolute = true}
created_at = "At"
"""


def test_one_file_has_several_kinds_and_a_refund_before_its_sale(shop: Shop) -> None:
    row = {"Email": "a@example.com", "Order": "o1", "Currency": "USD", "At": "1717727934"}
    Path("m.toml").write_text(_SEVERAL_KINDS, encoding="utf-8")
    many = [{**row, "Id": f"t{n}", "Type": "sale", "Gross": "5.00", "Order": f"p{n}"} for n in range(600)]
    file = written(
        "f.csv",
        {**row, "Id": "r", "Type": "refund", "Gross": "-5.00"},
        *many,
        {**row, "Id": "s", "Type": "sale", "Gross": "20.00"},
    )

    done = shop(f"data import all {file} --mapping m.toml -o json")

    assert done.code == 0, done.err
    assert [(one["kind"], one["created"], one["skipped"]) for one in done.json] == [
        ("customers", 1, 601),
        ("orders", 601, 1),
        ("transactions", 602, 0),
    ]
    assert shop("txn show s -o json").json["refundable"] == "15.00"
    again = shop(f"data import all {file} --mapping m.toml -o json").json
    assert {one["created"] + one["differ"] for one in again} == {0}


def test_a_mapping_of_ones_own_begins_with_one_that_ships(shop: Shop) -> None:
    toml = 'from = "shopify-customers"\n[customers]\nphone = false\n'
    address = ("Address1", "Address2", "City", "Province Code", "Zip", "Country Code")
    header = ["Last Name", "Email", *(f"Default Address {part}" for part in address)]
    row = {**dict.fromkeys(header, ""), "Customer ID": "'77", "First Name": "Ann"}

    assert counts(mapped(shop, "customers", toml, row)) == {"created": 1}
    assert shop("customer show 77 -o json").json["first_name"] == "Ann"


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ('[file]\ndecimals = ","', "has no 'decimals'"),
        ('[file]\namounts = "cents"', "'cents' is not known"),
        ('[file]\nencoding = "klingon"', "unknown encoding"),
        ('email = {column = "Mail", value = "x"}', "either a column or a value"),
        ('email = {column = "Mail", case = "low"}', "has no 'case'"),
        ('emial = "Mail"', "no field 'emial'"),
        ('emial = {column = "Mail"}', "no field 'emial'"),
        ('email = {column = "Mail", by = "phone"}', "cannot be looked up"),
        ('[orders]\nexternal_id = "Id"', "says nothing of customers"),
        ('email = "Mail"\n[customers]\nexternal_id = "Id"', "in no section"),
        ('[rows]\nwhere = {Mail = {like = "x"}}', "not a text"),
        ('from = "shopify"', "no mapping 'shopify'"),
        ('email = "E-Mail"\nphone = "Tel"', "lacks 2 columns: E-Mail, Tel"),
    ],
)
def test_what_the_language_does_not_have_is_refused(shop: Shop, toml: str, said: str) -> None:
    done = mapped(shop, "customers", toml, {"external_id": "1", "Mail": "a@example.com"})

    assert done.code in (2, 4), done.err
    assert said in done.err
    assert not names(shop)


def test_identical_rows_are_harmless_and_different_ones_are_rejected(shop: Shop) -> None:
    row = {**CUSTOMER, "last_name": "Doe"}
    rows = [{**CUSTOMER, "external_id": f"{number}"} for number in range(600)]

    other = {**CUSTOMER, "external_id": "5", "email": ""}
    done = shop(f"data import customers {written('c.csv', row, *rows, row, other)} -o json")

    assert counts(done) == {"created": 600, "unchanged": 1, "rejected": 2}
    assert "lines 8, 604" in reasons(done)[0]
    assert not shop.sql("SELECT id FROM customers WHERE external_id = '5'")


@one_database
def test_a_row_whose_order_was_rejected_names_that_line(shop: Shop) -> None:
    columns = 'external_id = "Id"\ncustomer = "Id"\ncurrency = {value = "XXZ"}\n'
    Path("m.toml").write_text(f'[orders]\n{columns}[fulfillments]\nexternal_id = "Id"\norder = "Id"\n')
    path = written("f.csv", {"Id": "5"})

    done = shop(f"data import all {path} --mapping m.toml -o json --rejects r.csv")

    assert [row["rejected"] for row in done.json] == [1, 1]
    assert "it was rejected: line 2" in Path("r.fulfillments.csv").read_text()


def test_a_sale_and_its_refund_under_one_id_are_both_refused(ordered: Shop) -> None:
    refund = {**SALE, "kind": "refund", "parent": "t1", "amount": "5.00"}
    path = written("t.csv", SALE, refund)

    done = ordered(f"data import transactions {path} -o json")

    assert counts(done) == {"rejected": 2}
    assert not ordered.sql("SELECT id FROM transactions")


def test_a_dry_run_shows_the_first_records_and_each_kind_of_problem(shop: Shop) -> None:
    rows = [{**CUSTOMER, "external_id": f"{n}", "phone": "(217) 555-0100", "billing_country": "USA"} for n in range(4)]
    bad = [
        {"external_id": "x", "email": "nonsense"},
        {"external_id": "y", "email": "worse"},
        {"external_id": "", "email": ""},
    ]
    path = written("c.csv", *rows, *bad, {**rows[0], "external_id": "z"})

    done = shop(f"data import customers {path} --dry-run -o json")

    assert [one["external_id"] for one in done.json["sample"]] == ["0", "1", "2"]
    assert done.json["sample"][0]["phone"] == "+12175550100"
    assert done.json["sample"][0]["billing_country"] == "US"
    assert [(one["line"], one["count"]) for one in done.json["problems"]] == [(6, 2)]
    text = shop(f"data import customers {path} --dry-run")
    assert "Record 3" in text.out
    assert "2 like line 6: email: 'nonsense' is not an email address" in text.out
    assert not names(shop)
