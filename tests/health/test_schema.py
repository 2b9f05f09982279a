"""`db check` compares the schema of the database with the models."""

from __future__ import annotations

import pytest

from tests.factories import make_sale
from tests.selection import on_postgresql, on_sqlite
from tests.shops import Shop


def found(shop: Shop, code: int = 11) -> list[tuple[str, str]]:
    done = shop("db check -o json")
    assert done.code == code, done.err
    return [(row["target"], row["problem"]) for row in done.json]


def test_a_new_database_has_the_schema_of_the_models(shop: Shop) -> None:
    assert found(shop, code=0) == []


def test_a_missing_partial_index_is_found(shop: Shop) -> None:
    shop.sql("DROP INDEX uq_transactions_billing")

    assert found(shop) == [("transactions", "the unique index uq_transactions_billing is missing")]


def test_an_index_with_another_condition_is_found(shop: Shop) -> None:
    shop.sql("DROP INDEX uq_transactions_billing")
    shop.sql("CREATE UNIQUE INDEX uq_transactions_billing ON transactions (purchase_id, cycle) WHERE kind = 'void'")

    ((target, problem),) = found(shop)
    assert target == "transactions"
    assert "uq_transactions_billing is" in problem
    assert "should be" in problem


def test_an_index_that_an_administrator_added_is_not_a_problem(shop: Shop) -> None:
    shop.sql("CREATE INDEX ours ON transactions (message)")

    assert found(shop, code=0) == []


@on_postgresql
@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (
            "DROP CONSTRAINT ck_transactions_ck_transactions_reservation",
            "the check ck_transactions_reservation is missing",
        ),
        ("DROP COLUMN message", "the column message is missing"),
        ("ALTER COLUMN gateway DROP NOT NULL", "the column gateway is text, and should be text NOT NULL"),
        ("ADD CONSTRAINT odd CHECK (amount < 5)", "the check odd is not part of csctl's schema"),
        (
            "DROP CONSTRAINT fk_transactions_order_id_orders",
            "the foreign key fk_transactions_order_id_orders is missing",
        ),
    ],
)
def test_what_was_altered_is_found(shop: Shop, change: str, problem: str) -> None:
    shop.sql(f"ALTER TABLE transactions {change}")

    assert ("transactions", problem) in found(shop)


@on_sqlite
def test_a_check_that_was_loosened_is_found(shop: Shop) -> None:
    shop.sql("PRAGMA writable_schema = ON")
    shop.sql(
        "UPDATE sqlite_master SET sql = replace(sql, 'reserved >= 0', 'reserved >= -9') WHERE name = 'transactions'"
    )

    ((target, problem),) = found(shop)
    assert target == "transactions"
    assert problem.startswith("the check ck_transactions_reservation is reserved >= -9")


@on_sqlite
def test_a_missing_trigger_is_found(shop: Shop) -> None:
    shop.sql("DROP TRIGGER audit_no_update")

    assert found(shop) == [("audit_no_update", "missing, switched off or changed")]


@on_postgresql
def test_a_trigger_that_is_switched_off_is_found(shop: Shop) -> None:
    shop.sql("ALTER TABLE audit DISABLE TRIGGER audit_no_change")

    assert found(shop) == [("audit_no_change", "missing, switched off or changed")]


def test_records_that_do_not_add_up_are_a_conflict(shop: Shop) -> None:
    sale = make_sale(shop, amount="19.99", adopt=False)
    shop.sql("UPDATE transactions SET refunded = 5")

    ((target, problem),) = found(shop, code=5)
    assert target == sale
    assert "refunded is 0.05 and should be 0.00" in problem
