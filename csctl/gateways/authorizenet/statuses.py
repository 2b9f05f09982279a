"""The status of a transaction at Authorize.Net, in csctl's words."""

from __future__ import annotations

from csctl.domain.reasons import Reason
from csctl.domain.states import Kind, Settlement, State
from csctl.gateways.authorizenet.reports import Record
from csctl.gateways.operations import Answer, Dispute, DisputeState, Found

AUTHORIZED = {"authorizedPendingCapture", "authorizedPendingRelease"}
CHARGE_TYPES = ("auth", "captureOnly", "priorAuth")
_UNSETTLED = {
    "capturedPendingSettlement",
    "refundPendingSettlement",
    "pendingSettlement",
    "pendingFinalSettlement",
    "updatingSettlement",
}
_SETTLED = {"settledSuccessfully", "refundSettledSuccessfully", "chargeback", "chargebackReversal"}
_DECLINED = {"declined", "failedReview", "expired"}
_REVIEWED = {"underReview", "FDSPendingReview", "FDSAuthorizedPendingReview", "approvedReview"}
_RETURNED = {"returnedItem", "settlementError"}
_ERRORS = {"generalError", "communicationError"}
# Statuses that only a refund has, and those that show the kind of a transaction without its details.
_REFUNDS = {"refundPendingSettlement", "refundSettledSuccessfully"}
_SALES = {"capturedPendingSettlement", "settledSuccessfully", "chargeback", "chargebackReversal", "underReview"}


def kind_of(record: Record) -> Kind | None:
    """The kind of a transaction; None if only its details show it."""
    if record.status in _REFUNDS or record.type == "refundTransaction":
        return Kind.REFUND
    if record.status in AUTHORIZED:
        return Kind.AUTHORIZE
    if record.status in _SALES or record.type.startswith(CHARGE_TYPES):
        return Kind.SALE
    return None


def found(record: Record, kind: Kind) -> Found:
    """An operation of `kind` with this reference."""
    state, reason = _void(record) if kind is Kind.VOID else _state(record, kind)
    voided = record.status == "voided" and kind is not Kind.REFUND
    settlement = _settlement(record) if kind is not Kind.VOID else None
    settled_at = record.settled_at if settlement is Settlement.SETTLED else None
    answer = Answer(
        state,
        reference=record.id,
        reason=reason,
        amount=record.amount,
        settlement=settlement,
        settled_at=settled_at,
        code=record.status,
        network_ref=record.network_ref,
    )
    return Found(
        answer,
        settlement=settlement,
        settled_at=settled_at,
        voided=voided,
        captured=record.status not in AUTHORIZED,
        dispute=_dispute(record),
        sale_reference=record.sale or None,
    )


def _state(record: Record, kind: Kind) -> tuple[State, Reason | None]:
    status = record.status
    if status == "voided":
        # Of a refund: a user of the gateway's page withdrew it before it was paid.
        return (State.FAILED, Reason.NEVER_EXECUTED) if kind is Kind.REFUND else (State.APPROVED, None)
    if status in AUTHORIZED:
        return (State.FAILED, Reason.NEVER_EXECUTED) if kind is Kind.CAPTURE else (State.APPROVED, None)
    if status in _UNSETTLED | _SETTLED:
        return State.APPROVED, None
    if status in _DECLINED:
        return State.DECLINED, Reason.SOFT_DECLINED if record.reason_code == "2" else Reason.DECLINED
    if status in _REVIEWED:
        return State.PENDING, Reason.UNDER_REVIEW
    if status in _RETURNED:
        return State.FAILED, Reason.RETURNED
    if status in _ERRORS and record.response_code == "3" and record.settled_at is None:
        return State.FAILED, Reason.NEVER_EXECUTED
    return State.UNKNOWN, None  # couldNotVoid too: the money may have been taken


def _void(record: Record) -> tuple[State, Reason | None]:
    if record.status == "voided":
        return State.APPROVED, None
    return (State.DECLINED, Reason.ALREADY_SETTLED) if record.status in _SETTLED else (State.UNKNOWN, None)


def _settlement(record: Record) -> Settlement | None:
    if record.status in _SETTLED:
        return Settlement.SETTLED
    return Settlement.UNSETTLED if record.status in _UNSETTLED | AUTHORIZED | {"voided"} else None


def _dispute(record: Record) -> Dispute | None:
    """A dispute: Authorize.Net reports only that there is one, without amount, reason or date."""
    if record.status == "chargeback":
        return Dispute(DisputeState.OPEN)
    return Dispute(DisputeState.WON) if record.status == "chargebackReversal" else None
