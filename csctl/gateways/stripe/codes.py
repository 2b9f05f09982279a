"""The meaning of Stripe's errors. Any other error is unknown, and csctl asks for the outcome."""

from __future__ import annotations

from csctl.domain.reasons import Reason
from csctl.domain.states import Kind, State

Outcome = tuple[State, Reason | None]
UNKNOWN: Outcome = (State.UNKNOWN, None)

_SOFT = {
    *("insufficient_funds", "try_again_later", "processing_error", "issuer_not_available", "reenter_transaction"),
    *("generic_decline", "do_not_honor", "approve_with_id", "card_velocity_exceeded"),
    *("withdrawal_count_limit_exceeded", "service_not_allowed", "transaction_not_allowed", "call_issuer"),
}
_AUTHENTICATION = {"authentication_required", "payment_intent_authentication_failure"}

# The codes of refused requests, by operation. They say for certain that nothing was done.
_ANY: dict[str, Outcome] = {
    "amount_too_small": (State.FAILED, Reason.REFUSED),
    "amount_too_large": (State.FAILED, Reason.REFUSED),
    "parameter_missing": (State.FAILED, Reason.REFUSED),
    "parameter_unknown": (State.FAILED, Reason.REFUSED),
    "parameter_invalid_empty": (State.FAILED, Reason.REFUSED),
    "parameter_invalid_integer": (State.FAILED, Reason.REFUSED),
    "parameter_invalid_string_blank": (State.FAILED, Reason.REFUSED),
    "parameter_invalid_string_empty": (State.FAILED, Reason.REFUSED),
    "parameters_exclusive": (State.FAILED, Reason.REFUSED),
    "currency_not_supported": (State.FAILED, Reason.REFUSED),
}
_REFUND: dict[str, Outcome] = {
    "charge_already_refunded": (State.DECLINED, Reason.ALREADY_REFUNDED),
    "charge_disputed": (State.FAILED, Reason.DISPUTED),
    "refund_disputed_payment": (State.FAILED, Reason.DISPUTED),
    "charge_not_refundable": (State.DECLINED, Reason.NOT_REFUNDABLE),
    "balance_insufficient": (State.DECLINED, Reason.BALANCE),
    "insufficient_funds": (State.DECLINED, Reason.BALANCE),
    "anomalous_money_movement_request": (State.DECLINED, Reason.NOT_REFUNDABLE),
}
_CAPTURE: dict[str, Outcome] = {
    "charge_already_captured": (State.DECLINED, Reason.ALREADY_SETTLED),
    "charge_expired_for_capture": (State.DECLINED, Reason.TOO_OLD),
}
_BY_KIND = {Kind.REFUND: _REFUND, Kind.CAPTURE: _CAPTURE}
_BUSY = {"rate_limit", "lock_timeout"}


def refused(kind: Kind, code: str, param: str) -> Outcome:
    """The outcome of a request that Stripe refused (HTTP 400)."""
    if found := _BY_KIND.get(kind, {}).get(code) or _ANY.get(code):
        return found
    if code in _BUSY:
        return State.FAILED, Reason.BUSY
    if kind is Kind.REFUND and not code and param == "amount":
        return State.DECLINED, Reason.OVER_AMOUNT  # has no code of its own
    if code.endswith("_invalid") and kind.charges_card:
        return State.FAILED, Reason.REFUSED
    return UNKNOWN


def declined(code: str, decline_code: str, advice: str) -> Reason:
    """The reason of a decline (HTTP 402, or an intent's last error)."""
    if code in _AUTHENTICATION or decline_code in _AUTHENTICATION:
        return Reason.AUTHENTICATION
    if advice in ("do_not_try_again", "confirm_card_data"):
        return Reason.DECLINED
    soft = advice == "try_again_later" or decline_code in _SOFT or (code in _SOFT and not decline_code)
    return Reason.SOFT_DECLINED if soft else Reason.DECLINED
