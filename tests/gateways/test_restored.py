"""A database that was restored from a backup is noticed before anything is sent from it."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from csctl import fault_points
from csctl.fault_points import Point
from tests.factories import make_customer, make_order, make_payment_method, make_price, make_purchase, make_sale
from tests.gateways.worlds import World
from tests.running import Done
from tests.selection import on_sqlite
from tests.shops import Shop

pytestmark = on_sqlite


class Backup:
    """A copy of the shop's database as it is now."""

    def __init__(self, shop: Shop) -> None:
        self._database, self._copy = shop.database_url.removeprefix("sqlite:///"), str(shop.folder / "backup.db")
        self._copied(self._database, self._copy)

    def restore(self) -> None:
        self._copied(self._copy, self._database)

    def _copied(self, source: str, target: str) -> None:
        with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
            old.backup(new)


def follow(world: World, refused: Done) -> None:
    """Type the commands of a fix one after the other, and those that they print."""
    (fix,) = re.findall(r"^Fix: (.*)$", refused.err, re.MULTILINE)
    for words in re.findall(r"csctl ([^,;]+)", fix):
        done = world.shop(f"{words} {'--yes' if 'accept' in words else '-o json'}")
        if "--against" in words and done.code == 5:
            for row in done.json:
                assert world.shop(row["fix"].removeprefix("csctl ")).code == 0, row
            done = world.shop(words)
        assert done.code == 0, (words, done.out, done.err)


def test_the_printed_commands_bring_a_restored_database_up_to_date(world: World) -> None:
    (sale, reference), (other, second) = world.sale(), world.sale()
    world.refund_outside(reference, "1.00")  # with the account in use, csctl begins its work
    world.decline()
    world.shop(f"txn refund {sale} --amount 8.00 --yes")
    backup = Backup(world.shop)
    world.later(timedelta(days=1))
    assert world.shop("queue retry", as_="service").code == 0
    assert world.shop(f"txn refund {other} --amount 2.00 --yes").code == 0
    backup.restore()

    run = world.shop("queue retry", as_="service")
    assert world.shop(f"txn refund {other} --amount 2.00 --dry-run").code == 11
    refused = world.shop(f"txn refund {other} --amount 2.00 --yes")
    early = world.shop("gateway accept main --yes")
    assert [done.code for done in (run, refused, early)] == [11, 11, 5], run.err + early.err
    assert "2 operations of csctl that this database does not know" in refused.err
    assert f"Fix: csctl txn sync {sale} {other}, " in early.err

    follow(world, refused)
    assert world.shop(f"txn refund {other} --amount 0.50 --yes").code == 0
    for _ in range(2):
        assert world.shop("queue retry", as_="service").code == 0
        world.later(timedelta(days=1))
        world.shop("txn sync", as_="service")

    assert world.returned(reference) == world.booked(sale) == Decimal("9.00")
    assert world.returned(second) == world.booked(other) == Decimal("2.50")
    agreed = world.shop("txn reconcile --against main -o json")
    assert (agreed.code, agreed.json, world.shop("db check").code) == (0, [], 0)


@pytest.mark.parametrize("world", ["nmi"], indirect=True)
def test_a_sum_that_was_learned_is_divided_once_the_refunds_are_known(world: World) -> None:
    sale, reference = world.sale()
    backup = Backup(world.shop)
    for amount in ("3.00", "8.00"):
        assert world.shop(f"txn refund {sale} --amount {amount} --yes").code == 0
    backup.restore()
    world.shop("txn sync", as_="service")  # the gateway tells what it returned in all
    assert world.booked(sale) == Decimal("11.00")

    follow(world, world.shop(f"txn refund {sale} --amount 1.00 --yes"))

    refunds = world.shop("txn list --kind refund --state approved -o json").json
    assert sorted(one["amount"] for one in refunds) == ["3.00", "8.00"]
    assert None not in {one["gateway_ref"] for one in refunds}
    assert world.shop(f"txn refund {sale} --amount 1.00 --yes").code == 0
    assert world.returned(reference) == world.booked(sale) == Decimal("12.00")
    assert world.shop("db check").code == 0


@pytest.mark.parametrize("world", ["nmi"], indirect=True)
def test_of_two_sales_that_a_refund_may_belong_to_none_is_chosen(world: World) -> None:
    (sale, reference), (other, second) = world.sale(), world.sale()
    backup = Backup(world.shop)
    assert world.shop(f"txn refund {other} --amount 8.00 --yes").code == 0
    world.refund_outside(reference, "8.00")
    backup.restore()
    world.later(timedelta(minutes=10))

    refused, early = world.shop(f"txn refund {sale} --amount 13.00 --yes"), world.shop("gateway accept main --yes")
    assert (refused.code, early.code) == (11, 5)
    assert f"Fix: csctl txn sync {sale} {other}, " in early.err
    follow(world, refused)

    assert world.booked(sale) == world.booked(other) == world.returned(reference) == world.returned(second) == 8
    assert world.shop(f"txn refund {sale} --amount 13.00 --yes").code == 5
    assert world.shop("txn reconcile --against main -o json").json == []


@pytest.mark.parametrize("world", ["nmi", "authorizenet"], indirect=True)
def test_a_refund_that_was_about_to_be_sent_when_the_backup_was_made_is_not_paid_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    sale, reference = world.sale()
    order = world.shop(f"txn show {sale} -o json").json["order_id"]
    method = make_payment_method(world.shop, token=world.token, last4="1111")
    make_sale(
        world.shop,
        "20.00",
        order=order,
        adopt=False,
        gateway_ref=world.sell("20.00", settled=True),
        payment_method=method,
    )
    backups: list[Backup] = []
    monkeypatch.setattr(
        fault_points,
        "hook",
        lambda point: None if point is not Point.CALLING or backups else backups.append(Backup(world.shop)),
    )
    assert world.shop(f"order refund {order} --amount 30.00 --all-cycles --yes").code == 0
    backups[0].restore()
    world.later(timedelta(minutes=10))

    again = world.shop(f"txn refund {sale} --amount 10.00 --yes")
    synced = world.shop(f"txn sync {sale} -o json")
    assert (again.code, synced.code, synced.json[0]["outcome"]) == (11, 0, "updated"), synced.out
    assert world.shop("queue retry", as_="service").code == 0

    assert world.returned(reference) == world.booked(sale) == Decimal("10.00")
    assert len(world.shop("txn list --kind refund --state approved -o json").json) == 2
    assert world.shop("txn reconcile --against main -o json").json == []
    assert world.shop("db check").code == 0


@pytest.mark.parametrize("world", ["stripe"], indirect=True)
def test_a_sale_that_was_imported_by_its_charge_is_recognized(world: World) -> None:
    intent = world.sell("20.00")
    sale, _ = world.sale(reference=world.ledger.objects[intent]["latest_charge"]["id"])  # type: ignore[attr-defined]
    world.shop("txn sync", as_="service")
    backup = Backup(world.shop)
    assert world.shop(f"txn refund {sale} --amount 3.00 --yes").code == 0
    backup.restore()

    early = world.shop("gateway accept main --yes")
    follow(world, early)

    assert early.code == 5
    assert world.returned(intent) == world.booked(sale) == Decimal("3.00")


@pytest.mark.parametrize("world", ["stripe"], indirect=True)
def test_another_database_at_the_account_is_recognized_by_its_url(world: World) -> None:
    sale, reference = world.sale()
    world.shop(f"txn refund {sale} --amount 3.00 --yes")
    intent = world.ledger._make_intent  # type: ignore[attr-defined]
    intent({"amount": "500", "currency": "usd", "customer": "cus_1", "metadata[csctl_key]": uuid4().hex})
    assert world.shop(f"txn refund {sale} --amount 1.00 --yes").code == 11
    refused = world.shop("gateway accept main --yes")
    assert (refused.code, "sale pi_" in refused.err) == (5, True), refused.err
    assert world.shop("gateway accept main --charges --yes").code == 0
    assert world.shop(f"txn refund {sale} --amount 1.00 --yes").code == 0

    world.later(timedelta(minutes=1))
    intent({"amount": "500", "currency": "usd", "customer": "cus_1", "metadata[csctl_key]": uuid4().hex})
    assert world.shop(f"txn refund {sale} --amount 1.00 --yes").code == 11
    world.shop.env["CSCTL_GATEWAY_MAIN"] += "&shared=on"

    assert world.shop(f"txn refund {sale} --amount 1.00 --yes").code == 0
    refund = world.ledger._make_refund(reference, 200, {"csctl_key": uuid4().hex})  # type: ignore[attr-defined]
    assert world.shop(f"txn refund {sale} --amount 1.00 --yes").code == 11  # of a sale that the books have
    world.ledger.objects["again"] = refund  # type: ignore[attr-defined] # a list shows it twice, while its pages move
    assert world.shop(f"txn sync {sale}").code == 0
    assert world.booked(sale) == Decimal("7.00")


def test_so_it_is_after_the_account_was_used(shop: Shop) -> None:
    first, second = make_sale(shop), make_sale(shop)
    shop(f"txn refund {first} --amount 1.00 --yes")
    backup = Backup(shop)
    shop(f"txn refund {second} --amount 2.00 --yes")
    backup.restore()

    refused = [shop(f"txn refund {second} --amount 2.00 --yes", at=f"2026-03-0{day}T12:00:00Z") for day in (2, 2, 4)]
    shop(f"txn sync {second}", at="2026-03-04T13:00:00Z")

    assert [done.code for done in refused] == [11, 11, 11]
    assert f"Fix: csctl txn sync {second}, compare" in refused[2].err
    assert len([row for row in shop.ledger() if row["kind"] == "refund"]) == 2
    assert shop(f"txn show {second} -o json").json["refunded"] == "2.00"


@pytest.mark.parametrize(("lookup", "state"), [("on", "approved"), ("off", "unknown")])
def test_a_run_that_is_resumed_asks_first_where_the_account_cannot_list_what_it_has(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, lookup: str, state: str
) -> None:
    order = make_order(shop)
    for _ in range(2):
        make_sale(shop, "20.00", order=order)
    shop.adopt()
    shop.env["CSCTL_GATEWAY_MAIN"] += f"?records=off&idempotency=off&lookup={lookup}"
    backups: list[Backup] = []
    monkeypatch.setattr(
        fault_points,
        "hook",
        lambda point: None if point is not Point.CALLING or backups else backups.append(Backup(shop)),
    )
    other = shop(f"txn show {make_sale(shop)} -o json").json["order_id"]
    shop(f"order refund {order} {other} --amount 30.00 --all-cycles --yes")
    backups[0].restore()
    shop.sql("UPDATE runs SET worker = NULL, lease_until = NULL")

    shop("run resume run_1 --yes", at="2026-03-02T09:10:00Z")

    assert [row["amount"] for row in shop.ledger() if row["kind"] == "refund"] == ["20.00", "10.00"]
    assert {row["state"] for row in shop("txn list --kind refund -o json").json} == {state}


def test_a_charge_that_the_books_lost_is_recorded_and_not_made_again(shop: Shop) -> None:
    customer = make_customer(shop)
    card = make_payment_method(shop, customer)
    price = make_price(shop, amount="30.00", interval="month")
    order = make_order(shop, customer)
    purchase = make_purchase(
        shop, order, "30.00", price=price, payment_method=card, status="active", cycle=1, next_bill_on=shop.now[:10]
    )
    backup = Backup(shop)
    assert shop("billing run", as_="service").code == 0
    (charge,) = shop.ledger()
    backup.restore()

    run, early = shop("billing run", as_="service"), shop("gateway accept main --yes")
    words = f"purchase force-bill {purchase} --charged {charge['ref']} --yes -o json"
    wrong = shop(f"{words} --unit-price 29.00")
    by_agent, recorded, again = shop(words, as_="agent"), shop(words), shop(words)

    assert (run.code, early.code, f"sale {charge['ref']} of 30.00 USD" in early.err) == (11, 5, True), early.err
    assert (wrong.code, by_agent.code, recorded.code, again.code) == (5, 6, 0, 4), recorded.err
    assert recorded.json[0]["message"] == "cycle 2, next billing on 2026-04-02"
    assert [shop(line).code for line in ("gateway accept main --yes", "billing run", "db check")] == [0, 0, 0]
    assert shop.ledger() == [charge]
    assert shop("txn reconcile --against main -o json").json == []


def test_operations_that_were_imported_are_known(shop: Shop) -> None:
    sale = make_sale(shop, external_id="first", order=make_order(shop, external_id="order"))
    before = Backup(shop)
    shop(f"txn refund {sale} --amount 1.00 --yes")
    before.restore()
    (refund,) = (row["ref"] for row in shop.ledger() if row["kind"] == "refund")

    line = f"a-refund,order,refund,approved,1.00,USD,main,{refund},first"
    header = "external_id,order,kind,state,amount,currency,gateway,gateway_ref,parent"
    taken = shop("data import transactions -", input=f"{header}\n{line}\n")
    goes_on = shop("txn refund first --amount 2.00 --yes")

    assert (taken.code, goes_on.code) == (0, 0), taken.err + goes_on.err
