"""CSCTL_READ_URL: commands that only read use a replica, and nothing else does."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from csctl.services.administration import schema
from csctl.settings import Settings
from tests.factories import make_customer, make_sale
from tests.selection import on_sqlite
from tests.shops import Shop

pytestmark = on_sqlite


@pytest.fixture
def behind(shop: Shop) -> Shop:
    """A shop whose replica has not received its newest customer and sale yet."""
    replica = shop.folder / "replica.db"
    shutil.copy(Path(shop.database_url.removeprefix("sqlite:///")), replica)
    make_sale(shop, customer=make_customer(shop, last_name="Roe"))
    shop.env["CSCTL_READ_URL"] = f"sqlite:///{replica}"
    return shop


def test_a_command_that_reads_reads_from_the_replica(behind: Shop) -> None:
    assert behind("customer search roe -o name").out == ""
    assert behind("customer show cus_1").code == 4
    assert behind("customer search roe -o name", env={"CSCTL_READ_URL": ""}).out.split() == ["cus_1"]


def test_a_command_that_moves_money_does_not(behind: Shop) -> None:
    assert behind("txn refund txn_1 --dry-run").code == 0
    assert behind("txn refund txn_1 --yes").code == 0
    assert len(behind.ledger()) == 2


def test_who_may_run_a_command_is_asked_of_the_database_itself(behind: Shop) -> None:
    assert behind("operator disable agent --yes").code == 0

    assert behind("customer search roe", as_="agent").code == 6


def test_the_database_of_another_shop_is_refused(shop: Shop) -> None:
    url = f"sqlite:///{shop.folder / 'other.db'}"
    schema.init(Settings(database_url=url), "jane", rehearsal=True)

    done = shop("customer search roe -o json", env={"CSCTL_READ_URL": url})

    assert (done.code, done.out) == (11, "")
    assert "another shop" in done.error["message"]
