"""The writes of a transaction that is for many records: one statement for each table.

The rows that nothing reads again in their transaction (the audit log, histories, the outbox) wait for its end. Orders,
purchases, attempts and queue items are written whenever the session flushes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import Table, event, inspect
from sqlalchemy.orm import make_transient_to_detached
from sqlalchemy.orm.exc import StaleDataError

from csctl import sets
from csctl.database import Changes
from csctl.models import Fulfillment, Order, Purchase, QueueItem, Transaction

_KEPT: tuple[type[Any], ...] = (
    Order,
    Purchase,
    Transaction,
    QueueItem,
)  # in the order in which they refer to each other

_NEW: tuple[type[Any], ...] = (Transaction, Fulfillment)


def together(session: Changes) -> None:
    """Write in sets from now on, until `write`."""
    session.waiting = {}


def write(session: Changes) -> None:
    """Write all that waits."""
    session.flush()
    waiting, session.waiting = session.waiting or {}, None
    for model, rows in waiting.items():
        sets.insert(session.connection(), _table(model), rows)


@event.listens_for(Changes, "before_flush")
def _before_flush(session: Changes, *_: object) -> None:
    if session.waiting is not None:
        for model in _KEPT:
            _update(session, model, [row for row in session.dirty if isinstance(row, model)])
        for model in _NEW:
            _insert(session, model, [row for row in session.new if isinstance(row, model)])


def _insert(session: Changes, model: type[Any], rows: Sequence[Any]) -> None:
    for row in rows:
        session.expunge(row)
    if rows:
        numbers = sets.insert_numbered(session.connection(), _table(model), [_values(row) for row in rows])
        for row, number in zip(rows, numbers, strict=True):
            row.id = number
            _keep(session, row)


def _update(session: Changes, model: type[Any], rows: Sequence[Any]) -> None:
    alike: dict[tuple[str, ...], list[Any]] = {}
    for row in rows:
        if names := _changed(row):
            alike.setdefault(names, []).append(row)
    version = () if inspect(model).version_id_col is None else ("version",)
    for names, some in alike.items():
        wanted = ("id", *version, *names)
        values = [{name: row.__dict__[name] for name in wanted} for row in some]
        if sets.update(session.connection(), _table(model), values, by=("id", *version)) != len(some):
            raise StaleDataError(f"{model.__name__} was changed by another process")
        for row in some if version else ():
            row.version += 1
    for row in rows:
        _keep(session, row)


def _changed(row: Any) -> tuple[str, ...]:
    columns, state = row.__table__.columns, inspect(row)
    return tuple(sorted(k for k, was in state.committed_state.items() if k in columns and was != row.__dict__[k]))


def _keep(session: Changes, row: Any) -> None:
    """Tell the session that a row is stored as it is."""
    state = inspect(row)
    if state.key:
        state._commit_all(state.dict, session.identity_map)  # what the session itself does after it has written
        return
    for name, default in sets.defaults(row.__table__).items():
        row.__dict__.setdefault(name, default)
    make_transient_to_detached(row)
    session.add(row)


def _values(row: Any) -> sets.Row:
    return {name: row.__dict__[name] for name in row.__table__.columns.keys() & row.__dict__.keys()}


def _table(model: type[Any]) -> Table:
    return cast(Table, model.__table__)
