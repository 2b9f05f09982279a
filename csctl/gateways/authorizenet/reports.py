"""Authorize.Net's reporting: one transaction's details, and the lists of unsettled ones and of batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from csctl.gateways import decimals
from csctl.gateways.asking import MOST_PAGES, NoRecord, endless, no_answer
from csctl.gateways.authorizenet import requests
from csctl.gateways.authorizenet.account import Account, child, children, text
from csctl.gateways.protocol import UnknownReference


@dataclass(frozen=True)
class Record:
    """A transaction in a list or with its details. Lists have no `type`, `sale` and card."""

    id: str
    status: str
    invoice: str
    amount: int | None  # minor units
    at: datetime | None
    settled_at: datetime | None = None
    type: str = ""
    sale: str = ""  # of a refund
    response_code: str = ""
    reason_code: str = ""
    last4: str | None = None
    bank_account: bool = False
    network_ref: str | None = None


@dataclass(frozen=True)
class Batch:
    id: str
    at: datetime
    failed: bool


def details(account: Account, reference: str) -> Record:
    """Raises UnknownReference, Misconfigured, Unreachable."""
    try:
        answer = account.ask("getTransactionDetailsRequest", {"transId": reference})
    except NoRecord:
        raise UnknownReference(reference) from None
    shown = child(answer, "transaction")
    if text(shown, "transId") != reference or not text(shown, "transactionStatus"):
        raise no_answer("the details are of another transaction")
    batch = child(shown, "batch")
    status = text(shown, "transactionStatus")
    if text(batch, "settlementState") == "settlementError":
        status = "settlementError"
    payment = child(shown, "payment")
    number = text(child(payment, "creditCard"), "cardNumber")
    return Record(
        id=reference,
        status=status,
        invoice=text(child(shown, "order"), "invoiceNumber"),
        amount=_amount(shown),
        at=moment(text(shown, "submitTimeUTC")),
        settled_at=moment(text(batch, "settlementTimeUTC")),
        type=text(shown, "transactionType"),
        sale=text(shown, "refTransId"),
        response_code=text(shown, "responseCode"),
        reason_code=text(shown, "responseReasonCode"),
        last4=number[-4:] if requests.is_last4(number[-4:]) else None,
        bank_account="bankAccount" in payment,
        network_ref=text(shown, "networkTransId") or None,
    )


def unsettled(account: Account) -> Iterator[Record]:
    """All transactions that are in no batch yet, including declined and failed ones. Raises
    Misconfigured, Unreachable.
    """
    yield from _pages(account, "getUnsettledTransactionListRequest", {}, None)


def of_batch(account: Account, batch: Batch) -> Iterator[Record]:
    yield from _pages(account, "getTransactionListRequest", {"batchId": batch.id}, batch)


def of_customer(account: Account, customer: str, method: str) -> Iterator[Record]:
    """The transactions of a payment profile. Raises NoRecord for an unknown one."""
    chosen: dict[str, object] = {"customerProfileId": customer, "customerPaymentProfileId": method}
    yield from _pages(account, "getTransactionListForCustomerRequest", chosen, None)


def batches(account: Account, first: datetime, last: datetime) -> Iterator[Batch]:
    """The batches that settled between two moments, oldest first. Raises Misconfigured, Unreachable."""
    while first < last:
        until = min(last, first + timedelta(days=requests.WINDOW_DAYS))
        answer = account.ask("getSettledBatchListRequest", requests.batches(first, until))
        found = [_batch(one) for one in children(answer, "batchList", "batch")]
        yield from sorted(found, key=lambda batch: batch.at)
        first = until


def moment(written: str) -> datetime | None:
    """A time of Authorize.Net, in UTC."""
    try:
        found = datetime.fromisoformat(written.replace("Z", "+00:00"))
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _batch(shown: Mapping[str, object]) -> Batch:
    at = moment(text(shown, "settlementTimeUTC"))
    if not text(shown, "batchId") or at is None:
        raise no_answer("a batch has no id or time")
    return Batch(text(shown, "batchId"), at, text(shown, "settlementState") == "settlementError")


def _pages(account: Account, name: str, chosen: dict[str, object], batch: Batch | None) -> Iterator[Record]:
    last = ""
    for number in range(1, MOST_PAGES):
        answer = account.ask(name, {**chosen, **requests.page(number)})
        shown = children(answer, "transactions", "transaction")
        for one in shown:
            yield _summary(one, batch)
        if len(shown) < requests.PAGE:
            return
        if text(shown[-1], "transId") == last:  # the same page again
            break
        last = text(shown[-1], "transId")
    raise endless()


def _summary(shown: Mapping[str, object], batch: Batch | None) -> Record:
    reference, status = text(shown, "transId"), text(shown, "transactionStatus")
    if not reference or not status:
        raise no_answer("a transaction has no id or status")
    return Record(
        id=reference,
        status="settlementError" if batch and batch.failed else status,
        invoice=text(shown, "invoiceNumber"),
        amount=_amount(shown),
        at=moment(text(shown, "submitTimeUTC")),
        settled_at=batch.at if batch else None,
    )


def _amount(shown: Mapping[str, object]) -> int | None:
    """The settled amount, or the amount to settle; for authorizations and voided transactions the authorized one."""
    settled = decimals.read(shown.get("settleAmount"))
    return settled or decimals.read(shown.get("authAmount")) or settled
