"""The rights of every role on every column of every table, from csctl/domain/grants.py, tried with plain SQL."""

# ruff: noqa: S608 - the SQL is made of our own tables

from __future__ import annotations

import psycopg
import pytest

import csctl.models  # noqa: F401 - so that the metadata knows all tables
from csctl.domain import grants
from csctl.domain.states import Role
from csctl.models.columns import Base
from tests.selection import on_postgresql
from tests.shops import Shop
from tests.trust.logins import psql

pytestmark = [pytest.mark.usefixtures("backend"), on_postgresql]


def columns(table: str) -> list[str]:
    if table == "alembic_version":
        return ["version_num"]
    return [column.name for column in Base.metadata.tables[table].columns]


def may(table: str, role: Role, operation: str, column: str) -> bool:
    """Whether the table of grants gives a role this operation on a column."""
    for right in grants.rights(table)[role]:
        verb, _, named = right.partition(" (")
        if right == grants.NUMBERED:
            named = "" if column != "id" else "none"
        if verb == operation and (not named or column in named.rstrip(")").split(", ")):
            return True
    return False


def statement(table: str, operation: str, column: str) -> str:
    """A statement that needs the right, and changes nothing."""
    return {
        "SELECT": f"SELECT {column} FROM {table} WHERE false",
        "INSERT": f"INSERT INTO {table} ({column}) SELECT NULL FROM alembic_version WHERE false",
        "UPDATE": f"UPDATE {table} SET {column} = DEFAULT WHERE false",
        "DELETE": f"DELETE FROM {table} WHERE false",
        "TRUNCATE": f"TRUNCATE {table}",
    }[operation]


def denied(connection: psycopg.Connection, sql: str) -> bool:
    try:
        connection.execute(sql.encode())
    except psycopg.errors.InsufficientPrivilege:
        return True
    except psycopg.Error:  # whatever else may be wrong with it
        return False
    return False


def test_every_table_has_its_rights_and_they_name_its_columns() -> None:
    assert set(grants.TABLES) == {*Base.metadata.tables, "alembic_version"}
    unknown = [
        (table, column)
        for table in grants.TABLES
        for role in Role
        for right in grants.rights(table)[role]
        for column in right.partition(" (")[2].rstrip(")").split(", ")
        if column and right != grants.NUMBERED and column not in columns(table)
    ]
    assert unknown == []


@pytest.mark.parametrize("role", list(Role))
def test_each_login_may_do_what_the_table_says_and_nothing_else(granted: Shop, role: Role) -> None:
    cases = [
        (table, operation, column)
        for table in grants.TABLES
        for operation in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE")
        for column in (columns(table) if operation in ("SELECT", "INSERT", "UPDATE") else ["*"])
    ]
    with psql(granted, role) as connection:
        connection.autocommit = True
        wrong = [
            case
            for case in cases
            for table, operation, column in [case]
            if denied(connection, statement(*case)) is may(table, role, operation, column)
        ]

    assert len(cases) > 800
    assert wrong == []


@pytest.mark.parametrize("role", list(Role))
def test_functions_and_numbers_are_for_those_who_need_them(granted: Shop, role: Role) -> None:
    with psql(granted, role) as connection:
        connection.autocommit = True
        for function, roles in grants.FUNCTIONS.items():
            assert denied(connection, f"SELECT {function}") is (role not in roles)
        for table in ("audit", "transactions"):
            assert denied(connection, f"SELECT setval('{table}_id_seq', 1)")
        assert denied(connection, "SELECT nextval('blacklist_id_seq')") is (role is not Role.ADMIN)
