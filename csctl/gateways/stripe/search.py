"""Finding operations at Stripe: by id, by our key in the metadata, and all that changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from csctl.domain.comparison import Entry
from csctl.domain.states import Kind, State
from csctl.gateways.operations import Absent, Ambiguous, Change, Dispute, Found, Operation
from csctl.gateways.protocol import UnknownReference
from csctl.gateways.stripe import objects, requests
from csctl.gateways.stripe.account import Account, Fields, NoRecord, Object, child, id_of, moment, seconds, text

_SKEW = timedelta(minutes=10)  # our clock and Stripe's may differ
_OVERLAP = timedelta(hours=1)
_EVENTS_KEPT = timedelta(days=29)  # Stripe keeps them for 30 days
_WATCHED = timedelta(days=45)  # how far back refunds are listed where there are no events
_EXPANDED: Fields = [("expand[]", "latest_charge")]
_EVENTS = (
    *("refund.updated", "refund.failed", "charge.refund.updated"),
    *("charge.dispute.created", "charge.dispute.updated", "charge.dispute.closed"),
    *("payment_intent.succeeded", "payment_intent.canceled", "payment_intent.payment_failed"),
)


def sale(account: Account, reference: str) -> Object:
    """A payment intent or charge. Raises UnknownReference, Misconfigured, Unreachable."""
    if requests.is_charge(reference):
        return _object(account, "charges", reference, ())
    return _object(account, "payment_intents", reference, _EXPANDED)


def lookup(account: Account, reference: str, kind: Kind) -> Found:
    """Raises UnknownReference, Misconfigured, Unreachable."""
    if reference.startswith(("re_", "pyr_")):
        return objects.refund(_object(account, "refunds", reference, ()))
    shown = sale(account, reference)
    if requests.is_charge(reference):
        return objects.charge_found(shown, _dispute(account, shown, ("charge", reference)))
    charge = child(shown, "latest_charge")
    return objects.intent_found(shown, kind, _dispute(account, charge, ("payment_intent", reference)))


def find(account: Account, op: Operation) -> Found | Absent | Ambiguous:
    """What became of an attempt. The sale or customer is read first: if it is not known, it is the wrong account."""
    if op.sale is None:
        return _find_charge(account, op)
    found = lookup(account, op.sale.reference, op.kind)
    if op.kind is Kind.REFUND:
        name = "charge" if requests.is_charge(op.sale.reference) else "payment_intent"
        listed = account.pages("/v1/refunds", [(name, op.sale.reference)])
        ours = [one for one in listed if objects.key_of(one) == op.key]
        return _one([objects.refund(one) for one in ours], "all refunds of the payment")
    if op.kind is Kind.VOID:
        return found if found.answer.state is State.APPROVED else Absent("the payment intent")
    return found if found.captured and found.answer.state is not State.FAILED else Absent("the payment intent")


def _find_charge(account: Account, op: Operation) -> Found | Absent | Ambiguous:
    customer, _ = requests.token(op.token) or ("", "")
    try:
        account.get(f"/v1/customers/{customer}")
    except NoRecord:
        raise UnknownReference(customer) from None
    window = [
        ("customer", customer),
        ("created[gte]", seconds(op.sent_at - _SKEW)),
        ("expand[]", "data.latest_charge"),
    ]
    listed = account.pages("/v1/payment_intents", window)
    ours = [one for one in listed if objects.key_of(one) == op.key]
    return _one([objects.intent_found(one, op.kind, None) for one in ours], "the customer's payments since it was sent")


def _one(looks: list[Found], searched: str) -> Found | Absent | Ambiguous:
    """The one that is ours. Two that moved money are a person's."""
    moved = [look for look in looks if look.answer.state not in (State.DECLINED, State.FAILED)]
    if len(moved) > 1:
        return Ambiguous(tuple(look.answer.reference or "" for look in moved))
    return next(iter(moved or looks), Absent(searched))


def _object(account: Account, kind: str, reference: str, query: Fields) -> Object:
    if not requests.is_reference(reference):
        raise UnknownReference(reference)
    try:
        shown = account.get(f"/v1/{kind}/{reference}", query)
    except NoRecord:
        raise UnknownReference(reference) from None
    if text(shown, "id") != reference:
        raise UnknownReference(reference, "the gateway answered with another object")
    return shown


def _dispute(account: Account, charge: Object, of: tuple[str, str]) -> Dispute | None:
    """The dispute of a charge that is marked as disputed, the newest of several."""
    if charge.get("disputed") is not True:
        return None
    newest = next(account.pages("/v1/disputes", [of]), None)
    return objects.dispute(newest) if newest else None


def changes(account: Account, cursor: str | None) -> Iterator[Change]:
    """Refunds that were made since `cursor`, and then what else changed. The cursor moves when all is applied."""
    now = account.now()
    before = datetime.fromtimestamp(int(cursor), UTC) if cursor and cursor.isdigit() else None
    first = before is None or now - before > _EVENTS_KEPT
    since = now - _WATCHED if first or before is None else before - _OVERLAP
    waiting: Change | None = None
    for change in _changed(account, since, with_events=not first, cursor=seconds(before or since)):
        if waiting:
            yield waiting
        waiting = change
    if waiting:
        # Lists are newest first: a cursor that moved earlier would leave older ones out.
        yield replace(waiting, cursor=seconds(now - _SKEW))


def _changed(account: Account, since: datetime, *, with_events: bool, cursor: str) -> Iterator[Change]:
    told: set[str] = set()
    window = [("created[gte]", seconds(since))]
    for shown in list(account.pages("/v1/refunds", window))[::-1]:
        yield from _of_refund(account, shown, cursor, told)
    if not with_events:
        for shown in list(account.pages("/v1/disputes", window))[::-1]:
            yield from _of_sale(account, _payment_of(shown), cursor, told)
        return
    types = [("types[]", name) for name in _EVENTS]
    for event in list(account.pages("/v1/events", [*types, *window]))[::-1]:
        # An event shows the object as it was then: only its id is taken, and the object is read as it is now.
        shown = child(child(event, "data"), "object")
        reference = text(shown, "id")
        if reference.startswith(("re_", "pyr_")) and reference not in told:
            yield from _of_refund(account, _object(account, "refunds", reference, ()), cursor, told)
        elif text(shown, "object") == "dispute":
            yield from _of_sale(account, _payment_of(shown), cursor, told)
        elif reference.startswith("pi_"):
            yield from _of_sale(account, reference, cursor, told)


def _of_refund(account: Account, shown: Object, cursor: str, told: set[str]) -> Iterator[Change]:
    """A refund; of one that csctl did not make its sale too, which says what was returned in all."""
    reference, key = text(shown, "id"), objects.key_of(shown)
    if not reference or reference in told:
        return
    told.add(reference)
    if key is None:
        yield from _of_sale(account, _payment_of(shown), cursor, told)
    yield Change(Kind.REFUND, reference, cursor, _payment_of(shown) or None, key, objects.refund(shown))


def _of_sale(account: Account, reference: str, cursor: str, told: set[str]) -> Iterator[Change]:
    if not reference or reference in told:
        return
    told.add(reference)
    yield Change(Kind.SALE, reference, cursor, found=lookup(account, reference, Kind.SALE))


def _payment_of(shown: Object) -> str:
    return id_of(shown, "payment_intent") or id_of(shown, "charge")


def listed(account: Account, since: datetime, until: datetime) -> Iterator[Entry]:
    """Payments and refunds that were made in a period."""
    window = [("created[gte]", seconds(since)), ("created[lt]", seconds(until))]
    for shown in account.pages("/v1/payment_intents", [*window, ("expand[]", "data.latest_charge")]):
        kind = Kind.AUTHORIZE if text(shown, "status") == "requires_capture" else Kind.SALE
        found = objects.intent_found(shown, kind, None)
        yield found.entry(kind, key=objects.key_of(shown), at=moment(shown, "created"))
    for shown in account.pages("/v1/charges", window):
        if not id_of(shown, "payment_intent"):  # the others were listed with their intents
            yield objects.charge_found(shown, None).entry(
                Kind.SALE, key=objects.key_of(shown), at=moment(shown, "created")
            )
    for shown in account.pages("/v1/refunds", window):
        found = objects.refund(shown)
        paid = _payment_of(shown) or None
        yield found.entry(Kind.REFUND, key=objects.key_of(shown), sale_reference=paid, at=moment(shown, "created"))
