"""Which rows each command holds, on PostgreSQL: a lock that is gone from the code is missing here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from sqlalchemy import Engine, event

from tests.factories import make_customer, make_order, make_price, make_sale
from tests.gateways.ledgers.nmi import NmiLedger
from tests.gateways.worlds import nmi_world
from tests.runs.scenes import SCENES, Scene
from tests.selection import on_postgresql
from tests.shops import Shop

# The table that a statement locks, and how: the first one that it reads.
_LOCKING = re.compile(r"\bFROM (\w+)\b.* FOR (?:NO KEY )?UPDATE(?: OF \w+)?( SKIP LOCKED)?\s*$", re.DOTALL)


def _disputed(shop: Shop) -> str:
    sale = make_sale(shop, token="tok_refund_declined")
    shop(f"txn refund {sale} --yes")
    shop(f"txn dispute {sale} --yes")
    return f"{sale} --lost"


def _recorded(shop: Shop) -> str:
    sale = make_sale(shop)
    shop(f"txn refund {sale} --outside cheque --yes")
    return f"{sale} --undo-outside"


def _said_again(shop: Shop) -> str:
    """A request id that was used for something of which nothing came."""
    assert shop(f"txn refund {make_sale(shop)} --amount 50 --request-id r1 --yes").code == 5
    return f"{make_sale(shop)} --request-id r1"


def _by_agent(shop: Shop) -> str:
    shop("setting unset agent-refund-limit")
    shop("setting set agent-daily-limit '900 USD'")
    return make_sale(shop)


def _customers(shop: Shop) -> str:
    make_customer(shop, external_id="C7")
    file = shop.folder / "customers.csv"
    file.write_text("external_id,first_name\nC7,Joan\n")
    return f"customers {file} --update"


def _products(shop: Shop) -> str:
    code = make_price(shop, "P1")
    file = shop.folder / "products.csv"
    file.write_text(f"sku,name,option,price,amount,currency\nsku-{code},Tea,default,{code},9.00,USD\n")
    return f"products {file} --update"


def _transactions(shop: Shop) -> str:
    make_order(shop, external_id="O1")
    file = shop.folder / "transactions.csv"
    file.write_text("external_id,order,kind,state,amount,currency,gateway\nT1,O1,sale,approved,9.00,USD,main\n")
    return f"transactions {file}"


def _stopped(shop: Shop) -> str:
    """A run of which a record is left."""
    sales = " ".join(make_sale(shop, token=token) for token in ("tok_refund_declined", "tok_ok"))
    shop(f"txn refund {sales} --fail-fast --yes")
    return str(shop("run list -o json").json[0]["id"])


def _administrator(shop: Shop) -> str:
    shop("operator create bob --role admin")
    return "bob"


# Where a command locks in several ways: what follows its words, under a name of its own.
_SCENES: dict[str, Scene] = {
    **SCENES,
    "order cancel: with its money": lambda shop: f"{SCENES['order refund'](shop)} --refund",
    "txn dispute: lost": _disputed,
    "txn refund: by an agent": _by_agent,
    "txn refund: outside, taken back": _recorded,
    "txn refund: the same request id": _said_again,
    "run resume: after a failure": _stopped,
    "operator disable: an administrator": _administrator,
    "data import: customers that are there": _customers,
    "data import: products that are there": _products,
    "data import: transactions of an order": _transactions,
}
# In order, the tables of which a command locks rows. What moves money locks orders, purchases, transactions, items of
# the queue, always in this order: so no two wait for each other.
LOCKS = {
    "customer edit": "customers",
    "customer erase": "customers, orders, purchases, transactions",
    "customer payment-method default": "customers, payment_methods",
    "order create": "orders, transactions, refund_queue, customers, emails that are free",
    "order cancel": "orders",
    "order cancel: with its money": "orders, transactions, refund_queue, emails that are free",
    "order refund": "orders, transactions, refund_queue, emails that are free",
    "order rerun": "orders, transactions, refund_queue, emails that are free",
    "purchase pause": "orders, purchases",
    "purchase force-bill": "orders, purchases, transactions, refund_queue",
    "billing run": "orders, purchases, transactions, refund_queue",
    "txn refund": "orders, transactions, refund_queue, emails that are free",
    "txn refund: by an agent": "orders, transactions, refund_queue, operators, emails that are free",
    "txn refund: outside, taken back": "orders, transactions",
    "txn refund: the same request id": "requests, orders, transactions, refund_queue, emails that are free",
    "txn reconcile": "orders, transactions, refund_queue, emails that are free",
    "txn sync": "orders, transactions, refund_queue",
    "txn dispute": "orders, transactions",
    "txn dispute: lost": "orders, transactions, refund_queue",
    "approval deny": "orders, transactions",
    "approval grant": "orders, transactions, refund_queue, emails that are free",
    "queue retry": "orders, transactions, refund_queue",
    "queue remove": "orders, transactions, refund_queue",
    "fulfillment hold": "orders, fulfillments",
    "run resume: after a failure": "runs, orders, transactions, refund_queue, emails that are free",
    "email send": "emails that are free",
    "operator disable: an administrator": "operators",
    "data import: customers that are there": "customers",
    "data import: products that are there": "price_points",
    "data import: transactions of an order": "orders, transactions",
}


@on_postgresql
def test_each_command_holds_the_rows_that_it_decides_on(shop: Shop) -> None:
    assert {name: locked(shop, name, _SCENES[name]) for name in LOCKS} == LOCKS


def locked(shop: Shop, name: str, scene: Scene) -> str:
    """The tables of which a command locks rows, each once, in the order of the first lock."""
    given = scene(shop)
    with locks() as seen:
        done = shop(f"{name.partition(':')[0]} {given} --yes", as_="agent" if "agent" in name else "admin")
    assert done.code in (0, 9, 12), f"{name}: {done.err}"
    return ", ".join(dict.fromkeys(seen))


@contextmanager
def locks() -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if match := _LOCKING.search(statement):
            seen.append(match[1] + (" that are free" if match[2] else ""))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", note)


@on_postgresql
def test_an_import_holds_the_sales_that_its_refunds_belong_to(shop: Shop) -> None:
    """The sale of an order, that of a refund which is updated, and each time the rows of the file itself."""
    make_order(shop, external_id="O1")
    columns = "external_id,order,kind,state,amount,currency,gateway"
    sale, refund = "S1,O1,sale,approved,9.00,USD,main", "R1,O1,refund,approved,9.00,USD,main"

    def held(*rows: str) -> int:
        file = shop.folder / "transactions.csv"
        file.write_text("\n".join((*rows, "")))
        with locks() as seen:
            done = shop(f"data import transactions {file} --update --yes -o json")
        assert done.code == 0, done.err
        return seen.count("transactions")

    assert held(columns, sale) == 1
    assert held(columns, refund) == 2
    assert held("external_id,settled_at", "R1,2026-03-01") == 2


@on_postgresql
def test_a_refund_that_was_not_attempted_for_days_is_held_while_it_is_reported(shop: Shop) -> None:
    shop(f"txn refund {make_sale(shop, token='tok_unreachable')} --yes")
    shop("setting set unattempted-days 1")

    with locks() as seen:
        shop("queue retry", at="2026-03-06T09:00:00Z")

    assert [table for table in seen if not table.startswith("emails")][-2:] == ["orders", "refund_queue"]


@on_postgresql
def test_a_queued_refund_that_was_made_by_hand_is_held_while_it_leaves_the_queue(shop: Shop) -> None:
    """Its sale alone is named when the gateway reports the refund."""
    with NmiLedger() as ledger:
        world = nmi_world(shop, ledger)
        sale, reference = world.sale()
        world.decline()
        shop(f"txn refund {sale} --yes")
        world.refund_outside(reference, "20.00")
        world.later(timedelta(days=1))
        with locks() as seen:
            shop("txn sync")

        assert shop("queue list -o json").json == []
        assert seen == ["orders", "transactions", "refund_queue", "refund_queue"]
