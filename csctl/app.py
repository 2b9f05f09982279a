"""App: one process of csctl at work for one operator. The one place that puts the parts together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import TYPE_CHECKING

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from csctl import database, driver_errors
from csctl.clock import Clock
from csctl.domain import permissions
from csctl.errors import CsctlError, Misconfigured, NotPermitted
from csctl.journal import Journal
from csctl.models import Email, Installation
from csctl.services.administration import operators
from csctl.services.administration import settings as shop
from csctl.services.shared import audit
from csctl.settings import Settings

if TYPE_CHECKING:
    from csctl.services.emails.delivery import Mailer
    from csctl.services.payments.accounts import Gateways


class App:
    """What a service function needs: a database, a clock, gateways, a mailer, and who is asking.

    `notice` tells the person at the terminal something that is not a result.
    """

    def __init__(self, settings: Settings, command: str, notice: Callable[[str], None] = lambda _text: None) -> None:
        self.settings = settings
        self.command = command
        self.notice = notice
        self.engine: Engine = database.connect(settings.database_url)
        self.operator: operators.Actor | None = None
        self.rehearsal = False
        self.trouble: CsctlError | None = None  # of ours, that a run met beside its records
        self.shop = shop.Shop()
        self.clock = Clock(fixed=settings.now)
        self.journal = Journal()  # that of a run, while a bulk change is carried out
        self.new_emails: list[Email] = []  # what this process wrote into the outbox, to be delivered when it is done

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that changes nothing."""
        with driver_errors.translated(self.settings.database_url), database.reading(self.engine) as session:
            yield session

    @contextmanager
    def write(self, *, target: str | None = None) -> Iterator[Session]:
        """A session whose changes are kept when the block ends, all or none. Never call a gateway inside.

        Where the database itself refuses the login, that is put into the audit trail, as a refusal of `target`.
        """
        try:
            with self._writing() as session:
                yield session
        except NotPermitted as error:
            if isinstance(error.__cause__, DBAPIError):  # what csctl refuses is noted where that is decided
                self._note(error, target)
            raise

    @contextmanager
    def _writing(self) -> Iterator[Session]:
        with driver_errors.translated(self.settings.database_url), database.writing(self.engine) as session:
            yield session

    @cached_property
    def gateways(self) -> Gateways:
        from csctl.services.payments.accounts import Gateways

        return Gateways(self)

    @cached_property
    def mailer(self) -> Mailer:
        from csctl.services.emails.delivery import Mailer

        return Mailer(self)

    @property
    def actor(self) -> operators.Actor:
        """The operator. Commands without one never ask."""
        if self.operator is None:
            raise NotPermitted("no operator", fix="set CSCTL_TOKEN")
        return self.operator

    def require(self, action: str) -> None:
        """Raises NotPermitted, and leaves it in the trail, unless the operator's role may do this."""
        roles = permissions.allowed(action)
        if self.actor.role not in roles:
            self.refuse(
                NotPermitted(
                    f"{action} is not for the role {self.actor.role.value}",
                    cause=f"it needs the role {permissions.describe(roles)}",
                    fix="ask somebody with that role",
                )
            )

    def refuse(self, error: NotPermitted, target: str | None = None) -> None:
        """Put a refusal for lack of rights into the audit trail, and raise it: also where it cannot be written down."""
        self._note(error, target)
        raise error

    def _note(self, error: NotPermitted, target: str | None) -> None:
        error.noted = True
        with suppress(CsctlError), self._writing() as session:
            audit.refused(session, self, error, target)

    def close(self) -> None:
        if "mailer" in self.__dict__:
            self.mailer.close()
        self.engine.dispose()


def start(
    settings: Settings, command: str, notice: Callable[[str], None] = lambda _text: None, *, any_schema: bool = False
) -> App:
    """An App whose operator may run `command`, on a database whose schema is current (unless `any_schema`).

    Raises Misconfigured, NotPermitted, or Unreachable.
    """
    app = App(settings, command, notice)
    try:
        _identify(app, any_schema=any_schema)
        app.require(command)
    except CsctlError:
        app.close()
        raise
    return app


def _identify(app: App, *, any_schema: bool) -> None:
    refusal: NotPermitted | None = None
    with app.read() as session:
        if not any_schema or database.current_schema(session) is None:
            database.require_current_schema(session)
        installation = session.get(Installation, 1)
        app.rehearsal = bool(installation and installation.rehearsal)
        if app.settings.now and not app.rehearsal:
            raise Misconfigured(
                "CSCTL_NOW is set, and this database is no rehearsal",
                cause="the clock is only set on databases made with db init --rehearsal",
                fix="unset CSCTL_NOW",
            )
        app.shop = shop.load(session)
        app.clock = Clock(zone=app.shop.timezone, fixed=app.settings.now)
        try:
            app.operator = operators.owner_of(session, app.settings.token)
            operators.require_valid(app.operator, app.clock.now())
        except NotPermitted as error:
            refusal = error
    if refusal:
        app.refuse(refusal)
    operators.note_use(app)
