"""What the drivers of databases say, as csctl's own errors. The one place that knows their words and codes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy.exc import DBAPIError, OperationalError

from csctl.errors import Busy, CsctlError, Misconfigured, NotPermitted, Unreachable
from csctl.settings import mask


@contextmanager
def translated(url: str) -> Iterator[None]:
    """The driver's errors as csctl's own, in this one place."""
    try:
        yield
    except DBAPIError as error:
        known = _translate(error, url)
        if known is None:
            raise
        raise known from error


@dataclass(frozen=True)
class _Meaning:
    """A problem by PostgreSQL's SQLSTATE, whatever language its messages are in; by its words where there is none: from
    SQLite, and while connecting.
    """

    states: tuple[str, ...]
    words: str
    kind: type[CsctlError]
    message: str
    fix: str

    def fits(self, state: str | None, said: str) -> bool:
        return state.startswith(self.states) if state and self.states else bool(re.search(self.words, said, re.I))


_MEANINGS = [
    _Meaning(
        ("55P03", "40P01", "40001"),
        "database is locked|lock timeout|deadlock detected|could not obtain lock",
        Busy,
        "somebody else is working on the same records",
        "run it again",
    ),
    _Meaning(
        ("28",),
        "password authentication failed|no password supplied|role .* does not exist|no pg_hba.conf",
        Misconfigured,
        "the database refuses these credentials",
        "check user and password in CSCTL_DATABASE_URL",
    ),
    _Meaning(
        ("3D000",),
        "database .* does not exist|file is not a database|unable to open database file",
        Misconfigured,
        "there is no such database",
        "check CSCTL_DATABASE_URL; on PostgreSQL an empty database must be there (createdb) before csctl db init",
    ),
    _Meaning(
        (),
        "invalid connection option|invalid sslmode|does not support SSL|root certificate file",
        Misconfigured,
        "the database cannot be reached in the way that CSCTL_DATABASE_URL says",
        "correct the options behind its ?",
    ),
    _Meaning(
        ("53100", "58030"),
        "disk is full|no space left|disk I/O error",
        Unreachable,
        "the database cannot write",
        "make room on its disk, then run it again",
    ),
    _Meaning(
        ("25006", "57014", "57P0"),
        "the database system is",
        Unreachable,
        "the database takes no changes just now",
        "run it again once it does",
    ),
    _Meaning(
        (),
        "clocks of this host and of the database",
        Misconfigured,
        "this host's clock, or the database's, is wrong",
        "set it right: the audit trail takes no rows whose time is more than ten minutes off",
    ),
    _Meaning(
        (),
        "readonly database",
        Misconfigured,
        "this user may not write the database",
        "check who owns the file and its directory",
    ),
    _Meaning(
        ("42501",),
        "permission denied|must be owner",
        NotPermitted,
        "the database does not let this login do that",
        "use the login of somebody with that role (csctl db grants)",
    ),
]


def sqlstate(error: DBAPIError) -> str | None:
    """PostgreSQL's code for what went wrong; None from SQLite, and while connecting."""
    state: str | None = getattr(error.orig, "sqlstate", None)
    return state


def _translate(error: DBAPIError, url: str) -> CsctlError | None:
    said = str(error.orig).strip()
    for meaning in _MEANINGS:
        if meaning.fits(sqlstate(error), said):
            return meaning.kind(meaning.message, cause=f"{mask(url)}: {mask(said.splitlines()[0])}", fix=meaning.fix)
    # An error of no statement is one of connecting: nobody answers, or there is no such host.
    if isinstance(error, OperationalError) and (error.connection_invalidated or error.statement is None):
        return Unreachable(
            "the database cannot be reached",
            cause=f"{mask(url)}: {mask(said.splitlines()[0])}" if said else mask(url),
            fix="check that it runs, then run it again",
        )
    return None
