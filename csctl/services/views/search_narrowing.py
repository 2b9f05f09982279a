"""Candidates of a search: what an index finds quickly, where that is little.

Where every index finds many, the newest records are looked at one after the other instead: enough of them match soon.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Select,
    cast,
    func,
    literal,
    literal_column,
    or_,
    select,
    text,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql import coercions, roles
from sqlalchemy.sql.visitors import InternalTraversal

from csctl import search_index
from csctl.models import Customer
from csctl.services.views import search_texts
from csctl.services.views.search_texts import Alternatives

Condition = ColumnElement[bool]
Ids = tuple[Select[Any], ...]  # each finds ids, with an index; together all that can match

_FEW = 6000  # so many records are looked at one by one in the time that walking through the newest takes
# With another condition, which may leave few of them: walking could take far longer than to look at this many.
_FEW_OF_SEVERAL = 10_000
_MANY_VALUES = 100


@dataclass(frozen=True)
class Criterion:
    """What has to hold for a record that is looked for, and which ones it holds for.

    `common`: many records have the same value.
    """

    condition: Condition
    ids: Ids
    common: bool = False


@dataclass(frozen=True)
class Candidates:
    """Ids that a column of the records has; `also` are more of them. Records that `besides` names can match, too.

    `met` is what they all meet, if the ids are those of a criterion.
    """

    column: InstrumentedAttribute[int]
    ids: Ids
    met: Condition | None = None
    also: frozenset[int] = frozenset()
    besides: Sequence[Condition] = ()


@dataclass(frozen=True)
class Few:
    """A condition that all matches meet and few records do, if there is one; and what holds for each of these."""

    conditions: list[Condition]
    met: Condition | None = None


def narrowed(session: Session, several: Sequence[Candidates]) -> Few:
    """Those of the candidates that are few."""
    most = _FEW if len(several) == 1 else _FEW_OF_SEVERAL
    for one in several:
        numbers: list[int] = []
        for found in one.ids:
            numbers += session.scalars(found.limit(most + 1 - len(numbers)))
        if len(numbers) <= most:
            return Few([or_(one_of(session, one.column, one.also.union(numbers)), *one.besides)], one.met)
    return Few([])


def one_of(session: Session, column: InstrumentedAttribute[int], numbers: Collection[int]) -> Condition:
    """The column has one of these ids. Many are sent as one value, which takes far less time than one each."""
    if len(numbers) < _MANY_VALUES:
        return column.in_(numbers)
    if session.get_bind().dialect.name == "sqlite":
        sent: Any = func.json_each(json.dumps(sorted(numbers))).table_valued("value").c.value
        return column.in_(select(sent))
    return column.in_(select(func.unnest(cast(sorted(numbers), ARRAY(BigInteger)))))


def candidates_by_text(session: Session, wanted: Sequence[Alternatives]) -> Ids:
    """The customers who have such texts; none where the index of trigrams does not tell."""
    if session.get_bind().dialect.name == "sqlite":
        match = search_texts.match(wanted)
        if match is None or not search_index.is_there(session.connection()):
            return ()
        by_text = text("customer_search MATCH :match").bindparams(match=match)
        return (select(literal_column("rowid")).select_from(text("customer_search")).where(by_text),)
    if not wanted:
        return ()
    all_pairs = not search_index.is_there(session.connection())
    pairs = (search_texts.bigrams(alternatives, all_words=all_pairs) for alternatives in wanted)
    texts = (search_texts.indexed(alternatives) for alternatives in wanted)
    return (select(Customer.id).where(*texts, *(pair for pair in pairs if pair is not None)),)


class unindexed(ColumnElement[Any]):  # noqa: N801 - a function in SQL
    """A column as it is, for a comparison that SQLite shall use no index for: many records have the same value."""

    inherit_cache = True
    _traverse_internals = [("column", InternalTraversal.dp_clauseelement)]  # noqa: RUF012

    def __init__(self, column: Any) -> None:
        self.column = coercions.expect(roles.ExpressionElementRole, column)
        self.type = self.column.type


@compiles(unindexed)
def _as_it_is(element: unindexed, compiler: Any, **options: Any) -> str:
    return str(compiler.process(element.column, **options))


@compiles(unindexed, "sqlite")
def _with_a_plus(element: unindexed, compiler: Any, **options: Any) -> str:
    return f"+{compiler.process(element.column, **options)}"


def has_row(*conditions: Condition) -> Condition:
    """Whether a row meets the conditions, for use within OR: there EXISTS makes PostgreSQL collect all such rows."""
    return select(literal(1)).where(*conditions).limit(1).scalar_subquery().is_not(None)
