"""Subscriptions of Stripe: an order with a purchase for each item, which Stripe goes on billing."""

from __future__ import annotations

from collections.abc import Iterator

from csctl.domain.states import OrderStatus, PurchaseStatus
from csctl.gateways.stripe.account import Object, child, children, id_of, text
from csctl.gateways.stripe.objects import currency_of
from csctl.services.data.apis.listed import Listed
from csctl.services.data.apis.stripe.values import amount, given, number, when

BILLED_BY = "stripe"
_STATUSES = {
    "active": PurchaseStatus.ACTIVE,
    "trialing": PurchaseStatus.TRIAL,
    "past_due": PurchaseStatus.RECYCLE_BILLING,
    "incomplete": PurchaseStatus.RECYCLE_BILLING,
    "unpaid": PurchaseStatus.RECYCLE_FAILED,
    "paused": PurchaseStatus.PAUSED,
    "canceled": PurchaseStatus.CANCELLED,
    "incomplete_expired": PurchaseStatus.CANCELLED,
}


def records(shown: Object, cycles: int) -> Iterator[Listed]:
    """The order, and for each item its price, if it has one that repeats, and its purchase."""
    number, currency = text(shown, "id"), currency_of(shown)
    declined = text(shown, "status") in ("incomplete", "incomplete_expired")
    yield Listed(
        "orders",
        given(
            external_id=number,
            customer=id_of(shown, "customer"),
            currency=currency,
            # A new one is complete; what was returned since is known here.
            status=OrderStatus.DECLINED if declined else None,
            placed_at=when(shown, "created"),
        ),
    )
    for item in children(child(shown, "items"), "data"):
        price = child(item, "price") or child(item, "plan")
        if product := _price(price):
            yield product
        yield _purchase(shown, item, price, cycles, catalogued=product is not None)


def _price(price: Object) -> Listed | None:
    """The price in the catalog. One in steps, by usage or of parts of a cent is not a price of csctl."""
    repeats = child(price, "recurring") or price
    unit, count, currency = text(repeats, "interval"), number(repeats, "interval_count") or 1, currency_of(price)
    whole = number(price, "unit_amount") if "unit_amount" in price else number(price, "amount")
    if whole is None or not unit or not id_of(price, "product"):
        return None
    return Listed(
        "products",
        given(
            sku=id_of(price, "product"),
            name=text(child(price, "product"), "name") or text(price, "nickname"),
            price=text(price, "id"),
            amount=amount({"unit_amount": whole}, "unit_amount", currency),
            currency=currency,
            interval=f"{count} {unit}s",
        ),
    )


def _purchase(shown: Object, item: Object, price: Object, cycles: int, *, catalogued: bool) -> Listed:
    status = _status(shown)
    scheduled = status is PurchaseStatus.CANCELLATION_SCHEDULED
    # Since 2025 the period is that of the item.
    next_bill = when(item, "current_period_end") or when(shown, "current_period_end")
    unit = "unit_amount" if "unit_amount" in price else "amount"
    return Listed(
        "purchases",
        given(
            external_id=text(item, "id"),
            order=text(shown, "id"),
            price=text(price, "id") if catalogued else None,
            description=text(price, "nickname") or text(shown, "description") or "Stripe subscription",
            quantity=str(number(item, "quantity") or 1),
            unit_price=amount(price, unit, currency_of(shown)) if number(price, unit) is not None else "0",
            status=status.value if status else text(shown, "status"),
            cycle=str(cycles),
            trial_ends_on=when(shown, "trial_end"),
            next_bill_on=None if status and status.over else next_bill,
            cancel_on=(when(shown, "cancel_at") or next_bill) if scheduled else None,
            paused_until=when(child(shown, "pause_collection"), "resumes_at"),
            billed_by=BILLED_BY,
        ),
    )


def _status(shown: Object) -> PurchaseStatus | None:
    """None for a word that is not known: the row is refused with it."""
    status = _STATUSES.get(text(shown, "status"))
    if status in (PurchaseStatus.ACTIVE, PurchaseStatus.TRIAL):
        if shown.get("cancel_at_period_end") is True or shown.get("cancel_at") is not None:
            return PurchaseStatus.CANCELLATION_SCHEDULED
        if child(shown, "pause_collection"):
            return PurchaseStatus.PAUSED
    return status
