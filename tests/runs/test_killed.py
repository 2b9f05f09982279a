"""Runs that are killed, at random and at every point of their work, and gone on with: each record once."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from tests.commands.many import make_sales
from tests.payments import dying
from tests.selection import on_sqlite
from tests.shops import Shop

pytestmark = pytest.mark.both_databases

GATEWAYS = ["idempotency=off", "lookup=off"]


def refunds(shop: Shop) -> Counter[str]:
    """How often the gateway returned money, by sale."""
    rows = shop.ledger()
    return Counter(row["parent_ref"] for row in rows if row["kind"] == "refund" and row["result"] == "approved")


def test_refunds_killed_again_and_again_are_each_paid_once(shop: Shop, full: bool) -> None:
    """Parts of the sales, and a gateway that ignores keys: it would not object to paying twice."""
    chance = random.Random(20260302)  # noqa: S311 - the same moments each time
    shop.env["CSCTL_GATEWAY_MAIN"] += "?idempotency=off"
    records, kills = (1000, 10) if full else (100, 4)
    sales = make_sales(shop, records)
    shop.adopt()
    ids = shop.folder / "ids"
    ids.write_text("\n".join(sales))
    words = "txn refund - --amount 5 --yes --no-email --concurrency 8 -o jsonl"
    for _ in range(kills):
        with ids.open() as given:
            process = shop.start(words, stdin=given)
            assert process.stdout
            for _ in range(chance.randrange(1, records // kills - 5)):
                assert process.stdout.readline()
            process.kill()
            process.wait()
        words = "run resume run_1 --yes -o jsonl"
    last = shop(words)
    (run,) = shop("run list -o json").json

    assert last.code == 0
    assert run == {**run, "state": "complete", "total": records, "done": records, "failed": 0}
    assert refunds(shop) == Counter(dict.fromkeys(refunds(shop), 1))
    assert len(refunds(shop)) == records
    assert shop("queue list -o json").json == []
    assert shop("db check").code == 0


@on_sqlite
@pytest.mark.parametrize("gateway", GATEWAYS)
def test_a_run_killed_at_any_point_is_resumed(shop: Shop, gateway: str, full: bool) -> None:
    shop.env["CSCTL_GATEWAY_MAIN"] += f"?{gateway}"
    number = killed = 0
    for point in dying.points(full, GATEWAYS, gateway):
        sales = make_sales(shop, 3)
        shop.adopt()
        died = dying.killed_at(shop, point, f"txn refund {' '.join(sales)} --amount 5 --yes --concurrency 2")
        begun = shop("run list --limit 1 -o json").json
        if begun and begun[0]["id"] != f"run_{number}":
            number += 1
            again = shop(f"run resume run_{number} --yes -o json")
            assert again.code == 0, again.err
            assert shop(f"run show run_{number} -o json").json["done"] == 3
        if not died:
            break
        killed += 1

    assert killed >= (12 if full else 6)
    assert set(refunds(shop).values()) == {1}
    assert len(refunds(shop)) == 3 * number
    assert shop("db check").code == 0


@on_sqlite
def test_an_order_refund_killed_between_void_and_refund_goes_on(shop: Shop, full: bool) -> None:
    """Our books say unsettled, the gateway has settled: a void is refused, and a refund follows."""
    shop.env["CSCTL_GATEWAY_MAIN"] += "?idempotency=off"
    killed = number = 0
    for point in dying.points(full)[:: 1 if full else 3]:
        sales = make_sales(shop, 2)
        shop.adopt()
        shop.sql("UPDATE transactions SET settlement = 'unsettled', settled_at = NULL WHERE kind = 'sale'")
        orders = [shop(f"txn show {sale} -o json").json["order_id"] for sale in sales]
        died = dying.killed_at(shop, point, f"order refund {' '.join(orders)} --yes")
        begun = shop("run list --limit 1 -o json").json
        if begun and begun[0]["id"] != f"run_{number}":
            number += 1
            again = shop(f"run resume run_{number} --yes -o json")
            assert again.code == 0, again.err
        if not died:
            break
        killed += 1

    assert killed >= (12 if full else 4)
    assert set(refunds(shop).values()) == {1}
    assert len(refunds(shop)) == 2 * number
    assert shop("db check").code == 0
