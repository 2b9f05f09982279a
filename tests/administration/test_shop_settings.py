"""What the shop decided, the same for every host."""

from __future__ import annotations

import pytest

from tests.shops import Shop


def value(shop: Shop, name: str) -> list[str | None]:
    return [row["value"] for row in shop("setting list -o json").json if row["name"] == name]


@pytest.mark.parametrize(
    ("name", "given", "kept"),
    [
        ("timezone", "Europe/Berlin", "Europe/Berlin"),
        ("country", "germany", "DE"),
        ("country", "us", "US"),
        ("locale", "de-DE", "de_DE"),
        ("shop-name", " Jane's Coffee ", "Jane's Coffee"),
        ("support-email", "Help@EXAMPLE.com", "Help@example.com"),
        ("mail-from", "shop@example.com", "shop@example.com"),
        ("agent-refund-limit", "50 usd", "50.00 USD"),
        ("agent-refund-limit", "5000 JPY", "5000 JPY"),
        ("recycle-days", "3, 7, 14", "3,7,14"),
    ],
)
def test_a_setting_is_kept_in_one_form(shop: Shop, name: str, given: str, kept: str) -> None:
    done = shop("setting", "set", name, given, "-o", "json")

    assert done.code == 0, done.err
    assert done.json[0]["value"] == kept
    assert value(shop, name) == [kept]


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("timezone", "Berlin"),
        ("timezone", "../../etc/passwd"),
        ("timezone", ""),
        ("timezone", "localtime"),
        ("timezone", "Factory"),
        ("country", "Atlantis"),
        ("locale", "klingon"),
        ("locale", "en_ZZ"),
        ("shop-name", "two\nlines"),
        ("support-email", "nobody"),
        ("mail-from", "a@example.com, b@example.com"),
        ("mail-from", "größe@example.com"),
        ("support-email", "größe@example.com"),
        ("mail-from", "shop@example.com\nBcc: x@example.com"),
        ("agent-refund-limit", "50"),
        ("agent-refund-limit", "0 USD"),
        ("agent-refund-limit", "-5 USD"),
        ("agent-refund-limit", "50.001 USD"),
        ("agent-refund-limit", "50 DOLLARS"),
        ("recycle-days", "3,,7"),
        ("recycle-days", "0"),
        ("recycle-days", "7,3"),
        ("recycle-days", "3,3"),
    ],
)
def test_a_value_that_cannot_be_is_a_usage_error_and_changes_nothing(shop: Shop, name: str, given: str) -> None:
    done = shop("setting", "set", "-o", "json", "--", name, given)

    assert done.code == 2, done.err
    assert shop.sql("SELECT * FROM settings") == []


def test_a_limit_without_a_currency_is_refused_with_an_example(shop: Shop) -> None:
    done = shop("setting set agent-refund-limit 5 -o json")

    assert done.code == 2
    assert done.error["message"] == "'5' names no currency"
    assert "50 USD" in done.error["fix"]


def test_an_unknown_setting_names_those_there_are(shop: Shop) -> None:
    for words in ("setting set color red -o json", "setting unset color -o json"):
        done = shop(words)

        assert done.code == 4
        assert "timezone" in done.error["fix"]


def test_there_is_one_refund_limit_a_currency(shop: Shop) -> None:
    for limit in ("50 USD", "80 USD", "5000 JPY"):
        shop("setting", "set", "agent-refund-limit", limit)

    assert sorted(str(limit) for limit in value(shop, "agent-refund-limit")) == ["5000 JPY", "80.00 USD"]


def test_unset_restores_the_default_and_writes_an_audit_row(shop: Shop) -> None:
    shop("setting set locale de_DE")
    done = shop("setting unset locale -o json")
    row = shop("audit list --limit 1 -o json").json[0]

    assert done.code == 0
    assert done.json[0]["value"] == "en_US"
    assert value(shop, "locale") == ["en_US"]
    assert (row["command"], row["outcome"], row["changes"]["before"]) == ("setting unset", "removed", "de_DE")


def test_the_list_tells_what_was_set_from_what_is_the_default(shop: Shop) -> None:
    before = {row["name"]: (row["value"], row["origin"]) for row in shop("setting list -o json").json}
    shop("setting set timezone UTC")
    after = {row["name"]: (row["value"], row["origin"]) for row in shop("setting list -o json").json}

    assert before["timezone"] == ("UTC", "default")
    assert before["recycle-days"] == ("3,7,14", "default")
    assert before["mail-from"] == (None, "default")
    assert after == {**before, "timezone": ("UTC", "set")}


def test_tables_show_times_in_the_shops_zone(shop: Shop) -> None:
    shop("setting set timezone Asia/Tokyo")

    assert "2026-01-01 09:00 +09:00" in shop("operator list").out
    assert shop("operator list -o json").json[0]["created_at"] == "2026-01-01T00:00:00Z"


def test_every_setting_says_what_it_means(shop: Shop) -> None:
    assert all(row["meaning"] for row in shop("setting list -o json", as_="admin").json)


@pytest.mark.parametrize("role", ["agent", "service"])
def test_only_administrators_decide(shop: Shop, role: str) -> None:
    for words in ("setting list", "setting set locale de_DE", "setting unset locale"):
        assert shop(words, as_=role).code == 6
