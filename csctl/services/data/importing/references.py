"""The records that rows refer to, read as the few columns that an import needs of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from csctl.domain import ids
from csctl.domain.addresses import Address
from csctl.domain.states import CHARGES, OrderStatus, State
from csctl.errors import Usage
from csctl.models import Customer, Order, PaymentMethod, Purchase, Transaction
from csctl.models.columns import Base
from csctl.services.data.importing.cells import Cells
from csctl.services.data.importing.context import find_columns
from csctl.services.shared.chunks import among

_FEW = 5  # customers of one email whose ids a message names


@dataclass(frozen=True, slots=True)
class KnownCustomer:
    id: int
    external_id: str | None
    merged_into_id: int | None
    erased_at: datetime | None
    billing: Address
    shipping: Address


@dataclass(frozen=True, slots=True)
class KnownOrder:
    id: int
    external_id: str | None
    customer_id: int
    currency: str
    status: OrderStatus
    placed_at: datetime


@dataclass(frozen=True, slots=True)
class KnownPurchase:
    id: int
    external_id: str | None
    order_id: int


@dataclass(frozen=True, slots=True)
class KnownMethod:
    id: int
    external_id: str | None
    customer_id: int


Known = TypeVar("Known", KnownCustomer, KnownOrder, KnownPurchase, KnownMethod)
_TABLES: dict[type[Any], tuple[type[Base], str]] = {
    KnownCustomer: (Customer, "cus"),
    KnownOrder: (Order, "ord"),
    KnownPurchase: (Purchase, "pur"),
    KnownMethod: (PaymentMethod, "pm"),
}


def named(
    session: Session, known: type[Known], names: Iterable[str | None], mark: str, *, lock: bool = False
) -> dict[str, Known]:
    """The records that have these names, by name; see `context.find`."""
    model, prefix = _TABLES[known]
    rows = find_columns(session, model, prefix, names, mark, [field.name for field in fields(known)], lock=lock)
    return {name: known(*row) for name, row in rows.items()}


def orders(
    session: Session, rows: Sequence[Cells], field: str, mark: str, *, by_charge: bool, lock: bool = False
) -> dict[str, KnownOrder]:
    """The orders that a field of the rows names, by name. With `by_charge` also those that have a charge of that name:
    another source calls the order by its id, or by its reference at the gateway.
    """
    names = {text for row in rows if (text := row.text(field))}
    found = named(session, KnownOrder, names, mark, lock=lock)
    if not by_charge or not (others := names - found.keys()):
        return found
    columns = [getattr(Order, column.name) for column in fields(KnownOrder)]
    charges = select(Transaction.external_id, Transaction.gateway_ref, Transaction.state, *columns).join(Order)
    of_these = (among(session, key, others) for key in (Transaction.external_id, Transaction.gateway_ref))
    known = session.execute(charges.where(or_(*of_these), Transaction.kind.in_(CHARGES)).order_by(Transaction.id))
    for external_id, reference, _state, *row in sorted(known, key=lambda one: one.state is not State.APPROVED):
        for name in {external_id, reference} & others:
            found.setdefault(name, KnownOrder(*row))
    return found


def by_other_key(
    session: Session, known: type[Known], column: Any, texts: Iterable[str | None], read: Callable[[str], str] = str
) -> dict[str, list[Known]]:
    """The records with these texts in another column than their external id, by text."""
    wanted = {text: read(text) for text in texts if text}
    if not wanted:
        return {}
    model: Any = _TABLES[known][0]
    columns = [getattr(model, field.name) for field in fields(known)]
    statement = select(column, *columns).where(among(session, column, set(wanted.values()))).order_by(model.id)
    found: dict[str, list[Known]] = {}
    for value, *row in session.execute(statement):
        found.setdefault(value, []).append(known(*row))
    return {text: found.get(value, []) for text, value in wanted.items()}


def only(
    found: Mapping[str, Sequence[Known]], text: str, field: str, noun: str, key: str, *, own: int | None = None
) -> Known:
    """The one record with a text; of several that with the id `own`. Raises Usage where there is none, or no one."""
    records = found.get(text, ())
    records = [record for record in records if record.id == own] or records
    if len(records) > 1:
        fix = f"name the {noun} by its external_id"
        if noun == "customer":
            few = [ids.show("cus", record.id) for record in records] if len(records) <= _FEW else ["CUS", "CUS…"]
            fix += f"; or, if they are one person, merge them first: csctl customer merge {' '.join(few)}"
        raise Usage(f"{field}: {len(records):,} {noun}s have the {key} {text!r}", fix=fix)
    if not records:
        raise Usage(
            f"{field}: no {noun} has the {key} {text!r}", fix=f"import it first, or name the {noun} by its external_id"
        )
    return records[0]


def numbered(session: Session, known: type[Known], ids: Iterable[int | None]) -> dict[int, Known]:
    """The records that have these ids."""
    model: Any = _TABLES[known][0]
    if not (wanted := {number for number in ids if number is not None}):
        return {}
    columns = [getattr(model, field.name) for field in fields(known)]
    return {row.id: known(*row) for row in session.execute(select(*columns).where(among(session, model.id, wanted)))}
