"""A database that was restored from a backup is noticed before anything is sent from it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from tests.factories import make_order, make_sale
from tests.gateways.worlds import World
from tests.shops import Shop

pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


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


def test_nothing_is_sent_at_first_use_until_the_books_know_what_was_sent(world: World) -> None:
    sale, reference = world.sale()
    world.refund_outside(reference, "1.00")  # with the account in use, csctl begins its work
    backup = Backup(world.shop)
    assert world.shop(f"txn refund {sale} --amount 3.00 --yes").code == 0
    world.later(timedelta(hours=5))
    assert world.shop(f"txn refund {sale} --amount 8.00 --yes").code == 0
    world.later(timedelta(hours=5))
    backup.restore()

    refused = [world.shop(f"txn refund {sale} --amount 8.00 --yes")]
    world.later(timedelta(hours=1))
    refused += [world.shop(f"txn refund {sale} --amount 8.00 --yes")]
    run = world.shop("queue retry", as_="service")

    assert [done.code for done in (*refused, run)] == [11, 11, 0], refused[0].err
    assert "2 operations of csctl that this database does not know" in refused[1].err
    assert "csctl gateway accept main" in refused[1].err
    assert world.returned(reference) == Decimal("12.00")

    world.later(timedelta(hours=20))
    world.shop("txn sync", as_="service")
    assert world.booked(sale) == Decimal("12.00")
    assert world.shop("gateway accept main --yes").code == 0
    assert world.shop(f"txn refund {sale} --amount 1.00 --yes").code == 0
    assert world.returned(reference) == world.booked(sale) == Decimal("13.00")
    assert world.shop("db check").code == 0


@pytest.mark.parametrize("world", ["stripe"], indirect=True)
def test_another_database_at_the_account_is_recognized_by_its_url(world: World) -> None:
    sale, reference = world.sale()
    world.shop(f"txn refund {sale} --amount 3.00 --yes")
    intent = world.ledger._make_intent  # type: ignore[attr-defined]
    intent({"amount": "500", "currency": "usd", "customer": "cus_1", "metadata[csctl_key]": uuid4().hex})
    assert world.shop(f"txn refund {sale} --amount 1.00 --yes").code == 11

    world.shop.env["CSCTL_GATEWAY_MAIN"] += "&shared=on"

    assert world.shop(f"txn refund {sale} --amount 1.00 --yes").code == 0
    world.ledger._make_refund(reference, 200, {"csctl_key": uuid4().hex})  # type: ignore[attr-defined]
    assert world.shop(f"txn refund {sale} --amount 1.00 --yes").code == 11  # of a sale that the books have


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
