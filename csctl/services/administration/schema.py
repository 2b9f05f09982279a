"""Create a database, and upgrade an older one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from csctl import database, driver_errors, search_index
from csctl.clock import Clock
from csctl.domain.outcomes import Outcome
from csctl.domain.states import Role
from csctl.errors import Conflict, Misconfigured
from csctl.models import AuditRow, Installation, ShopSetting
from csctl.paths import shipped
from csctl.services.administration import operators
from csctl.services.administration import settings as shop_settings
from csctl.services.administration.operators import Issued
from csctl.services.shared import audit, duplicates
from csctl.settings import Settings, mask

if TYPE_CHECKING:
    from csctl.app import App

_CACHE_KIB = 512 * 1024  # at most, during a migration
# the same as alembic's; created first, to be locked
_VERSION_TABLE = """
    CREATE TABLE IF NOT EXISTS alembic_version
    (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))
"""


@dataclass(frozen=True)
class Status:
    """Where the database is, and whether its schema is current."""

    database: str
    backend: str
    schema: str | None
    expected: str
    current: bool
    rehearsal: bool


def init(
    settings: Settings, admin: str, *, rehearsal: bool, limits: Sequence[str] = (), dry_run: bool = False
) -> Issued:
    """Create the schema, the first administrator, and the refund limits of agents.

    A dry run rolls the tables back, and creates no file: for a missing one it only checks whether it could be created.
    Raises Conflict if csctl set this database up before, Usage for an invalid name or limit, Misconfigured with
    CSCTL_NOW for a live database.
    """
    if settings.now and not rehearsal:
        raise Misconfigured(
            "CSCTL_NOW is set, and this is not a rehearsal",
            fix="unset CSCTL_NOW, or csctl db init --admin NAME --rehearsal",
        )
    name, of_agents = operators.acceptable_name(admin), shop_settings.agent_limits(limits)
    would_be = Issued(None, name, Role.ADMIN, None)
    if dry_run and database.could_be_made(settings.database_url):
        return would_be
    engine = database.connect(settings.database_url, create=not dry_run)
    try:
        with driver_errors.translated(settings.database_url):
            _require_no_shop(engine, settings)
            migrate(engine, "head", keep=not dry_run)
            if dry_run:
                return would_be
            return _begin(engine, name, of_agents, Clock(fixed=settings.now).now(), rehearsal=rehearsal)
    finally:
        engine.dispose()


def _require_no_shop(engine: Engine, settings: Settings) -> None:
    """Raises Conflict if the database has a shop. Tables alone are none: `init` resumes after an interruption."""
    with Session(engine) as session:
        if database.current_schema(session) and session.get(Installation, 1):
            raise Conflict("this database is set up already", cause=mask(settings.database_url), fix="csctl db status")


def _begin(engine: Engine, admin: str, limits: Mapping[str, str], now: datetime, *, rehearsal: bool) -> Issued:
    with Session(engine, expire_on_commit=False) as session, session.begin():
        search_index.build(session.connection())  # of columns that are younger than its migration, too
        session.add(Installation(id=1, rehearsal=rehearsal, created_at=now))
        session.add_all(ShopSetting(name=name, value=value, updated_at=now) for name, value in limits.items())
        made = operators.add(session, admin, Role.ADMIN, now)
        changes = {"role": "admin", **limits}
        session.add(
            AuditRow(at=now, operator=None, command="db init", target=made.id, changes=changes, outcome=Outcome.CREATED)
        )
    return made


def upgrade(app: App, *, dry_run: bool = False) -> Status:
    """Run the missing migrations, and build what is missing of the search index; a dry run rolls them back.

    Returns the status afterwards.
    """
    before = status(app).schema
    with driver_errors.translated(app.settings.database_url):
        migrate(
            app.engine,
            "head",
            keep=not dry_run,
            applied=lambda number: app.notice(f"Migration {number} of {database.SCHEMA_HEAD} is carried out."),
        )
    if not dry_run:
        with app.write() as session:
            search_index.build(session.connection())
            audit.write(session, app, Outcome.UPDATED, target="schema", before=before, after=database.SCHEMA_HEAD)
            for name, words in duplicates.marked(session):
                app.notice(f"Warning: {name} is never refunded: {words}.")
    return status(app)


def status(app: App) -> Status:
    with app.read() as session:
        found = database.current_schema(session)
    return Status(
        database=mask(app.settings.database_url),
        backend=app.engine.dialect.name,
        schema=found,
        expected=database.SCHEMA_HEAD,
        current=found == database.SCHEMA_HEAD,
        rehearsal=app.rehearsal,
    )


def migrate(
    engine: Engine,
    revision: str,
    *,
    down: bool = False,
    keep: bool = True,
    applied: Callable[[str], None] = lambda _number: None,
) -> None:
    """Migrate the schema to a revision, in one transaction, which is rolled back unless `keep` is set.

    `applied` is given the number of each migration when it is through: some take minutes in a large shop.

    Raises Conflict if rows would refer to missing ones.
    """
    from alembic import command  # 400 ms, and needed by two commands
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(shipped("migrations")).replace("%", "%%"))
    with engine.connect() as connection:
        sqlite = connection.dialect.name == "sqlite"
        if sqlite:
            # SQLite changes a table by copying it, which foreign keys would prevent; they are checked again below.
            # The switch works only outside of a transaction, hence not through the connection.
            connection.connection.execute("PRAGMA foreign_keys=OFF")
            # Indexes of a large table are made in memory, not from the file again and again.
            connection.connection.execute(f"PRAGMA cache_size=-{_CACHE_KIB}")
        connection.begin()  # otherwise alembic commits each migration on SQLite, and none could be rolled back
        if not sqlite:
            _wait_for_others(connection)
        config.attributes.update(connection=connection, applied=applied)
        (command.downgrade if down else command.upgrade)(config, revision)
        if sqlite and (broken := connection.execute(text("PRAGMA foreign_key_check")).first()):
            raise Conflict("the migration would leave rows that refer to nothing", cause=str(tuple(broken)))
        (connection.commit if keep else connection.rollback)()
        connection.invalidate()  # the next connection starts with foreign keys on


def _wait_for_others(connection: Connection) -> None:
    """Another host may be upgrading PostgreSQL, too: the second one waits, and finds that it is done.

    Any login can take an advisory lock; this lock needs the right to write the table.
    """
    with suppress(DBAPIError), connection.begin_nested():  # another host may be creating it at this moment
        connection.execute(text(_VERSION_TABLE))
    connection.execute(text("LOCK TABLE alembic_version IN EXCLUSIVE MODE"))
    # A check that waits for the commit keeps its table from being altered after rows of it were changed.
    connection.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
