"""Cards as search fields: by their last four digits, and their first ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, or_, select

from csctl.domain.text import digits
from csctl.errors import Usage
from csctl.models import Customer, Order, PaymentMethod, Transaction
from csctl.services.views.search_narrowing import Criterion, has_row, unindexed

Condition = ColumnElement[bool]


def of_customers(last4: Sequence[str], bins: Sequence[str]) -> list[Criterion]:
    """The customers with such a card. Raises Usage."""
    card = _Card.of(last4, bins)
    if card is None:
        return []
    theirs = exists().where(PaymentMethod.customer_id == Customer.id, card.condition)
    return [Criterion(theirs, (select(PaymentMethod.customer_id).where(card.indexed),))]


def of_orders(last4: Sequence[str], bins: Sequence[str]) -> list[Criterion]:
    """The orders that such a card paid; for an order without a recorded card, those of customers who have the card.

    Raises Usage.
    """
    card = _Card.of(last4, bins)
    if card is None:
        return []
    paid = has_row(Transaction.order_id == Order.id, PaymentMethod.id == Transaction.payment_method_id, card.condition)
    says = has_row(Transaction.order_id == Order.id, Transaction.payment_method_id.is_not(None))
    theirs = has_row(PaymentMethod.customer_id == Order.customer_id, card.condition)
    paying = select(Transaction.order_id).join(PaymentMethod, PaymentMethod.id == Transaction.payment_method_id)
    having = select(Order.id).join(PaymentMethod, PaymentMethod.customer_id == Order.customer_id)
    return [Criterion(or_(paid, and_(~says, theirs)), (paying.where(card.indexed), having.where(card.indexed, ~says)))]


class _Card:
    """The condition that a card matches; `indexed`, as an index finds it."""

    def __init__(self, condition: Condition, indexed: Condition) -> None:
        self.condition, self.indexed = condition, indexed

    @classmethod
    def of(cls, last4: Sequence[str], bins: Sequence[str]) -> _Card | None:
        ends = [_digits(text, "--card-last4", 4, 4) for text in last4]
        starts = [_digits(text, "--card-bin", 4, 8) for text in bins]
        by_end = PaymentMethod.last4.in_(ends) if ends else None
        by_start = or_(*(_begins(bin_) for bin_ in starts)) if starts else None
        found: list[Condition] = [one for one in (by_end, by_start) if one is not None]
        if not found:
            return None
        exact: list[Condition] = [unindexed(PaymentMethod.last4).in_(ends)] if ends else []
        exact += [or_(*(_begins(bin_, unindexed(PaymentMethod.bin)) for bin_ in starts))] if starts else []
        return cls(and_(*exact), and_(*found))


def _begins(bin_: str, column: Any = PaymentMethod.bin) -> Condition:
    """Cards whose first digits are these. csctl may know fewer of them: six."""
    after = str(int(bin_) + 1)
    below: list[Condition] = [column < after] if len(after) == len(bin_) else []  # nothing comes after 9999
    return or_(and_(column >= bin_, *below), column == bin_[:6])


def _digits(text: str, option: str, fewest: int, most: int) -> str:
    if digits(text) != text or not fewest <= len(text) <= most:
        raise Usage(
            f"{option} takes {fewest if fewest == most else f'{fewest} to {most}'} digits",
            cause="csctl knows the first digits and the last four of a card, and nothing between",
        )
    return text
