"""Why a sale cannot be refunded or voided. All is checked before anything is written (domain rules, section 2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlalchemy.orm import object_session

from csctl.clock import Clock
from csctl.domain import ids
from csctl.domain.ids import Ref
from csctl.domain.money import Money, to_decimal
from csctl.domain.states import SALES, Kind, State
from csctl.errors import Conflict, NotFound
from csctl.models import Transaction
from csctl.services.payments.jobs import Turn
from csctl.services.refunds import limits, standing
from csctl.services.shared import duplicates

if TYPE_CHECKING:
    from csctl.app import App

REVERSIBLE = tuple(kind for kind in Kind if kind.is_charge)


def sale_of(turn: Turn, ref: Ref, kinds: Sequence[Kind] = SALES) -> Transaction:
    """The approved transaction of these kinds that an id names. Raises NotFound, and Conflict for any other one."""
    row = turn.transaction(ref.id)
    if row is None:
        raise NotFound(f"there is no transaction {ref.given}", fix="csctl txn list")
    if row.kind not in kinds:
        of = f" of {ids.show('txn', row.parent_id)}" if row.parent_id else ""
        of_it = ids.show("txn", row.parent_id or row.id)
        raise Conflict(
            f"{ref.given} is not a sale", cause=f"it is the {row.kind.value}{of}", fix=f"csctl txn show {of_it}"
        )
    if not row.state.closed:
        name = ids.show("txn", row.id)
        raise Conflict(
            f"{ref.given} has no outcome yet",
            cause=f"it is {row.state.value}: whether money was taken is not known",
            fix=f"csctl txn reconcile {name}",
        )
    if row.state is not State.APPROVED:
        raise Conflict(
            f"{ref.given} was not approved",
            cause=f"it is {row.state.value}: no money was taken",
            fix=f"csctl txn show {ref.given}",
        )
    duplicates.refuse(turn.session, row)
    return row


def refuse_unless_refundable(
    app: App,
    sale: Transaction,
    amount: int | None,
    *,
    limited: bool = True,
    sends: bool = True,
    to_ask: str | None = None,
) -> None:
    """Raises Conflict, or NotPermitted above an agent's limit unless `limited` is false; `to_ask` asks for approval.

    Raises Misconfigured without the sale's gateway account if the refund `sends` something.
    """
    name = ids.show("txn", sale.id)
    if sale.voided_at:
        raise Conflict(
            f"{name} is voided",
            cause="the charge was reverted: there is nothing to return",
            fix=f"csctl order show {ids.show('ord', sale.order_id)}",
        )
    if sale.disputed_at:
        raise Conflict(
            f"{name} is disputed",
            cause="a chargeback returns the money already",
            fix=f"csctl txn dispute {name} --revert, once it is won",
        )
    left = Money(sale.refundable, sale.currency)
    if left.amount == 0:
        raise Conflict(f"nothing remains of {name}", cause=_standing(sale), fix=f"csctl txn show {name}")
    if amount is not None and amount > left.amount:
        raise Conflict(
            f"{Money(amount, sale.currency)} is more than the remaining amount of {name}",
            cause=f"{left} remains; {_standing(sale)}",
            fix=f"csctl txn refund {name} --amount {to_decimal(left.amount, left.currency)}",
        )
    if limited:
        refuse_unless_allowed(app, sale, amount or left.amount, to_ask)
    if sends:
        app.gateways.for_money(sale.gateway)  # raises Misconfigured: better now than after the attempt is recorded


def refuse_unless_allowed(app: App, sale: Transaction, amount: int, to_ask: str | None = None) -> None:
    """Raises NotPermitted above an agent's limit."""
    session = object_session(sale)
    if session and (refusal := limits.refusal(session, app, sale, amount, to_ask=to_ask)):
        raise refusal


def _standing(sale: Transaction) -> str | None:
    session = object_session(sale)
    return standing.of(session, sale) if session else None


def refuse_unless_voidable(app: App, sale: Transaction) -> None:
    """Raises Conflict for a sale that is voided, or of which something is refunded or reserved; Misconfigured where its
    gateway may not be used.
    """
    name = ids.show("txn", sale.id)
    if sale.voided_at:
        raise Conflict(f"{name} is voided already", fix=f"csctl order show {ids.show('ord', sale.order_id)}")
    if sale.refunded or sale.reserved:
        raise Conflict(f"{name} cannot be voided", cause=_standing(sale), fix=f"csctl txn show {name}")
    app.gateways.for_money(sale.gateway)


def settled_already(clock: Clock, sale: Transaction) -> Conflict:
    """The error for a void that comes too late. Its fix is the refund."""
    name = ids.show("txn", sale.id)
    on = ""
    if sale.settled_at:
        day = clock.day_of(sale.settled_at)
        on = f" on {day.day} {day:%B %Y}"
    return Conflict(
        f"{name} settled{on}",
        cause="a settled sale cannot be voided",
        fix=f"csctl txn refund {name}" if sale.is_sale else None,
    )
