"""PostgreSQL behind PgBouncer in transaction mode: each transaction may have another session of the server."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from csctl import database
from tests.factories import make_customer, make_sale
from tests.postgres import as_ordinary_user
from tests.selection import on_postgresql
from tests.shops import Shop

pytestmark = on_postgresql

# All clients share two sessions of the server.
_CONFIGURATION = """
[databases]
{database} = host={server}
[pgbouncer]
unix_socket_dir = {folder}
listen_port = 6432
auth_type = trust
auth_file = {folder}/users
pool_mode = transaction
default_pool_size = 2
"""


@pytest.fixture
def pooled(shop: Shop) -> Iterator[str]:
    """The URL of the shop's database behind PgBouncer."""
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("PgBouncer is not installed")
    server = make_url(shop.database_url)
    with tempfile.TemporaryDirectory(prefix="csctl-pool-") as made:
        folder = Path(made)
        (folder / "users").write_text('"csctl" ""\n')
        settings = {"database": server.database, "server": server.query["host"], "folder": folder}
        (folder / "pgbouncer.ini").write_text(_CONFIGURATION.format(**settings))
        words = [*as_ordinary_user(folder), program, str(folder / "pgbouncer.ini")]
        with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd="/") as process:
            assert process.stderr
            said: list[str] = []
            while not said or (said[-1] and "process up" not in said[-1]):
                said.append(process.stderr.readline())
            assert said[-1], said
            yield f"postgresql+psycopg://csctl@/{server.database}?host={folder}&port=6432"
            process.kill()


def test_two_processes_refund_and_retry_behind_a_pooler(shop: Shop, pooled: str) -> None:
    customer = make_customer(shop)
    sales = [make_sale(shop, customer=customer, token="tok_refund_declined_1") for _ in range(8)]
    env = {"CSCTL_DATABASE_URL": pooled}

    both = [shop.start(f"txn refund {' '.join(half)} --yes -q", env=env) for half in (sales[:4], sales[4:])]
    assert [process.wait() for process in both] == [12, 12]
    both = [shop.start("queue retry -q", at="2026-03-04T09:00:00Z", env=env) for _ in both]
    assert [process.wait() for process in both] == [0, 0]
    assert left_in_sessions(pooled) == [("0", 0)] * 2

    assert [row["state"] for row in shop("queue list --state any -o json").json] == ["succeeded"] * 8
    assert shop("txn list --kind refund --state approved --count", env=env).out.strip() == "8"


def test_no_setting_is_left_in_a_session_of_the_server(shop: Shop, pooled: str) -> None:
    for _ in range(3):
        assert shop("customer search hansen", env={"CSCTL_DATABASE_URL": pooled}).code == 0

    assert left_in_sessions(pooled) == [("0", 0)] * 2


def left_in_sessions(pooled: str) -> list[tuple[str, int]]:
    """How long each session of the server waits for locks, and how many statements it has prepared: both are seen
    while two transactions are open.
    """
    url = pooled.replace("+psycopg", "")
    asked = "SELECT current_setting('lock_timeout'), count(*) FROM pg_prepared_statements"
    with psycopg.connect(url, prepare_threshold=None) as one, psycopg.connect(url, prepare_threshold=None) as other:
        return [found for each in (one, other) if (found := each.execute(asked).fetchone())]


def test_statements_are_prepared_only_without_a_pooler(shop: Shop, pooled: str) -> None:
    thresholds = []
    for url in (shop.database_url, pooled):
        engine = database.connect(url)
        with engine.connect() as connection:
            driver = connection.connection.driver_connection
            assert driver
            thresholds.append(driver.prepare_threshold)
        engine.dispose()

    assert thresholds == [5, None]
