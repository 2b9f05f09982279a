"""Databases to test on: built once by the migrations, then copied, which takes milliseconds."""

from __future__ import annotations

import itertools
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.orm import Session

from csctl import database
from csctl.domain.states import Role
from csctl.services.administration import operators, schema
from csctl.settings import Settings
from tests.forks import Asked
from tests.mutants import guards
from tests.postgres import Server
from tests.reuse import Databases

KEPT = "TESTS_TEMPLATE"  # an environment variable: a folder in which `keep_template` has left one
_FOUNDED = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Template:
    """A database with the schema and three operators. `tokens` are theirs, by role.

    The workers of a test run share it; the databases of each have its name in theirs.
    """

    name: str
    tokens: dict[str, str]
    worker: str
    file: Path | None = None
    server: Server | None = None
    _databases: Databases | None = None
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    @contextmanager
    def copied(self, folder: Path) -> Iterator[str]:
        if self.server:
            if self._databases is None:
                self._databases = Databases(self.server, self.name, f"{self.name}_{self.worker}")
            name = self._databases.take()
            yield self.server.url(name)
            self._databases.give_back(name)
        else:
            assert self.file
            shutil.copy(self.file, folder / "csctl.db")
            yield f"sqlite:///{folder / 'csctl.db'}"

    def close(self) -> None:
        """Close the connections to its copies."""
        if self._databases:
            self._databases.close()

    @contextmanager
    def emptied(self, folder: Path) -> Iterator[str]:
        if self.server:
            name = f"{self.name}_{self.worker}_empty_{next(self._numbers)}"
            self.server.run(f"CREATE DATABASE {name} TEMPLATE template0")
            yield self.server.url(name)
            self.server.run(f"DROP DATABASE {name} WITH (FORCE)")
        else:
            yield f"sqlite:///{folder / 'empty.db'}"


def make_template(folder: Path, server: Server | None, worker: str) -> Template:
    """The schema, made as `csctl db init --rehearsal` makes it, and an operator for each role."""
    name = "csctl_template"
    file = None if server else folder / "template.db"
    if server:
        server.run(f"CREATE DATABASE {name} TEMPLATE template0")
    url = server.url(name) if server else f"sqlite:///{file}"
    tokens = {"admin": str(schema.init(Settings(database_url=url, now=_FOUNDED), "admin", rehearsal=True).token)}
    engine = database.connect(url)
    with Session(engine) as session, session.begin():
        for role in (Role.AGENT, Role.SERVICE):
            tokens[role.value] = str(operators.add(session, role.value, role, _FOUNDED).token)
    guards.drop_named(engine)
    engine.dispose()
    return Template(name, tokens, worker, file, server)


def keep_template(folder: Path) -> None:
    """Leave the SQLite template in a folder, for test runs that do not change the schema."""
    template = make_template(folder, None, "kept")
    (folder / "tokens.json").write_text(json.dumps(template.tokens))


def _without_a_guard(kept: Path) -> Path:
    """The kept template, or where a mutant drops a guard a copy of it, in the mutant's own folder."""
    if not os.environ.get(guards.VARIABLE):
        return kept
    copy = Path(guards.__file__).parents[2] / "template.db"
    shutil.copy(kept, copy)
    engine = database.connect(f"sqlite:///{copy}")
    guards.drop_named(engine)
    engine.dispose()
    return copy


def template_of_run(backend: str, server: Server | None) -> Template:
    """The template of this test run; the first worker that asks has the host make it."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    kept = os.environ.get(KEPT)
    if kept and not server:
        tokens = json.loads((Path(kept) / "tokens.json").read_text())
        return Template("kept", tokens, worker, _without_a_guard(Path(kept) / "template.db"))
    asked = Asked({"do": "template", "backend": backend})
    answer = asked.answer()
    asked.close()
    file = answer["file"] and Path(answer["file"])
    return Template(answer["name"], answer["tokens"], worker, file, server)
