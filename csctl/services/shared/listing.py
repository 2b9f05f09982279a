"""Listings: newest first, read in batches, so that a million rows take no more memory than five hundred."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import ColumnElement, Select, and_, or_
from sqlalchemy.orm import InstrumentedAttribute, Session

from csctl.clock import Clock, parse_date, parse_time
from csctl.domain import ids
from csctl.errors import NotFound, Usage
from csctl.models.columns import Base
from csctl.results import Page
from csctl.services.shared import damage

if TYPE_CHECKING:
    from csctl.app import App

_BATCH = 500

Record = TypeVar("Record", bound=Base)


def newest_first(
    app: App,
    statement: Select[Record],
    at: InstrumentedAttribute[datetime],
    number: InstrumentedAttribute[int],
    rows: Callable[[Session, list[Record]], list[dict[str, Any]]],
    limit: int | None,
) -> Page:
    """The records of `statement` by time and id, newest first, as `rows` describes each batch of them, or leaves out.

    Every batch is read in a transaction of its own, which ends before its rows are printed: a slow reader of our
    output holds nothing up.
    """
    return Page(_stream(app, statement, at, number, partial(_described, rows), limit), limit)


def _described(
    rows: Callable[[Session, list[Record]], list[dict[str, Any]]], session: Session, records: list[Record]
) -> list[dict[str, Any]]:
    """The rows of a batch. Where it cannot be read as a whole, each record by itself."""
    try:
        return rows(session, records)
    except damage.ERRORS as error:
        if len(records) == 1:
            return [damage.row_of(records[0], error)]
        return [row for record in records for row in _described(rows, session, [record])]


def _stream(
    app: App,
    statement: Select[Record],
    at: InstrumentedAttribute[datetime],
    number: InstrumentedAttribute[int],
    rows: Callable[[Session, list[Record]], list[dict[str, Any]]],
    limit: int | None,
) -> Iterator[dict[str, Any]]:
    wanted = None if limit is None else limit + 1  # the one too many tells that there are more
    ordered = statement.order_by(at.desc(), number.desc())
    batch = ordered
    while wanted is None or wanted > 0:
        size = _BATCH if wanted is None else min(_BATCH, wanted)
        with app.read() as session:
            records = list(session.scalars(batch.limit(size)))
            described = rows(session, records) if records else []
        yield from described
        if len(records) < size:
            return
        wanted = None if wanted is None else wanted - len(described)
        batch = ordered.where(_after(at, number, records[-1]))


def numbers(
    app: App, statement: Select[int], number: InstrumentedAttribute[int], limit: int | None = None
) -> Iterator[int]:
    """The ids that `statement` finds, lowest first: work for somebody, who may change the records as they come."""
    last, left = 0, limit
    while left is None or left > 0:
        size = _BATCH if left is None else min(_BATCH, left)
        with app.read() as session:
            found = session.scalars(statement.where(number > last).order_by(number).limit(size)).all()
        if not found:
            return
        yield from found
        last, left = found[-1], None if left is None else left - len(found)


def _after(at: InstrumentedAttribute[datetime], number: InstrumentedAttribute[int], last: Base) -> ColumnElement[bool]:
    """What comes after `last`. The bare comparison of times is there for the index."""
    moment, place = getattr(last, at.key), getattr(last, number.key)
    return and_(at <= moment, or_(at < moment, number < place))


def between(
    clock: Clock, at: InstrumentedAttribute[datetime], since: str | None, until: str | None
) -> list[ColumnElement[bool]]:
    """The conditions of --since and --until: times, or days of the shop; until a day includes that day.

    Raises Usage for what is neither.
    """
    found: list[ColumnElement[bool]] = []
    if since is not None:
        found.append(at >= _bounds(clock, since)[0])
    if until is not None:
        found.append(at < _bounds(clock, until)[1])
    return found


def _bounds(clock: Clock, text: str) -> tuple[datetime, datetime]:
    """The first moment that a time or a day stands for, and the first one after it."""
    try:
        try:
            day = parse_date(text)
        except Usage:
            moment = parse_time(text, clock.zone)
            return moment, moment + timedelta(seconds=1)  # times are shown to the second
        return clock.start_of(day), clock.start_of(day + timedelta(days=1))
    except OverflowError:
        raise Usage(f"{text!r} is too far away", fix="write a time such as 2026-03-01") from None


def existing(session: Session, model: type[Record], prefix: str, number: int) -> Record:
    """The record with this id. Raises NotFound, naming the command that finds others."""
    record = session.get(model, number)
    if record is None:
        raise not_there(prefix, number)
    return record


def not_there(prefix: str, number: int) -> NotFound:
    noun, command = ids.PREFIXES[prefix]
    fix = "csctl customer search" if prefix == "cus" else command.replace(" show", " list")
    return NotFound(f"there is no {noun} {ids.show(prefix, number)}", fix=fix)
