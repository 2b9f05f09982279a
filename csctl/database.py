"""The engine, its sessions, and the checks of a database before csctl works with it."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.orm import Session

from csctl.errors import Misconfigured, OutcomeUnknown
from csctl.settings import mask

SCHEMA_HEAD = "0039"  # the newest migration; a test ties it to migrations/versions

_LOCK_WAIT_MS = 30_000
_HASTE_MS = 50
# seconds between the attempts to ask for the outcome of a commit
_ACKNOWLEDGED_WITHIN: tuple[float, ...] = (0, 0.5, 2, 5)


def connect(url: str, *, create: bool = False) -> Engine:
    """Create an engine for the database. Raises Misconfigured for an invalid URL, or a missing SQLite file.

    With `create`, a missing SQLite file is created (mode 0600: it holds personal data).
    """
    try:
        parsed = make_url(url)
        if "@" in (parsed.host or ""):
            raise ValueError  # half a password: an @ in it must be written as %40
        if parsed.get_backend_name() == "sqlite":
            _find_sqlite_file(parsed, create=create)
        elif parsed.get_backend_name() != "postgresql":
            raise Misconfigured(
                f"csctl does not work on {parsed.get_backend_name()}",
                fix="set CSCTL_DATABASE_URL to sqlite:///FILE or postgresql+psycopg://…",
            )
        engine = create_engine(parsed, hide_parameters=True, json_deserializer=_read_json)
    except (ArgumentError, NoSuchModuleError, ValueError):  # ValueError: the port is not a number
        raise Misconfigured(
            f"CSCTL_DATABASE_URL is not a database URL: {mask(url)}",
            fix="write sqlite:///FILE or postgresql+psycopg://…, and an @ in a password as %40",
        ) from None
    except ModuleNotFoundError as error:
        raise Misconfigured(
            f"the driver {error.name} is not installed",
            fix="install csctl with its extra `postgres`, and write postgresql+psycopg://…",
        ) from None
    for library in ("sqlalchemy", "psycopg"):  # csctl reports a lost connection itself, once
        logging.getLogger(library).addHandler(logging.NullHandler())
    if engine.dialect.name == "sqlite":
        _tame_sqlite(engine)
    else:
        from csctl.postgres_times import bear_with_odd_times

        event.listen(engine, "connect", _require_utf8, insert=True)  # before SQLAlchemy reads anything
        event.listen(engine, "connect", _prepare_nothing_behind_a_pooler)
        event.listen(engine, "begin", _limit_lock_waits)
        event.listen(engine, "connect", bear_with_odd_times)
    return engine


def _read_json(kept: str | bytes) -> Any:
    """Parse a JSON value. What Python cannot read (nested too deep, a number too long, invalid) stays text."""
    try:
        return json.loads(kept)
    except (ValueError, RecursionError):
        return kept if isinstance(kept, str) else kept.decode("utf-8", "backslashreplace")


def could_be_made(url: str) -> bool:
    """Whether the URL names a missing SQLite file. Raises Misconfigured if it cannot be created."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        return False  # `connect` reports more
    if parsed.get_backend_name() != "sqlite" or not parsed.database or parsed.database == ":memory:":
        return False
    path = Path(parsed.database).absolute()
    if path.exists():
        return False
    there = next(folder for folder in path.parents if folder.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise Misconfigured(f"cannot make {path}", cause=f"{there} cannot be written to")
    return True


def _find_sqlite_file(url: URL, *, create: bool) -> None:
    if not url.database or url.database == ":memory:":
        raise Misconfigured("the database must be a file", fix="set CSCTL_DATABASE_URL to sqlite:///FILE")
    path = Path(url.database)
    if path.is_dir():
        raise Misconfigured(
            f"the database must be a file, and {path} is a directory", fix="set CSCTL_DATABASE_URL to sqlite:///FILE"
        )
    if path.exists():
        return
    if not create:
        raise Misconfigured(f"there is no database at {path}", fix="csctl db init --admin NAME")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
    except OSError as error:
        raise Misconfigured(f"cannot make {path}", cause=error.strerror) from None


def _tame_sqlite(engine: Engine) -> None:
    """Configure SQLite: durable, one writer at a time from the start of its transaction, foreign keys on."""

    @event.listens_for(engine, "connect")
    def configure(dbapi: Any, _record: Any) -> None:
        dbapi.isolation_level = None  # BEGIN is sent explicitly, below
        # Deleted data is overwritten (secure_delete): an erased person must not be found in the file.
        pragmas = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON")
        for pragma in (*pragmas, f"busy_timeout={_LOCK_WAIT_MS}"):
            dbapi.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        reading = connection.get_execution_options().get("reading")
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def forget(engine: Engine) -> None:
    """Remove overwritten data from the write-ahead log of SQLite too, unless another process is reading there.

    PostgreSQL does so in its own time (VACUUM, and its log).
    """
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            connection.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # not within a transaction


def _require_utf8(dbapi: Any, _record: Any) -> None:
    """Raises Misconfigured for a database that cannot store every name. Text is sent as UTF-8, also if PGCLIENTENCODING
    differs.
    """
    encoding = dbapi.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise Misconfigured(
            "the PostgreSQL database is not UTF8",
            cause=f"its encoding is {encoding}, which cannot hold every name and address",
            fix="create one with createdb -T template0 -E UTF8 NAME, and move the data with pg_dump and pg_restore",
        )
    if dbapi.info.encoding != "utf-8":
        with dbapi.cursor() as cursor:
            cursor.execute("SET client_encoding = 'UTF8'")
        dbapi.commit()


def _prepare_nothing_behind_a_pooler(dbapi: Any, _record: Any) -> None:
    """PgBouncer may give each transaction another session of the server, which lacks the prepared statements of the one
    before. It is recognized by the process that it claims to be.
    """
    with dbapi.cursor() as cursor:
        process = cursor.execute("SELECT pg_backend_pid()").fetchone()[0]
    dbapi.commit()
    if process != dbapi.info.backend_pid:
        dbapi.prepare_threshold = None


def _limit_lock_waits(connection: Connection) -> None:
    """For this transaction alone: what belongs to a session is lost, or reaches others, behind a pooler."""
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = {_LOCK_WAIT_MS}")


@contextmanager
def hastily(engine: Engine) -> Iterator[Connection]:
    """Open a transaction for optional work: it does not wait for other writers."""
    sqlite = engine.dialect.name == "sqlite"
    with engine.connect() as connection:
        driver: Any = connection.connection
        if sqlite:
            driver.execute(f"PRAGMA busy_timeout={_HASTE_MS}")
        try:
            with connection.begin():
                if not sqlite:
                    connection.exec_driver_sql(f"SET LOCAL lock_timeout = {_HASTE_MS}")
                yield connection
        finally:
            if sqlite:
                driver.execute(f"PRAGMA busy_timeout={_LOCK_WAIT_MS}")


@contextmanager
def reading(engine: Engine) -> Iterator[Session]:
    """Open a session that changes nothing."""
    with Session(engine, expire_on_commit=False) as session:
        session.connection(execution_options={"reading": True})
        yield session


class Changes(Session):
    """A session for changes. `waiting` are rows by model that are written at its end, where it is for many records
    (`csctl.services.shared.windows`).
    """

    waiting: dict[type[Any], list[dict[str, Any]]] | None = None


@contextmanager
def writing(engine: Engine, *, dry_run: bool = False) -> Iterator[Changes]:
    """Open a session whose changes are kept when the block ends, all or none.

    A dry run lets the database check the changes, and rolls them back; records keep the values that they had in it. If
    the connection to PostgreSQL is lost during the commit, csctl asks PostgreSQL for the outcome. Raises OutcomeUnknown
    if it does not answer.
    """
    number: str | None = None
    with engine.connect() as connection:
        try:
            with connection.begin() as transaction:
                # The session leaves the commit to the transaction, whose outcome may have to be asked for.
                with Changes(connection, expire_on_commit=False, join_transaction_mode="rollback_only") as session:
                    yield session
                    if dry_run:
                        session.flush()
                        session.expunge_all()  # a rollback of the session would expire the records
                        transaction.rollback()
                        return
                    session.commit()
                if engine.dialect.name == "postgresql":
                    number = connection.scalar(text("SELECT pg_current_xact_id_if_assigned()::text"))
        except DBAPIError as error:
            if number is None or not error.connection_invalidated:
                raise
            if not _was_kept(engine, number):
                raise


def _was_kept(engine: Engine, number: str) -> bool:
    """Whether PostgreSQL committed a transaction, by its number. Raises OutcomeUnknown if it does not answer."""
    for pause in _ACKNOWLEDGED_WITHIN:
        time.sleep(pause)
        with suppress(DBAPIError), engine.connect() as connection:
            status = connection.scalar(text("SELECT pg_xact_status(CAST(:number AS xid8))"), {"number": number})
            if status != "in progress":
                return bool(status == "committed")
    raise OutcomeUnknown(
        "whether the change was kept is not known",
        cause="the connection to the database was lost just then",
        fix="look at the record, once the database can be reached",
    )


def current_schema(session: Session) -> str | None:
    """The migration of this database; None if csctl never set it up."""
    try:
        with session.begin_nested():
            found: str | None = session.scalar(text("SELECT version_num FROM alembic_version"))
            return found
    except DBAPIError:
        if inspect(session.connection()).has_table("alembic_version"):
            raise
        return None


def require_current_schema(session: Session) -> None:
    """Raises Misconfigured unless the schema is the one that this csctl expects."""
    found = current_schema(session)
    if found is None:
        raise Misconfigured("csctl has not set up this database", fix="csctl db init --admin NAME")
    if found < SCHEMA_HEAD:
        raise Misconfigured(
            "the database's schema is old",
            cause=f"it is at {found}, this csctl needs {SCHEMA_HEAD}",
            fix="csctl db upgrade",
        )
    if found > SCHEMA_HEAD:
        raise Misconfigured(
            "the database's schema is newer than this csctl",
            cause=f"it is at {found}, this csctl knows {SCHEMA_HEAD}",
            fix="use the csctl that the database was upgraded with, or a newer one",
        )
