"""`gateway list` and `gateway check`: the accounts, what each can do, and what is wrong with it."""

from __future__ import annotations

import pytest

from csctl.gateways.conformance.server import Fault
from tests.factories import make_payment_method, make_sale
from tests.gateways.ledgers.authorizenet import AuthorizeNetLedger
from tests.gateways.worlds import World
from tests.selection import on_sqlite
from tests.shops import Shop

pytestmark = on_sqlite


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


@pytest.mark.parametrize("world", ["authorizenet"], indirect=True)
def test_sales_that_cannot_be_refunded_without_the_last_digits_are_counted(world: World) -> None:
    assert isinstance(world.ledger, AuthorizeNetLedger)
    make_sale(world.shop, gateway_ref="77", adopt=False, payment_method=make_payment_method(world.shop, last4=None))
    assert world.shop("gateway check").code == 0  # the account can be asked for them

    world.ledger.reporting = False

    (reporting, digits) = (row["problem"] for row in world.shop("gateway check -o json").json)
    assert "E00011" in reporting
    assert digits.startswith("1 sale cannot be refunded")


@pytest.mark.parametrize("world", ["stripe", "authorizenet"], indirect=True)
def test_another_account_under_the_name_is_a_problem(world: World) -> None:
    world.sale()
    world.shop("txn sync", as_="service")
    world.ledger.account = world.ledger.gateway_id = "another"  # type: ignore[attr-defined]

    checked, examined = world.shop("gateway check -o json"), world.shop("doctor -o json")

    assert (checked.code, examined.code) == (11, 11)
    assert "gateway accept main --account another" in checked.json[0]["fix"]


def test_an_account_that_is_not_there_is_not_found(shop: Shop) -> None:
    assert shop("gateway check eu").code == shop("gateway accept eu --account acct_1 --yes").code == 4


def test_an_account_that_is_down_is_a_problem(world: World) -> None:
    world.ledger.close()

    done = world.shop("gateway check main -o json")

    assert (done.code, done.json[0]["status"]) == (11, "problem")


@pytest.mark.parametrize("world", ["stripe"], indirect=True)
def test_another_server_at_the_address_is_a_problem(world: World) -> None:
    done = world.shop("gateway check main", env={"CSCTL_GATEWAY_MAIN": world.url.replace("&", "/elsewhere&")})

    assert (done.code, "does not have what every account has" in done.out) == (11, True), done.err


def _secret(world: World) -> str:
    return world.url.partition("?")[0].rpartition(":")[2]


@pytest.mark.parametrize("world", ["stripe"], indirect=True)
def test_a_key_that_is_refused_in_the_middle_of_its_work_leaves_nothing_behind(world: World) -> None:
    sale, reference = world.sale()
    no = b'{"error": {"type": "invalid_request_error", "message": "Expired API Key"}}'
    world.ledger.fail_next(
        Fault(status=401, body=no, effect=False),
        matches=lambda request: (request.method, request.path) == ("POST", "/v1/refunds"),
    )
    refused = world.shop(f"txn refund {sale} --yes")

    assert refused.code == 11
    assert world.shop(f"txn show {sale} -o json").json["refundable"] == "20.00"
    assert world.shop("queue list --state any -o json").json == []
    assert world.returned(reference) == 0
