"""All changes at Stripe since the last sync: lists of new objects, and events of older ones.

An event shows its object as it was then: only its id is used, and the object is read in its current state. If many
objects of one day are wanted, they are read by pages of a list.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice

from csctl.domain.states import Kind
from csctl.gateways.asking import NoRecord
from csctl.gateways.operations import Change
from csctl.gateways.protocol import UnknownReference
from csctl.gateways.stripe import objects, search
from csctl.gateways.stripe.account import Account, Object, child, id_of, moment, seconds, text

WATCH = timedelta(days=30)  # how long an approved refund can still be returned
_SKEW = timedelta(minutes=10)  # csctl's clock and Stripe's may differ
_OVERLAP = timedelta(hours=1)
_EVENTS_KEPT = timedelta(days=29)  # Stripe keeps them for 30 days
_FIRST = timedelta(days=45)  # the range of the lists if there are no events
_FIRST_PAYMENTS = 10_000  # maximum number, newest first; lookups cover older ones
_MANY = 20  # from this many objects of one day on, they are read from its list
_EVENTS = (
    *("refund.updated", "refund.failed", "charge.refund.updated"),
    *("charge.dispute.created", "charge.dispute.updated", "charge.dispute.closed"),
    *("payment_intent.succeeded", "payment_intent.canceled", "payment_intent.payment_failed"),
)
_IDS = {"payment_intent": ("pi_",), "refund": ("re_", "pyr_"), "dispute": ("dp_", "du_")}
_LISTS = {"payment_intent": "/v1/payment_intents", "refund": "/v1/refunds", "dispute": "/v1/disputes"}
# A payment is reported with its charge, and a dispute, or a refund that csctl did not make, with its payment.
_EXPANDED = {"payment_intent": "latest_charge", **dict.fromkeys(("refund", "dispute"), "payment_intent.latest_charge")}


def since(account: Account, cursor: str | None) -> Iterator[Change]:
    """The changes since `cursor`, payments before their refunds. The cursor moves when all are applied."""
    now = account.now()
    before = moment({"at": int(cursor)}, "at") if cursor and cursor.isdecimal() else None
    reading = _Reading(account, before if before and before <= now <= before + _EVENTS_KEPT else None, now)
    waiting: Change | None = None
    for change in reading.changes():
        if waiting:
            yield replace(waiting, cursor=seconds(before or reading.first))
        waiting = change
    if waiting:
        # Lists are newest first: a cursor that moved earlier would leave older objects out.
        yield replace(waiting, cursor=seconds(now - _SKEW))


@dataclass
class _Reading:
    """One reading of all changes. `before` is None if no events reach back to the last one."""

    account: Account
    before: datetime | None
    now: datetime

    def __post_init__(self) -> None:
        self.first = self.before - _OVERLAP if self.before else self.now - _FIRST
        self._reported: set[str] = set()
        self._disputes: dict[str, Object] = {}

    def changes(self) -> Iterator[Change]:
        older = self._of_events() if self.before else {}
        for shown in [*self._listed("dispute", self.first), *self._read(older, "dispute")]:
            self._disputes.setdefault(_payment_id(shown), shown)  # the newest of each payment
        for shown in list(self._disputes.values()):
            yield from self._payment_of(shown)
        payments = self._listed("payment_intent", self.first)
        for shown in payments if self.before else islice(payments, _FIRST_PAYMENTS):
            yield from self._payment(shown)
        for shown in self._listed("refund", self.first):
            yield from self._refund(shown)
        if self.before:
            # a last look-up of the refunds whose watch has ended since
            for shown in self._listed("refund", self.first - WATCH, self.now - WATCH - _SKEW):
                yield from self._refund(shown)
        for shown in self._read(older, "payment_intent"):
            yield from self._payment(shown)
        for shown in self._read(older, "refund"):
            yield from self._refund(shown)

    def _of_events(self) -> dict[str, datetime]:
        """The ids of changed objects, with their creation times."""
        types = [*(("types[]", name) for name in _EVENTS), ("created[gte]", seconds(self.first))]
        shown = [child(child(event, "data"), "object") for event in self.account.pages("/v1/events", types)]
        return {text(one, "id"): min(moment(one, "created") or self.now, self.now) for one in shown}

    def _read(self, wanted: dict[str, datetime], kind: str) -> Iterator[Object]:
        """The objects of one kind that were not reported yet."""
        days: dict[datetime, set[str]] = {}
        for reference, created in wanted.items():
            if reference.startswith(_IDS[kind]) and reference not in self._reported:
                day = created.replace(hour=0, minute=0, second=0, microsecond=0)
                days.setdefault(day, set()).add(reference)
        for day, missing in days.items():
            if len(missing) >= _MANY:
                for shown in self._listed(kind, day, day + timedelta(days=1)):
                    if text(shown, "id") in missing:
                        missing.discard(text(shown, "id"))
                        yield shown
                    if not missing:
                        break
            for reference in missing:
                try:
                    yield self.account.get(f"{_LISTS[kind]}/{reference}", [("expand[]", _EXPANDED[kind])])
                except NoRecord:  # it is gone since
                    continue

    def _refund(self, shown: Object) -> Iterator[Change]:
        """A refund; for one that csctl did not make, its payment too."""
        reference, key = text(shown, "id"), objects.key_of(shown)
        if not self._is_new(reference):
            return
        if key is None:
            yield from self._payment_of(shown)
        yield Change(Kind.REFUND, reference, "", _payment_id(shown) or None, key, objects.refund(shown))

    def _payment_of(self, shown: Object) -> Iterator[Change]:
        """The payment of a refund or dispute."""
        if intent := child(shown, "payment_intent"):
            yield from self._payment(intent)
        elif self._is_new(reference := _payment_id(shown)):
            try:
                found = search.lookup(self.account, reference, Kind.SALE)
            except UnknownReference:  # not one of the kinds of payment that csctl makes
                return
            yield Change(Kind.SALE, reference, "", found=found)

    def _payment(self, shown: Object) -> Iterator[Change]:
        """A payment intent with its charge."""
        reference = text(shown, "id")
        if not self._is_new(reference):
            return
        known = self._disputes.get(reference)
        dispute = objects.dispute(known) if known else search.dispute_of(self.account, shown)
        found = objects.intent_found(shown, Kind.SALE, dispute)
        yield Change(Kind.SALE, reference, "", key=objects.key_of(shown), found=found)

    def _listed(self, kind: str, first: datetime, last: datetime | None = None) -> Iterator[Object]:
        until = [("created[lte]", seconds(last))] if last else []
        expanded = ("expand[]", f"data.{_EXPANDED[kind]}")
        return self.account.pages(_LISTS[kind], [expanded, ("created[gte]", seconds(first)), *until])

    def _is_new(self, reference: str) -> bool:
        """Whether this object was not reported yet; it counts as reported from now on."""
        new = bool(reference) and reference not in self._reported
        self._reported.add(reference)
        return new


def _payment_id(shown: Object) -> str:
    return id_of(shown, "payment_intent") or id_of(shown, "charge")
