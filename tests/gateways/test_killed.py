"""A csctl that is killed between sending and answer: once cron has run, all happened once, at the gateway and in the
books.
"""

from __future__ import annotations

import itertools
import os
import signal
from datetime import timedelta

import pytest

from csctl.domain.states import Kind
from csctl.gateways.conformance.server import Fault
from tests.factories import make_notify_email, make_payment_method, make_purchase, make_sale
from tests.gateways.conftest import WORLDS
from tests.gateways.worlds import World

CRON = ("txn sync", "txn reconcile", "queue retry", "billing run")
_OPEN = """
    SELECT id FROM transactions WHERE state NOT IN ('approved', 'declined', 'failed')
    UNION ALL SELECT id FROM refund_queue WHERE state IN ('queued', 'in_progress')
    UNION ALL SELECT id FROM purchases WHERE next_bill_on <= :today
"""
# A quick run takes each operation of each gateway once: whether it was done, and the database.
_QUICK = {
    ("nmi", "refund"): (True, "sqlite"),
    ("nmi", "void"): (False, "postgresql"),
    ("nmi", "charge"): (True, "sqlite"),
    ("authorizenet", "refund"): (False, "sqlite"),
    ("authorizenet", "void"): (True, "sqlite"),
    ("authorizenet", "charge"): (False, "postgresql"),
    ("stripe", "refund"): (True, "postgresql"),
    ("stripe", "void"): (False, "sqlite"),
    ("stripe", "charge"): (False, "sqlite"),
}
_ALL = [
    pytest.param(*place, done, backend, marks=() if _QUICK[place] == (done, backend) else pytest.mark.full)
    for place in itertools.product(WORLDS, ("refund", "void", "charge"))
    for done, backend in itertools.product((True, False), ("sqlite", "postgresql"))
]


def refund(world: World) -> str:
    sale, _ = world.sale()
    return f"txn refund {sale} --amount 8.00 --yes"


def void(world: World) -> str:
    """Of a sale that has not settled; at Stripe, which voids no sale, of an authorization."""
    if world.voids:
        sale, _ = world.sale(settled=False)
        return f"order refund {world.shop(f'txn show {sale} -o json').json['order_id']} --yes"
    method = make_payment_method(world.shop, token=world.token)
    held = world.sell("20.00", type="auth")
    sale = make_sale(
        world.shop, "20.00", settled=False, adopt=False, gateway_ref=held, payment_method=method, kind=Kind.AUTHORIZE
    )
    return f"txn void {sale} --yes"


def charge(world: World) -> str:
    method = make_payment_method(world.shop, token=world.token)
    today = world.shop.now[:10]
    make_purchase(world.shop, payment_method=method, status="active", interval="month", next_bill_on=today)
    return "billing run"


@pytest.mark.both_databases
@pytest.mark.parametrize(("world", "operation", "done", "backend"), _ALL, indirect=["world", "backend"])
def test_what_a_killed_process_had_sent_happens_once(world: World, operation: str, done: bool) -> None:
    make_notify_email(world.shop)
    words = {"refund": refund, "void": void, "charge": charge}[operation](world)
    world.shop("txn sync", as_="service")
    process = world.shop.start(words)
    world.ledger.fail_next(Fault(effect=done, cut=0, hook=lambda: os.kill(process.pid, signal.SIGKILL)))
    process.wait(60)
    assert process.returncode == -signal.SIGKILL

    for _ in range(4):
        world.later(timedelta(days=1))
        assert {world.shop(line, as_="service").code for line in CRON} <= {0, 9}
        if not world.shop.sql(_OPEN, today=world.shop.now[:10]):
            break
    if "txn void" in words and not done:  # a person repeats it
        assert world.shop(words).code == 0

    assert world.shop.sql(_OPEN, today=world.shop.now[:10]) == []
    assert len(world.ledger.written()) == (1 if done else 2)
    moved = world.shop.sql("SELECT kind FROM transactions WHERE state = 'approved' AND key IS NOT NULL")
    assert len(moved) == 1
    agreed = world.shop("txn reconcile --against main -o json")
    assert (agreed.code, agreed.json) == (0, [])
