"""Logins of the PostgreSQL groups, and psql under them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy import make_url

from csctl.domain.states import Role
from tests.postgres import Server
from tests.running import Done
from tests.shops import Shop

LOGINS = {Role.AGENT: "tim", Role.ADMIN: "ada", Role.SERVICE: "cron"}


def grant(shop: Shop, postgres: Server) -> None:
    """Give the shop's database its groups, and a login in each of them."""
    done = shop("db grants --apply")
    assert done.code == 0, done.err
    for role, login in LOGINS.items():
        postgres.run(
            f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{login}')"
            f" THEN CREATE ROLE {login} LOGIN IN ROLE csctl_{role.value}; END IF; END $$"
        )


def url_of(shop: Shop, role: Role) -> str:
    return make_url(shop.database_url).set(username=LOGINS[role]).render_as_string(hide_password=False)


def as_login(shop: Shop, role: Role, *words: str, token: Role | None = None) -> Done:
    """Run csctl with the login of one role, and the token of the same or another."""
    return shop(*words, as_=(token or role).value, env={"CSCTL_DATABASE_URL": url_of(shop, role)})


@contextmanager
def psql(shop: Shop, role: Role) -> Iterator[psycopg.Connection]:
    url = make_url(shop.database_url)
    connection = psycopg.connect(host=str(url.query["host"]), user=LOGINS[role], dbname=url.database)
    try:
        yield connection
    finally:
        connection.rollback()
        connection.close()


def refused(shop: Shop, role: Role, *statements: str) -> bool:
    """Whether PostgreSQL refuses these statements for lack of rights, at the latest when they are committed."""
    with psql(shop, role) as connection:
        try:
            for statement in statements:
                connection.execute(statement.encode())
            connection.commit()
        except psycopg.errors.InsufficientPrivilege:
            return True
    return False
