"""A record as it would be stored, for a person to look at before an import."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from enum import Enum
from typing import Any

from csctl.clock import rfc3339
from csctl.domain import fields
from csctl.domain.addresses import Address
from csctl.domain.field_uses import Field, Use
from csctl.domain.money import to_decimal
from csctl.domain.record_kinds import RecordKind
from csctl.results import Row
from csctl.services.data.importing.cells import Cells


def of(record: Any, kind: RecordKind, cells: Cells) -> Row:
    """The fields of a record that are filled, as its export would have them; references as the row names them."""
    return dict(_filled(record, kind, cells))


def _filled(record: Any, kind: RecordKind, cells: Cells) -> Iterator[tuple[str, object]]:
    for field in fields.of(kind.table, Use.FILE):
        if field.name.endswith("_id") or field.name == "token":
            value: Any = cells.text(field.file)
        elif field.address:
            address = getattr(record, field.address, None) or Address()
            value = getattr(address, field.name.removeprefix(f"{field.address}_"))
        else:
            value = _shown(record, field, cells)
        if value not in (None, "", False):
            yield field.file, value


def _shown(record: Any, field: Field, cells: Cells) -> Any:
    value = getattr(record, field.name, None)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, date):
        return value.isoformat()
    currency = getattr(record, "currency", None)
    if field.uses & Use.AMOUNT and isinstance(value, int):
        return to_decimal(value, currency) if currency else cells.text(field.file)
    return value
