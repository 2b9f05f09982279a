"""Candidates of a search: what an index finds quickly, where that is little.

Where every index finds many, the newest records are looked at one after the other instead: enough of them match soon.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
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
from csctl.services.views import search_sample, search_texts
from csctl.services.views.search_texts import Alternatives, Asked

Condition = ColumnElement[bool]
Ids = tuple[Select[Any], ...]  # each finds ids, with an index; together all that can match

_FEW = 6000  # so many records are looked at one by one in the time that walking through the newest takes
# With another condition, which may leave few of them: walking could take far longer than to look at this many.
_FEW_OF_SEVERAL = 10_000
_MANY = 15_000  # where a sample says that so many match, the index is not asked whether they are few
_MANY_VALUES = 100


@dataclass(frozen=True)
class Criterion:
    """What has to hold for a record that is looked for, and which ones it holds for.

    `common`: many records have the same value. `texts`: what the texts of these customers contain, and `by_index`: as
    PostgreSQL finds them together with other texts.
    """

    condition: Condition
    ids: Ids
    common: bool = False
    texts: Alternatives = ()
    by_index: Condition | None = None


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


def candidates_by_text(session: Session, texts: Sequence[Alternatives], others: Sequence[Criterion]) -> Ids:
    """The customers who have such texts; none where the index does not tell, or too many have them.

    `others` are asked for in the same question, where they can be.
    """
    if not texts:
        return ()
    wanted = [*texts, *(one.texts for one in others if one.texts)]
    sample = search_sample.of(session, wanted)
    if sample and sample.matching(wanted) * sample.customers > _MANY:
        return ()
    attempts = search_texts.attempts(sample.share if sample else None)
    if session.get_bind().dialect.name == "postgresql":
        return _by_postgresql(session, texts, attempts, [one.by_index for one in others if one.by_index is not None])
    if not search_index.is_there(session.connection()):
        return ()
    match = next((found for asked in attempts if (found := search_texts.match(wanted, asked))), None)
    if match is None:
        return ()
    by_text = text("customer_search MATCH :match").bindparams(match=match)
    return (select(literal_column("rowid")).select_from(text("customer_search")).where(by_text),)


def _by_postgresql(
    session: Session, wanted: Sequence[Alternatives], attempts: Iterable[Asked], besides: Sequence[Condition]
) -> Ids:
    every = [search_texts.condition(alternatives) for alternatives in wanted]
    if not search_index.is_there(session.connection()):
        pairs = (search_texts.bigrams(one, lambda _field, _word: True, all_words=True) for one in wanted)
        return (select(Customer.id).where(*every, *(pair for pair in pairs if pair is not None)),)
    for asked in attempts:
        questions = [search_texts.indexed(alternatives, asked) for alternatives in wanted]
        questions += [search_texts.bigrams(alternatives, asked, all_words=False) for alternatives in wanted]
        if found := [one for one in questions if one is not None]:
            return (select(Customer.id).where(*found, *besides),)
    return (select(Customer.id).where(*every),)


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
