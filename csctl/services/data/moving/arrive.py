"""Importing a whole shop into a new database: all or nothing, with the ids that it had."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count, islice
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Table, bindparam, delete, func, insert, select, text, update
from sqlalchemy.orm import Session

from csctl.domain.outcomes import Outcome
from csctl.domain.states import Direction
from csctl.errors import Conflict, Usage
from csctl.models import NO_TOKEN, Move, Operator
from csctl.results import Row
from csctl.services.data.moving import values
from csctl.services.data.moving.archive import Manifest, Reader
from csctl.services.data.moving.tables import LEFT_EMPTY, OPERATORS, REPLACED, late, moving, of_operators
from csctl.services.data.moving.values import TableRow
from csctl.services.shared import audit

if TYPE_CHECKING:
    from csctl.app import App

_BATCH = 1000


def run(app: App, folder: Path, *, source_retired: bool, dry_run: bool) -> list[Row]:
    """Bring a shop in from a directory that `leave` wrote; a row for each table.

    Of a shop that is here already, only the confirmation that its old database is retired is kept. Raises Usage for a
    directory that is not a complete export, Conflict for a database that has records of its own.
    """
    archive = Reader(folder)
    archive.manifest.require_usable(rehearsal=app.rehearsal)
    archive.check()
    with app.write(dry_run=dry_run) as session:
        here = session.scalar(select(Move).where(Move.direction == Direction.IN))
        if here is None:
            _require_empty(session)
            counts = _load(session, archive)
            here = _note(session, app, archive.manifest)
        elif here.archive == archive.manifest.id:
            counts = {table.name: 0 for table in moving()}
        else:
            raise Conflict("this database holds an imported shop already", fix=_FRESH)
        if source_retired and here.confirmed_at is None:
            here.confirmed_at = app.clock.now()
            audit.write(session, app, Outcome.UPDATED, target="all", source_retired=here.archive)
        _warn(app, here)
    return [_row(archive.manifest, name, created, dry_run=dry_run) for name, created in counts.items()]


_FRESH = "csctl db init --admin NAME with another CSCTL_DATABASE_URL, and import there"


def _row(manifest: Manifest, table: str, created: int, *, dry_run: bool) -> Row:
    read = manifest.tables[table].rows
    return {
        "kind": table,
        "read": read,
        "created": created,
        "updated": 0,
        "unchanged": read - created,
        "rejected": 0,
        "rejects_file": None,
        "dry_run": dry_run,
    }


def _require_empty(session: Session) -> None:
    for table in moving():
        if table.name not in REPLACED | {OPERATORS} and session.execute(select(table).limit(1)).first():
            raise Conflict(
                "this database has records already", cause=f"its table {table.name} is not empty", fix=_FRESH
            )


def _note(session: Session, app: App, manifest: Manifest) -> Move:
    move = Move(direction=Direction.IN, archive=manifest.id, mark=manifest.mark, at=app.clock.now())
    session.add(move)
    audit.write(session, app, Outcome.IMPORTED, target="all", archive=manifest.id)
    return move


def _warn(app: App, move: Move) -> None:
    if move.confirmed_at is None:
        app.notice(
            "The database that this shop came from may still charge and refund. Once it is retired"
            " (there: csctl data export all DIR --retire), confirm it: csctl data import all DIR --source-retired"
        )


def _load(session: Session, archive: Reader) -> dict[str, int]:
    if missing := [table.name for table in moving() if table.name not in archive.manifest.tables]:
        raise Usage(f"the export has no table {missing[0]}", fix="export the shop again")
    operators = _operators(session, archive)
    counts = {}
    for table in moving():
        if table.name == OPERATORS:
            counts[table.name] = sum(1 for given, number in operators.items() if given == number)
            continue
        if table.name in REPLACED and session.execute(select(table).limit(1)).first():
            session.execute(delete(table))  # not every login that may add rows may delete them
        counts[table.name] = _insert(session, table, archive.rows(table.name), operators)
    for table in moving():
        _connect(session, table, archive)
        _continue_numbers(session, table)
    return counts


def _operators(session: Session, archive: Reader) -> dict[int, int]:
    """Operators by the number that they had. One who is here by that name stays; others have no token yet."""
    here = {operator.name: operator.id for operator in session.scalars(select(Operator))}
    how = values.readers(Operator.metadata.tables[OPERATORS])
    rows = [values.read(given, how) for given in archive.rows(OPERATORS)]
    further = count(max([*here.values(), *(row["id"] for row in rows)], default=0) + 1)
    numbers: dict[int, int] = {}
    for row in rows:
        if row["name"] in here:
            numbers[row["id"]] = here[row["name"]]
            continue
        number = next(further) if row["id"] in here.values() else row["id"]
        operator = Operator(**{**row, "id": number}, token_hash=f"{NO_TOKEN}{row['name']}")
        session.add(operator)
        session.flush()
        numbers[row["id"]] = operator.id
    return numbers


def _insert(session: Session, table: Table, rows: Iterable[TableRow], operators: dict[int, int]) -> int:
    how, count = values.readers(table), 0
    empty = dict.fromkeys([*LEFT_EMPTY.get(table.name, ()), *(column.name for column in late(table))])
    people = of_operators(table)
    for batch in _batches(rows):
        found = [{**values.read(row, how), **empty} for row in batch]
        for row in found:
            row.update({name: operators[row[name]] for name in people if row[name] is not None})
        session.execute(insert(table), found)
        count += len(found)
    return count


def _connect(session: Session, table: Table, archive: Reader) -> None:
    """Fill in the columns that refer to rows which came later."""
    for column in late(table):
        key = table.primary_key.columns[0]
        statement = update(table).where(key == bindparam("of_row")).values({column.name: bindparam("refers_to")})
        pairs = ({"of_row": row[key.name], "refers_to": row[column.name]} for row in archive.rows(table.name))
        for batch in _batches(pair for pair in pairs if pair["refers_to"] is not None):
            session.connection().execute(statement, batch)


def _continue_numbers(session: Session, table: Table) -> None:
    """Let new rows be numbered after those that came in. SQLite does so itself."""
    if session.get_bind().dialect.name != "postgresql" or "id" not in table.columns:
        return
    sequence = session.scalar(text("SELECT pg_get_serial_sequence(:name, 'id')"), {"name": table.name})
    highest = session.scalar(select(func.max(table.columns.id)))
    if sequence and highest:  # groups may take numbers, not set them
        session.execute(
            text("SELECT max(nextval(CAST(:sequence AS regclass))) FROM generate_series(1, :highest)"),
            {"sequence": sequence, "highest": highest},
        )


def _batches(rows: Iterable[TableRow]) -> Iterator[list[TableRow]]:
    remaining = iter(rows)
    while batch := list(islice(remaining, _BATCH)):
        yield batch
