"""A damaged row is reported as that row; every command continues with the others."""

from __future__ import annotations

from sqlalchemy import text

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


def test_damaged_rows_stop_no_command(shop: Shop) -> None:
    healthy = damaged.fill(shop)
    assert len(damaged.poison(shop)) > 100

    crashed = []
    for command in COMMANDS:
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
