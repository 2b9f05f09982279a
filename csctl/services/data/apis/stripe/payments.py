"""Charges, refunds and lost disputes of Stripe."""

from __future__ import annotations

from collections.abc import Iterator

from csctl.domain.states import Kind, OrderStatus, Outside, PurchaseStatus, Settlement, State
from csctl.gateways.operations import DisputeState
from csctl.gateways.stripe import objects
from csctl.gateways.stripe.account import Object, child, id_of, text
from csctl.gateways.stripe.objects import currency_of
from csctl.services.data.apis.listed import Listed
from csctl.services.data.apis.stripe import people
from csctl.services.data.apis.stripe.links import Links
from csctl.services.data.apis.stripe.values import amount, given, number, shipping, when

_CHARGES = {"succeeded": State.APPROVED, "pending": State.PENDING, "failed": State.DECLINED}
_REFUNDS = {
    "succeeded": State.APPROVED,
    "pending": State.PENDING,
    "requires_action": State.PENDING,
    "failed": State.FAILED,
    "canceled": State.FAILED,
}
_RELEASED = "expired_uncaptured_charge"  # Stripe released an authorization: no money was returned


def charge(shown: Object, links: Links, account: str) -> Iterator[Listed]:
    """A charge; one that no subscription made with an order of its own."""
    payer = id_of(shown, "customer") or people.guest_id(shown)
    dispute = links.dispute_of(text(shown, "id"))
    billed = links.subscription_of(shown)
    if not billed:
        yield from _order(shown, payer, returned=_is_returned(shown, dispute))
    order, item = billed or (_order_id(shown), "")
    captured = shown.get("captured") is True
    state = _CHARGES.get(text(shown, "status"))
    approved = state is State.APPROVED
    yield Listed(
        "transactions",
        given(
            external_id=text(shown, "id"),
            order=order,
            purchase=item,
            kind=(Kind.SALE if captured or not approved else Kind.AUTHORIZE).value,
            state=state.value if state else text(shown, "status"),
            amount=amount(shown, "amount_captured" if captured and number(shown, "amount_captured") else "amount"),
            currency=currency_of(shown),
            gateway=account,
            gateway_ref=id_of(shown, "payment_intent") or text(shown, "id"),
            settlement=Settlement.SETTLED.value if approved and captured else None,
            settled_at=when(shown, "created") if approved and captured else None,
            voided="true" if approved and not captured and shown.get("refunded") is True else None,
            disputed=when(dispute, "created") if dispute and approved and _blocks(dispute) else None,
            created_at=when(shown, "created"),
        ),
    )
    if dispute and _state(dispute) is DisputeState.LOST:
        yield _chargeback(dispute, text(shown, "id"), account)


def refund(shown: Object, account: str) -> Iterator[Listed]:
    """A refund, made by csctl or by others."""
    if text(shown, "reason") == _RELEASED:
        return
    state = _REFUNDS.get(text(shown, "status"))
    yield Listed(
        "transactions",
        given(
            external_id=text(shown, "id"),
            parent=id_of(shown, "charge"),
            kind=Kind.REFUND.value,
            state=state.value if state else text(shown, "status"),
            amount=amount(shown, "amount"),
            currency=currency_of(shown),
            gateway=account,
            gateway_ref=text(shown, "id"),
            created_at=when(shown, "created"),
        ),
    )


def _order(shown: Object, payer: str, *, returned: bool) -> Iterator[Listed]:
    """One order for each intent, however many charges it took."""
    paid = text(child(shown, "payment_intent"), "status") in ("succeeded", "requires_capture", "processing")
    complete = paid or text(shown, "status") in ("succeeded", "pending")
    order = given(
        external_id=_order_id(shown),
        customer=payer,
        currency=currency_of(shown),
        status=(OrderStatus.REFUNDED if returned else OrderStatus.COMPLETE if complete else OrderStatus.DECLINED).value,
        placed_at=when(child(shown, "payment_intent"), "created") or when(shown, "created"),
    )
    yield Listed("orders", order | shipping(shown))
    intent = child(shown, "payment_intent")
    # Refunds of such a charge have to take the money back from the other account.
    connect = " (Connect)" if shown.get("transfer_data") or shown.get("on_behalf_of") else ""
    yield Listed(
        "purchases",
        given(
            external_id=f"{_order_id(shown)} line",
            order=_order_id(shown),
            description=(text(intent or shown, "description") or "Stripe payment") + connect,
            unit_price=amount(intent or shown, "amount"),
            status=PurchaseStatus.COMPLETE if complete else PurchaseStatus.CANCELLED,
        ),
    )


def _is_returned(shown: Object, dispute: Object | None) -> bool:
    """Whether all money of a charge went back."""
    lost = dispute is not None and _state(dispute) is DisputeState.LOST
    whole = dispute is not None and number(dispute, "amount") == number(shown, "amount")
    return (lost and whole) or (shown.get("captured") is True and shown.get("refunded") is True)


def _order_id(shown: Object) -> str:
    return id_of(shown, "payment_intent") or text(shown, "id")


def _blocks(dispute: Object) -> bool:
    """Whether the charge cannot be refunded now. An inquiry blocks it only where Stripe says so."""
    inquiry = _state(dispute) is DisputeState.INQUIRY and dispute.get("is_charge_refundable") is False
    return inquiry or _state(dispute) is DisputeState.OPEN


def _state(dispute: Object) -> DisputeState | None:
    found = objects.dispute(dispute)
    return found.state if found else None


def _chargeback(dispute: Object, charge: str, account: str) -> Listed:
    """The bank returned the money."""
    return Listed(
        "transactions",
        given(
            external_id=text(dispute, "id"),
            parent=charge,
            kind=Kind.REFUND.value,
            state=State.APPROVED.value,
            outside=Outside.CHARGEBACK.value,
            outside_reference=text(dispute, "id"),
            amount=amount(dispute, "amount"),
            currency=currency_of(dispute),
            gateway=account,
            created_at=when(dispute, "created"),
        ),
    )
