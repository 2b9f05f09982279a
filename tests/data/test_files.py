"""What a file may look like: formats, encodings, mappings, rows that cannot be read."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from csctl.domain.record_kinds import KINDS
from tests.data.files import (
    CUSTOMER,
    METHOD,
    ORDER,
    PRICE,
    PURCHASE,
    QUEUED,
    SALE,
    bring,
    counts,
    names,
    reasons,
    rejected,
    written,
)
from tests.selection import on_postgresql
from tests.shops import Shop
from tests.views.queries import queries_of


def test_an_import_reports_the_outcome_of_its_rows(shop: Shop) -> None:
    done = bring(shop, "customers", CUSTOMER)

    assert done.code == 0
    assert done.json == {
        "kind": "customers",
        "read": 1,
        "created": 1,
        "updated": 0,
        "unchanged": 0,
        "differ": 0,
        "rejected": 0,
        "skipped": 0,
        "rejects_file": None,
        "dry_run": False,
        "sample": [],
        "problems": [],
    }


def test_a_table_says_the_same(shop: Shop) -> None:
    done = shop(f"data import customers {written('c.csv', CUSTOMER)}")

    assert done.out == "customers: 1 read, 1 created, 0 updated, 0 unchanged, 0 rejected\n"


def test_a_second_import_of_a_file_changes_nothing(shop: Shop) -> None:
    bring(shop, "customers", CUSTOMER)

    done = bring(shop, "customers", CUSTOMER)

    assert counts(done) == {"unchanged": 1}
    assert done.err == ""


def test_records_that_differ_stay_as_they_are_without_update(shop: Shop) -> None:
    bring(shop, "customers", CUSTOMER)

    done = bring(shop, "customers", {**CUSTOMER, "first_name": "Ann"})

    assert counts(done) == {"unchanged": 1}
    assert done.json["differ"] == 1
    assert "1 record is here already and differs (customers)" in done.err
    assert "--update" in done.err
    assert names(shop) == ["Zoë"]


def test_update_brings_records_up_to_date_and_leaves_what_is_not_given(shop: Shop) -> None:
    bring(shop, "customers", {**CUSTOMER, "billing_city": "Bonn", "billing_country": "Germany"})

    done = bring(shop, "customers", {"external_id": "c1", "first_name": "Ann", "billing_city": ""}, more="--update")

    assert counts(done) == {"updated": 1}
    row = shop.sql("SELECT first_name, email, billing_city, billing_country, folded_first_name FROM customers")[0]
    assert list(row.values()) == ["Ann", "zoe@example.com", "Bonn", "DE", "ann"]


def test_a_dry_run_keeps_nothing_and_finds_what_earlier_rows_would_have_made(shop: Shop) -> None:
    rows = [{**CUSTOMER, "external_id": f"c{number}"} for number in range(501)]

    done = bring(shop, "customers", *rows, {**CUSTOMER, "external_id": "c0"}, more="--dry-run")

    assert done.json["dry_run"] is True
    assert counts(done) == {"created": 501, "unchanged": 1}
    assert names(shop) == []
    assert shop.sql("SELECT id FROM audit WHERE command = 'data import'") == []


def test_an_import_writes_one_audit_row_without_personal_data(shop: Shop) -> None:
    bring(shop, "customers", *({**CUSTOMER, "external_id": f"c{number}"} for number in range(3)))

    rows = shop("audit list -o json").json
    imports = [row for row in rows if row["command"] == "data import"]
    assert [row["target"] for row in imports] == ["customers"]
    zero = dict.fromkeys(("updated", "unchanged", "differ", "rejected", "skipped"), 0)
    assert imports[0]["changes"] == {"read": 3, "created": 3, **zero}


def test_agents_may_not_import_or_export(shop: Shop) -> None:
    path = written("c.csv", CUSTOMER)

    assert shop(f"data import customers {path}", as_="agent").code == 6
    assert shop("data export customers", as_="agent").code == 6


def test_files_come_with_any_line_ends_a_byte_order_mark_and_other_delimiters(shop: Shop) -> None:
    Path("c.csv").write_bytes('\ufeffexternal_id;first_name\r\n1;Ann\r\n\r\n2;"Bo;b"\r\n'.encode())
    Path("t.csv").write_bytes(b"external_id\tfirst_name\n3\tCid")

    assert shop("data import customers c.csv --delimiter ;").code == 0
    assert shop("data import customers t.csv --delimiter tab").code == 0
    assert names(shop) == ["Ann", "Bo;b", "Cid"]


def test_standard_input_is_read_as_csv_and_its_rejects_go_to_the_working_directory(shop: Shop) -> None:
    done = shop("data import customers - -o json", input="external_id,email\n1,a@example.com\n2,nonsense\n")

    assert done.code == 3
    assert done.json["rejects_file"] == "customers.rejects.csv"
    assert rejected(done)[0]["external_id"] == "2"


def test_jsonl_is_read_by_its_name_or_by_option(shop: Shop) -> None:
    lines = [
        {"external_id": 1, "first_name": "Ann", "billing": {"city": "Bonn"}, "email": None},
        {"external_id": 2, "first_name": "Bob", "tags": ["a"]},
    ]
    text = "\n".join(json.dumps(line) for line in lines)
    Path("c.jsonl").write_text(text + "\n\n", encoding="utf-8")

    by_name = shop("data import customers c.jsonl -o json")
    by_option = shop("data import customers - --format jsonl -o json", input=text)

    assert counts(by_name) == {"created": 2}
    assert "tags" in by_name.err
    assert counts(by_option) == {"unchanged": 2}
    assert shop.sql("SELECT billing_city AS city FROM customers WHERE external_id = '1'") == [{"city": "Bonn"}]


def test_lines_that_are_no_json_objects_are_rejected(shop: Shop) -> None:
    Path("c.jsonl").write_text('{"external_id": "1"}\n{"external_id": \n[1]\n' + "[" * 5000, encoding="utf-8")

    done = shop("data import customers c.jsonl -o json")

    assert done.code == 3
    assert counts(done) == {"created": 1, "rejected": 3}
    assert [row["line"] for row in rejected(done)] == [2, 3, 4]


def test_a_json_array_is_read_whatever_its_lines(shop: Shop) -> None:
    done = shop(
        "data import customers - --format jsonl -o json", input='[{"external_id": "1"},\n {"external_id":\n"2"}]'
    )

    assert counts(done) == {"created": 2}


# -- mappings


def test_columns_and_constants_are_mapped_by_options_a_file_and_by_name(shop: Shop) -> None:
    Path("m.toml").write_text(
        'external_id = "Id"\nfirst_name = "Surname"\nbilling_country = ":=USA"\n', encoding="utf-8"
    )
    written("c.csv", {"Id": "1", "Name": "Ann", "Surname": "Doe", "email": "ann@example.com", "Fax": "5", "Id2": ""})

    done = shop(
        "data import customers c.csv --mapping m.toml --map first_name=Name --map last_name=Surname -o json"
        " --map 'billing_city:=New York'"
    )

    assert done.code == 0, done.err
    assert done.err.splitlines() == [
        "Ignored, since no field is mapped to them: Fax, Id2",
        "Next: csctl data import payment-methods FILE",
    ]
    row = shop.sql("SELECT first_name, last_name, email, billing_country, billing_city FROM customers")[0]
    assert list(row.values()) == ["Ann", "Doe", "ann@example.com", "US", "New York"]


def test_a_mapping_file_may_begin_with_a_byte_order_mark(shop: Shop) -> None:
    Path("m.toml").write_text('external_id = "Id"\n', encoding="utf-8-sig")
    written("c.csv", {"Id": "1"})

    done = shop("data import customers c.csv --mapping m.toml -o json")

    assert counts(done) == {"created": 1}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--map firstname=Name", "first_name"),  # the valid ones are named
        ("--map first_name=Nmae", "has no column 'Nmae'"),
        ("--map first_name", "maps nothing"),
        ("--map first_name=", "maps nothing"),
        ("--map first_name=a --map first_name=b", "twice"),
        ("--map email=Twice", "the column 'Twice' twice"),
        ("--mapping none.toml", "cannot read none.toml"),
        ("--mapping broken.toml", "is not valid TOML"),
        ("--mapping number.toml", "email is mapped to nothing"),
        ("--delimiter ab", "invalid delimiter"),
        ("--rejects none/r.csv", "cannot write none/r.csv"),
        ("--rejects c.csv", "the file that is read"),
        ("--format xml", "xml"),
    ],
)
def test_a_mapping_or_option_that_cannot_be_is_refused_before_any_row(shop: Shop, words: str, said: str) -> None:
    Path("broken.toml").write_text("a =", encoding="utf-8")
    Path("number.toml").write_text("email = 1", encoding="utf-8")
    Path("c.csv").write_text("external_id,Name,Twice,Twice\n1,Ann,a,b\n", encoding="utf-8")

    done = shop(f"data import customers c.csv {words}")

    assert done.code == 2
    assert done.out == ""
    assert said in done.err
    assert names(shop) == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"name,email\nAnn,a@example.com\n", "nothing gives the field external_id"),
        ("external_id,näme\n1,Ann\n".encode("utf-16-le"), "not UTF-8"),
        ("external_id,n\xe4me\n1,Ann\n".encode("latin-1"), "not UTF-8"),
        (b'"external_id\n1\n', "header cannot be read"),
    ],
)
def test_a_header_that_cannot_be_used_is_refused(shop: Shop, content: bytes, said: str) -> None:
    Path("c.csv").write_bytes(content)

    done = shop("data import customers c.csv")

    assert done.code == 2
    assert said in done.err


def test_a_missing_file_and_a_kind_that_is_none_are_usage_errors(shop: Shop) -> None:
    for path, fix in (("none.csv", "that you can read"), (".", "a file in it")):
        done = shop(f"data import customers {path}")
        assert (done.code, fix in done.err) == (2, True)
    assert shop("data import people c.csv").code == 2


def test_a_required_field_that_no_column_gives_is_a_usage_error_unless_records_are_only_updated(shop: Shop) -> None:
    bring(shop, "customers", CUSTOMER)
    bring(shop, "orders", {"external_id": "o1", "customer": "c1", "currency": "USD"})

    refused = bring(shop, "orders", {"external_id": "o1", "status": "cancelled"})
    done = bring(
        shop, "orders", *({"external_id": name, "status": "cancelled"} for name in ("o1", "o2")), more="--update"
    )

    assert refused.code == 2
    assert counts(done) == {"updated": 1, "rejected": 1}
    assert "customer is missing" in reasons(done)[0]


# -- many rows


@on_postgresql  # SQLite is in our process: rows go in one by one
def test_more_rows_of_a_batch_take_no_more_queries(shop: Shop) -> None:
    few, many = (
        {
            "customers": [{**CUSTOMER, "external_id": f"{number}"} for number in range(size)],
            "payment-methods": [{**METHOD, "external_id": f"{n}", "customer": f"{n}"} for n in range(size)],
            "products": [{**PRICE, "price": f"{number}", "sku": f"{number}"} for number in range(size)],
            "orders": [{**ORDER, "external_id": f"{n}", "customer": f"{n}"} for n in range(size)],
            "purchases": [{**PURCHASE, "external_id": f"{n}", "order": f"{n}", "price": f"{n}"} for n in range(size)],
            "transactions": [
                {**SALE, "external_id": f"{kind} {n}", "kind": kind, "order": f"{n}", "purchase": f"{n}", **more}
                for n in range(size)
                for kind, more in (
                    ("sale", {"payment_method": f"{n}"}),
                    ("refund", {"parent": f"sale {n}", "settlement": "", "amount": "5.00"}),
                )
            ],
            "fulfillments": [{"external_id": f"{n}", "order": f"{n}", "status": "pending"} for n in range(size)],
            "queue": [{**QUEUED, "external_id": f"{n}", "transaction": f"sale {n}"} for n in range(size)],
        }
        for size in (3, 40)
    )
    for kind in KINDS:
        written("few.csv", *few[kind])
        written("many.csv", *many[kind])
        for words in ("--dry-run", "", "--update"):  # what is new, what is there, and what is compared
            some = queries_of(shop, f"data import {kind} few.csv {words}")
            more = queries_of(shop, f"data import {kind} many.csv {words}")

            assert more == some, (kind, words)


def test_a_clash_that_only_the_database_sees_costs_its_row_alone(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process made the same record between our look and our insert."""
    from csctl.services.data.importing import customers

    bring(shop, "customers", CUSTOMER)
    monkeypatch.setattr(customers, "find", lambda *_args, **_more: {})

    done = bring(shop, "customers", CUSTOMER, {**CUSTOMER, "external_id": "c2"})

    assert counts(done) == {"created": 1, "rejected": 1}
    assert "conflicts" in reasons(done)[0]


def test_an_import_that_is_stopped_keeps_whole_batches_and_can_be_run_again(shop: Shop) -> None:
    total = 20_000
    written("c.csv", *({"external_id": f"{number}", "first_name": "Ann"} for number in range(total)))
    process = shop.start("data import customers c.csv")
    shop.wait_for("SELECT 1 FROM customers")
    process.send_signal(signal.SIGTERM)

    _, said = process.communicate(timeout=60)
    kept = len(names(shop))
    assert process.returncode == 143
    assert f"Stopped after {kept:,} rows" in said
    assert (kept % 500, kept < total) == (0, True)
    assert shop.sql("SELECT outcome FROM audit WHERE command = 'data import'") == [{"outcome": "stopped"}]
    assert counts(shop("data import customers c.csv -o json")) == {"created": total - kept, "unchanged": kept}


def test_progress_is_shown_on_a_terminal_alone(shop: Shop) -> None:
    written("c.csv", *({**CUSTOMER, "external_id": f"c{number}"} for number in range(1_200)))

    screen = shop.terminal("data import customers c.csv")
    screen.expect_exact("1,000 rows…")
    screen.expect_exact("1200 read, 1200 created")
    screen.wait()
    piped = shop("data import customers c.csv")

    assert piped.err == ""
