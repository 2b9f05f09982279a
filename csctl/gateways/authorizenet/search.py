"""Find operations at Authorize.Net: by csctl's key in the invoice number, and all changes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from csctl.domain.comparison import Entry
from csctl.domain.states import Kind
from csctl.gateways import tokens
from csctl.gateways.asking import NoRecord, one_of
from csctl.gateways.authorizenet import reports, requests, statuses
from csctl.gateways.authorizenet.account import Account
from csctl.gateways.authorizenet.reports import Record
from csctl.gateways.operations import Absent, Ambiguous, Change, Found, Operation
from csctl.gateways.protocol import UnknownReference

_SKEW = timedelta(days=1)  # csctl's clock and the gateway's may differ, and a batch may settle before it is listed
WATCH = timedelta(days=5)  # how long an approved refund can still be returned
_FIRST = timedelta(days=29)  # the range of the first sync: one list of batches; lookups cover older ones


def find(account: Account, op: Operation) -> Found | Absent | Ambiguous:
    """Find an attempt. Absent only if the account has the sale or payment profile."""
    if op.kind.acts_on_charge:
        return _find_in_sale(account, op)
    if op.sale is not None:
        reports.details(account, op.sale.reference)
        keyed = _keyed(account, op)
    else:
        keyed = _keyed_of_customer(account, op) or _keyed(account, op)
    records = [reports.details(account, reference) for reference in keyed]
    ours = [one for one in records if one.invoice == requests.key20(op.key)]
    if any(not _fits(one, op) for one in ours):
        return Ambiguous(tuple(one.id for one in ours))
    found = one_of([statuses.found(one, op.kind) for one in ours])
    return found or Absent("the unsettled transactions and the batches since it was sent")


def _find_in_sale(account: Account, op: Operation) -> Found | Absent:
    """Find a void or capture, which is a state of the transaction itself."""
    record = reports.details(account, op.its_sale.reference)
    look = statuses.found(record, op.kind)
    if op.kind is Kind.VOID:
        return look if look.voided or record.status == "couldNotVoid" else Absent(f"the details of {record.id}")
    return Absent(f"the details of {record.id}") if record.status in statuses.AUTHORIZED | {"voided"} else look


def _fits(record: Record, op: Operation) -> bool:
    """Whether a transaction with csctl's key is of the right kind, and of the right sale."""
    if op.kind is Kind.REFUND:
        return record.type == "refundTransaction" and op.sale is not None and record.sale == op.sale.reference
    return record.type.startswith(statuses.CHARGE_TYPES)


def _keyed(account: Account, op: Operation) -> list[str]:
    """The transactions with csctl's key. Unsettled ones first: one that moves into a batch in the time between is found
    there.
    """
    key = requests.key20(op.key)
    found = [one.id for one in reports.unsettled(account) if one.invoice == key]
    for batch in reports.batches(account, op.sent_at - _SKEW, account.now()):
        found += [one.id for one in reports.of_batch(account, batch) if one.invoice == key]
    return list(dict.fromkeys(found))


def _keyed_of_customer(account: Account, op: Operation) -> list[str]:
    """The transactions of a charge's payment profile: few calls. Raises UnknownReference for a profile of another
    account.
    """
    customer, method = tokens.AUTHORIZENET.parts(op.token) or ("", "")
    try:
        shown = list(reports.of_customer(account, customer, method))
    except NoRecord:
        raise UnknownReference(f"the payment profile {op.token}") from None
    return [one.id for one in shown if one.invoice == requests.key20(op.key)]


def changes(account: Account, cursor: str | None) -> Iterator[Change]:
    """The unsettled transactions, and then each batch since `cursor`, oldest first. The cursor moves with each whole
    batch.
    """
    kept, now = reports.moment(cursor or ""), account.now()
    before = kept if kept and kept <= now else now - _FIRST
    if kept == before:
        yield from _watch_ended(account, before)
    # The list of unsettled ones is read to its end before the batches: what settles in the time between comes after it.
    for record in list(reports.unsettled(account)):
        yield from _change(account, record, before)
    for batch in reports.batches(account, before - _SKEW, now):
        records = list(reports.of_batch(account, batch))
        done = min(max(before, batch.at), now)
        found = [change for record in records for change in _change(account, record, before)]
        for number, change in enumerate(found, start=1):
            yield replace(change, cursor=requests.stamp(done)) if number == len(found) else change
        before = done


def _watch_ended(account: Account, before: datetime) -> Iterator[Change]:
    """A last look-up of csctl's transactions in the batches whose watch has ended since `before`."""
    last = min(account.now() - WATCH, before - _SKEW)  # the batches after it are read anyway
    for batch in reports.batches(account, before - WATCH - _SKEW, last):
        for record in reports.of_batch(account, batch):
            if requests.is_ours(record.invoice):
                yield from _change(account, record, before)


def _change(account: Account, record: Record, cursor: datetime) -> Iterator[Change]:
    """The change of one transaction; none for one that moved no money and never will."""
    if record.status in ("declined", "expired", "failedReview", "generalError", "communicationError"):
        return
    kind = statuses.kind_of(record)
    if kind is None or (kind is Kind.REFUND and not requests.is_ours(record.invoice)):
        # A list does not say what was voided, or which sale was refunded on the gateway's own page.
        record = reports.details(account, record.id)
        kind = statuses.kind_of(record)
    if kind is not None:
        yield Change(
            kind,
            record.id,
            requests.stamp(cursor),
            sale_reference=record.sale or None,
            key=record.invoice or None,
            found=statuses.found(record, kind),
        )


def listed(account: Account, since: datetime, until: datetime) -> Iterator[Entry]:
    """The transactions of a period: unsettled, or in a batch that settled since its begin."""
    listed = list(reports.unsettled(account))
    for batch in reports.batches(account, since, account.now()):
        listed.extend(reports.of_batch(account, batch))
    for record in listed:
        if record.at is not None and since <= record.at < until:
            yield from _entry(account, record)


def _entry(account: Account, record: Record) -> Iterator[Entry]:
    at, kind = record.at, statuses.kind_of(record)
    if kind is None or (kind is Kind.REFUND and not requests.is_ours(record.invoice)):
        record = reports.details(account, record.id)  # a list does not say what was voided, or which sale was refunded
        kind = statuses.kind_of(record)
    if kind is not None:
        found = statuses.found(record, kind)
        yield found.entry(kind, key=record.invoice or None, sale_reference=record.sale or None, at=at)
