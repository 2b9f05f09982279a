"""A damaged row is reported as that row; every command continues with the others."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from csctl.domain.permissions import PERMISSIONS
from tests.administration.command_tree import leaves
from tests.factories import make_sale, number
from tests.shops import Shop
from tests.trust import damaged

COMMANDS = (
    "customer search doe --all",
    "customer history healthy@example.com",
    "customer show {customer}",
    "customer export {customer}",
    "order list --all",
    "order show {order}",
    "purchase list --all",
    "txn list --all",
    "txn show {sale}",
    "fulfillment list --all",
    "fulfillment show {fulfillment}",
    "queue list --state any",
    "queue stats",
    "email list --all",
    "run list --all",
    "approval list --all",
    "customer payment-method list {customer}",
    "customer payment-method list --expiring 3y",
    "txn list --disputed",
    "report refunds --by reason --html report.html",
    "gateway check main",
    "txn reconcile --against main",
    "data export queue",
    "data export all moved",
    "approval show apr_1",
    "gateway list",
    "report refunds",
    "audit list --all",
    "blacklist check --customer {customer}",
    "doctor",
    "db check",
    "txn reconcile --yes",
    "txn sync --yes",
    "queue retry --yes",
    "billing run --yes",
    "email send --yes",
    "data export customers",
    "data export orders",
    "data export purchases",
    "data export transactions",
    "data export payment-methods",
    "data export fulfillments",
)
# Of a record that is not damaged, beside those that are. `run resume` takes another command line.
DRY_RUNS = (
    "approval deny apr_1 --reason late",
    "approval grant apr_1",
    "approval withdraw apr_1",
    "audit seal",
    "audit verify",
    "blacklist add --customer {customer} --reason fraud --cancel-purchases",
    "blacklist list",
    "blacklist remove bli_1",
    "customer call {customer}",
    "customer create --first-name Ann --email ann@example.com",
    "customer edit {customer} --phone +12175550177",
    "customer edit-note his_1 later",
    "customer erase {customer}",
    "customer merge {customer} cus_2",
    "customer note {customer} later",
    "customer payment-method default pm_2",
    "customer payment-method disable pm_2",
    "db repair",
    "db status",
    "email preview refund",
    "email show eml_1",
    "fulfillment cancel {fulfillment}",
    "fulfillment deliver {fulfillment}",
    "fulfillment fail {fulfillment}",
    "fulfillment hold {fulfillment}",
    "fulfillment release {fulfillment}",
    "fulfillment reship {fulfillment}",
    "fulfillment return {fulfillment}",
    "fulfillment ship {fulfillment} --carrier UPS --tracking 1Z",
    "gateway accept main",
    "operator create ann --role agent",
    "operator disable agent",
    "operator enable agent",
    "operator list",
    "operator rotate-token agent",
    "operator set-role agent admin",
    "order cancel {order}",
    "order create --customer {customer} --item {price}",
    "order edit {order} --shipping-city Bonn",
    "order refund {order} --all-cycles",
    "order rerun {order}",
    "order resend-email {order}",
    "order search doe",
    "product list",
    "product show {product}",
    "product edit {product} --name Tea",
    "product retire {product}",
    "product create --sku NEW --name New",
    "product option add {product} large --name Large",
    "product price add {product} --code NEW --amount 1 --currency USD",
    "purchase billing-date {purchase} 2026-05-01",
    "purchase billing-owner {purchase} other",
    "purchase cancel {purchase}",
    "purchase force-bill {purchase}",
    "purchase option {purchase} default",
    "purchase pause {purchase} --until 2026-05-01",
    "purchase payment-method {purchase} pm_1",
    "purchase price {purchase} {price}",
    "purchase quantity {purchase} --quantity 2 --unit-price 3",
    "purchase reactivate {purchase}",
    "purchase resume {purchase}",
    "purchase show {purchase}",
    "purchase trial restart {purchase}",
    "purchase trial skip {purchase}",
    "purchase trial stop {purchase}",
    "queue notify add ann@example.com",
    "queue notify list",
    "queue notify remove ann@example.com",
    "queue remove rfq_1 --reason late",
    "queue requeue rfq_1",
    "queue resolve rfq_1 --reference cheque",
    "queue show rfq_1",
    "run show run_1",
    "run resume run_1",
    "sandbox ledger",
    "sandbox adopt",
    "setting list",
    "setting set country DE",
    "setting unset country",
    "txn dispute {sale}",
    "txn refund {sale}",
    "txn resend-email {sale}",
    "txn void {sale}",
    "whoami",
)
# They read files or the schema, or replace the ledger.
_NOT_HERE = ("db grants", "db upgrade", "data import", "sandbox reset", "customer payment-method retoken")
_CHANGES = [leaf.path for leaf in leaves() if any(param.name == "dry_run" for param in leaf.command.params)]


def dry_run(command: str) -> str:
    """The command line, with --dry-run if it changes something."""
    return f"{command} --dry-run" if any(command.startswith(f"{path} ") for path in _CHANGES) else command


def test_every_command_meets_damaged_rows() -> None:
    run = [path for path in PERMISSIONS if any(f"{line} ".startswith(f"{path} ") for line in (*COMMANDS, *DRY_RUNS))]

    assert {*run, *_NOT_HERE} == {*PERMISSIONS}


@pytest.mark.parametrize(
    "commands", [COMMANDS, pytest.param(tuple(map(dry_run, DRY_RUNS)), marks=pytest.mark.full)], ids=["read", "change"]
)
def test_damaged_rows_stop_no_command(shop: Shop, commands: tuple[str, ...]) -> None:
    healthy = damaged.fill(shop)
    assert len(damaged.poison(shop)) > 100

    crashed = []
    for command in commands:
        done = shop(f"{command.format(**healthy)} --debug")
        if done.code == 1:
            crashed.append(f"{command}: {done.err[-900:]}")

    assert not crashed, "\n".join(crashed)


def test_a_damaged_row_is_named_and_the_others_are_shown(shop: Shop) -> None:
    healthy, broken = make_sale(shop, adopt=False), make_sale(shop, adopt=False)
    with damaged.unchecked(shop) as connection:
        connection.execute(text("UPDATE transactions SET currency = 'ZZZ' WHERE id = :id"), {"id": number(broken)})

    done = shop("txn list -o json")
    exported = shop("data export transactions")

    assert done.code == exported.code == 5
    assert {row["id"]: row["amount"] for row in done.json} == {healthy: "19.99", broken: None}
    assert f"{broken} is damaged" in done.err
    assert len(exported.out.splitlines()) == 2, "the header and the healthy one"


def test_an_unknown_state_is_shown_as_it_is_and_decides_nothing(shop: Shop) -> None:
    sale = make_sale(shop, adopt=False)
    with damaged.unchecked(shop) as connection:
        connection.execute(text("UPDATE transactions SET state = 'nonsense'"))

    shown = shop(f"txn show {sale} -o json")
    refunded = shop(f"txn refund {sale} --yes -o json")

    assert shown.code in (0, 5)
    assert refunded.code == 5
    assert shop.sql("SELECT refunded, reserved FROM transactions") == [{"refunded": 0, "reserved": 0}]
