"""Read, set and print the fields of records by the list in `domain/fields.py`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from enum import Enum
from functools import cache
from typing import Any

from sqlalchemy import Table

from csctl.domain import fields, ids
from csctl.domain.addresses import Address
from csctl.domain.field_uses import Field, Use
from csctl.domain.fields import RECORDS
from csctl.domain.money import to_decimal
from csctl.models import Base
from csctl.results import Row


def get(record: Base, field: Field) -> Any:
    return getattr(record, field.name)


def put(record: Base, field: Field, value: Any) -> None:
    """Set a field; a part of an address as part of its address."""
    if field.address is None:
        setattr(record, field.name, value)
    else:
        part = field.name.removeprefix(f"{field.address}_")
        setattr(record, field.address, replace(getattr(record, field.address), **{part: value}))


def listed(record: Base) -> Row:
    """What lists and `show` print of a record."""
    return {field.key: value(record, field) for field in fields.of(record.__tablename__, Use.LISTED)}


def shown(record: Base) -> Row:
    """What `show` prints in addition to `listed`. An address is one object."""
    found = fields.of(record.__tablename__, Use.SHOWN)
    kinds = dict.fromkeys(field.address for field in found if field.address)
    return {
        **{field.key: value(record, field) for field in found if not field.address},
        **{kind: (getattr(record, kind) or Address()).as_dict() for kind in kinds},
    }


def value(record: Base, field: Field) -> Any:
    """A field as JSON has it: an id with its prefix, an amount as decimal, the word of a state."""
    found = getattr(record, field.name)
    return None if found is None else _reader(record.__table__, field)(record, found)


@cache
def _reader(table: Table, field: Field) -> Callable[[Any, Any], Any]:
    """How the value of a field is printed, which depends on its column alone."""
    column = table.columns[field.name]
    owner = table if column.primary_key else next((key.column.table for key in column.foreign_keys), None)
    prefix = RECORDS[owner.name].prefix if owner is not None else None
    if prefix is not None:
        return lambda _record, number: ids.show(prefix, number)
    if field.uses & Use.AMOUNT:
        return lambda record, amount: to_decimal(amount, record.currency)
    return lambda _record, found: found.value if isinstance(found, Enum) else found
