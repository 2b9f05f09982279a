"""The directory that holds an exported shop: a file of JSON lines for each table, and a manifest, written last."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from csctl import database
from csctl.errors import Conflict, Misconfigured, Usage
from csctl.services.data.moving.values import TableRow

MANIFEST = "manifest.json"
_FORMAT = 1


@dataclass(frozen=True)
class Content:
    """One table of an archive: how many rows its file has, and what the file hashes to."""

    rows: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What an archive is: whose export it is, of which schema, and what it holds.

    `mark` is what the ids of exported records of that shop end with, `retired` whether the database was retired by
    this export.
    """

    id: str
    made_at: str
    schema: str
    rehearsal: bool
    retired: bool
    mark: str
    tables: Mapping[str, Content]

    def require_usable(self, *, rehearsal: bool) -> None:
        """Raises Misconfigured for another schema than this database has, Conflict where one of the two is a
        rehearsal.
        """
        if self.schema != database.SCHEMA_HEAD:
            raise Misconfigured(
                f"the export has the schema {self.schema}, this database {database.SCHEMA_HEAD}",
                fix="upgrade the older one (csctl db upgrade), and export again",
            )
        if self.rehearsal is not rehearsal:
            words = {True: "a rehearsal", False: "a shop where money moves"}
            raise Conflict(
                f"the export is of {words[self.rehearsal]}, and this database is {words[rehearsal]}",
                fix="create the new database " + ("with" if self.rehearsal else "without") + " db init --rehearsal",
            )


class Writer:
    """Writes an archive into a directory that is empty, or made. Only its owner can read it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._tables: dict[str, Content] = {}
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if any(folder.iterdir()):
                raise Usage(f"{folder} is not empty", fix="name a directory that does not exist yet")
            folder.chmod(0o700)
        except OSError as error:
            raise Usage(f"cannot write to {folder}", cause=error.strerror) from None

    def table(self, name: str, rows: Iterable[Mapping[str, Any]]) -> Content:
        """Write the rows of a table."""
        digest, count = hashlib.sha256(), 0
        with self._opened(f"{name}.jsonl") as file:
            for row in rows:
                line = json.dumps(row, ensure_ascii=False).encode() + b"\n"
                digest.update(line)
                file.write(line)
                count += 1
        self._tables[name] = Content(count, digest.hexdigest())
        return self._tables[name]

    def close(self, **facts: Any) -> None:
        """Write the manifest: from then on the archive is complete."""
        manifest = Manifest(tables=self._tables, **facts)
        with self._opened(MANIFEST) as file:
            file.write(json.dumps({"format": _FORMAT, **asdict(manifest)}, indent=1).encode())

    def _opened(self, name: str) -> Any:
        descriptor = os.open(self._folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        return os.fdopen(descriptor, "wb")


class Reader:
    """An archive. Raises Usage for a directory that is none, or that was changed since it was written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            facts = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
            if facts.pop("format") != _FORMAT:
                raise Usage(f"{folder} was written by another version of csctl", fix="export it again with this one")
            tables = {name: Content(**content) for name, content in facts.pop("tables").items()}
            self.manifest = Manifest(tables=tables, **facts)
        except OSError as error:
            fix = "name a directory that csctl data export all wrote"
            raise Usage(f"{folder} holds no complete export", cause=error.strerror, fix=fix) from None
        except (ValueError, KeyError, TypeError, AttributeError):
            raise Usage(f"{folder / MANIFEST} is not the manifest of an export") from None

    def check(self) -> None:
        """Raises Usage unless every file is as it was written."""
        for name, content in self.manifest.tables.items():
            try:
                with (self._folder / f"{name}.jsonl").open("rb") as file:
                    found = hashlib.file_digest(file, "sha256").hexdigest()
            except OSError as error:
                raise Usage(f"cannot read {self._folder / name}.jsonl", cause=error.strerror) from None
            if found != content.sha256:
                raise Usage(f"{self._folder / name}.jsonl was changed since the export", fix="export the shop again")

    def rows(self, table: str) -> Iterator[TableRow]:
        """The rows of a table, in the order of the file."""
        with (self._folder / f"{table}.jsonl").open("rb") as file:
            for line in file:
                yield json.loads(line)
