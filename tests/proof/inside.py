"""A shop whose services work in this process: no command line, one engine for many shops, files in memory."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from pathlib import Path

from sqlalchemy import event
from sqlalchemy.orm import Session

from csctl import bootstrap
from csctl.app import App
from csctl.clock import Clock, parse_time
from csctl.errors import CsctlError
from csctl.gateways.identified import Identified
from csctl.gateways.registry import Registry
from csctl.gateways.sandbox import Sandbox
from csctl.gateways.sandbox.ledger import Ledger
from csctl.journal import Journal
from csctl.results import Result
from csctl.settings import Settings
from tests.databases import Template
from tests.shops import MONDAY, Shop

Work = Callable[[App], Iterable[Result]]


class _Opened(Registry):
    """The accounts of one command, around a sandbox that stays open."""

    def __init__(self, app: App, sandbox: Sandbox) -> None:
        super().__init__(app.settings.gateways, app.clock, rehearsal=True)
        self._open["main"] = Identified(sandbox, "main", None, lambda name, account: None)


class Inside(Shop):
    """Shops, one after the other. `gateway` are the options of the sandbox, as in its URL.

    What is written need not survive a loss of power here: SQLite does not wait for the disk.
    """

    def __init__(self, folder: Path, template: Template) -> None:
        assert template.file
        self._template = template.file.read_bytes()
        self._file = folder / "csctl.db"
        self._file.write_bytes(self._template)
        super().__init__(folder / "shop", f"sqlite:///{self._file}", template.tokens)
        self._engine.dispose()
        self.app = bootstrap.start(self._settings(""), "txn refund")
        self._engine = self.app.engine
        event.listen(self._engine, "connect", lambda dbapi, _: dbapi.execute("PRAGMA synchronous=OFF"))
        self.app.open_gateways = self._accounts
        self._making: Session | None = None
        self.at = parse_time(MONDAY)

    @property
    def moment(self) -> datetime:
        return self.at

    def begin(self, gateway: str) -> None:
        """A new shop, with a ledger of its own."""
        self._engine.dispose()
        for file in (self._file, self.sandbox):
            for name in (f"{file.name}-wal", f"{file.name}-shm"):
                file.with_name(name).unlink(missing_ok=True)
        self._file.write_bytes(self._template)
        self.sandbox.unlink(missing_ok=True)
        for mail in self.outbox.iterdir():
            mail.unlink()
        self.__dict__.pop("_ledger", None)
        self.env["CSCTL_GATEWAY_MAIN"] = f"sandbox:{self.sandbox}"
        self.at = parse_time(MONDAY)
        self.app.settings = self._settings(gateway)
        url = Registry(self.app.settings.gateways, self.app.clock, rehearsal=True).url("main")
        self._sandbox = Sandbox.at(url, lambda: self.at, self.app.clock.zone)

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A session on the shop's database; inside of another, that one: what is made together is one transaction."""
        if self._making:
            yield self._making
            return
        with super().session() as session:
            self._making = session
            try:
                yield session
            finally:
                self._making = None

    def work(self, work: Work) -> list[Result]:
        """Carry out a change as one command does, with accounts that are opened for it. One that is refused as a whole
        has no results.
        """
        self.app.clock = Clock(zone=self.app.clock.zone, fixed=self.at)
        self.app.journal = Journal()
        self.app.new_emails.clear()
        self.app.__dict__.pop("gateways", None)
        try:
            return list(work(self.app))
        except CsctlError:
            return []

    def books(self, statement: str, *values: str) -> list[sqlite3.Row]:
        """Ask the gateway's ledger, or change how it behaves."""
        with self._ledger.open() as books:
            return books.execute(statement, values).fetchall()

    @cached_property
    def _ledger(self) -> Ledger:
        return Ledger(self.sandbox)

    def _accounts(self, app: App) -> Registry:
        return _Opened(app, self._sandbox)

    def _settings(self, gateway: str) -> Settings:
        return Settings(
            database_url=self.database_url,
            token=self.token("admin"),
            gateways={"main": f"sandbox:{self.sandbox}?{gateway}"},
            mail_url=f"file:{self.outbox}",
            now=parse_time(MONDAY),
        )
