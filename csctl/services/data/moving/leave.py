"""Exporting a whole shop: all or nothing, and nothing while a payment is under way."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Table, func, select, text
from sqlalchemy.orm import Session

from csctl import database
from csctl.clock import rfc3339
from csctl.domain import ids
from csctl.domain.outcomes import Outcome
from csctl.domain.states import UNANSWERED_STATES, Direction, ItemState, State
from csctl.errors import Conflict
from csctl.models import AuditRow, Move, QueueItem, Transaction
from csctl.results import Row
from csctl.services.data.moving import values
from csctl.services.data.moving.archive import Writer
from csctl.services.data.moving.tables import HELD, LEFT_EMPTY, moving
from csctl.services.data.moving.values import TableRow
from csctl.services.shared import audit
from csctl.services.shared.exported_ids import mark_of

if TYPE_CHECKING:
    from csctl.app import App

_BATCH = 1000


def run(app: App, folder: Path, *, retire: bool) -> Iterator[Row]:
    """Write the shop into a directory, and return a row for each table.

    With `retire`, this database is marked in the same transaction: from then on it changes nothing. Raises Conflict,
    before anything is written, while the outcome of an attempt at a gateway is open.
    """
    with app.write() as session:
        _hold(session)
        _require_quiet(session)
        _name_what_stays(app, session)
        writer = Writer(folder)
        rows = []
        for table in moving():
            content = writer.table(table.name, _rows(session, table))
            rows.append({"kind": table.name, "written": content.rows, "file": str(folder / f"{table.name}.jsonl")})
        archive, mark = str(uuid.uuid4()), mark_of(session)
        if retire and app.retired_at is None:
            session.add(Move(direction=Direction.OUT, archive=archive, mark=mark, at=app.clock.now()))
        audit.write(session, app, Outcome.EXPORTED, target="all", archive=archive, retired=retire)
        session.flush()
        writer.close(
            id=archive,
            made_at=rfc3339(app.clock.now()),
            schema=database.SCHEMA_HEAD,
            rehearsal=app.rehearsal,
            retired=retire,
            mark=mark,
        )
    yield from rows


def _hold(session: Session) -> None:
    """Block all other writers of money data until the end. SQLite does so itself."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text(f"LOCK TABLE {', '.join(HELD)} IN SHARE ROW EXCLUSIVE MODE"))


def _require_quiet(session: Session) -> None:
    waiting = Transaction.state.in_([*UNANSWERED_STATES, State.UNKNOWN])
    open_attempts = list(session.scalars(select(Transaction.id).where(waiting).order_by(Transaction.id).limit(4)))
    if open_attempts:
        names = ", ".join(ids.show("txn", number) for number in open_attempts[:3])
        raise Conflict(
            f"the outcome of {names}{', …' if len(open_attempts) > 3 else ''} is open",
            cause="two databases would ask for it, and each might act on the answer",
            fix="csctl txn reconcile, then export again",
        )
    if item := session.scalar(select(QueueItem.id).where(QueueItem.state == ItemState.IN_PROGRESS).limit(1)):
        raise Conflict(f"{ids.show('rfq', item)} is being retried", fix="csctl queue retry, then export again")


def _name_what_stays(app: App, session: Session) -> None:
    rows = session.scalar(select(func.count(AuditRow.id))) or 0
    app.notice(f"Not exported: the audit log ({rows:,} rows), which belongs to this database, and tokens of operators.")
    app.notice(
        "The export holds personal data and gateway tokens: only you can read it. Delete it once it is imported."
    )


def _rows(session: Session, table: Table) -> Iterator[TableRow]:
    columns = [column for column in table.columns if column.name not in LEFT_EMPTY.get(table.name, ())]
    found = session.execute(
        select(*columns).order_by(*table.primary_key.columns), execution_options={"yield_per": _BATCH}
    )
    for row in found.mappings():
        yield values.written({column.name: row[column] for column in columns})
