"""The list of fields: every column is in it, and no use of a field is forgotten."""

from __future__ import annotations

import pytest
from sqlalchemy import Table

from csctl.domain import fields
from csctl.domain.field_uses import Erase, Use
from csctl.domain.fields import PERSON_OPTIONS, RECORDS, TEXTS
from csctl.domain.record_kinds import KINDS
from csctl.models import Base, Customer
from csctl.models.columns import Words
from tests.administration.command_tree import leaves

TABLES = Base.metadata.tables
COMMANDS = {leaf.path: leaf.command for leaf in leaves()}
ALL = [(record.table, field) for record in RECORDS.values() for field in record.fields]

# The command that lists the records of a table, and the one that shows a record.
COMMANDS_OF = {
    "customers": ("customer search", "customer show"),
    "payment_methods": ("customer payment-method list", ""),
    "history": ("customer history", ""),
    "products": ("product list", "product show"),
    "product_options": ("product list", "product show"),
    "price_points": ("product list", "product show"),
    "orders": ("order list", "order show"),
    "purchases": ("purchase list", "purchase show"),
    "fulfillments": ("fulfillment list", "fulfillment show"),
    "transactions": ("txn list", "txn show"),
    "refund_queue": ("queue list", "queue show"),
    "approvals": ("approval list", "approval show"),
    "approval_decisions": ("approval list", "approval show"),
    "emails": ("email list", "email show"),
    "blacklist": ("blacklist list", ""),
    "runs": ("run list", "run show"),
    "run_records": ("run show", "run show"),
    "audit": ("audit list", ""),
    "operators": ("operator list", ""),
    "notify_emails": ("queue notify list", ""),
    "settings": ("setting list", ""),
    "gateway_accounts": ("gateway list", ""),
    "gateway_cursors": ("gateway list", ""),
    "installation": ("db status", ""),
}
# Texts that erasing a person leaves as they are: they name no customer.
HARMLESS = {
    "customers": set(),
    "payment_methods": {"gateway"},
    "history": set(),
    "orders": {"external_id", "currency", "billing_country", "shipping_country"},
    "purchases": {"external_id", "description", "currency", "interval", "billed_by"},
    "fulfillments": {"external_id", "carrier", "tracking"},
    "transactions": {
        "external_id",
        "currency",
        "gateway",
        "gateway_ref",
        "bank_reference",
        "gateway_code",
        "gateway_request_id",
        "network_ref",
        "key",
        "claim",
    },
    "refund_queue": {"currency", "external_id"},
    "approvals": {"currency"},
    "approval_decisions": set(),
    "emails": {"message_id"},
    "runs": {"command", "worker"},
    "run_records": {"outcome"},
}


def test_every_column_of_every_table_is_in_the_list_once() -> None:
    listed = {record.table: sorted(field.name for field in record.fields) for record in RECORDS.values()}

    assert listed == {name: sorted(column.name for column in table.columns) for name, table in TABLES.items()}


@pytest.mark.parametrize("table", HARMLESS)
def test_a_text_about_a_person_is_erased_or_known_to_be_harmless(table: str) -> None:
    erased = {field.name for field in RECORDS[table].fields if field.erase not in (None, Erase.KEEP)}

    assert _texts(TABLES[table]) - erased == HARMLESS[table]


def _texts(table: Table) -> set[str]:
    return {
        column.name
        for column in table.columns
        if not isinstance(column.type, Words) and column.type.python_type in (str, dict)
    }


def test_every_text_that_people_enter_for_a_customer_is_one_of_their_details() -> None:
    own = {"external_id"}
    copies = {field.name for field in RECORDS["customers"].fields if field.erase is Erase.COPY}

    assert {field.name for field in fields.of("customers", Use.ENTERED)} == _texts(TABLES["customers"]) - own - copies


def test_what_refers_to_a_customer_moves_when_customers_are_merged() -> None:
    referring = {
        (name, column.name)
        for name, table in TABLES.items()
        for column in table.columns
        if any(key.column.table.name == "customers" for key in column.foreign_keys)
    }

    assert referring == {(table, field.name) for table, field in ALL if field.uses & Use.MERGED} & referring


@pytest.mark.parametrize(("table", "commands"), COMMANDS_OF.items())
def test_a_shown_field_is_a_key_of_the_command_that_shows_it(table: str, commands: tuple[str, str]) -> None:
    listed, shown = (set(getattr(COMMANDS[words], "fields", ())) if words else set() for words in commands)

    assert {field.key for field in fields.of(table, Use.LISTED)} <= listed
    assert {field.address or field.key for field in fields.of(table, Use.SHOWN)} <= shown


def test_a_table_without_a_command_shows_nothing() -> None:
    hidden = set(TABLES) - set(COMMANDS_OF)

    assert [field for table, field in ALL if table in hidden and field.uses & (Use.LISTED | Use.SHOWN)] == []


def test_the_search_options_are_those_of_the_fields() -> None:
    options = {
        parameter.name
        for leaf in leaves()
        if leaf.path == "customer search"
        for parameter in leaf.params
        if parameter.name not in ("limit", "count", "all", "sort")
    }

    assert {option for _table, field in ALL for option in field.searched} == options


def test_a_detail_that_is_searched_as_text_has_a_copy_without_case_and_accents() -> None:
    special = {"name", "phone", "address", "city", "region", "postal_code", "country", "ip"}

    assert set(PERSON_OPTIONS) - special == set(TEXTS)
    assert [name for name in TEXTS if f"folded_{name}" not in Customer.__table__.columns] == []


def test_exported_and_imported_fields_have_one_name_each() -> None:
    for kind in KINDS.values():
        assert len(set(kind.fields)) == len(kind.fields)
        assert set(kind.required) <= set(kind.fields)
