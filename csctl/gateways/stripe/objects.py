"""Stripe's payment intents, charges, refunds and disputes, in csctl's words."""

from __future__ import annotations

from dataclasses import replace

from csctl.domain.reasons import Reason
from csctl.domain.states import Kind, Settlement, State
from csctl.gateways.operations import Answer, Dispute, DisputeState, Found, Operation
from csctl.gateways.stripe import amounts, codes
from csctl.gateways.stripe.account import Object, child, id_of, moment, text
from csctl.gateways.stripe.requests import KEY

# An intent that was not paid and can still be: csctl cancels its own, and only then calls them declined.
CONFIRMABLE = {
    "requires_action": Reason.AUTHENTICATION,
    "requires_payment_method": Reason.DECLINED,
    "requires_confirmation": Reason.NEVER_EXECUTED,
}
_RETURNED = {"lost_or_stolen_card": Reason.CARD_CLOSED, "expired_or_canceled_card": Reason.CARD_CLOSED}
_DISPUTES = {
    **dict.fromkeys(("warning_needs_response", "warning_under_review"), DisputeState.INQUIRY),
    **dict.fromkeys(("needs_response", "under_review"), DisputeState.OPEN),
    **dict.fromkeys(("appeal_needs_response", "appeal_under_review"), DisputeState.OPEN),
    "lost": DisputeState.LOST,
    **dict.fromkeys(("won", "warning_closed", "prevented"), DisputeState.WON),
}


def key_of(shown: Object) -> str | None:
    """csctl's key, from the metadata."""
    return text(child(shown, "metadata"), KEY) or None


def is_refund_of(shown: Object, op: Operation) -> bool:
    """Whether a refund has the key of an attempt, and is of its sale."""
    paid = {id_of(shown, "payment_intent"), id_of(shown, "charge")}
    return key_of(shown) == op.key and op.its_sale.reference in paid


def currency_of(shown: Object) -> str:
    return text(shown, "currency").upper()


def intent(shown: Object, kind: Kind) -> Answer:
    """A payment intent as the answer to an operation of `kind`."""
    status, charge, currency = text(shown, "status"), child(shown, "latest_charge"), currency_of(shown)
    reference = text(shown, "id") or None
    base = Answer(
        State.UNKNOWN,
        reference,
        currency=currency or None,
        code=status,
        livemode=_livemode(shown),
        aliases=tuple(filter(None, [id_of(shown, "latest_charge")])),
        network_ref=text(child(child(charge, "payment_method_details"), "card"), "network_transaction_id") or None,
    )
    if kind is Kind.VOID:
        return _void(base, status)
    if status == "succeeded":
        received = amounts.read(shown.get("amount_received"), currency)
        at = moment(charge, "created") or moment(shown, "created")
        return replace(base, state=State.APPROVED, amount=received, settlement=Settlement.SETTLED, settled_at=at)
    if status == "requires_capture":
        if kind is not Kind.AUTHORIZE:
            return base  # a sale without capture is a mistake of csctl: a person checks
        held = amounts.read(shown.get("amount"), currency)
        return replace(base, state=State.APPROVED, amount=held, settlement=Settlement.UNSETTLED)
    if status == "processing":
        return replace(base, state=State.PENDING)
    if status in CONFIRMABLE:
        return replace(base, state=State.PENDING, reason=_unpaid(shown, CONFIRMABLE[status]))
    if status == "canceled":
        reason = _unpaid(shown, Reason.NEVER_EXECUTED)
        return replace(base, state=refused_for(reason), reason=reason)
    return base


def refused_for(reason: Reason) -> State:
    """The state of a charge that was not paid, and whose intent cannot be confirmed any more."""
    return State.FAILED if reason is Reason.NEVER_EXECUTED else State.DECLINED


def _unpaid(shown: Object, otherwise: Reason) -> Reason:
    """The reason why an intent was not paid: its last error, if it has one."""
    error = child(shown, "last_payment_error")
    if not error:
        return otherwise
    return codes.declined(text(error, "code"), text(error, "decline_code"), text(error, "advice_code"))


def _void(base: Answer, status: str) -> Answer:
    if status == "canceled":
        return replace(base, state=State.APPROVED)
    if status == "succeeded":
        return replace(base, state=State.DECLINED, reason=Reason.ALREADY_SETTLED)
    return base


def intent_found(shown: Object, kind: Kind, dispute: Dispute | None) -> Found:
    answer, charge = intent(shown, kind), child(shown, "latest_charge")
    return Found(
        answer,
        settlement=answer.settlement,
        settled_at=answer.settled_at,
        voided=text(shown, "status") == "canceled" and answer.reason is Reason.NEVER_EXECUTED,
        captured=text(shown, "status") != "requires_capture",
        refunded_total=_returned(charge, currency_of(shown)) if charge else None,
        dispute=dispute,
    )


def _returned(charge: Object, currency: str) -> int | None:
    """The amount returned of a charge. Stripe also counts the rest that a partial capture released."""
    returned = amounts.read(charge.get("amount_refunded"), currency)
    held, taken = amounts.read(charge.get("amount"), currency), amounts.read(charge.get("amount_captured"), currency)
    if not returned or held is None or taken is None or charge.get("captured") is not True:
        return returned
    return max(0, returned - (held - taken))


def charge_found(shown: Object, dispute: Dispute | None) -> Found:
    """A charge without an intent, like old sales."""
    status, currency = text(shown, "status"), currency_of(shown)
    captured = shown.get("captured") is True
    base = Answer(State.UNKNOWN, text(shown, "id"), currency=currency, code=status, livemode=_livemode(shown))
    if status == "succeeded":
        settlement = Settlement.SETTLED if captured else Settlement.UNSETTLED
        amount = amounts.read(shown.get("amount_captured" if captured else "amount"), currency)
        at = moment(shown, "created") if captured else None
        base = replace(base, state=State.APPROVED, amount=amount, settlement=settlement, settled_at=at)
    elif status == "pending":
        base = replace(base, state=State.PENDING)
    elif status == "failed":
        reason = codes.declined(text(shown, "failure_code"), text(child(shown, "outcome"), "reason"), "")
        base = replace(base, state=State.DECLINED, reason=reason)
    return Found(
        base,
        settlement=base.settlement,
        settled_at=base.settled_at,
        voided=shown.get("refunded") is True and not captured,
        captured=captured,
        refunded_total=_returned(shown, currency),
        dispute=dispute,
    )


def refund(shown: Object) -> Found:
    status, currency = text(shown, "status"), currency_of(shown)
    answer = Answer(
        State.UNKNOWN,
        text(shown, "id") or None,
        amount=amounts.read(shown.get("amount"), currency),
        currency=currency or None,
        code=status,
    )
    card = child(child(shown, "destination_details"), "card")
    receipt = text(card, "reference") or None
    if status == "succeeded":
        at = moment(shown, "created")
        answer = replace(answer, state=State.APPROVED, settlement=Settlement.SETTLED, settled_at=at)
    elif status in ("pending", "requires_action"):
        answer = replace(answer, state=State.PENDING)
    elif status == "failed":
        # the money is back in the shop's own balance
        why = text(shown, "failure_reason")
        reason = _RETURNED.get(why, Reason.RETURNED)
        answer = replace(answer, state=State.FAILED, reason=reason, code=why or status)
    elif status == "canceled":
        answer = replace(answer, state=State.FAILED, reason=Reason.NEVER_EXECUTED)
    return Found(answer, settlement=answer.settlement, settled_at=answer.settled_at, receipt=receipt)


def dispute(shown: Object) -> Dispute | None:
    """A dispute; None for an unknown state, or one that changes nothing."""
    state = _DISPUTES.get(text(shown, "status"))
    if state is None:
        return None
    return Dispute(
        state,
        amount=amounts.read(shown.get("amount"), currency_of(shown)),
        reason=text(shown, "reason") or None,
        due_by=moment(child(shown, "evidence_details"), "due_by"),
        refundable=shown.get("is_charge_refundable") is True,
        reference=text(shown, "id") or None,
    )


def _livemode(shown: Object) -> bool | None:
    found = shown.get("livemode")
    return found if isinstance(found, bool) else None
