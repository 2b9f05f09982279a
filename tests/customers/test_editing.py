"""Creating customers and changing what is known of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from csctl.domain.customer_fields import CUSTOMER_FIELDS
from tests.factories import make_customer
from tests.shops import Shop


def shown(shop: Shop, customer: str) -> dict[str, Any]:
    profile: dict[str, Any] = shop(f"customer show {customer} -o json").json
    return profile


def test_a_customer_is_created_with_every_field_in_its_normal_form(shop: Shop) -> None:
    done = shop(
        "customer create --first-name Zoë --last-name ' Müller ' --email Zoe@EXAMPLE.com --phone '030 1234567'"
        " --ip 2001:DB8::1 --billing-line1 'Am Markt 1' --billing-city Berlin --billing-country Germany"
        " --shipping-country FRA --external-id web-7 -o json",
        as_="agent",
    )

    assert (done.code, done.json[0]["outcome"]) == (0, "created")
    customer = shown(shop, done.json[0]["id"])
    assert (customer["first_name"], customer["last_name"]) == ("Zoë", "Müller")
    assert (customer["email"], customer["phone"]) == ("Zoe@example.com", "+49301234567")
    assert (customer["ip"], customer["external_id"]) == ("2001:db8::1", "web-7")
    assert (customer["billing"]["country"], customer["shipping"]["country"]) == ("DE", "FR")
    assert shop("customer search zoe muller -o name").out.split() == [customer["id"]]


def test_a_customer_of_whom_nothing_is_known_is_not_created(shop: Shop) -> None:
    assert shop("customer create").code == 2
    assert shop("customer create --email ''").code == 2
    assert shop.sql("SELECT id FROM customers") == []


def test_an_external_id_belongs_to_one_customer(shop: Shop) -> None:
    first = make_customer(shop, external_id="web-7")

    done = shop("customer create --email jane@example.com --external-id web-7")

    assert done.code == 5
    assert first in done.err


def test_creating_a_customer_with_a_known_email_names_its_owner(shop: Shop) -> None:
    known = make_customer(shop, email="jane@example.com")

    done = shop("customer create --email JANE@example.com -o json")

    assert (done.code, done.json[0]["message"]) == (0, f"the same email has {known}")


def test_an_edit_says_who_has_the_same_email(shop: Shop) -> None:
    known, other = make_customer(shop, email="jane@example.com"), make_customer(shop, email="john@example.com")

    done = shop(f"customer edit {other} --email Jane@example.com -o json")

    assert (done.code, done.json[0]["message"]) == (0, f"email; the same email has {known}")


def test_a_dry_run_creates_no_customer(shop: Shop) -> None:
    done = shop("customer create --email jane@example.com --dry-run -o json")

    assert (done.code, done.json[0]["dry_run"]) == (0, True)
    assert shop.sql("SELECT id FROM customers") == []


def test_each_field_can_be_changed_and_cleared(shop: Shop) -> None:
    customer = make_customer(shop)
    given = {"email": "new@example.org", "phone": "+493012345678", "ip": "203.0.113.9"}
    given |= {field: "CH" if field.endswith("country") else "New" for field in CUSTOMER_FIELDS if field not in given}

    for field, text in given.items():
        flag = f"--{field.replace('_', '-')}"
        changed = shop("customer", "edit", customer, flag, text, "-o", "json")
        after = shop.sql("SELECT * FROM customers")[0]
        cleared = shop("customer", "edit", customer, flag, "", "-o", "json")
        assert (changed.json[0]["changed"], cleared.json[0]["changed"]) == ([field], [field])
        assert after[field] == text
        assert shop.sql("SELECT * FROM customers")[0][field] is None


def test_the_audit_log_and_the_history_name_the_fields_and_hold_no_values(shop: Shop) -> None:
    customer = make_customer(shop)

    shop(f"customer edit {customer} --email secret@example.org --phone '+49 30 1234567'", as_="agent")

    assert shop(f"customer history {customer} -o json").json[0]["text"] == "edited email, phone"
    trail = shop.sql("SELECT target, changes FROM audit WHERE command = 'customer edit'")
    assert trail[0]["target"] == customer
    changes = trail[0]["changes"]
    assert (json.loads(changes) if isinstance(changes, str) else changes) == {"changed": ["email", "phone"]}


def test_what_is_so_already_is_skipped(shop: Shop) -> None:
    customer = make_customer(shop, first_name="Jane")

    done = shop(f"customer edit {customer} --first-name Jane -o json")

    assert (done.code, done.json[0]["outcome"]) == (0, "skipped")
    assert shop(f"customer history {customer} -o json").json == []


@pytest.mark.parametrize(
    "words",
    [
        "--email nobody",
        "--email a@example.com,b@example.com",
        "--ip 999.1.1.1",
        "--billing-country Atlantis",
        "--first-name '4111 1111 1111 1111'",
        "--last-name 'two\nlines'",
        "",
        "--version 1",
    ],
)
def test_a_value_that_cannot_be_is_refused_and_nothing_changes(shop: Shop, words: str) -> None:
    customer = make_customer(shop)
    before = shown(shop, customer)

    done = shop(f"customer edit {customer} {words}")

    assert done.code == 2
    assert shown(shop, customer) == before


def test_a_phone_number_that_is_none_is_kept_with_a_warning(shop: Shop) -> None:
    customer = make_customer(shop)

    done = shop(f"customer edit {customer} --phone 'ask at 12'")

    assert done.code == 0
    assert "not a valid one" in done.err
    assert shown(shop, customer)["phone"] == "ask at 12"


def test_the_second_of_two_people_who_edit_one_customer_gets_a_conflict(shop: Shop) -> None:
    customer = make_customer(shop)
    seen = shown(shop, customer)["version"]

    first = shop(f"customer edit {customer} --first-name Anna --version {seen}", as_="agent")
    second = shop(f"customer edit {customer} --last-name Smith --version {seen} -o json")

    assert (first.code, second.code) == (0, 5)
    assert "changed by another user" in second.error["message"]
    assert (shown(shop, customer)["first_name"], shown(shop, customer)["last_name"]) == ("Anna", "Doe")


def test_an_edit_that_came_between_the_question_and_the_answer_is_not_overwritten(shop: Shop, tmp_path: Path) -> None:
    first, second = make_customer(shop), make_customer(shop)
    file = tmp_path / "changes.csv"
    file.write_text(f"id,first_name\n{first},Anna\n{second},Berta\n")
    terminal = shop.terminal(f"customer edit --from {file}")
    terminal.expect("Continue")

    shop(f"customer edit {second} --email meanwhile@example.com")
    terminal.sendline("y")
    terminal.expect("updated 1 customer; 1 refused")
    terminal.wait()

    assert terminal.exitstatus == 3
    assert (shown(shop, first)["first_name"], shown(shop, second)["first_name"]) == ("Anna", "Jane")


def test_a_file_changes_many_and_reports_each_line(shop: Shop) -> None:
    first, second = make_customer(shop), make_customer(shop, external_id="web-2", phone="+12175550100")
    file = (
        "id,external_id,email,phone,billing_city,version\n"
        f"{first},,,,Bonn,\n"
        ",web-2,,+49 30 1234567,,1\n"
        f"{first},,anna2@example.org,,,\n"
        f"{second},,late@example.org,,,1\n"
        ",web-9,x@example.org,,,\n"
        "txn_3,,x@example.org,,,\n"
        f"{make_customer(shop)},,no-address,,,\n"
        f"{first},,,,,soon\n"
    )

    done = shop("customer edit --from - --yes -o json", input=file)

    assert done.code == 3
    assert [row["outcome"] for row in done.json] == 4 * ["updated"] + 4 * ["refused"]
    assert [row["error"]["exit"] for row in done.json[4:]] == [4, 2, 2, 2]
    assert (shown(shop, first)["email"], shown(shop, first)["billing"]["city"]) == ("anna2@example.org", "Bonn")
    assert shown(shop, second)["phone"] == "+49301234567"


def test_an_empty_cell_of_a_file_leaves_the_field_as_it_is(shop: Shop) -> None:
    customer = make_customer(shop, first_name="Jane")

    shop("customer edit --from -", input=f"id,first_name,last_name\n{customer},,Smith\n")

    assert (shown(shop, customer)["first_name"], shown(shop, customer)["last_name"]) == ("Jane", "Smith")


def test_a_file_for_more_than_one_asks_first(shop: Shop) -> None:
    first, second = make_customer(shop), make_customer(shop)

    done = shop("customer edit --from -", input=f"id,first_name\n{first},Anna\n{second},Berta\n")

    assert (done.code, done.out) == (2, "")
    assert shown(shop, first)["first_name"] == "Jane"


def test_a_dry_run_of_a_file_says_what_would_be_done_and_changes_nothing(shop: Shop) -> None:
    customer = make_customer(shop)
    before = shown(shop, customer)

    done = shop(
        "customer edit --from - --dry-run -o json",
        input=f"id,first_name,email\n{customer},Anna,\n{customer},,berta@example.com\ncus_99,Carla,\n",
    )

    assert [row["outcome"] for row in done.json] == ["updated", "updated", "refused"]
    assert {row["dry_run"] for row in done.json} == {True}
    assert shown(shop, customer) == before


def test_lines_that_contradict_each_other_or_the_columns_that_stay_are_refused(shop: Shop) -> None:
    customer, other = make_customer(shop), make_customer(shop)
    lines = (
        f"{customer},Anna,\n{other},Berta,2026-01-31T09:00:00Z\n{customer},Carla,\n{other},Berta,2026-01-31T09:00:01Z\n"
    )

    done = shop("customer edit --from - --yes -o json", input=f"id,first_name,created_at\n{lines}")

    assert [row["outcome"] for row in done.json] == ["refused", "updated", "refused", "refused"]
    assert "lines 2, 4" in done.json[0]["message"]
    assert "created_at cannot be edited" in done.json[3]["message"]
    assert shown(shop, customer)["first_name"] == "Jane"


def test_a_file_and_a_customer_do_not_go_together(shop: Shop) -> None:
    customer = make_customer(shop)

    assert shop(f"customer edit {customer} --from -", input="id\n").code == 2
    assert shop("customer edit --email a@example.com --from -", input="id\n").code == 2
    assert shop("customer edit --email a@example.com").code == 2


def test_a_customer_can_be_named_by_email(shop: Shop) -> None:
    customer = make_customer(shop, email="jane@example.com")

    assert shop("customer edit jane@example.com --last-name Smith").code == 0
    assert shown(shop, customer)["last_name"] == "Smith"
    assert shop("customer edit joe@example.com --last-name Smith").code == 4


def test_a_merged_or_erased_customer_is_not_edited(shop: Shop) -> None:
    kept, other, gone = (make_customer(shop) for _ in range(3))
    shop(f"customer merge {kept} {other} --yes")
    shop(f"customer erase {gone} --yes")

    merged, erased = (shop(f"customer edit {who} --first-name X -o json") for who in (other, gone))

    assert (merged.code, erased.code) == (5, 5)
    assert kept in merged.error["fix"]


def test_cron_may_not_create_or_edit(shop: Shop) -> None:
    customer = make_customer(shop)

    assert shop("customer create --email a@example.com", as_="service").code == 6
    assert shop(f"customer edit {customer} --email a@example.com", as_="service").code == 6
    assert shop.sql("SELECT count(*) AS n FROM customers") == [{"n": 1}]
