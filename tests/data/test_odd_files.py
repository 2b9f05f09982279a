"""Files as they really come: packed, in other encodings, changed by a spreadsheet, with more than rows in them."""

from __future__ import annotations

import gzip
import json
import shutil
import zipfile
from pathlib import Path

import pytest

from csctl.domain.record_kinds import KINDS
from tests.data.files import CUSTOMER, counts, names, reasons, written
from tests.running import Done
from tests.shops import Shop

ODD = Path(__file__).parent / "odd"
FIVE = [f"Ada{number}" for number in range(5)]


def taken(shop: Shop, file: str, more: str = "") -> Done:
    shutil.copy(ODD / file, file)
    return shop(f"data import customers {file} -o json {more}")


@pytest.mark.parametrize(
    ("file", "more"),
    [
        ("apos_zip.csv", ""),
        ("blank_first.csv", ""),
        ("cp1252.csv", "--encoding cp1252"),
        ("cr_only.csv", ""),
        ("excel_text.csv", ""),
        ("gz.csv.gz", ""),
        ("header_case.csv", ""),
        ("header_spaces.csv", ""),
        ("preamble.csv", ""),
        ("semicolon.csv", "--delimiter ;"),
        ("sepline_semi.csv", ""),
        ("tab.tsv", ""),
        ("utf16le.csv", ""),
        ("utf8bom.csv", ""),
    ],
)
def test_five_customers_go_in_however_they_are_written(shop: Shop, file: str, more: str) -> None:
    done = taken(shop, file, more)

    assert (done.code, counts(done)) == (0, {"created": 5}), done.err
    assert names(shop) == FIVE
    row = shop.sql("SELECT last_name, billing_city, billing_postal_code, email, phone FROM customers ORDER BY id")[2]
    assert list(row.values()) == ["Abé", "Köln", "02108", "ada2@example.com", "+12165550102"]


@pytest.mark.parametrize(
    ("file", "more", "created"),
    [
        ("arr_pretty.json", "", 2),
        ("pretty.json", "", 1),
        ("data_wrap.json", "--items data", 1),
    ],
)
def test_json_is_an_array_an_object_or_an_answer_with_a_path(shop: Shop, file: str, more: str, created: int) -> None:
    assert counts(taken(shop, file, more)) == {"created": created}


def test_a_document_without_a_path_names_where_its_rows_may_be(shop: Shop) -> None:
    done = taken(shop, "data_wrap.json")

    assert (done.code, "--items data" in reasons(done)[0]) == (3, True)


def test_an_id_that_stands_twice_with_different_contents_costs_both_rows(shop: Shop) -> None:
    done = taken(shop, "dupid.csv")

    assert (done.code, counts(done)) == (3, {"created": 2, "rejected": 3})
    assert all("lines 2, 3, 5" in reason for reason in reasons(done))
    assert names(shop) == ["Cy", "E"]


def test_numbers_that_a_spreadsheet_rounded_are_no_ids(shop: Shop) -> None:
    done = taken(shop, "sci.csv")

    assert (done.code, names(shop)) == (3, [])
    assert "a spreadsheet has rounded it" in reasons(done)[0]


def test_the_row_of_totals_is_not_a_customer(shop: Shop) -> None:
    done = taken(shop, "total_row.csv")

    assert (counts(done), names(shop)) == ({"created": 5, "rejected": 1}, FIVE)
    assert "totals" in reasons(done)[0]


def test_a_quote_that_is_not_closed_and_a_line_break_cost_their_row(shop: Shop) -> None:
    assert counts(taken(shop, "unclosed.csv")) == {"created": 4, "rejected": 1}
    assert counts(taken(shop, "quoted_nl.csv")) == {"unchanged": 4, "rejected": 1}

    Path("long.csv").write_text(f"external_id,first_name\n9,{'x' * 131_073}\n")
    assert "more than 131,072 characters - shorten it" in shop("data import customers long.csv").err


def test_emails_are_taken_out_of_names_and_links(shop: Shop) -> None:
    done = taken(shop, "emails.csv")

    emails = [row["email"] for row in shop.sql("SELECT email FROM customers ORDER BY id")]
    assert emails == ["ada0@example.com", "ada2@example.com", "ada3@example.com", "ADA4@example.com"]
    assert counts(done) == {"created": 4, "rejected": 1}


def test_words_for_nothing_are_named_by_the_mapping(shop: Shop) -> None:
    done = taken(shop, "nullword.csv")
    assert counts(done) == {"created": 3, "rejected": 2}
    assert 'empty = ["N/A"]' in reasons(done)[0]
    shop.sql("DELETE FROM customers")
    Path("m.toml").write_text('[file]\nempty = ["NULL", "\\\\N", "n/a", "none"]\n', encoding="utf-8")

    done = taken(shop, "nullword.csv", "--mapping m.toml")

    assert counts(done) == {"created": 5}
    rows = shop.sql("SELECT email, phone FROM customers ORDER BY id")
    assert [(row["email"] is None, row["phone"] is None) for row in rows] == [
        (False, False),
        (False, True),
        (False, True),
        (True, False),
        (True, False),
    ]


def test_a_header_without_a_known_column_names_those_it_has_and_a_delimiter(shop: Shop) -> None:
    done = taken(shop, "semicolon.csv")

    assert done.code == 2
    assert "external_id;first_name" in done.err
    assert "--delimiter ';'" in done.err


def packed(name: str, inside: str) -> None:
    with zipfile.ZipFile(name, "w") as file:
        file.writestr(inside, "x")


@pytest.mark.parametrize(
    ("name", "inside", "said"),
    [
        ("c.xlsx", "xl/workbook.xml", "Excel workbook"),
        ("c.csv", "xl/workbook.xml", "save the sheet as CSV"),
        ("c.zip", "customers.csv", "unzip"),
        ("c.ods", "content.xml", "OpenDocument"),
    ],
)
def test_workbooks_and_packed_files_are_called_what_they_are(shop: Shop, name: str, inside: str, said: str) -> None:
    packed(name, inside)

    done = shop(f"data import customers {name}")

    assert (done.code, said in done.err) == (2, True), done.err


def test_lines_above_the_header_can_be_skipped_by_number(shop: Shop) -> None:
    Path("c.csv").write_text('"a report\nemail, of all"\nexternal_id,first_name\n1,Ann\n', encoding="utf-8")

    assert counts(shop("data import customers c.csv --skip-lines 2 -o json")) == {"created": 1}


def test_an_unknown_encoding_and_a_wrong_path_are_refused(shop: Shop) -> None:
    Path("c.json").write_text(json.dumps({"data": [{"external_id": "1"}]}), encoding="utf-8")

    assert "unknown encoding" in shop("data import customers c.json --encoding klingon").err
    done = shop("data import customers c.json --items message.data")
    assert (done.code, "data" in done.err) == (2, True)


def test_a_file_in_another_encoding_a_part_of_one_and_json_without_end_name_the_fix(shop: Shop) -> None:
    assert "--encoding cp1252" in reasons(taken(shop, "cp1252.csv"))[0]
    Path("part.csv.gz").write_bytes((ODD / "gz.csv.gz").read_bytes()[:-20])
    done = shop("data import customers part.csv.gz")
    assert (done.code, "download it again" in done.err) == (2, True)
    for name, text in (("array.json", "[" * 5000), ("rows.jsonl", '{"a":' * 5000)):
        Path(name).write_text(text, encoding="utf-8")
        done = shop(f"data import customers {name}")
        assert (done.code, "inside each other" in done.err) == (2 if name == "array.json" else 3, True), done.err


def test_standard_input_may_be_packed_and_marked(shop: Shop) -> None:
    text = "external_id,first_name\n1,Ann\n"

    done = shop("data import customers - -o json", input=gzip.compress(text.encode("utf-16")))

    assert counts(done) == {"created": 1}


def test_one_bad_optional_cell_does_not_cost_the_row(shop: Shop) -> None:
    row = {**CUSTOMER, "billing_country": "Utopia", "billing_line1": "10 Mill Lane\nApt 0", "phone": "12"}
    written("c.csv", row)

    done = shop("data import customers c.csv -o json")

    assert counts(done) == {"created": 1}
    kept = shop.sql("SELECT billing_country, billing_line1, billing_line2 FROM customers")[0]
    assert list(kept.values()) == ["Utopia", "10 Mill Lane", "Apt 0"]
    assert "'Utopia' (line 2)" in done.err
    assert "line 1 and 2" in done.err


def test_a_column_of_card_numbers_refuses_the_file(shop: Shop) -> None:
    cards = ["4242424242424242", "5555555555554444", "378282246310005"]
    written("c.csv", *({**CUSTOMER, "external_id": card} for card in cards), {**CUSTOMER, "external_id": "1"})

    done = shop("data import customers c.csv")

    assert (done.code, names(shop)) == (2, [])
    assert "card numbers" in done.err
    for kind, column in (("transactions", "gateway_ref"), ("payment-methods", "token")):
        written("d.csv", *({"external_id": f"x{place}", column: card} for place, card in enumerate(cards)))
        required = " ".join(f"--map {name}:=x" for name in KINDS[kind].required if name not in ("external_id", column))
        done = shop(f"data import {kind} d.csv {required}")
        assert (done.code, f"mapped to {column} holds card numbers" in done.err) == (2, True), done.err
    assert not list(Path().glob("*.rejects.*"))


def test_no_card_number_gets_into_the_rejects(shop: Shop) -> None:
    rows = [{**CUSTOMER, "external_id": f"{number}"} for number in range(5)]
    written("c.csv", *rows, {"external_id": "4242424242424242", "email": "nonsense"})

    done = shop("data import customers c.csv -o json")

    assert done.json["rejected"] == 1
    assert "4242424242424242" not in Path(done.json["rejects_file"]).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "words",
    [
        "data import customers",
        "data import all --from shopify-orders",
        "customer edit --yes --from",
        "fulfillment ship --yes --from",
        "blacklist add --yes --reason fraud --from",
        "customer payment-method retoken --yes --from",
    ],
)
def test_an_empty_file_is_nothing_to_do(shop: Shop, words: str) -> None:
    Path("c.csv").touch()

    done = shop(f"{words} c.csv")

    assert (done.code, "nothing to" in done.err) == (0, True)
