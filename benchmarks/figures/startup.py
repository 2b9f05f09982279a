"""How soon a command answers, next to Python with the libraries that anybody would use for it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping

from benchmarks.figure import CSCTL, Bench, Result, alternately

# What a person would write to see a customer with orders and transactions: the ORM, tabulate, and no more.
_MINIMAL = """
import sys
from sqlalchemy import ForeignKey, create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from tabulate import tabulate
class Base(DeclarativeBase): pass
class Customer(Base):
    __tablename__ = "customers"
    id: Mapped[int] = mapped_column(primary_key=True)
    first_name: Mapped[str]; last_name: Mapped[str]; email: Mapped[str]; phone: Mapped[str]
class Order(Base):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    status: Mapped[str]; total: Mapped[int]; currency: Mapped[str]
class Transaction(Base):
    __tablename__ = "transactions"
    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"))
    kind: Mapped[str]; state: Mapped[str]; amount: Mapped[int]; currency: Mapped[str]
with Session(create_engine(sys.argv[1])) as session:
    customer = session.get(Customer, 1)
    print(tabulate([[customer.id, customer.first_name, customer.last_name, customer.email, customer.phone]]))
    orders = session.scalars(select(Order).where(Order.customer_id == 1)).all()
    print(tabulate([[order.id, order.status, order.total, order.currency] for order in orders]))
    found = session.scalars(select(Transaction).where(Transaction.order_id.in_([order.id for order in orders])))
    print(tabulate([[one.id, one.kind, one.state, one.amount, one.currency] for one in found]))
"""


def measure(bench: Bench) -> Iterator[Result]:
    click = [sys.executable, "-c", "import click"]
    cases: tuple[tuple[str, list[str], dict[str, str]], ...] = (
        ("csctl --version", ["--version"], {}),
        ("csctl --help", ["--help"], {}),
        ("csctl txn <TAB>", [], {"_CSCTL_COMPLETE": "bash_complete", "COMP_WORDS": "csctl txn ", "COMP_CWORD": "2"}),
    )
    for name, words, env in cases:
        ours, other = alternately(_runs([CSCTL, *words], {**bench.env, **env}), _runs(click, bench.env))
        yield Result(name, ours, other, instead="python -c 'import click'", goal="at most 1.4")
    ours, other = alternately(
        _runs([CSCTL, "customer", "show", "cus_1"], bench.env),
        _runs([sys.executable, "-c", _MINIMAL, bench.url], bench.env),
    )
    yield Result("csctl customer show", ours, other, instead="a script with ORM and tabulate", goal="at most 1.4")


def _runs(words: list[str], env: Mapping[str, str]) -> Callable[[], object]:
    return lambda: subprocess.run(words, env=env, stdout=subprocess.DEVNULL, check=True)  # noqa: S603 - our own words
