"""Statistics of SQLite, which decide about the index that it uses."""

from __future__ import annotations

from benchmarks import seed
from csctl import database
from tests.selection import on_sqlite
from tests.shops import Shop
from tests.views.test_query_plans import plans_of

pytestmark = on_sqlite


def index_of_sales(shop: Shop) -> list[str]:
    """How the sales of one customer that have a state are found."""
    with plans_of() as plans:
        assert shop("order list --customer cus_5 --status complete -o json").code == 0
    return [plan for plan, _ in plans if "ix_orders" in plan]


def test_a_cron_command_collects_the_statistics_of_large_tables(shop: Shop) -> None:
    engine = database.connect(shop.database_url)
    seed.fill(engine, 1_100)
    engine.dispose()
    shop.sql("DELETE FROM sqlite_stat1")
    (before,) = index_of_sales(shop)

    assert shop("email send --dry-run").code == 0
    assert index_of_sales(shop) == [before]
    assert shop("email send").code == 0

    assert "(status=?)" in before
    assert [plan for plan in index_of_sales(shop) if "(customer_id=?" not in plan] == []
    known = {row["tbl"] for row in shop.sql("SELECT tbl FROM sqlite_stat1")}
    assert known == {"customers", "payment_methods", "orders", "purchases", "transactions", "fulfillments"}


def test_an_import_collects_the_statistics_of_large_tables(shop: Shop) -> None:
    rows = "".join(f"C-{number},c{number}@example.com\n" for number in range(1_001))
    for file, count in (("few.csv", 50), ("many.csv", 1_002)):
        (shop.folder / file).write_text("".join(f"external_id,email\n{rows}".splitlines(keepends=True)[:count]))
        assert shop(f"data import customers {shop.folder / file}").code == 0
        known = shop.sql("SELECT name FROM sqlite_master WHERE name = 'sqlite_stat1'")
        assert bool(known and shop.sql("SELECT * FROM sqlite_stat1")) == (count > 1_000)
