"""Many payments in one database transaction: it costs few statements, and one that is refused spoils no other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, event

from tests.commands.many import make_sales
from tests.factories import make_payment_method, make_purchase, number
from tests.refunds.scenes import paid, rebilled
from tests.selection import on_sqlite
from tests.shops import Shop

pytestmark = pytest.mark.both_databases
LATER = "2026-03-02T09:06:00Z"  # a lease is over


@contextmanager
def refused(shop: Shop, backend: str, order: int, table: str = "history") -> Iterator[None]:
    """The database refuses each new row of the table that is about this order."""
    if backend == "sqlite":
        shop.sql(
            f"CREATE TRIGGER poison BEFORE INSERT ON {table} WHEN new.order_id = {order}"
            " BEGIN SELECT raise(ABORT, 'poison'); END"
        )
    else:
        shop.sql(
            "CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$BEGIN IF new.order_id = {order} THEN RAISE check_violation; END IF; RETURN new; END$$"
        )
        shop.sql(f"CREATE TRIGGER poison BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION poison()")
    yield
    shop.sql("DROP TRIGGER poison" if backend == "sqlite" else "DROP FUNCTION poison CASCADE")


def test_of_32_answers_the_31_that_the_database_takes_are_recorded(shop: Shop, backend: str) -> None:
    sales = make_sales(shop, 32)
    shop.adopt()
    with refused(shop, backend, 7):
        done = shop(f"txn refund {' '.join(sales)} --yes --concurrency 32 -o json")
    (lost,) = [row for row in done.json if row["outcome"] != "refunded"]

    assert done.code == 3
    assert (lost["id"], lost["outcome"]) == (sales[6], "unknown")
    assert lost["error"]["fix"] == f"csctl txn reconcile {lost['transaction_id']}"
    assert shop("txn reconcile", at=LATER).code == 0
    assert len(paid(shop)) == 32
    assert shop("email list --all -o json").json == shop("email list --all --kind refund -o json").json
    assert len(shop("email list --all -o json").json) == 32
    assert shop("db check").code == 0


def test_an_intent_that_the_database_refuses_leaves_the_others_of_its_window_together(shop: Shop, backend: str) -> None:
    sales = make_sales(shop, 32)
    shop.adopt()
    with refused(shop, backend, 7, "transactions"), counted(backend) as transactions:
        done = shop(f"txn refund {' '.join(sales)} --yes --concurrency 32 -o json")
    inserting = [one for one in transactions if any(text.startswith("INSERT INTO transactions") for text in one)]

    assert done.code == 3
    assert [row["id"] for row in done.json if row["outcome"] != "refunded"] == [sales[6]]
    assert len(paid(shop)) == 31
    assert len(inserting) == 6 + 5  # refused: 32, 16, 8, 4, 2, 1 of them; kept: the other half each time


def test_every_part_of_an_order_is_returned_beside_an_order_that_the_database_refuses(shop: Shop, backend: str) -> None:
    (order, sales), (other, _) = rebilled(shop), rebilled(shop)
    with refused(shop, backend, number(other)):
        done = shop(f"order refund {order} {other} --all-cycles --yes --concurrency 2 -o json")

    assert done.code == 3
    assert [row["outcome"] for row in done.json if row["id"] == order] == ["refunded"] * len(sales)
    assert shop("db check").code == 0


def test_of_two_refunds_in_a_window_that_are_above_the_limit_of_the_day_together_one_is_made(shop: Shop) -> None:
    sales = make_sales(shop, 2)
    shop.adopt()
    shop("setting set agent-daily-limit '19.99 USD'")
    done = shop(f"txn refund {' '.join(sales)} --yes --concurrency 2 -o json", as_="agent")

    assert (done.code, sorted(row["outcome"] for row in done.json)) == (3, ["refunded", "refused"])
    assert len(paid(shop)) == 1


@on_sqlite
def test_two_refunds_of_a_sale_in_a_window_add_up(shop: Shop) -> None:
    (sale,) = make_sales(shop, 1, token="tok_refund_declined_2")
    shop.adopt()
    for amount in (5, 6):
        assert shop(f"txn refund {sale} --amount {amount} --yes").code == 12
    done = shop("queue retry --concurrency 2", at="2026-03-03T09:00:00Z")

    assert done.code == 0, done.err
    assert shop(f"txn show {sale} -o json").json["refunded"] == "11.00"
    assert shop("db check").code == 0


def test_a_window_of_32_costs_as_many_statements_as_one_of_4(shop: Shop, backend: str) -> None:
    small, large = make_sales(shop, 4), make_sales(shop, 32)
    shop.adopt()
    few, many = (
        statements(shop, backend, f"txn refund {' '.join(sales)} --yes --concurrency 32") for sales in (small, large)
    )

    assert many == few


def test_a_window_of_16_charges_reads_with_as_many_statements_as_one_of_4(shop: Shop, backend: str) -> None:
    method = make_payment_method(shop)
    counts = []
    for due in (4, 16):
        for _ in range(due):
            make_purchase(shop, payment_method=method, status="active", next_bill_on="2026-03-02", interval="month")
        counts.append(statements(shop, backend, "billing run --concurrency 16", begin_with="SELECT"))

    assert counts[0] == counts[1]


@on_sqlite
def test_a_statement_names_no_more_ids_than_a_database_takes(shop: Shop) -> None:
    most = 0

    def note(_connection: Any, _cursor: Any, _statement: str, given: Any, *_: Any) -> None:
        nonlocal most
        most = max(most, len(given))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        done = shop("txn sync - --fail-fast", input="\n".join(f"txn_{number}" for number in range(1, 1200)))
    finally:
        event.remove(Engine, "before_cursor_execute", note)

    assert done.code == 4
    assert 100 < most <= 1000


def statements(shop: Shop, backend: str, words: str, begin_with: str = "") -> int:
    """The most that one transaction of a command sends."""
    with counted(backend) as transactions:
        assert shop(words).code == 0
    return max(sum(number for text, number in one.items() if text.startswith(begin_with)) for one in transactions)


@contextmanager
def counted(backend: str) -> Iterator[list[Counter[str]]]:
    """The statements of each transaction. SQLite gives ids to new attempts one by one: these count as one."""
    counts: list[Counter[str]] = [Counter()]

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        numbered = backend == "sqlite" and statement.startswith("INSERT INTO transactions")
        counts[-1][statement] = 1 if numbered else counts[-1][statement] + 1

    def begin(_connection: Any) -> None:
        counts.append(Counter())

    event.listen(Engine, "before_cursor_execute", note)
    event.listen(Engine, "begin", begin)
    try:
        yield counts
    finally:
        event.remove(Engine, "before_cursor_execute", note)
        event.remove(Engine, "begin", begin)
