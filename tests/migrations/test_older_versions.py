"""A database that an older version has written is upgraded, and the work on it goes on."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from csctl import database
from csctl.services.administration import schema
from csctl.services.health.schema import differences
from tests.databases import Template
from tests.migrations.older import LAST_DAY, VERSIONS, put
from tests.migrations.test_migrations import contents
from tests.proof import books
from tests.running import Process
from tests.shops import Shop

_DAYS = [f"2026-04-{day:02}" for day in range(4, 9)]


@pytest.fixture
def old_shop(
    empty_database_url: str, template: Template, tmp_path: Path, csctl_process: Callable[..., Process]
) -> Iterator[Shop]:
    """A shop for which a database is still to be put in place."""
    path = Path(empty_database_url.removeprefix("sqlite:///"))
    if empty_database_url.startswith("sqlite"):
        path.touch()
    made = Shop(tmp_path / "shop", empty_database_url, template.tokens, csctl_process)
    made.now = LAST_DAY
    yield made
    made.close()


@pytest.mark.parametrize("version", VERSIONS)
def test_what_an_older_version_wrote_is_upgraded_and_worked_on(old_shop: Shop, version: str) -> None:
    put(old_shop, version)
    engine = database.connect(old_shop.database_url)
    before = contents(old_shop, engine)

    schema.migrate(engine, "head")
    schema.migrate(engine, version, down=True)
    again = contents(old_shop, engine)
    upgraded = old_shop("db upgrade")
    with engine.connect() as connection:
        found = differences(connection)
    engine.dispose()

    assert again == before
    assert upgraded.code == 0, upgraded.err
    assert found == []
    assert old_shop("db check").code == 0
    assert "reconcile" in old_shop("doctor").out
    for day in _DAYS:
        for words in ("queue retry", "txn sync", "billing run"):
            done = old_shop(words, as_="service", at=f"{day}T12:00:00Z")
            assert done.code == 0, done.err
    old_shop.now = f"{_DAYS[-1]}T13:00:00Z"
    # Of one sale parts were refunded twice, as was asked for.
    assert [text for text in books.disagreements(old_shop) if not text.startswith("returned twice")] == []


@pytest.mark.both_databases
def test_an_upgrade_that_is_killed_is_done_or_not_done(old_shop: Shop, backend: str) -> None:
    chance = random.Random(backend)  # noqa: S311 - about the same moments in each run
    put(old_shop, VERSIONS[0])
    engine = database.connect(old_shop.database_url)
    before = contents(old_shop, engine)
    seen = set()
    for _ in range(3):
        process = old_shop.start("db upgrade")
        time.sleep(chance.uniform(0.05, 1.5))
        process.kill()
        process.wait()
        seen.add(old_shop.sql("SELECT version_num FROM alembic_version")[0]["version_num"])
    done = old_shop("db upgrade")
    after = contents(old_shop, engine)
    with engine.connect() as connection:
        found = differences(connection)
    engine.dispose()

    assert seen <= {VERSIONS[0], database.SCHEMA_HEAD}
    assert done.code == 0, done.err
    assert {table: after[table] for table in before if table != "audit"} == {
        table: number for table, number in before.items() if table != "audit"
    }
    assert found == []
