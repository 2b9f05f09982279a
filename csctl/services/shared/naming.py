"""Find records by the names that callers use: an id, an id of another system, a gateway's reference, an email."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from csctl.domain import ids
from csctl.domain.ids import Ref
from csctl.domain.text import fold
from csctl.errors import Conflict, NotFound
from csctl.models import Customer, Fulfillment, Order, PaymentMethod, Purchase, Transaction
from csctl.services.shared import listing

_CHUNK = 500  # names in one query
_LISTED = 10  # records that an error names
# the names of each kind of record besides its id
_NAMED_BY: dict[str, tuple[Any, ...]] = {
    "cus": (Customer, Customer.external_id),
    "ord": (Order, Order.external_id),
    "pur": (Purchase, Purchase.external_id),
    "txn": (Transaction, Transaction.external_id, Transaction.gateway_ref),
    "ful": (Fulfillment, Fulfillment.external_id),
    "pm": (PaymentMethod, PaymentMethod.external_id),
}


def resolve(session: Session, prefix: str, refs: Sequence[Ref]) -> list[Ref]:
    """The records that these words name, each with its id. An id with its prefix is used as it is.

    A bare number may be the id of one record and the external id of another; it also names the order that a shop calls
    `#1001`. Raises NotFound for an unknown name, Conflict for a name of several records.
    """
    open_to_doubt = [ref for ref in refs if not ref.id or ref.given.strip().isdecimal()]
    if not open_to_doubt or prefix not in _NAMED_BY:
        return list(refs)
    found: dict[str, set[int]] = defaultdict(set)
    for chunk in _chunks({ref.given.strip() for ref in open_to_doubt}):
        for name, number in _find(session, prefix, chunk):
            found[name].add(number)
    return [_decided(prefix, ref, found.get(ref.given.strip(), set())) for ref in refs]


def existing(session: Session, prefix: str, numbers: Iterable[int]) -> None:
    """Raises NotFound for the first of these ids that does not exist."""
    if prefix not in _NAMED_BY:
        return
    model = _NAMED_BY[prefix][0]
    for number in numbers:
        listing.existing(session, model, prefix, number)


def _chunks(names: set[str]) -> Iterator[list[str]]:
    remaining = iter(sorted(names))
    while chunk := list(islice(remaining, _CHUNK)):
        yield chunk


def _find(session: Session, prefix: str, names: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Pairs of a name and the id of a record that has it."""
    model, *columns = _NAMED_BY[prefix]
    for column in columns:
        for name, number in session.execute(select(column, model.id).where(column.in_(names))):
            yield name, number
    if prefix == "ord":
        yield from _by_number_of_the_shop(session, names)
    numbers = [int(name) for name in names if name.isdecimal() and int(name) < 2**63]
    if numbers:
        for number in session.scalars(select(model.id).where(model.id.in_(numbers))):
            yield str(number), number
    if prefix == "cus":
        yield from _by_email(session, names)


def _by_number_of_the_shop(session: Session, names: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Orders that the shop calls `#1001`: a caller says 1001, and a shell needs quotes around the mark."""
    called = {f"#{name}": name for name in names if name.isdecimal()}
    rows = session.execute(select(Order.external_id, Order.id).where(Order.external_id.in_(called))) if called else ()
    for external_id, number in rows:
        yield called[external_id or ""], number


def _by_email(session: Session, names: Sequence[str]) -> Iterator[tuple[str, int]]:
    folded = {fold(name): name for name in names if "@" in name}
    if folded:
        same = select(Customer.folded_email, Customer.id, Customer.merged_into_id)
        rows = session.execute(same.where(Customer.folded_email.in_(folded)).order_by(Customer.id)).all()
        live = {email for email, _, merged_into in rows if merged_into is None}
        for email, number, merged_into in rows:
            if merged_into is None:
                yield folded[email], number
            elif email not in live:  # the former email of a customer who was merged
                yield folded[email], merged_into


def _decided(prefix: str, ref: Ref, found: set[int]) -> Ref:
    if ref.id and not found:
        return ref  # an unknown number: the command reports it
    if len(found) != 1:
        problem = _ambiguous(prefix, ref, sorted(found)) if found else _unknown(prefix, ref)
        problem.given = ref.given
        raise problem
    return replace(ref, id=found.pop())


def _unknown(prefix: str, ref: Ref) -> NotFound:
    noun, _ = ids.PREFIXES[prefix]
    fix = listing.not_there(prefix, 0).fix
    if "@" in ref.given:
        fix = f"csctl customer search --email {ref.given.strip()[:100]}"
    return NotFound(f"there is no {noun} {ref.given.strip()[:100]!r}", fix=fix)


def _ambiguous(prefix: str, ref: Ref, found: list[int]) -> Conflict:
    names = [ids.show(prefix, number) for number in found[:_LISTED]] + ["…"] * (len(found) > _LISTED)
    return Conflict(
        f"{ref.given.strip()[:100]!r} names several {ids.PREFIXES[prefix][0]}s",
        cause=", ".join(names),
        fix="name one of them by its id",
    )
