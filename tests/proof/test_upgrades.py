"""An upgrade of the schema that is killed is done or not done, and the next one finishes it."""

from __future__ import annotations

import random
import time

import pytest
from sqlalchemy import create_engine

from csctl.services.administration import schema
from csctl.services.health.schema import differences
from tests.migrations.test_migrations import contents, fill, revisions
from tests.shops import Shop


@pytest.mark.both_databases
def test_an_upgrade_that_is_killed_is_done_or_not_done(shop: Shop, backend: str) -> None:
    chance = random.Random(backend)  # noqa: S311 - about the same moments in each run
    fill(shop)
    engine = create_engine(shop.database_url)
    schema.migrate(engine, revisions()[-1], down=True)
    before = contents(shop, engine)
    seen = set()
    for _ in range(3):
        process = shop.start("db upgrade")
        time.sleep(chance.uniform(0.05, 1.5))
        process.kill()
        process.wait()
        seen.add(shop.sql("SELECT version_num FROM alembic_version")[0]["version_num"])
    done = shop("db upgrade")
    after = contents(shop, engine)
    with engine.connect() as connection:
        found = differences(connection)
    engine.dispose()

    assert seen <= {revisions()[-1], revisions()[0]}
    assert done.code == 0, done.err
    assert {table: after[table] for table in before if table != "audit"} == {
        table: number for table, number in before.items() if table != "audit"
    }
    assert found == []
