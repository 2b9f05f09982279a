"""Merge customers: two records of one person become one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import CursorResult, select, update
from sqlalchemy.orm import Session

from csctl.domain import fields, ids
from csctl.domain.field_uses import Record, Use
from csctl.domain.fields import RECORDS
from csctl.domain.ids import Ref
from csctl.domain.outcomes import Outcome
from csctl.domain.plurals import counted
from csctl.errors import Conflict
from csctl.models import Base, BlacklistEntry, Customer, PaymentMethod
from csctl.results import Result
from csctl.services.customers.lookup import live
from csctl.services.shared import audit, bulk, history

if TYPE_CHECKING:
    from csctl.app import App


def merge(app: App, keep: Ref, others: Iterable[Ref], *, dry_run: bool, fail_fast: bool = False) -> Iterator[Result]:
    """Move all records of `others` to `keep`, and fill in the details that it lacks.

    Each of the others stays, with its own details and a reference to the kept one.
    """

    def change(session: Session, ref: Ref) -> Result:
        kept, other = _both(session, keep.id, ref.id)
        said = _move(session, kept.id, other.id)
        if filled := _fill(kept, other):
            said += f"; filled in {', '.join(filled).replace('_', ' ')}"
        other.merged_into_id = kept.id
        kept.updated_at = other.updated_at = app.clock.now()
        _note(session, app, kept.id, other.id, said, filled)
        return Result(ref.given, Outcome.UPDATED, said, extra={"merged_into": ids.show("cus", kept.id)})

    return bulk.each(app, others, change, dry_run=dry_run, fail_fast=fail_fast)


def _both(session: Session, keep: int, other: int) -> tuple[Customer, Customer]:
    """Both customers, locked, the lower id first. Raises NotFound, or Conflict if they cannot be merged."""
    if keep == other:
        raise Conflict(f"{ids.show('cus', keep)} cannot be merged into itself", fix="name another customer")
    found = {number: live(session, number) for number in sorted((keep, other))}
    return found[keep], found[other]


def _move(session: Session, keep: int, other: int) -> str:
    """Move all records to the kept customer, and return what was moved, in words."""
    _keep_one_default(session, keep, other)
    moved = []
    for record in _belongings():
        table = Base.metadata.tables[record.table]
        statement = update(table).where(table.c.customer_id == other).values(customer_id=keep)
        done = cast("CursorResult[Any]", session.execute(statement))
        if done.rowcount:
            moved.append(counted(done.rowcount, ids.PREFIXES[record.prefix or ""][0]))
    _move_blacklisting(session, keep, other)
    session.execute(update(Customer).where(Customer.merged_into_id == other).values(merged_into_id=keep))
    return f"moved {', '.join(moved)}" if moved else "there was nothing to move"


def _belongings() -> list[Record]:
    """The kinds of records that belong to a customer."""
    return [
        record
        for record in RECORDS.values()
        if any(field.name == "customer_id" for field in fields.of(record.table, Use.MERGED))
    ]


def _keep_one_default(session: Session, keep: int, other: int) -> None:
    """Keep the default payment method of the kept customer as the default."""
    default = select(PaymentMethod).where(PaymentMethod.is_default)
    if session.scalars(default.where(PaymentMethod.customer_id == keep)).first():
        for second in session.scalars(default.where(PaymentMethod.customer_id == other)):
            second.is_default = False
        session.flush()


def _move_blacklisting(session: Session, keep: int, other: int) -> None:
    """Keep the block of a blacklisted customer on the customer that is kept."""
    of = {
        entry.match_key: entry
        for entry in session.scalars(
            select(BlacklistEntry).where(
                BlacklistEntry.kind == "customer", BlacklistEntry.match_key.in_((str(keep), str(other)))
            )
        )
    }
    if str(other) in of and str(keep) not in of:
        of[str(other)].value, of[str(other)].match_key = ids.show("cus", keep), str(keep)


def _fill(kept: Customer, other: Customer) -> list[str]:
    """Fill in the details that the kept customer lacks, and return their names."""
    filled = [name for name in fields.details(Use.MERGED) if not getattr(kept, name) and getattr(other, name)]
    for name in filled:
        setattr(kept, name, getattr(other, name))
    return filled


def _note(session: Session, app: App, keep: int, other: int, said: str, filled: list[str]) -> None:
    into, name = ids.show("cus", keep), ids.show("cus", other)
    history.event(session, app, keep, f"{name} was merged into this customer: {said}")
    history.event(session, app, other, f"merged into {into}: {said}")
    audit.write(session, app, Outcome.UPDATED, target=name, merged_into=into, moved=said)
    audit.write(session, app, Outcome.UPDATED, target=into, merged=name, changed=filled)
