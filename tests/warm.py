"""What the host of a test run does before it forks: csctl at work, so that its statements and templates are compiled.

SQLAlchemy compiles a statement when it is first executed, jinja2 a template when it is first rendered. A fork would do
that again and again; here it is done once for each kind of database.
"""

from __future__ import annotations

import os
import tempfile
import threading
from pathlib import Path

import pytest

from tests.databases import Template
from tests.factories import make_customer, make_notify_email, make_payment_method, make_price, make_sale
from tests.shops import Shop

TUESDAY = "2026-03-03T09:00:00Z"


def warm_up(template: Template) -> None:
    """A day in a shop, on SQLite or on PostgreSQL."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory(prefix="csctl-warm-") as name:
        folder = Path(name)
        for variable in [*os.environ]:
            if variable.startswith(("CSCTL_", "XDG_")):
                patch.delenv(variable)
        patch.setenv("HOME", name)
        patch.chdir(folder)
        with template.copied(folder) as url:
            shop = Shop(folder / "shop", url, template.tokens)
            _work(shop)
            shop.close()
    assert threading.active_count() == 1, "a process with threads cannot be forked"


def _work(shop: Shop) -> None:
    make_notify_email(shop)
    customer = make_customer(shop)
    make_payment_method(shop, customer)
    item = make_price(shop, interval="month")
    sales = " ".join(make_sale(shop, adopt=False) for _ in range(2))
    failing = " ".join(make_sale(shop, token="tok_refund_declined_1", adopt=False) for _ in range(2))
    lost = " ".join(make_sale(shop, token="tok_timeout", adopt=False) for _ in range(2))
    shop.adopt()
    for words in (
        f"txn refund {sales} --amount 5 --yes -o json",
        f"txn refund {failing} --yes --concurrency 2",
        f"txn refund {lost} --yes",
        f"txn dispute {sales} --yes",
        "run list",
        "run resume run_1 --yes",
        f"order create --customer {customer} --item {item} --yes -o json",
        "order cancel ord_1 --refund --yes",
        "order refund ord_2 --yes",
        "fulfillment hold ful_1 --yes",
        "customer search jane",
        "email send",
    ):
        shop(words)
    for words in ("txn reconcile -o json", "queue retry", "audit seal -o json"):
        shop(words, at=TUESDAY)
    shop("billing run", as_="service", at="2026-04-03T09:00:00Z")
