"""Change shipments, as the table of state transitions in `domain/fulfillments.py` allows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session

from csctl.domain import fulfillments as rules
from csctl.domain import ids
from csctl.domain.fulfillments import Operation
from csctl.domain.ids import Ref
from csctl.domain.outcomes import Outcome
from csctl.domain.states import SALES, FulfillmentStatus, OrderStatus, State
from csctl.domain.text import accept
from csctl.errors import Conflict, CsctlError, Usage
from csctl.models import Fulfillment, Order, Transaction
from csctl.results import Result
from csctl.services.shared import audit, bulk, change_files, history
from csctl.services.shared.change_files import Line
from csctl.services.shared.chunks import chunks
from csctl.tabular.options import FileOptions

if TYPE_CHECKING:
    from csctl.app import App


def move(
    app: App, refs: Iterable[Ref], operation: Operation, *, dry_run: bool, fail_fast: bool = False
) -> Iterator[Result]:
    """Hold, release, deliver, return, fail or cancel shipments."""

    def change(session: Session, ref: Ref) -> Result:
        fulfillment = _locked(session, ref.id)
        message = _advance(session, app, fulfillment, operation)
        outcome = Outcome.CANCELLED if operation is Operation.CANCEL else Outcome.UPDATED
        return Result(ref.given, outcome, message, extra={"status": fulfillment.status.value})

    return bulk.each(app, refs, change, dry_run=dry_run, fail_fast=fail_fast)


def ship(app: App, lines: Iterable[Line], *, dry_run: bool, fail_fast: bool = False) -> Iterator[Result]:
    """Mark shipments as shipped: each line names one, its carrier and its tracking number.

    One that was shipped with the same number is skipped: a carrier's file may be given twice.
    """

    def change(session: Session, line: Line) -> Result:
        fulfillment = _locked(session, change_files.number_of(session, Fulfillment, "ful", line))
        carrier, tracking = _checked(line.values)
        shipped = fulfillment.status is FulfillmentStatus.SHIPPED
        if shipped and (fulfillment.carrier, fulfillment.tracking) == (carrier, tracking):
            return Result(line.given, Outcome.SKIPPED, "it was shipped so already", extra={"status": "shipped"})
        message = _advance(session, app, fulfillment, Operation.SHIP, f" with {carrier}, {tracking}")
        fulfillment.carrier, fulfillment.tracking = carrier, tracking
        fulfillment.shipped_at = app.clock.now()
        return Result(line.given, Outcome.UPDATED, message, extra={"status": fulfillment.status.value})

    return bulk.each(app, lines, change, dry_run=dry_run, fail_fast=fail_fast)


def doubts(app: App, numbers: Sequence[int]) -> list[str]:
    """Why some of these shipments should perhaps not be sent: their order is cancelled, or its money was returned."""
    over = Order.cancelled_at.is_not(None) | (Order.status == OrderStatus.REFUNDED)
    found: list[str] = []
    with app.read() as session:
        for some in chunks(numbers):
            wanted = select(Fulfillment.id, Order).join(Fulfillment.order).where(Fulfillment.id.in_(some), over)
            for number, order in session.execute(wanted.order_by(Fulfillment.id)):
                found.append(f"{ids.show('ful', number)}: {ids.show('ord', order.id)} {_doubt(session, order)}")
    return found


def numbers_of(app: App, lines: Sequence[Line]) -> list[int]:
    """The shipments that lines name; invalid names are reported later."""
    found: list[int] = []
    with app.read() as session:
        known = change_files.known(session, Fulfillment, "ful", lines)
    for line in lines:
        with suppress(CsctlError):
            found.append(change_files.number_in(known, "ful", line))
    return found


def _doubt(session: Session, order: Order) -> str:
    if order.cancelled_at is not None:
        return "is cancelled"
    taken = (Transaction.order_id == order.id) & Transaction.kind.in_(SALES) & (Transaction.state == State.APPROVED)
    voided = session.scalars(select(Transaction.voided_at).where(taken)).all()
    return "is voided: nothing was paid" if all(voided) else "is refunded: all of its money was returned"


def shipped_lines(
    refs: list[Ref], carrier: str | None, tracking: str | None, file: Path | None, form: FileOptions | None = None
) -> list[Line]:
    """The shipments and their numbers, from the ids and options or from a file. Raises Usage for both or neither."""
    given = {name: value for name, value in (("carrier", carrier), ("tracking", tracking)) if value}
    if file is None:
        if not refs:
            raise Usage("which shipments?", fix="name one with --carrier and --tracking, or give --from tracking.csv")
        _checked(given)
        return [change_files.line_of(ref, given) for ref in refs]
    if refs or tracking:
        raise Usage("--from stands for the ids and their tracking numbers", fix="leave those out, or --from")
    required = ("tracking",) if carrier else ("carrier", "tracking")
    lines = change_files.read(file, known=("carrier", "tracking"), required=required, form=form)
    return [replace(line, values={**given, **line.values}) for line in lines]


def _checked(values: Mapping[str, str]) -> tuple[str, str]:
    # A tracking number may look like a card number (domain rules, section 8), so only its form is checked.
    carrier, tracking = accept(values.get("carrier", ""), "carrier", longest=100), values.get("tracking", "").strip()
    if not carrier or not tracking:
        raise Usage("what is shipped needs a carrier and a tracking number", fix="--carrier DHL --tracking 00340434…")
    if len(tracking) > 100 or not tracking.isprintable():
        raise Usage("that is not a tracking number", cause="too long, or with characters that cannot be printed")
    return carrier, tracking


def reship(app: App, refs: Iterable[Ref], *, dry_run: bool, fail_fast: bool = False) -> Iterator[Result]:
    """Ship again: a new shipment for the same order, with a reference to the one that it repeats."""

    def change(session: Session, ref: Ref) -> Result:
        original = _locked(session, ref.id)
        name = ids.show("ful", original.id)
        rules.require_reshippable(name, original.status)
        _refuse_second(session, original)
        again = Fulfillment(
            order_id=original.order_id,
            status=FulfillmentStatus.PENDING,
            reship_of_id=original.id,
            created_at=app.clock.now(),
        )
        session.add(again)
        session.flush()
        new = ids.show("ful", again.id)
        history.event(
            session, app, original.order.customer_id, f"{name} reshipped as {new}", order_id=original.order_id
        )
        audit.write(session, app, Outcome.RESHIPPED, target=name, fulfillment=new)
        return Result(ref.given, Outcome.RESHIPPED, f"as {new}", extra={"status": "pending", "fulfillment_id": new})

    return bulk.each(app, refs, change, dry_run=dry_run, fail_fast=fail_fast)


def _refuse_second(session: Session, original: Fulfillment) -> None:
    """Raises Conflict if it was shipped again already: two agents may hear of the same lost parcel."""
    waiting = session.scalar(
        select(Fulfillment.id).where(Fulfillment.reship_of_id == original.id, Fulfillment.status.in_(rules.UNSHIPPED))
    )
    if waiting is not None:
        name = ids.show("ful", waiting)
        raise Conflict(
            f"{ids.show('ful', original.id)} is being shipped again already",
            cause=f"{name} repeats it, and has not left the house",
            fix=f"csctl fulfillment show {name}, or cancel that one first",
        )


def _locked(session: Session, number: int) -> Fulfillment:
    """The shipment, locked together with its order. Raises NotFound."""
    order_id = session.scalar(select(Fulfillment.order_id).where(Fulfillment.id == number))
    if order_id is not None:
        bulk.locked(session, Order, "ord", order_id)
    return bulk.locked(session, Fulfillment, "ful", number)


def _advance(session: Session, app: App, fulfillment: Fulfillment, operation: Operation, how: str = "") -> str:
    """Change the state, with history and audit row, and return the result. Raises Conflict."""
    name, before = ids.show("ful", fulfillment.id), fulfillment.status
    fulfillment.status = rules.after(name, before, operation)
    after = fulfillment.status.value
    history.event(
        session, app, fulfillment.order.customer_id, f"{name} is now {after}{how}", order_id=fulfillment.order_id
    )
    audit.write(session, app, Outcome.UPDATED, target=name, before=before.value, after=after)
    return f"{before.value} -> {after}"
