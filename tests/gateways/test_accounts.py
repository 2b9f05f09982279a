"""`gateway list` and `gateway check`: the accounts, what each can do, and what is wrong with it."""

from __future__ import annotations

import pytest

from tests.gateways.worlds import World
from tests.shops import Shop

pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


def test_the_sandbox_is_listed_with_what_it_can_do(shop: Shop) -> None:
    (row,) = shop("gateway list -o json", as_="agent").json

    assert (row["name"], row["kind"], row["rate"]) == ("main", "sandbox", None)
    assert (row["void_captured"], row["finds"], row["keys_live_hours"]) == ("yes", "by_key", 24)


def test_a_real_account_is_listed_without_being_called(world: World) -> None:
    (row,) = world.shop("gateway list -o json").json

    kind = world.url.partition(":")[0]
    assert (row["kind"], row["rate"]) == (kind, "20/s" if kind == "stripe" else "5/s")
    assert (row["changes"], row["synced_at"]) == (True, None)
    assert row["absence_after_hours"] == world.absent_after.total_seconds() / 3600
    assert world.ledger.wire == []


def test_a_sync_shows_in_the_list(world: World) -> None:
    _, reference = world.sale()
    world.refund_outside(reference, "1.00")
    world.shop("txn sync", as_="service")

    (row,) = world.shop("gateway list -o json").json

    assert row["synced_at"].startswith("2026-03-02T09:00:00")


def test_a_check_reads_and_says_whose_account_it_is(world: World) -> None:
    done = world.shop("gateway check main -o json", as_="service")

    assert done.code == 0, done.err
    (row,) = done.json
    assert (row["status"], row["mode"]) == ("ok", "test")
    accounts = {"nmi": None, "authorizenet": "GW-565697", "stripe": "acct_1Pretend"}
    assert row["account"] == accounts[world.url.partition(":")[0]]
    assert world.ledger.wire != []
    assert world.ledger.written() == []


def test_a_key_that_is_refused_is_a_problem(world: World) -> None:
    wrong = {"CSCTL_GATEWAY_MAIN": world.url.replace("?base", "yek?base")}

    checked, examined = world.shop("gateway check main -o json", env=wrong), world.shop("doctor -o json", env=wrong)

    assert (checked.code, examined.code) == (11, 11)
    assert checked.json[0]["fix"]
    assert [row["status"] for row in examined.json if row["check"] == "gateways"] == ["problem"]
    assert _secret(world) not in checked.out + checked.err + examined.out + examined.err


def test_an_account_that_is_not_there_is_not_found(shop: Shop) -> None:
    assert shop("gateway check eu").code == 4


def test_an_account_that_is_down_is_a_problem(world: World) -> None:
    world.ledger.close()

    done = world.shop("gateway check main -o json")

    assert (done.code, done.json[0]["status"]) == (11, "problem")


def _secret(world: World) -> str:
    return world.url.partition("?")[0].rpartition(":")[2]
