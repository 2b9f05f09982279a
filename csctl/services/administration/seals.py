"""Seal the audit log in batches, and verify it against its seals."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC
from itertools import count
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, inspect, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from csctl.domain import sealing as rules
from csctl.domain.outcomes import Outcome
from csctl.domain.plurals import counted
from csctl.domain.sealing import Finding, Seal, Stored
from csctl.domain.trail_triggers import TRIGGERS
from csctl.errors import Busy, Conflict, NotPermitted, Usage
from csctl.models import AuditRow, AuditSeal
from csctl.models.columns import Base
from csctl.services.administration import triggers
from csctl.services.shared import audit

if TYPE_CHECKING:
    from csctl.app import App

_TIME = "%Y-%m-%d %H:%M:%S.%f"
# Rows and seals as they are stored, not converted: an edited row may have other types and encodings.
_ROWS = {
    "sqlite": """SELECT id, CAST(at AS BLOB) AS at, operator_id, CAST(operator AS BLOB) AS operator,
        CAST(command AS BLOB) AS command, CAST(target AS BLOB) AS target, CAST(changes AS BLOB) AS changes,
        CAST(outcome AS BLOB) AS outcome""",
    "postgresql": """SELECT id, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') AS at, operator_id, operator,
        command, target, CAST(changes AS TEXT) AS changes, outcome""",
}
_SEALS = {
    "sqlite": """SELECT number, CAST(at AS BLOB) AS at, first_id, last_id, CAST(last_at AS BLOB) AS last_at,
        CAST(leaves AS BLOB) AS leaves, CAST(previous AS BLOB) AS previous, CAST(hash AS BLOB) AS hash""",
    "postgresql": "SELECT number, at, first_id, last_id, last_at, leaves, previous, hash",
}
_LOWEST, _HIGHEST = -(2**63), 2**63 - 1
_BUSY = Busy("another process is sealing the audit log", fix="run it again")


@dataclass(frozen=True)
class Sealed:
    """The newest root, to be stored elsewhere, the name of its seal, and how many seals and rows were added."""

    root: str | None
    last_seal: str | None
    seals: int
    rows: int


def seal(app: App, *, dry_run: bool = False) -> Sealed:
    """Seal all existing rows.

    If the only new rows are about earlier seals, no seal is made. A dry run rolls the seals back, and returns the root
    of the last remaining one. Raises Busy if another process seals at the same time, Conflict if the newest seal cannot
    be read.
    """
    rows = seals = 0
    with app.read() as session:
        if damaged := _damaged_tables(session):
            raise Conflict(f"the table {damaged[0]} is not as csctl made it", fix="csctl audit verify")
    try:
        upto = _newest_settled_row(app)
        for made in _rehearsed(app, upto) if dry_run else _sealed(app, upto):
            rows, seals = rows + made, seals + 1
    except IntegrityError:
        raise _BUSY from None
    with app.read() as session:
        last = _last(session)
    return Sealed(last.hash if last else None, rules.name(last) if last else None, seals, rows)


def _newest_settled_row(app: App) -> int:
    """The number below which no row can appear any more: concurrent writers have ended."""
    with app.write() as session:
        if app.engine.dialect.name == "sqlite":  # there is one writer at a time, and that is this process
            newest = session.scalar(select(func.max(AuditRow.id)))
        else:
            newest = session.scalar(text("SELECT audit_newest_row()"))
        return newest or 0


def _sealed(app: App, upto: int) -> Iterator[int]:
    """The number of rows of each new seal, once it is committed: each in a transaction of its own."""
    made = 1
    while made:
        newest = _newest_number(app)
        try:
            with app.write() as session:
                made = _seal_batch(session, app, upto)
        except NotPermitted:
            # The trigger refuses a number that is not the next one: another process may have sealed in the time
            # between.
            if _newest_number(app) != newest:
                raise _BUSY from None
            raise
        if made:
            yield made


def _newest_number(app: App) -> int:
    with app.read() as session:
        return session.scalar(select(func.max(AuditSeal.number))) or 0


def _rehearsed(app: App, upto: int) -> Iterator[int]:
    with app.write(dry_run=True) as session:
        while made := _seal_batch(session, app, upto):
            yield made


def _seal_batch(session: Session, app: App, upto: int) -> int:
    """Seal the next rows. Returns how many: 0 if there are none."""
    before = _last(session)
    rows = list(_rows(session, before.last_id if before else _LOWEST, upto, most=rules.BATCH))
    if all(_tells_of_seal(row) for row in rows):
        return 0
    made = Seal.over(rows, before, app.clock.now().astimezone(UTC).strftime(_TIME))
    session.add(AuditSeal(**asdict(made)))
    session.flush()
    audit.write(session, app, Outcome.CREATED, target=rules.name(made), root=made.hash, rows=len(rows))
    return len(rows)


def verify(app: App, roots: tuple[str, ...]) -> Iterator[Finding]:
    """All integrity errors: rows that were changed, removed, inserted or back-dated,
    changed seals, and roots without a seal. A notice says how much was checked.

    Raises Usage for an invalid root.
    """
    kept = [_root(root) for root in roots]
    with app.read() as session:
        if app.engine.dialect.name == "postgresql":  # a concurrent new seal must not look like a missing one
            session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        if damaged := _damaged_tables(session):
            yield from (Finding("table", name, "not there, or not as csctl made it") for name in damaged)
            return
        known: dict[str, str] = {}
        mentioned: list[tuple[str, str, str]] = []
        before: Seal | None = None
        for one in _seals(session):
            known[rules.name(one)] = one.hash
            if not one.readable:
                yield Finding("seal", rules.name(one), "changed: it is past reading")
                continue
            yield from rules.check_link(one, before)
            rows = _rows(session, rules.begins_after(one, before, _LOWEST), one.last_id)
            yield from rules.check_batch(one, before, _noting_seals(rows, mentioned))
            before = one
        yield from rules.check_triggers(TRIGGERS[_dialect(session)], triggers.definitions(session.connection()))
        newer = _noting_seals(_rows(session, before.last_id if before else _LOWEST, _HIGHEST), mentioned)
        number = count()  # of the rows, which need not all be in memory
        suspect = rules.check_unsealed((row for row, _ in zip(newer, number, strict=False)), before)
    yield from suspect
    yield from rules.check_mentioned(mentioned, known)
    yield from rules.check_roots(kept, set(known.values()))
    sealed = f"{counted(len(known), 'seal')}; the newest root is {before.hash}" if before else "no seals"
    unsealed = next(number)
    app.notice(f"Looked at {sealed}. {counted(unsealed, 'row')} {'is' if unsealed == 1 else 'are'} not sealed yet.")


def _damaged_tables(session: Session) -> list[str]:
    """The tables that are missing, or lack a column."""
    connection = session.connection()
    there = inspect(connection)
    return [
        table.name
        for table in (Base.metadata.tables["audit"], Base.metadata.tables["audit_seals"])
        if not there.has_table(table.name)
        or {column["name"] for column in there.get_columns(table.name)} != set(table.columns.keys())
    ]


def _dialect(session: Session) -> str:
    return session.get_bind().dialect.name


def _root(text_: str) -> str:
    root = text_.strip().lower()
    if not re.fullmatch("[0-9a-f]{64}", root):
        raise Usage(f"{text_[:70]!r} is not a root", cause="a root has 64 hexadecimal digits", fix="csctl audit seal")
    return root


def _noting_seals(rows: Iterator[Stored], mentioned: list[tuple[str, str, str]]) -> Iterator[Stored]:
    """The same rows; those about seals are collected as row, seal and root."""
    for row in rows:
        if _tells_of_seal(row):
            try:
                mentioned.append((f"aud_{row['id']}", str(row["target"]), str(json.loads(row["changes"])["root"])))
            except (ValueError, LookupError, TypeError, RecursionError):
                mentioned.append((f"aud_{row['id']}", str(row["target"]), "unreadable"))
        yield row


def _tells_of_seal(row: Stored) -> bool:
    return bool(row["command"] == "audit seal" and row["outcome"] == Outcome.CREATED)


def _rows(session: Session, after: int, upto: int, *, most: int | None = None) -> Iterator[Stored]:
    """Rows by ascending id, in pages: the log may be long."""
    page = text(f"{_ROWS[_dialect(session)]} FROM audit WHERE id > :after AND id <= :upto"
                " ORDER BY id LIMIT :page")  # fmt: skip
    size = min(most or rules.BATCH, rules.BATCH)
    while found := session.execute(page, {"after": after, "upto": upto, "page": size}).mappings().all():
        for row in found:
            yield {name: _readable(value) for name, value in row.items()}
        after = found[-1]["id"]
        if most is not None:
            return


def _readable(value: Any) -> Any:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value


def _last(session: Session) -> Seal | None:
    """The newest seal. Raises Conflict if it cannot be read: nothing can follow it."""
    newest = session.scalar(select(func.max(AuditSeal.number)))
    if newest is None:
        return None
    if not (found := _seal(session, newest)).readable:
        raise Conflict(f"{rules.name(found)} is past reading", fix="csctl audit verify")
    return found


def _seals(session: Session) -> Iterator[Seal]:
    """All seals in order, one at a time: each may cover thousands of rows."""
    for number in session.scalars(select(AuditSeal.number).order_by(AuditSeal.number)).all():
        yield _seal(session, number)


def _seal(session: Session, number: int) -> Seal:
    query = text(f"{_SEALS[_dialect(session)]} FROM audit_seals WHERE number = :number")
    row = session.execute(query, {"number": number}).mappings().one()
    return Seal(**{name: _readable(value) for name, value in row.items()})
