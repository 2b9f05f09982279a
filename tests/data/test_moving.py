"""A shop that moves to another database: nothing that decides about money is lost, and nothing happens twice."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from csctl.models import Base
from csctl.services.data.moving import tables
from tests.databases import Template
from tests.factories import make_customer, make_order, make_payment_method, make_price, make_purchase, make_sale
from tests.running import Done
from tests.shops import MONDAY, Shop

READS = (
    "customer show -",
    "order show -",
    "purchase show -",
    "txn show -",
    "fulfillment show -",
    "queue show -",
    "email list --all",
    "product list",
    "blacklist list",
    "setting list",
    "queue notify list",
    "approval list",
    "queue stats",
    "report refunds",
    "gateway list",
    "run list",
    *(f"data export {kind}" for kind in ("customers", "orders", "purchases", "transactions", "fulfillments")),
)


def ok(done: Done) -> Done:
    assert done.code == 0, (done.out, done.err)
    return done


@pytest.fixture
def busy(shop: Shop) -> Shop:
    """A shop with something of everything that decides about money."""
    ok(shop("setting set agent-refund-limit '50 USD'"))
    ok(shop("queue notify add boss@example.com"))
    customer = make_customer(shop, email="jane@example.com", external_id="c-1")
    card = make_payment_method(shop, customer)
    bad_card = make_payment_method(shop, customer, token="tok_refund_declined", is_default=False)
    monthly = make_price(shop, "monthly", "20.00", interval="month")
    order = make_order(shop, customer)
    common: dict[str, Any] = {"order": order, "price": monthly, "payment_method": card, "interval": "month"}
    day = "2026-03-20"
    active = make_purchase(shop, **common, unit_price="20.00", status="active", next_bill_on=day)
    paused = make_purchase(shop, **common, unit_price="20.00", status="active", next_bill_on=day)
    ending = make_purchase(shop, **common, unit_price="20.00", status="active", next_bill_on=day)
    sale = make_sale(shop, order=order, amount="90.00", payment_method=card)
    declined = make_sale(shop, order=order, amount="80.00", payment_method=bad_card)
    disputed = make_sale(shop, customer=customer, amount="30.00")
    ok(shop(f"purchase quantity {active} --quantity 3 --unit-price 19.00 --next-only"))
    ok(shop(f"purchase pause {paused} --until 2026-05-10"))
    ok(shop(f"purchase cancel {ending} --when 2026-06-01 --yes --reason moving"))
    ok(shop(f"txn refund {sale} --amount 10 --request-id key-1 --yes"))
    ok(shop(f"txn refund {sale} --amount 5 --outside cheque-7 --yes"))
    assert shop(f"txn refund {declined} --amount 7 --yes").code == 12
    assert shop(f"txn refund {declined} --amount 8 --yes").code == 12
    ok(shop("queue resolve rfq_2 --reference cheque-8 --yes"))
    ok(shop(f"txn dispute {disputed} --yes"))
    assert shop(f"txn refund {sale} --amount 60 --request-approval --reason gone --yes", as_="agent").code in (0, 6)
    ok(shop("blacklist add --email bad@example.com --reason fraud --yes"))
    ok(shop(f"customer note {customer} 'A note: \u200dनमस्ते'"))
    return shop


@pytest.fixture
def new(busy: Shop, template: Template, tmp_path: Path) -> Iterator[Shop]:
    """A new database, with a ledger of its own that knows what the old one's knew."""
    folder = tmp_path / "new"
    folder.mkdir()
    with template.copied(folder) as url:
        made = Shop(folder / "shop", url, template.tokens)
        made.now = busy.now
        shutil.copy(busy.sandbox, made.sandbox)
        yield made
        made.close()


def moved(old: Shop, new: Shop, folder: str = "export", more: str = "") -> Done:
    ok(old(f"data export all {folder} {more}"))
    return ok(new(f"data import all {folder} -o json"))


def documents(shop: Shop) -> dict[str, object]:
    found: dict[str, object] = {}
    for command in READS:
        noun = command.split()[0]
        names = ""
        if command.endswith("-"):
            prefix, table = {
                "customer": ("cus", "customers"),
                "order": ("ord", "orders"),
                "purchase": ("pur", "purchases"),
                "txn": ("txn", "transactions"),
                "fulfillment": ("ful", "fulfillments"),
                "queue": ("rfq", "refund_queue"),
            }[noun]
            names = "\n".join(f"{prefix}_{row['id']}" for row in shop.sql(f"SELECT id FROM {table} ORDER BY id"))  # noqa: S608
        found[command] = ok(shop(f"{command} -o json", input=names)).json
    return found


@pytest.mark.both_databases
def test_a_moved_shop_shows_the_same_documents(busy: Shop, new: Shop) -> None:
    rows = moved(busy, new).json

    assert documents(new) == documents(busy)
    assert {row["kind"] for row in rows} == set(Base.metadata.tables) - tables.STAYING
    for table in tables.moving():
        columns = ", ".join(c.name for c in table.columns if c.name not in tables.LEFT_EMPTY.get(table.name, ()))
        order = ", ".join(c.name for c in table.primary_key.columns)
        statement = f"SELECT {columns} FROM {table.name} ORDER BY {order}"  # noqa: S608
        assert new.sql(statement) == busy.sql(statement), table.name


def test_a_moved_shop_bills_a_year_as_before(busy: Shop, new: Shop) -> None:
    moved(busy, new)

    bills_a_year_alike(busy, new)


def bills_a_year_alike(*shops: Shop) -> None:
    for day in ("2026-03-28", "2026-06-28", "2026-11-28", "2027-03-28"):
        command, at = "billing run --catch-up all -o json", f"{day}T09:00:00Z"
        billed = [ok(shop(command, at=at, as_="service")).json for shop in shops]
        shown = [sorted((row["id"], row["outcome"], row["amount"]) for row in rows) for rows in billed]
        assert all(rows == shown[0] for rows in shown)
    assert len(shops[-1].sql("SELECT id FROM transactions WHERE occasion = 'run'")) > 12


def test_two_databases_on_one_ledger_pay_once(busy: Shop, new: Shop) -> None:
    moved(busy, new, more="--retire")

    pays_once(busy, new)


def pays_once(busy: Shop, new: Shop) -> None:
    """Four days of cron in both databases on the ledger of the retired one."""
    new.env["CSCTL_GATEWAY_MAIN"] = busy.env["CSCTL_GATEWAY_MAIN"]
    busy.sql("UPDATE payment_methods SET token = 'tok_ok'")
    before = len(new.ledger())

    for day in (3, 4, 5, 20):
        for command in ("txn sync", "queue retry", "billing run", "email send"):
            at = f"2026-03-{day:02}T09:00:00Z"
            assert busy(command, at=at, as_="service").code == 11
            ok(new(command, at=at, as_="service"))

    paid = [(row["kind"], row["amount"], row["result"]) for row in new.ledger()[before:]]
    assert paid.count(("sale", "57.00", "approved")) == 1
    assert len([1 for kind, amount, _ in paid if (kind, amount) == ("refund", "7.00")]) == 3  # declined each day
    assert "retired" in busy("doctor").out


def test_doctor_complains_until_the_source_is_confirmed_retired(busy: Shop, new: Shop) -> None:
    done = moved(busy, new)
    complaint = "not known to be retired"

    assert "may still charge" in done.err
    during = new("doctor")
    assert (during.code, complaint in during.out) == (11, True)
    ok(new("setting set mail-from shop@example.com"))
    settings = new.folder / "new.env"
    settings.write_text("")
    told = new(f"--env-file {settings} doctor").out
    assert "there: csctl data export all DIR --retire" in told
    assert f"here: csctl --env-file {settings} data import all DIR --source-retired" in told
    again = ok(new("data import all export --source-retired -o json"))
    assert {row["created"] for row in again.json} == {0}
    after = new("doctor")
    assert (after.code, complaint in after.out) == (0, False), after.out


def test_a_retired_database_is_read_and_no_longer_changed(busy: Shop) -> None:
    ok(busy("data export all export --retire"))

    ok(busy("order list"))
    for command in ("txn refund txn_1 --yes", "txn refund txn_1 --outside x --yes", "customer note cus_1 hello"):
        done = busy(command)
        assert (done.code, "retired" in done.err) == (11, True), done.err


def test_no_shop_is_exported_while_an_outcome_is_open(busy: Shop) -> None:
    card = make_payment_method(busy, token="tok_timeout_lost")
    sale = make_sale(busy, amount="9.00", payment_method=card)
    assert busy(f"txn refund {sale} --yes").code == 9

    done = busy("data export all export")

    assert done.code == 5
    assert "txn reconcile" in done.err
    assert not Path("export").exists()


def test_a_request_repeated_in_the_new_database_pays_nothing(busy: Shop, new: Shop) -> None:
    moved(busy, new)
    before = len(new.ledger())

    done = ok(new("txn refund txn_1 --amount 10 --request-id key-1 --yes -o json"))

    assert done.json[0]["outcome"] == "refunded"
    assert len(new.ledger()) == before


@pytest.mark.parametrize("trouble", ["changed", "incomplete", "records", "rehearsal"])
def test_what_cannot_be_imported_changes_nothing(busy: Shop, new: Shop, trouble: str) -> None:
    ok(busy("data export all export"))
    if trouble == "changed":
        path = Path("export/transactions.jsonl")
        path.write_text(path.read_text().replace("9000", "9001"))
    elif trouble == "incomplete":
        Path("export/manifest.json").unlink()
    elif trouble == "records":
        make_customer(new)
    else:
        manifest = json.loads(Path("export/manifest.json").read_text())
        Path("export/manifest.json").write_text(json.dumps({**manifest, "rehearsal": False}))

    done = new("data import all export")

    assert done.code == (2 if trouble in ("changed", "incomplete") else 5), done.err
    assert not new.sql("SELECT id FROM orders")


def test_new_records_get_numbers_after_the_old_ones(busy: Shop, new: Shop) -> None:
    new.sql("UPDATE installation SET created_at = '2020-01-01 00:00:00.000000+00:00'")
    new.sql("UPDATE operators SET name = 'boss' WHERE name = 'admin'")  # with a number that another one has
    new.sql("DELETE FROM operators WHERE name <> 'boss'")
    if new.database_url.startswith("sqlite"):
        new.sql("UPDATE sqlite_sequence SET seq = 1 WHERE name = 'operators'")
    moved(busy, new)
    exported = "data export transactions"
    assert new(exported).out == busy(exported).out  # those without an external id are named as before
    highest = busy.sql("SELECT max(id) AS id FROM customers")[0]["id"]

    assert ok(new("customer create --email new@example.com -o json")).json[0]["id"] == f"cus_{highest + 1}"


def test_an_export_is_read_by_its_owner_alone(busy: Shop) -> None:
    ok(busy("data export all export"))

    assert {path.stat().st_mode & 0o077 for path in [Path("export"), *Path("export").iterdir()]} == {0}
    assert "csctl_" not in Path("export/operators.jsonl").read_text()
    assert busy.now == MONDAY
