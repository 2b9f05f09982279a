"""Lists: newest first, read in batches, so that a million rows need no more memory than five hundred."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from datetime import date, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, text
from sqlalchemy.orm import InstrumentedAttribute, Session

from csctl.clock import Clock, is_age, parse_age, parse_date, parse_time
from csctl.domain import fields, ids
from csctl.domain.field_uses import Use
from csctl.errors import NotFound, Usage
from csctl.models.columns import Base
from csctl.results import Limit, Page, Paging, Row
from csctl.services.shared import damage

if TYPE_CHECKING:
    from csctl.app import App

_BATCH = 500
_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])", re.ASCII)

Record = TypeVar("Record", bound=Base)


def newest_first(
    app: App,
    statement: Select[Record],
    at: InstrumentedAttribute[datetime],
    number: InstrumentedAttribute[int],
    rows: Callable[[Session, list[Record]], list[Row]],
    limit: Limit,
    by_id: Select[Record] | None = None,
    *,
    walked: bool = False,
    **sortable: Any,
) -> Page:
    """The records of `statement` by time and id, newest first, as `rows` describes each batch.

    Every batch is read in a transaction of its own, which ends before its rows are printed: a slow reader of the output
    blocks nothing. `sortable` are columns that --sort takes besides those of the record. With `by_id`, the same without
    conditions, ids are sorted and the records of the first ones read: faster where many match. `walked`: so many match
    that an index shall be read in the order of the list. Raises Usage for an invalid sort field.
    """
    wanted = limit if isinstance(limit, Paging) else Paging(limit)
    if wanted.count:
        with app.read() as session:
            every = statement.with_only_columns(number, maintain_column_froms=True).order_by(None)
            return Page((), count=session.scalar(select(func.count()).select_from(every.subquery())))
    described = partial(_described, rows)
    if wanted.sort is None:
        return Page(_stream(app, statement, at, number, described, wanted.limit, by_id, walked=walked), wanted.limit)
    order = _order(statement, wanted.sort, sortable)
    return Page(_sorted(app, statement, order, number, described, wanted.limit), wanted.limit)


# Keys of JSON that show more than the column.
_COMPUTED = {"refundable", "returned_since", "product", "next_billing"}


def _order(statement: Select[Any], sort: str, sortable: Mapping[str, Any]) -> ColumnElement[Any]:
    """The column of a field, in its direction. Raises Usage, naming the valid fields."""
    name = sort.removeprefix("-")
    model = statement.column_descriptions[0]["entity"]
    printed = fields.of(model.__tablename__, Use.LISTED | Use.SHOWN | Use.FILE)
    open_ones = [one for one in printed if not one.uses & Use.INTERNAL]
    by_key = {one.key: getattr(model, one.name) for one in open_ones if one.key and one.key not in _COMPUTED}
    columns = by_key | {one.name: getattr(model, one.name) for one in open_ones} | dict(sortable)
    if name not in columns:
        raise Usage(f"this list cannot be sorted by {name[:40]!r}", fix=f"one of: {', '.join(sorted(columns))}")
    column = columns[name]
    found: ColumnElement[Any] = column.desc() if sort.startswith("-") else column.asc()
    # Without NULLs, an index of PostgreSQL has this order already.
    return found if getattr(column, "nullable", True) is False else found.nulls_last()


def _sorted(
    app: App,
    statement: Select[Record],
    order: ColumnElement[Any],
    number: InstrumentedAttribute[int],
    rows: Callable[[Session, list[Record]], list[Row]],
    limit: int | None,
) -> Iterator[Row]:
    """First all ids in their order; then the records, in batches."""
    only_ids = statement.with_only_columns(number, maintain_column_froms=True).order_by(order, number.desc())
    with app.read() as session:
        ordered = list(session.scalars(only_ids.limit(None if limit is None else limit + 1)))
    for start in range(0, len(ordered), _BATCH):
        place = {found: n for n, found in enumerate(ordered[start : start + _BATCH])}
        with app.read() as session:
            records = list(session.scalars(statement.where(number.in_(place))))
            records.sort(key=lambda record: place[getattr(record, number.key)])
            described = rows(session, records)
        yield from described


def _described(
    rows: Callable[[Session, list[Record]], list[Row]], session: Session, records: list[Record]
) -> list[Row]:
    """The rows of a batch. If it cannot be read as a whole, each record is read by itself."""
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
    rows: Callable[[Session, list[Record]], list[Row]],
    limit: int | None,
    by_id: Select[Record] | None,
    *,
    walked: bool,
) -> Iterator[Row]:
    wanted = None if limit is None else limit + 1  # one more than the limit shows that there are more
    ordered = statement.order_by(at.desc(), number.desc())
    batch = ordered
    while wanted is None or wanted > 0:
        size = _BATCH if wanted is None else min(_BATCH, wanted)
        with app.read() as session:
            if by_id is None:
                records = list(session.scalars(batch.limit(size)))
            else:
                with _in_order_of_an_index(session) if walked else nullcontext():
                    ids = session.scalars(batch.with_only_columns(number, maintain_column_froms=True).limit(size)).all()
                records = list(session.scalars(by_id.where(number.in_(ids)).order_by(at.desc(), number.desc())))
            described = rows(session, records) if records else []
        yield from described
        if len(records) < size:
            return
        wanted = None if wanted is None else wanted - len(described)
        batch = ordered.where(_after(at, number, records[-1]))


@contextmanager
def _in_order_of_an_index(session: Session) -> Iterator[None]:
    """PostgreSQL may expect far fewer matches than there are, and look at every row to sort them."""
    if session.get_bind().dialect.name != "postgresql":
        yield
        return
    session.execute(text("SET LOCAL enable_sort = off"))
    yield
    session.execute(text("SET LOCAL enable_sort = on"))


def numbers(
    app: App, statement: Select[int], number: InstrumentedAttribute[int], limit: int | None = None
) -> Iterator[int]:
    """The ids that `statement` finds, lowest first: for work that changes the records."""
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
    """The condition for records after `last`. The plain comparison of times is for the index."""
    moment, place = getattr(last, at.key), getattr(last, number.key)
    return and_(at <= moment, or_(at < moment, number < place))


def between(
    clock: Clock, at: InstrumentedAttribute[Any], since: str | None, until: str | None
) -> list[ColumnElement[bool]]:
    """The conditions of --since and --until (see `period`)."""
    first, after = period(clock, since, until)
    found: list[ColumnElement[bool]] = []
    if first is not None:
        found.append(at >= first)
    if after is not None:
        found.append(at < after)
    return found


def period(clock: Clock, since: str | None, until: str | None) -> tuple[datetime | None, datetime | None]:
    """The first moment of --since, and the first one after --until: times, days or months of the shop, or ages; until a
    day includes that day. None without a limit.

    Raises Usage for another word, and for a period that ends before it begins.
    """
    first = None if since is None else _bounds(clock, since)[0]
    after = None if until is None else _bounds(clock, until)[1]
    if first is not None and after is not None and after <= first:
        raise Usage(f"--since {since} is after --until {until}", fix="exchange them")
    return first, after


def _bounds(clock: Clock, text: str) -> tuple[datetime, datetime]:
    """The first moment of a time, a day, a month or an age, and the first one after it."""
    word = text.strip().lower()
    try:
        if days := _days(clock, word):
            return clock.start_of(days[0]), clock.start_of(days[1])
        moment = clock.now() - parse_age(word) if is_age(word) else parse_time(text, clock.zone)
        return moment, moment + timedelta(seconds=1)  # times are shown to the second
    except Usage as error:
        raise Usage(error.message, fix="write it like 2026-03-01, 2026-03-01T09:00:00Z, 2026-03, today or 3d") from None
    except (OverflowError, ValueError):
        raise Usage(f"{text[:40]!r} is too far away", fix="write a time such as 2026-03-01") from None


def _days(clock: Clock, word: str) -> tuple[date, date] | None:
    """The day on which `today`, a date or a month begins, and the day after its end; None for another word."""
    named = {"today": clock.today(), "yesterday": clock.today() - timedelta(days=1)}
    if month := _MONTH.fullmatch(word):
        first = date(int(month[1]), int(month[2]), 1)
        return first, (first + timedelta(days=31)).replace(day=1)
    try:
        day = named.get(word) or parse_date(word)
    except Usage:
        return None
    return day, day + timedelta(days=1)


def existing(session: Session, model: type[Record], prefix: str, number: int) -> Record:
    """The record with this id. Raises NotFound, naming the command that lists such records."""
    record = session.get(model, number)
    if record is None:
        raise not_there(prefix, number)
    return record


def not_there(prefix: str, number: int) -> NotFound:
    noun, command = ids.PREFIXES[prefix]
    fix = "csctl customer search NAME" if prefix == "cus" else command.replace(" show", " list")
    return NotFound(f"there is no {noun} {ids.show(prefix, number)}", fix=fix)
