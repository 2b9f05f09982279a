"""Shops that a figure makes for itself, as it uses up their records."""

from __future__ import annotations

import time

from sqlalchemy import make_url, text

from benchmarks import instant
from benchmarks.figure import Bench, open_bench


def new_shop(bench: Bench, customers: int, *, queued: int, latency_ms: int = 0) -> Bench:
    """A shop on the same database system, with a gateway that approves everything, and no mail server."""
    name = f"shop_{time.time_ns()}"
    folder = bench.folder / name
    folder.mkdir()
    url = f"sqlite:///{folder / 'shop.db'}"
    if bench.backend != "SQLite":
        with bench.engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        url = make_url(bench.url).set(database=name).render_as_string(hide_password=False)
    shop = open_bench(url, customers, folder, queued=queued)
    shop.env["CSCTL_MAIL_URL"] = "smtp://127.0.0.1:9"  # no server is there
    shop.env["PYTHONPATH"] = instant.offer(folder)
    shop.env["CSCTL_GATEWAY_MAIN"] = f"instant:{folder / 'ledger.db'}?latency_ms={latency_ms}"
    return shop
