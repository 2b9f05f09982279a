"""The audit log: what is in it, how it is read, and that it only grows."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import DBAPIError

from tests.factories import make_order, make_sale
from tests.selection import on_postgresql, on_sqlite
from tests.shops import Shop


def some_rows(shop: Shop) -> None:
    """Three changes on three days, and a refusal."""
    shop("setting set shop-name Coffee", at="2026-03-02T09:00:00Z")
    shop("operator create tim --role agent", at="2026-03-03T09:00:00Z")
    shop("setting set shop-name Tea", as_="agent", at="2026-03-03T10:00:00Z")
    shop("setting unset shop-name", at="2026-03-04T09:00:00Z")


def targets(shop: Shop, filters: str) -> list[str]:
    done = shop(f"audit list {filters} -o json")
    assert done.code == 0, done.err
    return [row["target"] for row in done.json]


def test_a_row_says_who_did_what_when_and_with_which_outcome(shop: Shop, backend: str) -> None:
    shop("setting set shop-name Coffee", at="2026-03-02T09:00:00Z")
    shop("setting set shop-name Tea", at="2026-03-02T10:00:00Z")
    row = shop("audit list --limit 1 -o json").json[0]

    assert row.pop("id").startswith("aud_")
    assert row == {
        "at": "2026-03-02T10:00:00Z",
        "operator": "admin",
        "login": None if backend == "sqlite" else "csctl",
        "command": "setting set",
        "target": "shop-name",
        "outcome": "updated",
        "changes": {"before": "Coffee", "after": "Tea"},
    }


def test_a_refusal_for_lack_of_rights_is_in_the_audit_log_and_nothing_else_happened(shop: Shop) -> None:
    done = shop("setting set shop-name Tea -o json", as_="agent")
    rows = shop("audit list -o json").json

    assert done.code == 6
    assert [(row["operator"], row["command"], row["outcome"]) for row in rows[:1]] == [
        ("agent", "setting set", "refused")
    ]
    assert shop.sql("SELECT * FROM settings") == []


def test_a_refused_record_is_found_under_its_id_however_it_was_named(shop: Shop) -> None:
    order = make_order(shop)
    sale = make_sale(shop, order=order, amount="80.00")
    shop("setting set agent-refund-limit '50 USD'")

    for words in (f"order refund {order[4:]}", f"txn refund {sale[4:]}", f"txn refund {sale}"):
        assert shop(f"{words} --yes", as_="agent").code == 6

    assert targets(shop, f"--target {order}") == [order]
    assert targets(shop, f"--target {sale}") == [sale, sale]


def test_the_audit_log_names_the_requester_of_a_refund_whose_process_died(shop: Shop) -> None:
    sale = make_sale(shop)
    agent = shop("whoami -o json", as_="agent").json["id"]
    shop(f"txn refund {make_sale(shop)} --yes")  # the account is compared before it becomes slow
    slow = {"CSCTL_GATEWAY_MAIN": shop.env["CSCTL_GATEWAY_MAIN"] + "?latency_ms=60000"}
    process = shop.start(f"txn refund {sale} --yes", as_="agent", env=slow)
    shop.wait_for("SELECT 1 FROM transactions WHERE state = 'sent'")
    process.kill()
    process.wait()

    assert shop("txn reconcile", at="2026-03-03T10:00:00Z").code == 0

    (row,) = shop(f"audit list --target {sale} -o json").json
    assert (row["operator"], row["command"], row["changes"]["requested_by"]) == ("admin", "txn reconcile", agent)


def test_looking_leaves_no_rows(shop: Shop) -> None:
    before = shop.sql("SELECT count(*) AS n FROM audit")
    for words in (
        "whoami",
        "setting list",
        "operator list",
        "audit list",
        "doctor",
        "db status",
        "customer search jane",
    ):
        shop(words)

    assert shop.sql("SELECT count(*) AS n FROM audit") == before


def test_rows_are_found_by_operator_command_record_and_time(shop: Shop) -> None:
    some_rows(shop)

    assert targets(shop, "--command setting --since 2026-03-01") == ["shop-name", None, "shop-name"]
    assert targets(shop, "--command 'setting set' --operator admin") == ["shop-name"]
    assert targets(shop, "--operator opr_2") == [None]
    assert targets(shop, "--target opr_4") == ["opr_4"]
    assert targets(shop, "--since 2026-03-03 --until 2026-03-03") == [None, "opr_4"]
    assert targets(shop, "--since 2026-03-03T10:00:00Z") == ["shop-name", None]
    assert shop("audit list --operator nobody").code == 4


def test_a_command_is_not_found_by_a_part_of_its_name(shop: Shop) -> None:
    some_rows(shop)

    assert targets(shop, "--command set") == []
    assert targets(shop, "--command 'setting%'") == []


def test_days_are_those_of_the_shop(shop: Shop) -> None:
    shop("setting set timezone Asia/Tokyo", at="2026-03-01T09:00:00Z")
    shop("setting set shop-name Tea", at="2026-03-02T15:30:00Z")

    assert targets(shop, "--since 2026-03-03 --until 2026-03-03") == ["shop-name"]


def test_an_id_of_something_else_and_a_day_that_is_none_are_usage_errors(shop: Shop) -> None:
    assert shop("audit list --since someday").code == 2
    assert shop("audit list --operator opr_x").code == 2


@pytest.mark.parametrize("role", ["agent", "service"])
def test_the_audit_log_is_for_administrators(shop: Shop, role: str) -> None:
    assert shop("audit list", as_=role).code == 6


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET operator = 'tim'",
        "UPDATE audit SET outcome = 'updated' WHERE id = 1",
        "DELETE FROM audit",
        "DELETE FROM audit WHERE id = 1",
    ],
)
def test_the_audit_log_cannot_be_changed_with_sql(shop: Shop, statement: str) -> None:
    before = shop.sql("SELECT * FROM audit")
    with pytest.raises(DBAPIError, match="append-only"):
        shop.sql(statement)

    assert shop.sql("SELECT * FROM audit") == before


@on_sqlite
@pytest.mark.parametrize("words", ["REPLACE", "INSERT OR REPLACE"])
def test_replace_does_not_get_around_it(shop: Shop, words: str) -> None:
    """SQLite's REPLACE deletes a row without firing the triggers for deletion."""
    with pytest.raises(DBAPIError, match="append-only"):
        shop.sql(f"{words} INTO audit SELECT * FROM audit")  # noqa: S608 - the words above


@on_postgresql
@pytest.mark.parametrize("statement", ["TRUNCATE audit", "TRUNCATE operators CASCADE"])
def test_truncate_does_not_get_around_it(shop: Shop, statement: str) -> None:
    with pytest.raises(DBAPIError, match="append-only"):
        shop.sql(statement)
