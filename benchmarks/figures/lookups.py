"""How long the database takes to show a record or a list, in a process that is running."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.figure import Bench, Result, opened, waited_for
from csctl.app import App
from csctl.results import Amounts, Paging
from csctl.services.views import orders, profile, queue, transactions
from csctl.services.views.transactions import Filters

_PAGE = Paging(50)


def measure(bench: Bench) -> Iterator[Result]:
    number = bench.rows * 7 // 10
    looks: dict[str, Callable[[App], Any]] = {
        "customer show": lambda app: profile.of_customer(app, f"cus_{number}"),
        "order show": lambda app: orders.show(app, number),
        "txn show": lambda app: transactions.show(app, number),
        "txn list": lambda app: list(transactions.listing(app, _PAGE, Filters())),
        "txn list --customer": lambda app: list(transactions.listing(app, _PAGE, Filters(customer_id=(number,)))),
        "txn list --state declined": lambda app: list(transactions.listing(app, _PAGE, Filters(state=("declined",)))),
        "txn list --min-amount 200": lambda app: list(
            transactions.listing(app, _PAGE, Filters(amounts=Amounts(min_amount="200")))
        ),
        "queue list": lambda app: list(queue.listing(app, _PAGE)),
    }
    with opened(bench, "customer show") as app:
        for name, look in looks.items():
            yield Result(name, waited_for(app.engine, lambda look=look: look(app)), goal="at most 25 ms")  # type: ignore[misc]
