"""Rows that are refused: the others go in, and these can be corrected and imported."""

from __future__ import annotations

import csv
import json
import stat
from pathlib import Path

import pytest

from tests.data.files import CUSTOMER, bring, counts, names, reasons, rejected
from tests.shops import Shop

CARD = "4242 4242 4242 4242"


def test_bad_rows_are_kept_with_their_line_and_reason_and_the_others_go_in(shop: Shop) -> None:
    Path("c.csv").write_bytes(
        b"external_id,first_name,email\n"
        b'1,"two\nlines",a@example.com\n'  # lines 2 and 3
        b"2,Bob,nonsense\n"
        b"3,Cid\n"
        b"4,Dan,d@example.com,more\n"
        b"5,E\xe4d,e@example.com\n"
        b"6,F\0y,f@example.com\n"
        b",Gus,g@example.com\n"
        b'8,"Hal"x,h@example.com\n'
        b"9,Ida,i@example.com\n"
    )

    done = shop("data import customers c.csv -o json")

    assert done.code == 3
    assert names(shop) == ["Ida"]
    assert [int(row["line"]) for row in rejected(done)] == [2, 4, 5, 6, 7, 8, 9, 10]
    assert list(rejected(done)[0]) == ["line", "reason", "external_id", "first_name", "email"]
    said = reasons(done)
    for part, reason in zip(
        ["one line", "not an email", "2 cells", "4 cells", "UTF-8", "NUL", "external_id is missing", "CSV"],
        said,
        strict=True,
    ):
        assert part in reason
    assert b"E\xe4d" in Path(done.json["rejects_file"]).read_bytes()
    assert "line 2" in done.err


def test_a_quote_that_never_closes_costs_its_row_alone(shop: Shop) -> None:
    done = shop("data import customers - -o json", input='external_id,first_name\n1,Ann\n2,"Bob\n3,Cid\n4,Dan')

    assert names(shop) == ["Ann", "Cid", "Dan"]
    assert counts(done) == {"created": 3, "rejected": 1}
    assert "end of data" in reasons(done)[0]
    assert Path("customers.rejects.csv").read_text(encoding="utf-8").splitlines()[1].endswith(',"2,""Bob"')


def test_a_quote_that_a_later_row_closes_costs_its_row_alone(shop: Shop) -> None:
    done = shop(
        "data import customers - -o json",
        input='external_id,first_name\n2,"Bob\n3,Cid\n4,"Dan, Jr."\n5,"Eve\n6,""\n7,"Fay"\n',
    )

    assert names(shop) == ["Cid", "Dan, Jr.", None, "Fay"]
    assert counts(done) == {"created": 4, "rejected": 2}
    assert [int(row["line"]) for row in rejected(done)] == [2, 5]


def test_lines_that_are_no_rows_by_themselves_stay_with_the_row_they_belong_to(shop: Shop) -> None:
    text = 'external_id,first_name\n1,"one\ntwo, or\nthree"x,Foo\n2,Bob\n'

    done = shop("data import customers - -o json", input=text)

    assert names(shop) == ["Bob"]
    assert counts(done) == {"created": 1, "rejected": 1}
    assert "the row, with all up to line 4, cannot be read as CSV" in reasons(done)[0]
    assert rejected(done)[0]["external_id"] == '1,"one\ntwo, or\nthree"x,Foo'


def test_a_cell_that_is_too_long_costs_its_row_alone_and_is_kept(shop: Shop) -> None:
    long = "x" * 200_000

    done = shop("data import customers - -o json", input=f"external_id,first_name\n1,{long}\n2,Bob\n")

    assert names(shop) == ["Bob"]
    assert counts(done) == {"created": 1, "rejected": 1}
    assert long in Path("customers.rejects.csv").read_text(encoding="utf-8")


def cells(name: str) -> list[list[str]]:
    """What a file of rejects has of the rows themselves."""
    with Path(name).open(encoding="utf-8", newline="") as file:
        return [row[2:] for row in csv.reader(file)]


BAD = {
    "a card number": f"1,card {CARD},a@example.com",
    "too few cells": "1,Ann",
    "too many cells": "1,Ann,a@example.com,IMPORTANT",
    "no CSV": '1,"Ann,a@example.com',
    "a card number in too many cells": f"1,{CARD},a@example.com,{CARD}",
    "a card number in what is no CSV": f'1,"{CARD},a@example.com',
}


@pytest.mark.parametrize("bad", BAD)
def test_what_was_rejected_is_rejected_again_until_it_is_corrected(shop: Shop, bad: str) -> None:
    Path("c.csv").write_text(f"external_id,first_name,email\n{BAD[bad]}\n", encoding="utf-8")
    shop("data import customers c.csv")

    again = shop("data import customers c.rejects.csv --rejects r.csv -o json")
    more = shop("data import customers r.csv -o json")

    assert (counts(again), counts(more)) == ({"rejected": 1}, {"rejected": 1})
    assert names(shop) == []
    assert CARD not in Path("c.rejects.csv").read_text(encoding="utf-8")
    assert cells("c.rejects.csv") == cells("r.csv") == cells("r.rejects.csv")


def test_a_row_with_too_many_cells_loses_none_of_them(shop: Shop) -> None:
    Path("c.csv").write_text("external_id,first_name\n22,Foo,Bar,IMPORTANT\n", encoding="utf-8")

    shop("data import customers c.csv")

    assert Path("c.rejects.csv").read_text(encoding="utf-8").endswith(",22,Foo,Bar,IMPORTANT\n")


@pytest.mark.parametrize("line", ['"1', "1,2"])
def test_a_bad_row_of_a_single_column_is_rejected_again_too(shop: Shop, line: str) -> None:
    Path("c.csv").write_text(f"external_id\n{line}\n", encoding="utf-8")
    shop("data import customers c.csv")

    again = shop("data import customers c.rejects.csv -o json")

    assert counts(again) == {"rejected": 1}


def test_masked_numbers_that_a_shop_writes_itself_are_data(shop: Shop) -> None:
    done = bring(shop, "customers", {**CUSTOMER, "first_name": "**** **** **** 4242"})

    assert counts(done) == {"created": 1}


def test_card_numbers_deep_in_json_are_written_nowhere_and_rejected_again(shop: Shop) -> None:
    row = {"external_id": "1", "billing": {"city": CARD}, "tags": [CARD, {"more": CARD}]}
    Path("c.jsonl").write_text(json.dumps(row), encoding="utf-8")
    shop("data import customers c.jsonl")

    again = shop("data import customers c.rejects.jsonl -o json")

    assert CARD not in Path("c.rejects.jsonl").read_text(encoding="utf-8")
    assert counts(again) == {"rejected": 1}


def test_the_rejects_can_be_corrected_and_imported(shop: Shop) -> None:
    done = bring(shop, "customers", {**CUSTOMER, "email": "nonsense", "first_name": "=Zoë"})
    path = Path(done.json["rejects_file"])
    path.write_text(path.read_text(encoding="utf-8").replace("nonsense", "zoe@example.com"), encoding="utf-8")

    again = shop(f"data import customers {path} -o json")

    assert counts(again) == {"created": 1}
    assert names(shop) == ["=Zoë"]


def test_rejects_go_to_the_file_named_and_only_their_owner_may_read_it(shop: Shop) -> None:
    done = bring(shop, "customers", {**CUSTOMER, "email": "nonsense"}, more="--rejects bad.csv")

    assert done.json["rejects_file"] == "bad.csv"
    assert stat.S_IMODE(Path("bad.csv").stat().st_mode) == 0o600


@pytest.mark.parametrize("field", ["first_name", "phone", "billing_line1", "email", "billing_country"])
def test_a_card_number_refuses_its_row_and_is_written_nowhere(shop: Shop, field: str) -> None:
    done = bring(shop, "customers", {"external_id": "c1", field: f"card {CARD}"})

    assert done.code == 3
    everything = done.out + done.err + Path(done.json["rejects_file"]).read_text(encoding="utf-8")
    assert "4242 4242" not in everything
    assert names(shop) == []


def test_numbers_of_other_systems_may_look_like_card_numbers(shop: Shop) -> None:
    done = bring(shop, "customers", {**CUSTOMER, "external_id": CARD})

    assert counts(done) == {"created": 1}


def test_a_card_number_in_a_column_that_is_ignored_goes_nowhere(shop: Shop) -> None:
    done = bring(shop, "customers", {**CUSTOMER, "Card": CARD, "email": "nonsense"})

    assert CARD not in Path(done.json["rejects_file"]).read_text(encoding="utf-8")
