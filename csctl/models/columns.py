"""What all tables share: names of constraints, and how Python's types are stored."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import BigInteger, DateTime, Index, Integer, MetaData, String, Text, TypeDecorator
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.schema import CreateIndex

from csctl.domain.states import STATES
from csctl.domain.words import known

BigId = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers only INTEGER PRIMARY KEY by itself


class UtcTime(TypeDecorator[datetime]):
    """An aware time, stored in UTC. SQLite has no time zones, so the offset is added on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without an offset cannot be stored")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Words(TypeDecorator[Any]):
    """A member of an enum, stored as the word that people see. Another word is read as an UnknownWord."""

    impl = String(40)
    cache_ok = True

    def __init__(self, enum_class: type[StrEnum], *, unlimited: bool = False) -> None:
        super().__init__()
        self.enum_class, self.unlimited = enum_class, unlimited
        if unlimited:
            self.impl = Text()

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else str(self.enum_class(value))

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else known(value, self.enum_class)


class Base(DeclarativeBase):
    """The base of all tables: names of constraints, and how Python's types are stored."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: UtcTime,
        str: Text,
        **{state: Words(state) for state in STATES},
    }


def partial_index(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """An index of the rows that meet a condition.

    As an option of each dialect (`postgresql_where`), the condition would have every process import both dialects.
    """
    return Index(name, *columns, unique=unique, info={"where": where})


@compiles(CreateIndex)
def _with_condition(element: CreateIndex, compiler: Any, **options: Any) -> str:
    sql = str(compiler.visit_create_index(element, **options))
    where = element.element.info.get("where")
    return f"{sql} WHERE {where}" if where else sql
