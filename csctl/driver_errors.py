"""Translate the errors of database drivers into csctl's own. The one place that knows their codes."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy.exc import DBAPIError, OperationalError

from csctl.errors import Busy, CsctlError, DatabaseDamaged, DatabaseUnreachable, Misconfigured, NotPermitted
from csctl.settings import mask, mask_within

WRONG_CLOCK = "CS001"  # SQLSTATE of the trigger that accepts rows of the audit log


@contextmanager
def translated(url: str) -> Iterator[None]:
    """Raise the driver's errors as csctl's own, where they have a meaning for the operator."""
    try:
        yield
    except DBAPIError as error:
        known = _translate(error, url)
        if known is None:
            raise
        raise known from error


@dataclass(frozen=True)
class _Meaning:
    """A problem, and how it is recognized: by SQLSTATEs of PostgreSQL (or their first characters), by primary result
    codes of SQLite, and by words: `while_connecting`, where PostgreSQL gives no code, and `sqlite_says`, where one
    code of SQLite has several meanings.
    """

    kind: type[CsctlError]
    message: str
    fix: str
    states: tuple[str, ...] = ()
    sqlite: tuple[int, ...] = ()
    while_connecting: str | None = None
    sqlite_says: str = ""

    def fits(self, error: DBAPIError, said: str) -> bool:
        if (code := sqlite_code(error)) is not None:
            return code in self.sqlite and bool(re.search(self.sqlite_says, said))
        if state := sqlstate(error):
            return bool(self.states) and state.startswith(self.states)
        return self.while_connecting is not None and bool(re.search(self.while_connecting, said, re.IGNORECASE))


_MEANINGS = [
    _Meaning(
        Busy,
        "another process is working on the same records",
        "run it again",
        states=("55P03", "40P01", "40001"),
        sqlite=(sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED),
    ),
    _Meaning(
        Misconfigured,
        "the database refuses these credentials",
        "check user and password in CSCTL_DATABASE_URL",
        states=("28",),
        while_connecting="password authentication failed|no password supplied|role .* does not exist|no pg_hba.conf",
    ),
    _Meaning(
        Misconfigured,
        "the database does not exist",
        "check CSCTL_DATABASE_URL; on PostgreSQL create an empty database (createdb) before csctl db init",
        states=("3D000",),
        while_connecting="database .* does not exist",
    ),
    _Meaning(
        Misconfigured,
        "the file is not a SQLite database",
        "check CSCTL_DATABASE_URL; if csctl made this file, restore it from a backup",
        sqlite=(sqlite3.SQLITE_NOTADB,),
    ),
    _Meaning(
        Misconfigured,
        "the database file cannot be opened",
        "check CSCTL_DATABASE_URL, and who owns the file and its directory",
        sqlite=(sqlite3.SQLITE_CANTOPEN,),
    ),
    _Meaning(
        DatabaseDamaged,
        "the database is damaged",
        "restore it from a backup, then csctl db check",
        states=("XX001", "XX002"),
        sqlite=(sqlite3.SQLITE_CORRUPT,),
    ),
    _Meaning(
        DatabaseDamaged,
        "the database lacks a table or column of csctl's schema",
        "csctl db check lists what is missing; restore it from a backup",
        states=("42P01", "42703"),
        sqlite=(sqlite3.SQLITE_ERROR,),
        sqlite_says="no such (table|column)",
    ),
    _Meaning(
        Misconfigured,
        "the database cannot be reached in the way that CSCTL_DATABASE_URL says",
        "correct the options behind its ?",
        while_connecting="invalid connection option|invalid sslmode|does not support SSL|root certificate file",
    ),
    _Meaning(
        DatabaseUnreachable,
        "the database cannot write",
        "make room on its disk, then run it again",
        states=("53100", "58030"),
        sqlite=(sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR),
    ),
    _Meaning(
        DatabaseUnreachable,
        "the database accepts no changes at the moment",
        "run it again once it does",
        states=("25006", "57014", "57P0"),
        while_connecting="the database system is",
    ),
    _Meaning(
        Misconfigured,
        "this host's clock, or the database's, is wrong",
        "set it right: the audit log accepts no rows whose time is more than ten minutes off",
        states=(WRONG_CLOCK,),
    ),
    _Meaning(
        Misconfigured,
        "this user may not write the database",
        "check who owns the file and its directory",
        sqlite=(sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM),
    ),
    _Meaning(
        NotPermitted,
        "the database does not allow this login to do that",
        "use the login of an operator with that role, or of the owner of the tables (csctl db grants)",
        states=("42501",),
    ),
]


def sqlstate(error: DBAPIError) -> str | None:
    """PostgreSQL's code for the error; None from SQLite, and while connecting."""
    state: str | None = getattr(error.orig, "sqlstate", None)
    return state


def sqlite_code(error: DBAPIError) -> int | None:
    """SQLite's primary result code for the error; None from PostgreSQL, and for misuse of the driver."""
    code: int | None = getattr(error.orig, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def _translate(error: DBAPIError, url: str) -> CsctlError | None:
    said = str(error.orig).strip()
    for meaning in _MEANINGS:
        if meaning.fits(error, said):
            return meaning.kind(meaning.message, cause=_cause(url, said), fix=meaning.fix)
    # An error of no statement is one of connecting: no server answers, or the host does not exist.
    if isinstance(error, OperationalError) and (error.connection_invalidated or error.statement is None):
        return DatabaseUnreachable(
            "the database cannot be reached",
            cause=_cause(url, said) if said else mask(url),
            fix="check that it runs, then run it again",
        )
    return None


def _cause(url: str, said: str) -> str:
    return f"{mask(url)}: {mask_within(said.splitlines()[0])}"
