"""The Notify Emails: who is informed when a refund is given up."""

from __future__ import annotations

from tests.factories import make_notify_email
from tests.shops import Shop


def informed(shop: Shop) -> list[str]:
    return [row["email"] for row in shop("queue notify list -o json").json]


def test_an_address_is_informed_once_however_it_is_written(shop: Shop) -> None:
    done = shop("queue notify add Finance@example.com finance@EXAMPLE.com -o json")

    assert done.code == 3
    assert [row["outcome"] for row in done.json] == ["created", "refused"]
    assert "Finance@example.com is already one of the Notify Emails" in done.json[1]["message"]
    assert informed(shop) == ["Finance@example.com"]


def test_an_address_is_removed_however_it_is_written(shop: Shop) -> None:
    shop("queue notify add Finance@example.com")

    assert shop("queue notify remove finance@example.com --yes").code == 0
    assert informed(shop) == []
    assert shop("queue notify remove finance@example.com --yes").code == 4


def test_of_two_that_differ_in_case_the_one_that_was_named_is_removed(shop: Shop) -> None:
    make_notify_email(shop, "Finance@example.com")
    make_notify_email(shop, "finance@example.com")

    shop("queue notify remove finance@example.com --yes")

    assert informed(shop) == ["Finance@example.com"]


def test_internal_addresses_are_informed_too(shop: Shop) -> None:
    assert shop("queue notify add ops@shop.test ops@shop.local root@localhost --yes").code == 0
    assert shop("queue notify add ops@shop").code == 2
