"""A shop to test in: a rehearsal database, a sandbox gateway, mail to files, and csctl at work there."""

from __future__ import annotations

import email.policy
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from email.message import EmailMessage
from email.parser import BytesParser
from functools import cached_property
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from csctl import database
from csctl.clock import parse_time, rfc3339
from csctl.domain.money import to_decimal
from csctl.gateways.sandbox.ledger import Ledger, Lesson
from csctl.models.columns import Base
from tests.running import Done, Process, Terminal, run

MONDAY = "2026-03-02T09:00:00Z"


class Shop:
    """Calling it runs csctl. `now` is the time it is there (CSCTL_NOW); set it to let days pass.

    `env` is the environment of every call: change it to change the shop's gateways, or its mail.
    """

    def __init__(
        self,
        folder: Path,
        database_url: str,
        tokens: Mapping[str, str],
        start: Callable[..., Process] | None = None,
        terminal: Callable[..., Terminal] | None = None,
    ) -> None:
        folder.mkdir()
        self.folder = folder
        self.database_url = database_url
        self.now = MONDAY
        self.tokens = tokens
        self.outbox = folder / "mail"
        self.outbox.mkdir()
        self.sandbox = folder / "sandbox.db"
        self.env = {
            "CSCTL_DATABASE_URL": database_url,
            "CSCTL_GATEWAY_MAIN": f"sandbox:{self.sandbox}",
            "CSCTL_MAIL_URL": f"file:{self.outbox}",
        }
        self._engine = database.connect(database_url)
        self._start = start
        self._terminal = terminal

    # -- csctl

    def __call__(
        self,
        *words: str,
        as_: str | None = "admin",
        at: str | None = None,
        env: Mapping[str, str] | None = None,
        input: str | bytes = "",
    ) -> Done:
        """Run csctl here, for the operator with this role (None: without a token)."""
        return run(*words, env=self.environment(as_, at, env), input=input)

    def start(
        self,
        *words: str,
        as_: str | None = "admin",
        at: str | None = None,
        env: Mapping[str, str] | None = None,
        **options: Any,
    ) -> Process:
        """Start csctl here as a process of its own."""
        assert self._start
        return self._start(*words, env=self.environment(as_, at, env), **options)

    def terminal(
        self,
        *words: str,
        as_: str | None = "admin",
        at: str | None = None,
        env: Mapping[str, str] | None = None,
        **options: Any,
    ) -> Terminal:
        """Start csctl here on a terminal."""
        assert self._terminal
        return self._terminal(*words, env=self.environment(as_, at, env), **options)

    def environment(
        self, as_: str | None = "admin", at: str | None = None, env: Mapping[str, str] | None = None
    ) -> dict[str, str]:
        token = {"CSCTL_TOKEN": self.token(as_)} if as_ else {}
        return {**self.env, "CSCTL_NOW": at or self.now, **token, **(env or {})}

    def token(self, role: str) -> str:
        return self.tokens[role]

    def teach(self, sale: Lesson) -> None:
        """Have the sandbox know a sale that was put into the database, as `sandbox adopt` would."""
        if self._has_its_sandbox():
            self._ledger.teach([sale])
        else:
            self.adopt()

    def _has_its_sandbox(self) -> bool:
        return self.env["CSCTL_GATEWAY_MAIN"].startswith(f"sandbox:{self.sandbox}")

    def _has_only_its_sandbox(self) -> bool:
        accounts = [name for name in self.env if name.startswith("CSCTL_GATEWAY_")]
        return accounts == ["CSCTL_GATEWAY_MAIN"] and self._has_its_sandbox()

    @cached_property
    def _ledger(self) -> Ledger:
        return Ledger(self.sandbox)

    def adopt(self) -> None:
        """Teach the sandbox the sales that are in the database."""
        done = self("sandbox adopt")
        assert done.code == 0, done.err

    # -- what csctl did

    def ledger(self) -> list[dict[str, Any]]:
        """What the gateway believes, oldest first, as `sandbox ledger` shows it."""
        if self._has_only_its_sandbox():
            return [_shown(row) for row in self._ledger.entries()]
        done = self("sandbox ledger --all -o json")
        assert done.code == 0, done.err
        return list(reversed(done.json))

    def mails(self) -> list[EmailMessage]:
        """What was delivered, oldest first."""
        files = sorted(self.outbox.glob("*.eml"), key=lambda file: (file.stat().st_mtime_ns, file.name))
        return [BytesParser(EmailMessage, policy=email.policy.default).parsebytes(f.read_bytes()) for f in files]

    def sql(self, statement: str, **values: Any) -> list[dict[str, Any]]:
        """Ask the database, or break something in it, past csctl."""
        with self._engine.begin() as connection:
            result = connection.execute(text(statement), values)
            return [dict(row) for row in result.mappings()] if result.returns_rows else []

    def contents(self) -> dict[str, list[dict[str, Any]]]:
        """Every row of every table, as the database has it."""
        with self._engine.connect() as connection:
            return {
                table: [dict(row) for row in connection.exec_driver_sql(f"SELECT * FROM {table}").mappings()]  # noqa: S608
                for table in Base.metadata.tables
            }

    def wait_for(self, statement: str, seconds: float = 60) -> None:
        """Until the database has such a row."""
        end = time.monotonic() + seconds
        while not self.sql(statement):
            assert time.monotonic() < end, f"never: {statement}"
            time.sleep(0.02)

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A session on the shop's database, committed at the end."""
        with Session(self._engine, expire_on_commit=False) as session, session.begin():
            yield session

    @property
    def moment(self) -> datetime:
        """`now` as a time."""
        return parse_time(self.now)

    def close(self) -> None:
        self._engine.dispose()


def _shown(row: sqlite3.Row) -> dict[str, Any]:
    """An operation at the sandbox as `sandbox ledger -o json` prints it."""
    return {
        **{name: row[name] for name in ("ref", "kind", "currency", "parent_ref", "key", "result")},
        "amount": to_decimal(row["amount"], row["currency"]),
        "at": rfc3339(parse_time(row["at"])),
        "account": "main",
    }
