"""App: what one process of csctl works with, for one operator. `bootstrap.start` builds it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from csctl import database, driver_errors, fault_points
from csctl.clock import Clock
from csctl.domain.operators import Actor
from csctl.domain.shop import Shop
from csctl.errors import NotPermitted
from csctl.journal import Journal
from csctl.mail.outgoing import Outgoing
from csctl.settings import Settings, mask

if TYPE_CHECKING:
    from csctl.gateways.registry import Registry


def whereabouts(settings: Settings, shop: str | None, *, rehearsal: bool) -> str:
    """`Tea shop, postgresql+psycopg://db/tea, live`, with the profile if there is one."""
    profile = f"profile {settings.profile}" if settings.profile else None
    parts = [settings.label or shop, mask(settings.database_url), "rehearsal" if rehearsal else "live", profile]
    return ", ".join(part for part in parts if part)


@dataclass
class App:
    """What a service function needs: database, clock, gateways, outgoing email, and the operator.

    `notice` prints a text for the person at the terminal that is not a result. `open_gateways` opens the configured
    accounts when they are first needed. `note_refusal` writes a refusal for lack of rights into the audit log.
    """

    settings: Settings
    command: str
    engine: Engine
    notice: Callable[[str], None]
    open_gateways: Callable[[App], Registry]
    note_refusal: Callable[[App, NotPermitted, str | None], None]
    clock: Clock = field(default_factory=Clock)
    shop: Shop = field(default_factory=Shop)
    rehearsal: bool = False
    replica: Engine | None = None
    retired_at: datetime | None = None  # the shop has moved to another database: this one changes nothing
    operator: Actor | None = None
    journal: Journal = field(default_factory=Journal)  # the journal of the run, during a bulk change
    new_emails: list[str] = field(default_factory=list)  # the Message-IDs of those to deliver at its end

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that changes nothing, on the read replica for a command that only reads."""
        url = self.settings.database_url if self.replica is None else str(self.settings.read_url)
        with driver_errors.translated(url), database.reading(self.replica or self.engine) as session:
            yield session

    @contextmanager
    def write(
        self, *, dry_run: bool = False, target: str | None = None, points: fault_points.Around = fault_points.CHANGE
    ) -> Iterator[database.Changes]:
        """Open a session whose changes are kept when the block ends, all or none. Never call a gateway inside.

        A dry run lets the database check the changes, and rolls them back, together with the emails that they
        announced. If the database refuses the login, the audit log records it as a refusal of `target`.
        """
        kept, emails_before = False, len(self.new_emails)
        try:
            with self._translated(), database.writing(self.engine, dry_run=dry_run) as session:
                yield session
                if not dry_run:
                    fault_points.reached(points[0])
            kept = not dry_run
            if kept:
                fault_points.reached(points[1])
        except NotPermitted as error:
            if isinstance(error.__cause__, DBAPIError):  # what csctl refuses is recorded where that is decided
                self.note_refusal(self, error, target)
            raise
        finally:
            if not kept:
                del self.new_emails[emails_before:]

    @contextmanager
    def write_refusal(self) -> Iterator[Session]:
        """Open a session for the record of a refusal. A refusal of the database inside it is not recorded again."""
        with self._translated(), database.writing(self.engine) as session:
            yield session

    def _translated(self) -> AbstractContextManager[None]:
        return driver_errors.translated(self.settings.database_url)

    @cached_property
    def gateways(self) -> Registry:
        """Open the gateway accounts. Opening them reads the database: never do it for the first time inside a
        transaction.

        Raises Misconfigured.
        """
        return self.open_gateways(self)

    @cached_property
    def mail(self) -> Outgoing:
        return Outgoing(self.settings.mail_url, self.shop, self.settings.templates_dir)

    @property
    def actor(self) -> Actor:
        """The operator. Only for commands that require one."""
        if self.operator is None:
            raise NotPermitted("no operator", fix="set CSCTL_TOKEN")
        return self.operator

    @property
    def where(self) -> str:
        """The shop, its database without password, and whether money moves there: for prompts and errors."""
        return whereabouts(self.settings, self.shop.name, rehearsal=self.rehearsal)

    def close(self) -> None:
        if "mail" in self.__dict__:
            self.mail.close()
        if "gateways" in self.__dict__:
            self.gateways.close()
        self.engine.dispose()
        if self.replica:
            self.replica.dispose()
