"""The migrations, on databases with data in them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, event, inspect, text
from sqlalchemy.exc import IntegrityError

from csctl import database
from csctl.database import SCHEMA_HEAD
from csctl.domain.states import HistoryKind
from csctl.paths import shipped
from csctl.services.administration import schema
from csctl.services.health.finding import Finding
from csctl.services.health.schema import differences as schema_differences
from tests.factories import (
    make_customer,
    make_fulfillment,
    make_notify_email,
    make_payment_method,
    make_price,
    make_purchase,
    make_sale,
    make_transaction,
)
from tests.selection import on_postgresql
from tests.shops import Shop
from tests.views.records import make_event

pytestmark = pytest.mark.both_databases


@pytest.fixture
def engine(shop: Shop) -> Iterator[Engine]:
    found = database.connect(shop.database_url)
    yield found
    found.dispose()


def differences(engine: Engine) -> list[Finding]:
    with engine.connect() as connection:
        return schema_differences(connection)


def revisions() -> list[str]:
    """All of them, the newest first."""
    config = Config()
    config.set_main_option("script_location", str(shipped("migrations")))
    return [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]


def fill(shop: Shop) -> None:
    """Rows in the tables that have been there from the first."""
    sale = make_sale(shop, adopt=False)
    make_transaction(shop, "refund", "pending", parent=sale)
    make_purchase(shop, price=make_price(shop, interval="month"), status="active", next_bill_on="2026-04-01")
    make_fulfillment(shop, status="shipped")
    make_notify_email(shop)
    shop("setting set timezone Europe/Berlin")


def contents(shop: Shop, engine: Engine) -> dict[str, int]:
    """How many rows each table has; the index of search is made from others."""
    tables = [table for table in inspect(engine).get_table_names() if not table.startswith("customer_search")]
    return {table: shop.sql(f"SELECT count(*) AS n FROM {table}")[0]["n"] for table in tables}  # noqa: S608 - our tables


def test_there_is_one_newest_migration_and_csctl_asks_for_it() -> None:
    config = Config()
    config.set_main_option("script_location", str(shipped("migrations")))

    assert ScriptDirectory.from_config(config).get_heads() == [SCHEMA_HEAD]


def test_migrations_are_numbered_in_their_order() -> None:
    """csctl compares them as text, to tell an old schema from one that is too new."""
    found = revisions()

    assert found == sorted(found, reverse=True)
    assert all(len(revision) == 4 for revision in found)


def test_the_migrations_make_the_tables_of_the_models(engine: Engine) -> None:
    assert differences(engine) == []


def test_a_difference_between_models_and_tables_is_noticed(shop: Shop, engine: Engine) -> None:
    shop.sql("ALTER TABLE products ADD COLUMN colour TEXT")

    assert [(found.target, found.problem) for found in differences(engine)] == [
        ("products", "the column colour is not part of csctl's schema")
    ]


# What pg_restore does: each check is made again from the definition that PostgreSQL gives.
_CHECKS_AS_RESTORED = """DO $$ DECLARE c record; BEGIN
    FOR c IN SELECT conrelid, conname, pg_get_constraintdef(oid) AS definition FROM pg_constraint
        WHERE contype = 'c' AND connamespace = to_regnamespace(current_schema()) LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', c.conrelid::regclass, c.conname);
        EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I %s', c.conrelid::regclass, c.conname, c.definition);
    END LOOP; END $$""".replace("::", r"\:\:")


@on_postgresql
def test_a_restored_database_has_no_differences(shop: Shop, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text(_CHECKS_AS_RESTORED))

    assert differences(engine) == []
    shop.sql("ALTER TABLE deferred_changes DROP CONSTRAINT ck_deferred_changes_days")
    shop.sql("ALTER TABLE deferred_changes ADD CONSTRAINT ck_deferred_changes_days CHECK (bill_on >= '0001-01-01')")
    assert [found.target for found in differences(engine)] == ["deferred_changes"]


def test_going_back_to_the_first_migration_and_forward_keeps_its_rows(shop: Shop, engine: Engine) -> None:
    fill(shop)
    schema.migrate(engine, revisions()[-1], down=True)
    before = contents(shop, engine)
    schema.migrate(engine, "head")
    after = contents(shop, engine)

    assert before["transactions"] >= 2
    assert {table: after[table] for table in before} == before
    assert differences(engine) == []


def test_every_migration_can_be_undone_and_done_again(shop: Shop, engine: Engine) -> None:
    fill(shop)
    for revision in [*revisions()[1:], "base"]:
        schema.migrate(engine, revision, down=True)
        schema.migrate(engine, "+1")
        schema.migrate(engine, revision, down=True)

    assert set(inspect(engine).get_table_names()) == {"alembic_version"}
    schema.migrate(engine, "head")
    assert differences(engine) == []


def test_an_upgrade_names_the_rows_that_hold_unknown_values(shop: Shop, engine: Engine) -> None:
    sale = make_sale(shop, adopt=False)
    schema.migrate(engine, "0013", down=True)
    shop.sql("UPDATE transactions SET state = 'nonsense'")

    done = shop("db upgrade")

    assert done.code == 5
    assert "transactions" in done.err
    assert f"id {sale.removeprefix('txn_')}" in done.err
    assert shop.sql("SELECT version_num FROM alembic_version") == [{"version_num": "0013"}]


def test_an_upgrade_shortens_what_is_kept_of_cards_with_fewer_than_sixteen_digits(shop: Shop, engine: Engine) -> None:
    customer = make_customer(shop)
    kept = {
        "42424242": "42424242",
        "37828224": "378282",
        "64400000": "64400000",
        "66000000": "660000",
        "123456": "123456",
    }
    for first in kept:
        make_payment_method(shop, customer, bin=first)
    schema.migrate(engine, "0021", down=True)

    schema.migrate(engine, "head")

    assert [row["bin"] for row in shop.sql("SELECT bin FROM payment_methods ORDER BY id")] == [*kept.values()]


def test_blacklisted_addresses_are_matched_after_an_upgrade_too(shop: Shop, engine: Engine) -> None:
    add = "blacklist add --address '12 Main St Apt 5, Springfield' --reason x --yes"
    assert shop(add).code == 0
    schema.migrate(engine, "0005", down=True)
    shop.sql("UPDATE blacklist SET match_key = '12 5 main springfield st'")

    schema.migrate(engine, "head")

    found = shop("blacklist check --address '12 Main Street #5, Springfield' -o json")
    assert found.json["blacklisted"] is True


def test_purchases_from_before_know_what_they_were_charged_and_which_day_was_due(shop: Shop, engine: Engine) -> None:
    make_purchase(shop, unit_price="20.00", external_id="from-elsewhere", trial_ends_on="2026-03-09")
    trial = make_price(shop, amount="20.00", interval="month", trial_days=7, trial_amount="1.50")
    make_purchase(shop, price=trial, unit_price="20.00", quantity=2, status="active", trial_ends_on="2026-03-09")
    declined = make_purchase(shop, interval="month", status="recycle_billing", next_bill_on="2026-03-05")
    for day in ("2026-02-27", "2026-02-28"):
        make_transaction(shop, "sale", "declined", purchase=declined, cycle=2, due_on=day)
    schema.migrate(engine, "0006", down=True)
    schema.migrate(engine, "head")

    rows = shop.sql("SELECT checkout_amount, due_on FROM purchases ORDER BY id")

    assert [row["checkout_amount"] for row in rows] == [2000, 300, 1999]
    assert [str(row["due_on"]) for row in rows] == ["None", "None", "2026-02-28"]


def test_the_reason_of_an_event_moves_to_its_own_column_and_back(shop: Shop, engine: Engine) -> None:
    customer = make_customer(shop)
    with_reason = ("cancelled pur_3", "pur_4 ends after its next billing", "pur_5 ends on 2026-04-01")
    for event_text in (*with_reason, "blacklisted (bli_9)"):
        make_event(shop, customer, event_text, reason=f"why: {event_text}")
    make_event(shop, customer, "cancelled pur_3: said the customer", HistoryKind.NOTE)
    make_event(shop, customer, "order placed: ord_1")
    query = "SELECT text, reason FROM history ORDER BY id"
    expected = shop.sql(query)

    schema.migrate(engine, "0008", down=True)
    before = shop.sql("SELECT text FROM history ORDER BY id")
    schema.migrate(engine, "head")

    assert before[0]["text"] == "cancelled pur_3: why: cancelled pur_3"
    assert shop.sql(query) == expected


def test_of_sales_with_one_reference_one_is_refunded_and_the_others_are_named(shop: Shop, engine: Engine) -> None:
    first, second, third = (make_sale(shop, "20.00", token="tok_refund_declined") for _ in range(3))
    shop(f"txn refund {second} --amount 5.00 --yes")
    shop(f"txn refund {third} --amount 3.00 --yes")
    refunds = len(shop.ledger())
    shop.sql("UPDATE transactions SET cancels = 'order' WHERE kind = 'refund'")
    schema.migrate(engine, "0030", down=True)  # there as words, which both ways move
    shop.sql("UPDATE transactions SET gateway_ref = 'ch_1' WHERE kind = 'sale'")

    done = shop("db upgrade")
    refused = shop(f"txn refund {first} --yes -o json")
    retried = shop("queue retry -o json", at="2026-03-03T09:00:00Z")

    assert done.code == 0
    assert [f"{sale} is never refunded" in done.err for sale in (first, second, third)] == [True, False, True]
    assert (refused.code, second in refused.error["cause"]) == (5, True)
    assert [row["outcome"] for row in retried.json if row["outcome"] == "exhausted"] == ["exhausted"]
    assert len(shop.ledger()) == refunds
    assert [row["target"] for row in shop("db check -o json").json] == [first, third]
    assert shop(f"txn show {third} -o json").json["refundable"] == "0.00"
    with pytest.raises(IntegrityError):
        shop.sql("UPDATE transactions SET duplicate_at = NULL")


def test_a_migration_that_fails_leaves_the_database_as_it_was(shop: Shop, engine: Engine) -> None:
    """Each runs in a transaction, on SQLite too."""
    fill(shop)
    schema.migrate(engine, revisions()[-1], down=True)
    before = contents(shop, engine)
    shop.sql("CREATE TABLE in_the_way (id INTEGER)")
    with pytest.raises(RuntimeError, match="power cut"):
        _fail_at_the_end(engine)

    assert contents(shop, engine) == {**before, "in_the_way": 0}
    assert shop.sql("SELECT version_num FROM alembic_version") == [{"version_num": revisions()[-1]}]


def _fail_at_the_end(engine: Engine) -> None:
    def stop(_connection: object) -> None:
        raise RuntimeError("power cut")

    event.listen(engine, "commit", stop)
    try:
        schema.migrate(engine, "head")
    finally:
        event.remove(engine, "commit", stop)


def test_upgrade_brings_an_older_database_up_to_date_and_writes_an_audit_row(shop: Shop, engine: Engine) -> None:
    schema.migrate(engine, revisions()[-1], down=True)
    refused = shop("customer search jane -o json")
    status = shop("db status -o json")
    rehearsed = shop("db upgrade --dry-run -o json")
    assert rehearsed.code == 0, rehearsed.err
    assert rehearsed.json == {**status.json, "dry_run": True}
    assert shop("db status -o json").json == status.json
    done = shop("db upgrade -o json")

    assert refused.code == 11
    assert refused.error["fix"] == "csctl db upgrade"
    assert status.code == 0
    assert status.json["current"] is False
    assert done.code == 0, done.err
    assert done.err.count("is carried out.") == len(revisions()) - 1  # said as it goes on: it may take long
    assert done.json["current"] is True
    assert shop("audit list --command 'db upgrade' -o json").json[0]["outcome"] == "updated"
    assert shop("customer search jane -o json").code == 0


def test_only_an_administrator_upgrades(shop: Shop) -> None:
    assert shop("db upgrade", as_="agent").code == 6
    assert shop("db upgrade", as_="service").code == 6


def test_a_schema_newer_than_this_csctl_is_left_alone(shop: Shop) -> None:
    shop.sql("UPDATE alembic_version SET version_num = '9999'")
    done = shop("customer search jane -o json")

    assert done.code == 11
    assert "newer" in done.error["message"]
    assert "newer one" in done.error["fix"]
