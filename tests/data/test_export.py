"""Files that csctl writes can be imported again, here and elsewhere."""

from __future__ import annotations

import csv
import io
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from csctl.domain.record_kinds import KINDS
from csctl.services.administration import schema
from csctl.settings import Settings
from tests.data.files import CUSTOMER, METHOD, ORDER, PRICE, PURCHASE, QUEUED, SALE, bring_all, counts
from tests.factories import make_customer, make_sale
from tests.running import Done
from tests.shops import Shop

Elsewhere = Callable[..., Done]
REFUND = {**SALE, "external_id": "t2", "kind": "refund", "parent": "t1", "amount": "5.00", "settlement": ""}
PENDING = {**SALE, "external_id": "t3", "settlement": "unsettled", "gateway_ref": "4242424242424242"}
ANSWERED = {"gateway_code": "1", "gateway_request_id": "req_1", "network_ref": "411111111111111"}


@pytest.fixture
def stocked(shop: Shop) -> Shop:
    """A shop with a few records of each kind."""
    bring_all(
        shop,
        "customers",
        {**CUSTOMER, "phone": "+12175550100", "shipping_country": "FR", "last_name": "=1+1"},
        {"external_id": "c2", "first_name": "'=tis", "last_name": "-Doe", "phone": "12-34"},
    )
    bring_all(shop, "payment-methods", {**METHOD, "bin": "042424", "default": "true", "exp_year": "2031"})
    bring_all(shop, "products", {**PRICE, "trial_days": "7"}, {**PRICE, "price": "once", "interval": ""})
    bring_all(shop, "orders", ORDER, {**ORDER, "external_id": "o2", "status": "cancelled", "currency": "JPY"})
    subscription = {"price": "tea-monthly", "status": "active", "next_bill_on": "2026-02-28", "cycle": "3"}
    bring_all(shop, "purchases", PURCHASE, {**PURCHASE, "external_id": "p2", "quantity": "2", **subscription})
    bring_all(shop, "transactions", {**SALE, **ANSWERED, "payment_method": "m1", "purchase": "p2"}, REFUND, PENDING)
    bring_all(
        shop, "fulfillments", {"external_id": "f1", "order": "o1", "status": "shipped", "shipped_at": "2026-02-01"}
    )
    bring_all(shop, "queue", {**QUEUED, "reason": "bank said no", "attempts": "1"})
    return shop


@pytest.fixture(scope="module")
def initialized(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A database, and the token of its administrator."""
    file = tmp_path_factory.mktemp("initialized") / "elsewhere.db"
    made = schema.init(Settings(database_url=f"sqlite:///{file}"), "jane", rehearsal=True)
    return file, str(made.token)


@pytest.fixture
def elsewhere(stocked: Shop, initialized: tuple[Path, str], tmp_path: Path) -> Elsewhere:
    """Another, empty shop."""
    file, token = initialized
    url = f"sqlite:///{shutil.copy(file, tmp_path)}"
    return lambda words: stocked(words, env={"CSCTL_DATABASE_URL": url, "CSCTL_TOKEN": token})


def exported(shop: Shop, kind: str, format: str, more: str = "") -> Path:
    done = shop(f"data export {kind} -o {format} {more}")
    assert done.code == 0, done.err
    path = Path(f"{kind}.export.{format}")
    path.write_bytes(done.out.encode())
    return path


@pytest.mark.parametrize("format", ["csv", "jsonl"])
def test_an_export_imported_again_changes_nothing(stocked: Shop, format: str) -> None:
    for kind in KINDS:
        path = exported(stocked, kind, format)

        done = stocked(f"data import {kind} {path} -o json --update")

        assert set(counts(done)) == {"unchanged"}, (kind, done.err)


@pytest.mark.parametrize("format", ["csv", "jsonl"])
def test_an_export_makes_the_same_records_elsewhere(stocked: Shop, elsewhere: Elsewhere, format: str) -> None:
    for kind in KINDS:
        before = exported(stocked, kind, format, "--with-tokens" if kind == "payment-methods" else "").read_text()

        done = elsewhere(f"data import {kind} {kind}.export.{format} -o json")
        after = elsewhere(
            f"data export {kind} -o {format}" + (" --with-tokens" if kind == "payment-methods" else "")
        ).out

        assert set(counts(done)) == {"created"}, (kind, done.err)
        assert after == before
    assert elsewhere("db check").code == 0


def test_what_csctl_made_itself_is_known_again_here_and_made_elsewhere(stocked: Shop, elsewhere: Elsewhere) -> None:
    """In each state that an export can have."""
    words = {
        make_sale(stocked, amount="10.00"): {"txn refund {} --amount 4 --yes": 0, "txn refund {} --outside 7 --yes": 0},
        make_sale(stocked, settled=False): {"txn void {} --yes": 0},
        make_sale(stocked, token="tok_refund_declined"): {
            "txn refund {} --amount 1 --yes": 12,
            "txn refund {} --amount 2 --yes": 12,
            "queue resolve rfq_2 --reference 8 --yes": 0,
        },
        make_sale(stocked, token="tok_pending"): {"txn refund {} --amount 1 --yes": 0},
        make_sale(stocked, token="tok_timeout_lost"): {"txn refund {} --amount 1 --yes": 9},
        make_sale(stocked): {"txn dispute {} --yes": 0},
        make_sale(stocked, amount="9.00"): {"txn dispute {} --yes": 0, "txn dispute {} --lost --amount 5 --yes": 0},
    }
    for sale, commands in words.items():
        assert [stocked(command.format(sale)).code for command in commands] == list(commands.values())

    for kind in KINDS:
        path = exported(stocked, kind, "csv", "--with-tokens" if kind == "payment-methods" else "")
        here = stocked(f"data import {kind} {path} -o json")
        there = elsewhere(f"data import {kind} {path} -o json")

        assert set(counts(here)) == {"unchanged"}, (kind, here.err)
        assert "differ" not in here.err
        assert set(counts(there)) == {"created"}, (kind, there.err)
        written = elsewhere(f"data export {kind} {'--with-tokens' if kind == 'payment-methods' else ''}").out
        assert sorted(written.splitlines()) == sorted(path.read_text().splitlines())
    refunded = "SELECT sum(refunded) AS total FROM transactions"
    assert [int(row["total"]) for row in stocked.sql(refunded)] == [500 + 1000 + 100 + 500]
    assert elsewhere("db check").code == 0

    mark = next(iter(re.findall(r"@[0-9]{20}", Path("transactions.export.csv").read_text())))
    own = elsewhere("customer create --email own@example.com -o json").json[0]["id"]
    Path("c.csv").write_text(f"external_id,email\n{own}{mark},other@example.com\n")
    assert counts(elsewhere("data import customers c.csv -o json")) == {"created": 1}  # of the same number here


def test_a_csv_export_holds_no_formulas_and_keeps_the_fields_of_an_import(stocked: Shop) -> None:
    rows = list(csv.DictReader(io.StringIO(stocked("data export customers").out)))

    assert tuple(rows[0]) == KINDS["customers"].fields
    assert [row["last_name"] for row in rows] == ["'=1+1", "'-Doe"]
    assert rows[0]["phone"] == "+12175550100"


def test_tokens_stay_here_unless_they_are_asked_for(stocked: Shop) -> None:
    assert "tok_ok" not in stocked("data export payment-methods -o jsonl").out
    assert "tok_ok" in stocked("data export payment-methods -o jsonl --with-tokens").out


def test_fields_of_another_kind_are_refused(stocked: Shop) -> None:
    done = stocked("data export customers --fields email,tracking")

    assert done.code == 2
    assert "tracking" in done.err
    assert stocked("data export customers --fields email").out == 'email\nzoe@example.com\n""\n'


def test_an_export_has_all_records_oldest_first(shop: Shop) -> None:
    rows = [{**CUSTOMER, "external_id": f"c{number}"} for number in range(1_001)]
    bring_all(shop, "customers", *rows)
    make_customer(shop)

    found = shop("data export customers -o jsonl").rows

    assert [row["external_id"] for row in found[:1_001]] == [row["external_id"] for row in rows]
    assert len(found) == 1_002


def test_an_empty_table_is_a_header(shop: Shop) -> None:
    assert shop("data export fulfillments").out == ",".join(KINDS["fulfillments"].fields) + "\n"
    assert shop("data export fulfillments -o json").json == []
